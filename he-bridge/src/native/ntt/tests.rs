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
