use super::*;
use piquet_core::{Block, Prg};

/// The product by the definition, word by word of a ternary sum.
fn naive(power: Power, a: &[u64], s: &[i8]) -> Vec<u64> {
    let n = s.len();
    let mut out = vec![0; a.len()];
    for (k, s) in s.iter().enumerate() {
        let mut shifted = a.to_vec();
        for plane in shifted.chunks_exact_mut(n) {
            plane.rotate_right(k);
        }
        power.negate(&mut shifted, n, 0..k);
        match s {
            1 => power.accumulate(&mut out, &shifted),
            -1 => power.deduct(&mut out, &shifted),
            _ => {}
        }
        power.carry(&mut out);
    }
    out
}

#[test]
fn products_are_exact_at_all_levels() {
    let mut prg = Prg::new(Block::from_u128(5));
    for n in [64, 256] {
        for bits in [20, 40, 47, 52, 63, 64, 66, 90, 104, 120, 156, 208] {
            for extreme in [false, true] {
                let mut a = vec![u64::MAX; n * Power::new(bits).words];
                let mut s = vec![1i8; n];
                if !extreme {
                    prg.fill_ring(&mut a);
                    let mut draws = vec![0u64; n];
                    prg.fill_ring(&mut draws);
                    s = draws.into_iter().map(|d| (d % 3) as i8 - 1).collect();
                }
                Power::new(bits).truncate(&mut a);
                let want = naive(Power::new(bits).at(Level::Portable), &a, &s);
                let mut points = None;
                for level in Level::all() {
                    let exact = Exact::new(Power::new(bits).at(level), n, level);
                    let (p, t) = (exact.points(&a), exact.ternary(&s));
                    assert!(exact.product(&p, &t) == want, "{bits} {n} {level}");
                    assert!(*points.get_or_insert((p.clone(), t.clone())) == (p, t));
                }
            }
        }
    }
}

#[test]
fn takes_the_fewest_primes() {
    for (bits, degree, primes) in [
        (47, 4096, 2),
        (64, 4096, 2),
        (104, 4096, 3),
        (156, 8192, 4),
        (208, 8192, 5),
    ] {
        let exact = Exact::new(Power::new(bits), degree, Level::Portable);
        assert_eq!(exact.ntts.len(), primes);
        assert!(exact.ntts.iter().all(|t| t.prime().p() > 1 << 49));
    }
}
