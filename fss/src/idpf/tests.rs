#![allow(clippy::unwrap_used)]

use super::*;
use piquet_core::Prg;
use piquet_core::cpu::Level;
use proptest::prelude::*;

const SESSION: SessionId = SessionId([12; 32]);
const WIDTHS: [u32; 13] = [1, 2, 3, 5, 8, 13, 16, 32, 38, 64, 65, 127, 128];

fn rng(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

fn betas(k: u32, n: usize) -> Vec<u128> {
    let mut v = vec![0u128; n];
    rng(k.into()).fill_ring(&mut v);
    v.iter().map(|b| (b | 1) & mask(k)).collect()
}

fn sum(k: u32, a: &RingVec<u128>, b: &RingVec<u128>) -> Vec<u128> {
    let (a, b) = (a.as_slice(), b.as_slice());
    assert!(
        a.iter().chain(b).all(|v| *v <= mask(k)),
        "bits above the value"
    );
    let sum = |(a, b): (&u128, &u128)| a.wrapping_add(*b) & mask(k);
    a.iter().zip(b).map(sum).collect()
}

fn encoded<P: Role>(keys: &Keys<P>) -> Vec<u8> {
    let mut out = Vec::new();
    keys.encode(&mut out);
    out
}

#[test]
fn all_prefixes_of_small_domains() {
    let cpu = Cpu::new();
    for n in 1..=8u32 {
        for k in WIDTHS {
            let levels = Levels::new(n, k).unwrap();
            let all = 1usize << n;
            let alphas: Vec<u16> = (0..all as u16).collect();
            let betas = betas(k, all * n as usize);
            let (k0, k1) = generate(&SESSION, 1, levels, &alphas, &betas, &mut rng(1)).unwrap();
            let beta = |j: usize, l: u32| betas[j * n as usize + l as usize - 1];
            let want = |j: usize, l: u32, prefix: usize| {
                if j >> (n - l) == prefix {
                    beta(j, l)
                } else {
                    0
                }
            };
            for l in 1..=n {
                let prefixes: Vec<u16> = (0..1 << l).collect();
                for p in &prefixes {
                    let at = vec![*p; all];
                    let y0 = k0.evaluate_prefix(l, &at, &cpu).unwrap();
                    let y = sum(k, &y0, &k1.evaluate_prefix(l, &at, &cpu).unwrap());
                    for (j, y) in y.iter().enumerate() {
                        assert_eq!(*y, want(j, l, (*p).into()), "{n} to {k}: {j}, {p} of {l}");
                    }
                }
                for j in 0..all {
                    let y0 = k0.evaluate_one(j, l, &prefixes, &cpu).unwrap();
                    let y = sum(k, &y0, &k1.evaluate_one(j, l, &prefixes, &cpu).unwrap());
                    for (p, y) in y.iter().enumerate() {
                        assert_eq!(*y, want(j, l, p), "{n} to {k}: {j}, {p} of {l}");
                    }
                }
            }
            for x in 0..all {
                let at = vec![x as u16; all];
                let y = sum(
                    k,
                    &k0.evaluate(&at, &cpu).unwrap(),
                    &k1.evaluate(&at, &cpu).unwrap(),
                );
                for (i, y) in y.iter().enumerate() {
                    let (j, l) = (i / n as usize, 1 + i as u32 % n);
                    assert_eq!(*y, want(j, l, x >> (n - l)), "{n} to {k}: {j} at {x}, {l}");
                }
            }
        }
    }
}

#[test]
fn ends_of_wide_domains() {
    let cpu = Cpu::new();
    for n in [16, 31, 32, 33, 38, 63, 64, 128] {
        for k in [1, 13, 64, 65, 128] {
            let levels = Levels::new(n, k).unwrap();
            let low = mask(n);
            let top = 1u128 << (n - 1);
            let alphas = [0, 1, low, top, top - 1, low / 3];
            let betas = betas(k, alphas.len() * n as usize);
            let (k0, k1) = generate(&SESSION, 1, levels, &alphas, &betas, &mut rng(1)).unwrap();
            for d in [0, 1, low, top] {
                let x = alphas.map(|a| a.wrapping_add(d) & low);
                let y = sum(
                    k,
                    &k0.evaluate(&x, &cpu).unwrap(),
                    &k1.evaluate(&x, &cpu).unwrap(),
                );
                for (i, y) in y.iter().enumerate() {
                    let (j, l) = (i / n as usize, 1 + i as u32 % n);
                    let same = (alphas[j] ^ x[j]) >> (n - l) == 0;
                    assert_eq!(*y, if same { betas[i] } else { 0 }, "{n} to {k}: {l}");
                }
            }
        }
    }
}

#[test]
fn batches_around_tiles_and_levels_of_the_processor() {
    for n in [1usize, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let levels = Levels::new(20, 64).unwrap();
        let alphas: Vec<u32> = (0..n as u32).map(|j| j * 7919).collect();
        let betas = betas(64, 20 * n);
        let (k0, k1) = generate(&SESSION, 1, levels, &alphas, &betas, &mut rng(1)).unwrap();
        let mut all = Vec::new();
        for level in Level::all() {
            let cpu = Cpu::with_level(level);
            let y0 = k0.evaluate(&alphas, &cpu).unwrap();
            all.push(y0.as_slice().to_vec());
            let y = sum(64, &y0, &k1.evaluate(&alphas, &cpu).unwrap());
            assert_eq!(y, betas);
            let prefix = [alphas[n - 1] >> 5];
            let y0 = k0.evaluate_one(n - 1, 15, &prefix, &cpu).unwrap();
            let y = sum(64, &y0, &k1.evaluate_one(n - 1, 15, &prefix, &cpu).unwrap());
            assert_eq!(y[0], betas[(n - 1) * 20 + 14]);
        }
        assert!(all.iter().all(|a| *a == all[0]));
    }
}

#[test]
fn keys_on_the_wire() {
    let cpu = Cpu::new();
    for (n, k, per_key) in [
        (64, 64, 16 + 64 * 24),
        (8, 13, 16 + 8 * 18),
        (128, 128, 16 + 128 * 32),
    ] {
        let levels = Levels::new(n, k).unwrap();
        assert_eq!(levels.key_bytes(), per_key);
        let alphas = [5u128, 6, 7];
        let betas = betas(k, 3 * n as usize);
        let (k0, k1) = generate(&SESSION, 7, levels, &alphas, &betas, &mut rng(1)).unwrap();
        let (good, other) = (encoded(&k0), encoded(&k1));
        assert_eq!(good.len(), 25 + 3 * per_key);
        assert_eq!(good.len(), Keys::<P0>::encoded_len(levels, 3));
        let decode = |bytes: &[u8]| Keys::<P0>::decode(&SESSION, 7, levels, 3, bytes);
        let back = decode(&good).unwrap();
        assert_eq!(encoded(&back), good);
        let y = sum(
            k,
            &back.evaluate(&alphas, &cpu).unwrap(),
            &k1.evaluate(&alphas, &cpu).unwrap(),
        );
        assert_eq!(y, betas);
        for cut in 0..good.len() {
            assert!(matches!(
                decode(&good[..cut]),
                Err(Error::Stream(DecodeError::Length { .. }))
            ));
        }
        assert!(decode(&[&good[..], &[0]].concat()).is_err());
        assert!(matches!(
            decode(&other),
            Err(Error::Place { what: "party", .. })
        ));
        let mut root = good.clone();
        root[OVERHEAD] ^= 1;
        let range = |what| Error::Stream(DecodeError::Range(what));
        assert_eq!(decode(&root).unwrap_err(), range("control bit of a root"));
        if k % 8 != 0 {
            let mut padding = good.clone();
            *padding.last_mut().unwrap() |= 0x80;
            assert_eq!(decode(&padding).unwrap_err(), range("padding bits"));
        }
        assert!(Keys::<P0>::decode(&SESSION, 8, levels, 3, &good).is_err());
        assert!(Keys::<P0>::decode(&SessionId([1; 32]), 7, levels, 3, &good).is_err());
        assert!(Keys::<P0>::decode(&SESSION, 7, levels, 2, &good).is_err());
        assert!(Keys::<P0>::decode(&SESSION, 7, levels, 0, &good).is_err());
    }
}

#[test]
fn arguments_are_checked() {
    assert!(Levels::new(0, 1).is_err() && Levels::new(129, 1).is_err());
    assert!(Levels::new(1, 0).is_err() && Levels::new(1, 129).is_err());
    let levels = Levels::new(9, 9).unwrap();
    let make = |alphas: &[u16], betas: &[u16]| {
        generate(&SESSION, 7, levels, alphas, betas, &mut rng(1)).map(|k| k.0)
    };
    assert_eq!(make(&[], &[]).unwrap_err(), Error::Empty);
    assert!(make(&[1], &[1; 8]).is_err());
    assert!(generate(&SESSION, 7, levels, &[1u8], &[1u8; 9], &mut rng(1)).is_err());
    let keys = make(&[1], &[1; 9]).unwrap();
    let cpu = Cpu::new();
    assert!(keys.evaluate::<_, u16>(&[1u16, 2], &cpu).is_err());
    assert!(keys.evaluate::<_, u8>(&[1u16], &cpu).is_err());
    assert!(keys.evaluate::<_, u16>(&[1u8], &cpu).is_err());
    assert!(keys.evaluate_prefix::<_, u16>(0, &[1u16], &cpu).is_err());
    assert!(keys.evaluate_prefix::<_, u16>(10, &[1u16], &cpu).is_err());
    assert!(keys.evaluate_prefix::<_, u16>(8, &[1u8], &cpu).is_ok());
    assert!(keys.evaluate_one::<_, u16>(1, 8, &[1u8], &cpu).is_err());
    assert!(
        keys.evaluate_one::<u8, u16>(0, 8, &[], &cpu)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        format!("{keys:?}"),
        "Keys(1 keys, Levels { domain: 9, value: 9 })"
    );
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes: Vec<u8>, at: usize, to: u8) {
        let levels = Levels::new(5, 3).unwrap();
        let _ = Keys::<P0>::decode(&SESSION, 1, levels, 1, &bytes);
        let (keys, _) = generate(&SESSION, 1, levels, &[1u8; 2], &[1u8; 10], &mut rng(2)).unwrap();
        let mut bytes = encoded(&keys);
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(keys) = Keys::<P0>::decode(&SESSION, 1, levels, 2, &bytes) {
            prop_assert!(keys.evaluate::<_, u8>(&[3u8, 4], &Cpu::new()).is_ok());
            prop_assert_eq!(encoded(&keys), bytes);
        }
    }
}
