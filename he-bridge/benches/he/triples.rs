//! Triples under encryption. Both parties run on this core one after the other, each with its own clock; a row counts
//! with the slower one, as if each had a core. The limit is what that party's transforms take.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use piquet_bench_harness::{Limit, Table};
use piquet_core::correlation::MatrixShape;
use piquet_core::wire::{Machine, SessionId, Step};
use piquet_core::{Ring, RingVec, lanes, linalg};
use piquet_he_bridge::encoding::Counts;
use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::triples::elements::{Client, Elements, SLOTS, Server};
use piquet_he_bridge::triples::products::{Factors, Keys, Setting};
use piquet_he_bridge::{Backend, Params};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([7; 32]);
const LIMIT: &str = "transforms of the slower party, measured here";
/// Rows and columns of the matrices.
const SIDE: usize = 128;

pub(crate) fn rows(t: &mut Table) {
    let ntt = Ntt::new(Prime::new(ntt_primes(SLOTS, 50, 1)[0]), SLOTS);
    let mut x = vec![1; SLOTS];
    let transforms = t.limit(LIMIT, 1.0, || {
        ntt.forward(&mut x);
    });
    elements::<u32>(t, &transforms);
    elements::<u64>(t, &transforms);
    matrices(t, &transforms);
}

/// Runs both machines to their ends, each with its own clock.
fn clocked<A: Machine, B: Machine>(a: A, b: B) -> ((A::Output, B::Output), [Duration; 2])
where
    A::Error: core::fmt::Debug,
    B::Error: core::fmt::Debug,
{
    struct Party<M: Machine> {
        machine: Option<M>,
        output: Option<M::Output>,
        took: Duration,
        wire: Vec<u8>,
        read: usize,
    }
    impl<M: Machine> Party<M>
    where
        M::Error: core::fmt::Debug,
    {
        fn new(machine: M) -> Self {
            Self {
                machine: Some(machine),
                output: None,
                took: Duration::ZERO,
                wire: Vec::new(),
                read: 0,
            }
        }
        /// Steps until a message is missing.
        fn advance(&mut self, inbox: &[u8]) {
            while let Some(m) = self.machine.take() {
                let want = m.expects();
                if inbox.len() - self.read < want {
                    self.machine = Some(m);
                    return;
                }
                let start = Instant::now();
                let step = m.step(&inbox[self.read..][..want], &mut self.wire).unwrap();
                self.took += start.elapsed();
                self.read += want;
                match step {
                    Step::Send(m) | Step::Recv(m) => self.machine = Some(m),
                    Step::Done(output) => self.output = Some(output),
                }
            }
        }
    }
    let (mut a, mut b) = (Party::new(a), Party::new(b));
    while a.machine.is_some() || b.machine.is_some() {
        a.advance(&b.wire);
        b.advance(&a.wire);
    }
    let outputs = (a.output.unwrap(), b.output.unwrap());
    (outputs, [a.took, b.took])
}

/// Transforms of a client for an input polynomial and for a response, and those of a server.
///
/// An encryption is brought into points modulo every prime, and a response's second half multiplied by the key modulo as many
/// primes as hold that product; the server has a ternary polynomial to bring into points and two halves of a result to bring back.
fn counted(p: &Params) -> [[f64; 2]; 2] {
    let q = p.modulus().word_bits().len() as f64;
    let exact = f64::from((p.second_bits() + p.degree().ilog2() + 2).div_ceil(49));
    [[q, 2.0 * exact], [0.0, 3.0 * q]]
}

/// Products of elements a second, of a product of square matrices of 64-bit elements.
fn matrices(t: &mut Table, transforms: &Limit) {
    let (m, k, n) = (SIDE, SIDE, SIDE);
    let setting = Setting::new(MatrixShape { m, k, n }, 64).unwrap();
    let he = &**setting.layer().backend();
    let mut rng = ChaCha20Rng::from_seed([27; 32]);
    let (mut m0, mut m1) = (Vec::new(), Vec::new());
    let k0 = client::Key::new(he, SESSION, 0, &mut rng, &mut m0);
    let k1 = client::Key::new(he, SESSION, 1, &mut rng, &mut m1);
    let p0 = server::PublicKey::read(he, SESSION, 0, &m0).unwrap();
    let p1 = server::PublicKey::read(he, SESSION, 1, &m1).unwrap();
    let mut step = 0;
    let mut run = || {
        step += 1;
        let mut draw = || {
            let start = Instant::now();
            let factors = Factors::<u64, _, _>::draw(&setting, &mut rng).unwrap();
            (factors, start.elapsed())
        };
        let ((mut x, tx), (mut y, ty)) = (draw(), draw());
        let [of_x, of_y] = [(&k0, &p1), (&k1, &p0)].map(|(own, peer)| Keys { own, peer });
        let x = x.first(of_x, step, &mut rng).unwrap();
        let y = y.second(of_y, step, &mut rng).unwrap();
        let (triples, took) = clocked(x, y);
        (triples, [took[0] + tx, took[1] + ty])
    };
    let (x, y) = run().0;
    let [a, b, c] = sums(x.into_parts(), y.into_parts());
    let mut want = RingVec::<u64>::zeros(m * n);
    linalg::matmul([m, k, n], a.as_slice(), b.as_slice(), want.as_mut_slice()).unwrap();
    assert!(want.as_slice() == c.as_slice());
    // Each party is a client once and a server once.
    let params = he.params();
    let counts = Counts::new(setting.layer().encoding(), params);
    let [[encrypt, decrypt], [_, respond]] = counted(params);
    let all = counts.ciphertexts_in as f64 * encrypt
        + counts.ciphertexts_out as f64 * (decrypt + respond)
        + counts.ntts as f64;
    let id = format!("matrix-triple-he-{SIDE}");
    t.bench(&id)
        .work((m * k * n) as u64)
        .bytes(2.0 * setting.bytes() as f64 / (m * k * n) as f64)
        .limit(&Limit::of(
            transforms.per_second() * (m * k * n) as f64 / all,
            LIMIT,
        ))
        .samples(10)
        .rate_of_parties(|| run().1);
}

/// What two parties' shares add up to.
fn sums<R: Ring>(x: [RingVec<R>; 3], y: [RingVec<R>; 3]) -> [RingVec<R>; 3] {
    let [mut a, mut b, mut c] = x;
    for (x, y) in [&mut a, &mut b, &mut c].into_iter().zip(&y) {
        x.add_assign(y.as_slice());
    }
    [a, b, c]
}

/// Triples of the whole word, a second.
fn elements<R: Ring>(t: &mut Table, transforms: &Limit) {
    let n = 4 * SLOTS;
    let made = Arc::new(Elements::new(R::BITS).unwrap());
    let mut rng = ChaCha20Rng::from_seed([26; 32]);
    let mut keys = Vec::new();
    let client = Client::new(made.clone(), SESSION, &mut rng, &mut keys);
    let server = Server::new(made.clone(), SESSION, &keys).unwrap();
    let mut instance = 0;
    let mut run = || {
        instance += 1;
        let a = client.run::<R, _>(instance, n, &mut rng).unwrap();
        let b = server.run::<R, _>(instance, n, &mut rng).unwrap();
        clocked(a, b)
    };
    let (x, y) = run().0;
    let [mut a, b, c] = sums(x.into_parts(), y.into_parts());
    lanes::zip(a.as_mut_slice(), b.as_slice(), |a, b: R| a.mul(b));
    assert!(a.as_slice() == c.as_slice());
    // For each prime of the slots, beside what is counted there: either party has two polynomials to bring from slots and a share
    // to bring back, and the server two polynomials to multiply by.
    let [client, server] = made.params().map(counted).fold([0.0; 2], |[c, s], [x, y]| {
        [c + 3.0 + 2.0 * x[0] + x[1], s + 3.0 + 2.0 * x[0] + y[1]]
    });
    let slower = client.max(server) / SLOTS as f64;
    let id = format!("triples-he-{}", R::BITS);
    t.bench(&id)
        .work(n as u64)
        .bytes(made.sent(n).iter().sum::<usize>() as f64 / n as f64)
        .limit(&Limit::of(transforms.per_second() / slower, LIMIT))
        .samples(10)
        .rate_of_parties(|| run().1);
}
