use super::super::prime::ntt_primes;
use super::*;

fn noise(n: usize, p: u64, mut x: u64) -> Vec<u64> {
    let step = |x: &mut u64| {
        *x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *x >> 8
    };
    (0..n).map(|_| step(&mut x) % p).collect()
}

/// Products of points are products modulo X^N + 1, by the definition.
#[test]
fn products_are_negacyclic() {
    for n in [8, 64, 256] {
        for bits in [21, 35, 50] {
            let p = Prime::new(ntt_primes(n.max(2048), bits, 1)[0]);
            let ntt = Ntt::new(p, n);
            let (a, b) = (noise(n, p.p(), 1), noise(n, p.p(), 2));
            let mut want = vec![0; n];
            for i in 0..n {
                for j in 0..n {
                    let v = p.mul(a[i], b[j]);
                    let at = &mut want[(i + j) % n];
                    *at = if i + j < n {
                        p.add(*at, v)
                    } else {
                        p.sub(*at, v)
                    };
                }
            }
            let (mut x, mut y) = (a.clone(), b.clone());
            ntt.forward(&mut x);
            ntt.forward(&mut y);
            let mut z: Vec<u64> = x.iter().zip(&y).map(|(x, y)| p.mul(*x, *y)).collect();
            ntt.inverse(&mut z);
            assert_eq!(z, want, "{n} {bits}");
            ntt.inverse(&mut x);
            assert_eq!(x, a);
        }
    }
}

/// A polynomial in X^S has one value for every S neighbours.
#[test]
fn blocks_share_the_values_of_polynomials_in_a_power() {
    let n = 2048;
    let p = Prime::new(ntt_primes(n, 40, 1)[0]);
    let ntt = Ntt::new(p, n);
    for s in [1, 16, 256, 2048] {
        let mut x = vec![0; n];
        for (i, v) in noise(n / s, p.p(), 7).into_iter().enumerate() {
            x[i * s] = v;
        }
        ntt.forward(&mut x);
        assert!(x.chunks(s).all(|b| b.iter().all(|v| *v == b[0])));
    }
}

/// The values at the roots in the order that is documented, by the definition.
#[test]
fn values_stand_in_bit_reversed_order() {
    for n in [8, 128] {
        let p = Prime::new(ntt_primes(2048, 30, 1)[0]);
        let psi = p.root(2 * n as u64);
        let x = noise(n, p.p(), 5);
        let bits = n.trailing_zeros();
        let want: Vec<u64> = (0..n)
            .map(|i| {
                let place = i.reverse_bits() >> (usize::BITS - bits);
                let root = p.pow(psi, 2 * place as u64 + 1);
                x.iter().rev().fold(0, |v, a| p.add(p.mul(v, root), *a))
            })
            .collect();
        for level in Level::all() {
            let mut y = x.clone();
            Ntt::with_level(p, n, level).forward(&mut y);
            assert_eq!(y, want);
        }
    }
}

/// All levels give the same residues, there and back, for the largest and smallest primes and for extreme values.
#[test]
fn levels_agree() {
    for n in [8usize, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192] {
        for bits in [21, 35, 49, 50] {
            let p = Prime::new(ntt_primes(n.max(1024), bits, 1)[0]);
            let ntts: Vec<Ntt> = (Level::all()).map(|l| Ntt::with_level(p, n, l)).collect();
            let top = p.p() - 1;
            let mixed = noise(n, p.p(), 9)
                .into_iter()
                .map(|x| if x % 2 == 0 { 0 } else { top });
            for x in [
                noise(n, p.p(), 3),
                vec![0; n],
                vec![top; n],
                mixed.collect(),
            ] {
                let points: Vec<Vec<u64>> = (ntts.iter())
                    .map(|ntt| {
                        let mut y = x.clone();
                        ntt.forward(&mut y);
                        let points = y.clone();
                        ntt.inverse(&mut y);
                        assert_eq!(y, x, "{n} {bits} {}", ntt.level());
                        // Any residues are points too.
                        let mut z = x.clone();
                        ntt.inverse(&mut z);
                        ntt.forward(&mut z);
                        assert_eq!(z, x, "{n} {bits} {}", ntt.level());
                        points
                    })
                    .collect();
                assert!(
                    points
                        .iter()
                        .all(|y| *y == points[0] && y.iter().all(|v| *v <= top))
                );
            }
        }
    }
}

/// Short transforms give the blocks' values of polynomials in X^S, at all levels.
#[test]
fn short_transforms_are_those_of_blocks() {
    let n = 4096;
    let p = Prime::new(ntt_primes(n, 50, 1)[0]);
    for level in Level::all() {
        let ntt = Ntt::with_level(p, n, level);
        for s in [1, 4, 16, 64, 256, 1024, 2048, 4096] {
            let short = noise(n / s, p.p(), 7);
            let mut whole = vec![0; n];
            for (i, v) in short.iter().enumerate() {
                whole[i * s] = *v;
            }
            ntt.forward(&mut whole);
            let mut values = [&short[..], &short[..]].concat();
            ntt.forward_many(&mut values, n / s);
            let (values, again) = values.split_at(n / s);
            assert_eq!(values, again);
            let spread = values.iter().flat_map(|v| core::iter::repeat_n(*v, s));
            assert!(whole.into_iter().eq(spread));
        }
    }
}
