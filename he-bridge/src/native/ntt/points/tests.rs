use super::super::super::prime::{Prime, ntt_primes};
use super::*;
use piquet_core::cpu::Level;
use proptest::prelude::*;

proptest! {
    #[test]
    fn levels_agree_with_numbers(
        words in proptest::collection::vec(any::<[u64; 3]>(), 1..40),
        small: [i8; 8],
        bits in 21u32..=50,
        extreme: bool,
    ) {
        let p = Prime::new(ntt_primes(1024, bits, 1)[0]);
        let residue = |x: u64| if extreme { x % 2 * (p.p() - 1) } else { p.reduce(x) };
        let plane = |k: usize| words.iter().map(|w| residue(w[k])).collect::<Vec<_>>();
        let (a, b, s) = (plane(0), plane(1), plane(2));
        let each = |f: &dyn Fn(u64, u64, u64) -> u64| {
            (0..s.len()).map(|i| f(s[i], a[i], b[i])).collect::<Vec<_>>()
        };
        for level in Level::all() {
            let ntt = Ntt::with_level(p, 1024, level);
            let mut x = a.clone();
            ntt.multiply(&mut x, &b);
            prop_assert_eq!(x, each(&|_, a, b| p.mul(a, b)));
            let mut x = s.clone();
            ntt.subtract_product(&mut x, &a, &b);
            prop_assert_eq!(x, each(&|s, a, b| p.sub(s, p.mul(a, b))));
            let (mut values, mut factors) = (b.clone(), vec![0; b.len()]);
            ntt.fix(&mut values, &mut factors);
            let mut x = s.clone();
            ntt.multiply_add(&mut x, &a, [&values, &factors]);
            prop_assert_eq!(x, each(&|s, a, b| p.add(s, p.mul(a, b))));
            let mut x = s.clone();
            ntt.add(&mut x, &a);
            prop_assert_eq!(x, each(&|s, a, _| p.add(s, a)));
            let mut x = vec![s[0]; 8];
            ntt.add_small(&mut x, &small);
            for (x, e) in x.into_iter().zip(small) {
                prop_assert_eq!(x, p.add(s[0], p.reduce_signed(e.into())));
            }
        }
    }
}
