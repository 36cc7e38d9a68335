#![allow(clippy::unwrap_used)]

use piquet_core::wire::{Machine, Step};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::galois::{Key as SwitchingKey, Work};
use super::*;
use crate::native::Ciphertext;
use crate::native::prime::Prime;
use piquet_core::{Block, Prg};

const SESSION: SessionId = SessionId([4; 32]);

fn rng(x: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(x)
}

fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

fn random(prg: &mut Prg, n: usize) -> Vec<u64> {
    let mut x = vec![0; n];
    prg.fill_ring(&mut x);
    x
}

/// X to X^g on coefficients, by the definition.
fn image(p: &Prime, x: &[u64], g: usize) -> Vec<u64> {
    let n = x.len();
    let mut out = vec![0; n];
    for (e, v) in x.iter().enumerate() {
        let to = e * g % (2 * n);
        out[to % n] = if to < n { *v } else { p.neg(*v) };
    }
    out
}

#[test]
fn automorphisms_of_points_are_those_of_coefficients() {
    for n in [8, 256, 8192] {
        let ntt = Ntt::new(Prime::new(prime::ntt_primes(n.max(2048), 45, 1)[0]), n);
        let p = ntt.prime();
        for g in [3, 5, n / 2 + 1, n + 1, 2 * n - 1] {
            let mut x: Vec<u64> = random(&mut prg(1), n)
                .iter()
                .map(|x| p.reduce(*x))
                .collect();
            let mut want = image(p, &x, g);
            ntt.forward(&mut x);
            ntt.forward(&mut want);
            assert!(Automorphism::new(n, g).apply(&x) == want, "{n} {g}");
        }
    }
}

/// A matrix with its key, and the secret's points.
struct Both {
    of: Matvec,
    client: client::Key,
    server: server::Keys,
}

impl Both {
    fn new(of: Matvec) -> Self {
        let mut message = Vec::new();
        let client = client::Key::new(&of, SESSION, 0, &mut rng(1), &mut message);
        assert_eq!(message.len(), client::Key::message_len(&of));
        let server = server::Keys::read(&of, SESSION, 0, &message).unwrap();
        Self { of, client, server }
    }
    /// Coefficients of c_0 + c_1 s, prime by prime.
    fn phase(&self, c: &Ciphertext) -> Vec<u64> {
        let n = DEGREE;
        let mut out = c.first.clone();
        for (j, plane) in out.chunks_exact_mut(n).enumerate() {
            let ntt = &self.of.galois.ntts[j];
            let p = ntt.prime();
            for (i, x) in plane.iter_mut().enumerate() {
                let s = self.client.secret().base[j * n + i];
                *x = p.add(*x, p.mul(c.second[j * n + i], s));
            }
            ntt.inverse(plane);
        }
        out
    }
    /// The integer that these two are apart: least absolute value modulo the product of the first two primes.
    fn apart(&self, a: &[u64], b: &[u64], i: usize) -> f64 {
        let [p, q] = [0, 1].map(|j| *self.of.galois.ntts[j].prime());
        let [x, y] = [(p, 0), (q, 1)].map(|(p, j)| p.sub(a[j * DEGREE + i], b[j * DEGREE + i]));
        let digit = q.mul(q.sub(y, q.reduce(x)), q.inverse(q.reduce(p.p())));
        let value = u128::from(digit) * u128::from(p.p()) + u128::from(x);
        let whole = u128::from(p.p()) * u128::from(q.p());
        value.min(whole - value) as f64
    }
    /// Anything: an encryption of what it is an encryption of.
    fn ciphertext(&self, x: u128) -> Ciphertext {
        let half = |x| {
            let mut half = random(&mut prg(x), DEGREE * self.of.galois.primes());
            for (plane, ntt) in half.chunks_exact_mut(DEGREE).zip(&self.of.galois.ntts) {
                plane.iter_mut().for_each(|x| *x = ntt.prime().reduce(*x));
            }
            half
        };
        Ciphertext {
            first: half(x),
            second: half(x + 1),
        }
    }
    fn switching_noise(&self) -> f64 {
        let CipherModulus::Primes(primes) = self.of.params().modulus() else {
            unreachable!()
        };
        noise::switch(DEGREE, primes, self.of.special)
    }
}

/// The phase of a rotated ciphertext is the image of its phase, but for noise that is within its bound, and not far
/// below.
#[test]
fn key_switching_brings_images_back() {
    let both = Both::new(Matvec::new(64, 8192, PlainModulus::Bits(37), 2047).unwrap());
    let (mut square, mut most, mut count) = (0.0, 0f64, 0.0);
    for (l, key) in both.server.levels.iter().enumerate() {
        let c = both.ciphertext(10 * l as u128);
        let mut work = Work::default();
        let rotated = both
            .of
            .galois
            .rotate(key, &both.of.automorphisms[l], &c, &mut work);
        let primes = both.of.galois.primes();
        assert_eq!(work.transforms, primes * primes + 3 * primes + 2);
        let phase = both.phase(&c);
        let want: Vec<u64> = (phase.chunks_exact(DEGREE).zip(&both.of.galois.ntts))
            .flat_map(|(plane, ntt)| image(ntt.prime(), plane, both.of.plan.element(l as u32)))
            .collect();
        let got = both.phase(&rotated);
        for i in 0..DEGREE {
            let e = both.apart(&got, &want, i);
            square += e * e;
            most = most.max(e);
            count += 1.0;
        }
    }
    let deviation = (square / count).sqrt();
    let bound = both.switching_noise();
    assert!(most < crate::noise::tail() * bound, "{most} {bound}");
    // The bound is for any direction; single coefficients are below it by the key's spectrum over its length, about
    // 10.
    assert!(
        deviation < bound / 8.0 && deviation > bound / 20.0,
        "{deviation} {bound}"
    );
}

fn encrypted(
    both: &Both,
    x: &[u64],
    share: &[u64],
    work: &mut Work,
    weights: &Weights,
) -> Vec<Ciphertext> {
    let machine = client::Product::new(&both.of, &both.client, 7, x, &mut rng(2)).unwrap();
    let mut request = Vec::new();
    let Step::Recv(_) = machine.step(&[], &mut request).unwrap() else {
        unreachable!()
    };
    assert_eq!(request.len(), both.of.request_len());
    let answer =
        server::Product::new(&both.of, &both.server, weights, 7, Some(share), &mut rng(3)).unwrap();
    let body = header(crate::kinds::PACKING_REQUEST, SESSION, 7)
        .check(&request)
        .unwrap();
    answer.read(body, work).unwrap()
}

/// Noise of packed products, for every split of the levels, against its bound; work against what is predicted.
#[test]
fn noise_and_work_are_as_predicted() {
    let plain = PlainModulus::Bits(37);
    for (rows, cols) in [(100, 500), (37, 8192), (20, 9000), (33, 100)] {
        for plan in Plan::all(rows, cols, DEGREE).unwrap() {
            let both = Both::new(Matvec::with_plan(plan, plain, 2047).unwrap());
            let (of, plan) = (&both.of, both.of.plan());
            let mut prg = prg(5);
            let [x, y] = [0, 1].map(|_| {
                random(&mut prg, cols)
                    .iter()
                    .map(|x| plain.reduce(*x))
                    .collect::<Vec<_>>()
            });
            // Extreme ones, of both signs.
            let values: Vec<i64> = random(&mut prg, rows * cols)
                .iter()
                .map(|w| if w & 1 == 0 { 2047 } else { -2047 })
                .collect();
            let weights = Weights::new(of, &values).unwrap();
            let mut work = Work::default();
            let inputs = encrypted(&both, &x, &y, &mut work, &weights);
            let packed = of.pack(&both.server.levels, &weights, inputs, &mut work);
            assert_eq!(work.switches, plan.switches());
            assert_eq!(work.transforms, of.transforms());
            assert_eq!(packed.len(), plan.responses());
            let CipherModulus::Primes(primes) = of.params().modulus() else {
                unreachable!()
            };
            let outputs = Rns::new(primes, plain, DEGREE, cpu::level());
            let mut most = 0f64;
            for (r, c) in packed.iter().enumerate() {
                let (positions, at) = plan.output(r);
                let mut message = vec![0; DEGREE];
                for (p, row) in positions.iter().zip(&at) {
                    let sum = (0..cols).fold(0u64, |sum, j| {
                        let w = values[row * cols + j] as u64;
                        sum.wrapping_add(w.wrapping_mul(x[j].wrapping_add(y[j])))
                    });
                    message[*p as usize] = plain.reduce(sum);
                }
                let mut want = outputs.encode(&message, &[]);
                for (plane, ntt) in want.chunks_exact_mut(DEGREE).zip(&of.galois.ntts) {
                    ntt.inverse(plane);
                }
                let phase = both.phase(c);
                for p in positions {
                    most = most.max(both.apart(&phase, &want, p as usize));
                }
            }
            let bound = noise::product(plan, 2047, primes, of.special).most();
            let margin = (bound / most).log2();
            assert!(margin > 0.0, "{plan:?} {most} {bound}");
            println!(
                "{rows}x{cols} inner {} outer {}: noise {:.1} bits, bound {:.1}",
                plan.inner(),
                plan.outer(),
                most.log2(),
                bound.log2()
            );
        }
    }
}

/// Factors against the definition: sum X^(h_i) tau_e(w_i); and their squares add up as the bound says.
#[test]
fn factors_are_sums_of_images() {
    let p = Prime::new(prime::ntt_primes(DEGREE, 45, 1)[0]);
    let plan = Plan::all(8, 8192, DEGREE)
        .unwrap()
        .into_iter()
        .find(|p| p.inner() == 2)
        .unwrap();
    let of = Matvec::with_plan(plan, PlainModulus::Bits(20), 100).unwrap();
    let values: Vec<i64> = random(&mut prg(9), 8 * 8192)
        .iter()
        .map(|w| (w % 201) as i64 - 100)
        .collect();
    let weights = Weights::new(&of, &values).unwrap();
    let plan = of.plan();
    let energy = |x: &mut dyn Iterator<Item = i64>| x.map(|x| x * x).sum::<i64>();
    for (product, factors) in weights.coefficients.chunks_exact(DEGREE << 2).enumerate() {
        let squares = energy(&mut factors.iter().map(|x| i64::from(*x)));
        let rows = &values[product * 4 * 8192..][..4 * 8192];
        assert_eq!(squares, 4 * energy(&mut rows.iter().copied()));
        for (e, factor) in factors.chunks_exact(DEGREE).enumerate() {
            let mut want = vec![0; DEGREE];
            for (i, row) in rows.chunks_exact(8192).enumerate() {
                let mut w = vec![0; DEGREE];
                for (j, v) in row.iter().enumerate() {
                    let v = p.reduce_signed(*v);
                    w[(DEGREE - j) % DEGREE] = if j == 0 { v } else { p.neg(v) };
                }
                for l in 0..2 {
                    if (e >> l) & 1 == 1 {
                        w = image(&p, &w, plan.element(l));
                    }
                }
                for (x, v) in w.into_iter().enumerate() {
                    let to = x + plan.offset(i);
                    let v = if to < DEGREE { v } else { p.neg(v) };
                    want[to % DEGREE] = p.add(want[to % DEGREE], v);
                }
            }
            assert!(
                factor
                    .iter()
                    .zip(want)
                    .all(|(f, w)| p.reduce_signed((*f).into()) == w)
            );
        }
    }
}

/// Keys of another automorphism bring nothing back: what [`key_switching_brings_images_back`] sees is not there by
/// itself.
#[test]
fn another_levels_key_does_not_fit() {
    let both = Both::new(Matvec::new(4, 8192, PlainModulus::Bits(8), 7).unwrap());
    let c = both.ciphertext(1);
    let wrong: &SwitchingKey = &both.server.levels[1];
    let rotated = both
        .of
        .galois
        .rotate(wrong, &both.of.automorphisms[0], &c, &mut Work::default());
    let p = both.of.galois.ntts[0].prime();
    let want = image(p, &both.phase(&c)[..DEGREE], both.of.plan.element(0));
    let far = (both.phase(&rotated).into_iter().zip(want))
        .filter(|(a, b)| p.sub(*a, *b).min(p.sub(*b, *a)) > 1 << 20);
    assert!(far.count() > DEGREE / 2);
}
