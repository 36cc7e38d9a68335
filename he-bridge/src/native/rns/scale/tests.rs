use super::*;
use crate::native::prime::ntt_primes;
use proptest::prelude::*;

proptest! {
    #[test]
    fn levels_agree_with_fractions(
        words in proptest::collection::vec(any::<[u64; 3]>(), 1..40),
        count in 1usize..=3,
        size in 30u32..=50,
        bits in 9u32..=120,
        extreme: bool,
    ) {
        let primes: Vec<Prime> = ntt_primes(1024, size, count).into_iter().map(Prime::new).collect();
        prop_assume!(u32::try_from(count).unwrap_or(0) * (size - 1) >= bits);
        let cofactor = |p: &Prime| {
            let others = primes.iter().filter(|q| *q != p);
            p.inverse(others.fold(1, |a, q| p.mul(a, p.reduce(q.p()))))
        };
        let parts: Vec<Part> = primes.iter().map(|p| Part::new(*p, cofactor(p))).collect();
        let planes: Vec<Vec<u64>> = (primes.iter().enumerate())
            .map(|(j, p)| {
                let one = |w: &[u64; 3]| if extreme { w[j] % 2 * (p.p() - 1) } else { p.reduce(w[j]) };
                words.iter().map(one).collect()
            })
            .collect();
        let residues: Vec<&[u64]> = planes.iter().map(|x| &x[..]).collect();
        let to = Power::new(bits);
        let outs: Vec<Vec<u64>> = Level::all()
            .map(|level| {
                let mut out = vec![0; words.len() * to.words];
                scale(level, &parts, &residues, to, &mut out);
                out
            })
            .collect();
        prop_assert!(outs.iter().all(|o| *o == outs[0]));
        // One prime: the fraction itself.
        if count == 1 && bits <= 64 {
            for (c, x) in planes[0].iter().zip(&outs[0]) {
                let p = u128::from(primes[0].p());
                let want = ((u128::from(*c) << bits) + p / 2) / p;
                let off = (x.wrapping_sub(want as u64)) & pack::mask(bits);
                prop_assert!(off == 0 || off == pack::mask(bits));
            }
        }
    }
}
