//! Look-ups: row α comes back, of every width, and every row counts.

use super::*;

fn rows(n: usize, words: usize) -> Vec<u64> {
    let mut v = vec![0; n * words];
    rng(77).fill_ring(&mut v);
    v
}

#[test]
fn row_alpha_comes_back() {
    let cpu = Cpu::new();
    for domain in 1..=14 {
        let shape = Shape::new(domain, 1).unwrap();
        let n = 1usize << domain;
        let alphas = [0, n - 1, n / 2, (5 * n / 7) & (n - 1)].map(|a| a as u64);
        let (k0, k1) = generate(&SESSION, 1, shape, &alphas, &[1u8; 4], &mut rng(5)).unwrap();
        let (b0, b1) = bgi::generate(&SESSION, 1, shape, &alphas, &[1u8; 4], &mut rng(5)).unwrap();
        for words in [1, 2, 3, 4, 8, 11] {
            let table = rows(n, words);
            for (j, alpha) in alphas.iter().enumerate() {
                let row = &table[*alpha as usize * words..][..words];
                let xor = |a: RingVec<u64>, b: RingVec<u64>| -> Vec<u64> {
                    let pairs = a.as_slice().iter().zip(b.as_slice());
                    pairs.map(|(a, b)| a ^ b).collect()
                };
                let a = k0.inner_product(j, &table, words, &cpu).unwrap();
                let got = xor(a, k1.inner_product(j, &table, words, &cpu).unwrap());
                assert_eq!(got, row, "{domain} bits, {words} words");
                let a = b0.inner_product(j, &table, words, &cpu).unwrap();
                let got = xor(a, b1.inner_product(j, &table, words, &cpu).unwrap());
                assert_eq!(got, row, "{domain} bits, {words} words");
            }
        }
        let mut table = vec![Block::ZERO; n];
        rng(8).fill_blocks(&mut table);
        let a = k0.inner_product_blocks(3, &table, &cpu).unwrap();
        let b = k1.inner_product_blocks(3, &table, &cpu).unwrap();
        assert_eq!(a ^ b, table[alphas[3] as usize]);
        // One party's answer is what its bits select.
        let bits = k0.expand_bits(1, &cpu).unwrap();
        let selected = table.iter().zip(bits.to_bools()).filter(|(_, b)| *b);
        let want = selected.fold(Block::ZERO, |s, (row, _)| s ^ *row);
        assert_eq!(k0.inner_product_blocks(1, &table, &cpu).unwrap(), want);
    }
}

#[test]
fn weighted_sums() {
    let cpu = Cpu::new();
    for domain in [1, 2, 7, 12] {
        for k in [1, 3, 8, 13, 32, 38, 64] {
            let shape = Shape::new(domain, k).unwrap();
            let n = 1usize << domain;
            let (alpha, beta) = (n as u32 - 1, 5u64);
            let (k0, k1) = generate(&SESSION, 1, shape, &[alpha], &[beta], &mut rng(6)).unwrap();
            let table = rows(n, 1);
            let got = k0.weighted_sum(0, &table, &cpu).unwrap();
            let got = got.wrapping_add(k1.weighted_sum(0, &table, &cpu).unwrap());
            let low = crate::shape::mask(k) as u64;
            let want = (beta & low).wrapping_mul(table[n - 1]) & low;
            assert_eq!(got & low, want, "{domain} bits to {k}");
        }
    }
}

#[test]
fn tables_of_another_size_are_refused() {
    let cpu = Cpu::new();
    let shape = Shape::new(4, 1).unwrap();
    let (keys, _) = generate(&SESSION, 1, shape, &[1u8], &[1u8], &mut rng(6)).unwrap();
    for (len, words) in [(15, 1), (17, 1), (16, 2), (0, 1), (31, 2)] {
        let refused = keys.inner_product(0, &vec![0; len], words, &cpu);
        assert!(
            matches!(refused, Err(Error::Length { .. })),
            "{len} {words}"
        );
    }
    assert_eq!(
        keys.inner_product(0, &[], 0, &cpu).unwrap_err(),
        Error::Empty
    );
    assert!(keys.inner_product(0, &[0; 16], usize::MAX, &cpu).is_err());
    assert!(keys.weighted_sum(0, &[0u8; 15], &cpu).is_err());
    assert!(
        keys.inner_product_blocks(0, &[Block::ZERO; 8], &cpu)
            .is_err()
    );
    assert!(keys.inner_product(1, &[0; 16], 1, &cpu).is_err());
    let shape = Shape::new(128, 1).unwrap();
    let (keys, _) = generate(&SESSION, 1, shape, &[1u128], &[1u8], &mut rng(6)).unwrap();
    assert!(keys.inner_product(0, &[0; 16], 1, &cpu).is_err());
    let shape = Shape::new(4, 2).unwrap();
    let (keys, _) = generate(&SESSION, 1, shape, &[1u8], &[1u8], &mut rng(6)).unwrap();
    assert!(
        keys.inner_product(0, &[0; 16], 1, &cpu).is_err(),
        "not bits"
    );
}
