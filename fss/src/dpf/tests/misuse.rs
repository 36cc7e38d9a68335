//! Keys on the wire, and everything that is refused.

use super::*;

fn encoded<P: Role, T: Tree>(keys: &Keys<P, T>) -> Vec<u8> {
    let mut out = Vec::new();
    keys.encode(&mut out);
    out
}

#[test]
fn bytes_are_those_of_the_formula() {
    for (domain, k, per_key) in [
        (32, 64, 16 * 33),
        (64, 1, 16 * 59),
        (20, 64, 16 * 21),
        (7, 1, 32),
    ] {
        let shape = Shape::new(domain, k).unwrap();
        assert_eq!(16 * (shape.corrections() + 1), per_key);
        for n in BATCHES {
            let alphas = vec![3u64; n];
            let (k0, k1) =
                generate(&SESSION, 1, shape, &alphas, &vec![1u8; n], &mut rng(1)).unwrap();
            assert_eq!(encoded(&k0).len(), 25 + n * per_key);
            assert_eq!(encoded(&k1).len(), Keys::<P1>::encoded_len(shape, n));
            let (k0, _) =
                bgi::generate(&SESSION, 1, shape, &alphas, &vec![1u8; n], &mut rng(1)).unwrap();
            assert_eq!(encoded(&k0).len(), 25 + n * per_key);
        }
    }
    assert_eq!(
        BlockKeys::<P0>::encoded_len(10, 3).unwrap(),
        25 + 3 * 16 * 12
    );
    assert!(BlockKeys::<P0>::encoded_len(129, 3).is_err());
    assert!(Keys::<P0>::encoded_len(Shape::new(128, 128).unwrap(), usize::MAX) > 1 << 40);
}

#[test]
fn what_is_decoded_is_what_was_made() {
    let cpu = Cpu::new();
    for k in WIDTHS {
        let shape = Shape::new(19, k).unwrap();
        let alphas: Vec<u32> = (0..70).map(|j| j * j).collect();
        let betas = betas(k, 70);
        let (k0, k1) = generate(&SESSION, 4, shape, &alphas, &betas, &mut rng(2)).unwrap();
        let k1 = Keys::<P1>::decode(&SESSION, 4, shape, 70, &encoded(&k1)).unwrap();
        let y = sum(
            k,
            &k0.evaluate(&alphas, &cpu).unwrap(),
            &k1.evaluate(&alphas, &cpu).unwrap(),
        );
        assert_eq!(y, betas);
        assert_eq!(
            encoded(&k1),
            encoded(&Keys::<P1>::decode(&SESSION, 4, shape, 70, &encoded(&k1)).unwrap())
        );
    }
}

#[test]
fn other_keys_are_refused_by_name() {
    let shape = Shape::new(10, 13).unwrap();
    let (k0, k1) = generate(&SESSION, 4, shape, &[1u32, 2], &[1u8, 2], &mut rng(2)).unwrap();
    let good = encoded(&k0);
    let decode = |bytes: &[u8]| Keys::<P0>::decode(&SESSION, 4, shape, 2, bytes);
    assert!(decode(&good).is_ok());
    for n in 0..good.len() {
        let want = good.len();
        let refused = decode(&good[..n]).unwrap_err();
        assert_eq!(refused, Error::Stream(DecodeError::Length { got: n, want }));
    }
    assert!(decode(&[&good[..], &[0]].concat()).is_err(), "trailing");
    let named = |e: Result<Keys<P0>, Error>, name| match e.unwrap_err() {
        Error::Place { what, .. } => assert_eq!(what, name),
        e => assert_eq!(e, Error::Stream(DecodeError::Range(name))),
    };
    named(decode(&encoded(&k1)), "party");
    let with = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        decode(&bytes)
    };
    let h = Header::LEN;
    named(with(h, 1), "party");
    named(with(h + 1, 11), "bits of the domain");
    named(with(h + 2, 14), "bits of the values");
    named(with(h + 2, 0), "bits of the values");
    named(with(h + 3, 3), "number of keys");
    named(with(h + 7, good[h + 7] ^ 1), "control bit of a root");
    named(with(good.len() - 1, 1), "padding bits");
    assert!(matches!(
        with(0, 9),
        Err(Error::Stream(DecodeError::Version { .. }))
    ));
    assert!(matches!(
        with(1, 0),
        Err(Error::Stream(DecodeError::Kind { .. }))
    ));
    assert!(matches!(
        with(2, 0),
        Err(Error::Stream(DecodeError::Context))
    ));

    let context = |e: Result<Keys<P0>, Error>| {
        assert_eq!(e.unwrap_err(), Error::Stream(DecodeError::Context));
    };
    context(Keys::decode(&SESSION, 5, shape, 2, &good));
    context(Keys::decode(&SessionId([9; 32]), 4, shape, 2, &good));
    let other = Shape::new(11, 13).unwrap();
    assert!(Keys::<P0>::decode(&SESSION, 4, other, 2, &good).is_err());
    assert!(Keys::<P0>::decode(&SESSION, 4, shape, 1, &good).is_err());
    assert!(Keys::<P0>::decode(&SESSION, 4, shape, 0, &good).is_err());
    assert!(Keys::<P0>::decode(&SESSION, 4, shape, MAX_KEYS + 1, &good).is_err());
    assert!(matches!(
        bgi::Keys::<P0>::decode(&SESSION, 4, shape, 2, &good),
        Err(Error::Stream(DecodeError::Kind { .. }))
    ));
}

#[test]
fn sums_and_blocks_are_not_mixed_up() {
    let shape = Shape::new(10, 128).unwrap();
    let (sums, _) = generate(&SESSION, 4, shape, &[1u32], &[1u8], &mut rng(2)).unwrap();
    let (blocks, other) =
        generate_blocks(&SESSION, 4, 10, &[1u32], &[Block::ZERO], &mut rng(2)).unwrap();
    let mut bytes = Vec::new();
    blocks.encode(&mut bytes);
    assert!(BlockKeys::<P0>::decode(&SESSION, 4, 10, 1, &bytes).is_ok());
    assert!(BlockKeys::<P1>::decode(&SESSION, 4, 10, 1, &bytes).is_err());
    assert!(Keys::<P0>::decode(&SESSION, 4, shape, 1, &bytes).is_err());
    assert!(BlockKeys::<P0>::decode(&SESSION, 4, 10, 1, &encoded(&sums)).is_err());
    let mut bytes = Vec::new();
    other.encode(&mut bytes);
    let other = BlockKeys::<P1>::decode(&SESSION, 4, 10, 1, &bytes).unwrap();
    let cpu = Cpu::new();
    let a = blocks.evaluate_blocks(&[1u32], &cpu).unwrap()[0];
    assert_eq!(
        a ^ other.evaluate_blocks(&[1u32], &cpu).unwrap()[0],
        Block::ZERO
    );
}

#[test]
fn seeds_have_their_low_bits_checked() {
    let shape = Shape::new(10, 13).unwrap();
    let (k0, _) = bgi::generate(&SESSION, 4, shape, &[1u32, 2], &[1u8, 2], &mut rng(2)).unwrap();
    let mut bytes = encoded(&k0);
    assert!(bgi::Keys::<P0>::decode(&SESSION, 4, shape, 2, &bytes).is_ok());
    bytes[Header::LEN + 7] ^= 2;
    assert!(bgi::Keys::<P0>::decode(&SESSION, 4, shape, 2, &bytes).is_err());
}

#[test]
fn arguments_are_checked() {
    let shape = Shape::new(10, 13).unwrap();
    let make = |alphas: &[u32], betas: &[u8]| {
        generate(&SESSION, 4, shape, alphas, betas, &mut rng(2)).map(|k| k.0)
    };
    assert_eq!(make(&[], &[]).unwrap_err(), Error::Empty);
    assert!(make(&[1], &[]).is_err());
    assert!(make(&vec![0; MAX_KEYS + 1], &vec![0; MAX_KEYS + 1]).is_err());
    let narrow = generate(&SESSION, 4, shape, &[1u8], &[1u8], &mut rng(2));
    assert!(narrow.is_err(), "points of 8 bits for a domain of 10");
    let keys = make(&[1, 2], &[1, 1]).unwrap();
    let cpu = Cpu::new();
    assert!(keys.evaluate::<_, u16, _>(&[1u32], &cpu).is_err());
    assert!(keys.evaluate::<_, u16, _>(&[1u32, 2, 3], &cpu).is_err());
    assert!(
        keys.evaluate::<_, u8, _>(&[1u32, 2], &cpu).is_err(),
        "13 bits into 8"
    );
    assert!(keys.evaluate::<_, u16, _>(&[1u8, 2], &cpu).is_err());
    assert!(keys.evaluate_bits(&[1u32, 2], &cpu).is_err(), "not bits");
    assert!(keys.evaluate_one::<_, u16>(2, &[1u32], &cpu).is_err());
    assert!(
        keys.evaluate_one::<u32, u16>(1, &[], &cpu)
            .unwrap()
            .is_empty()
    );
    assert!(keys.expand::<u8>(0, &cpu).is_err());
    assert!(keys.expand_into(0, &mut [0u16; 1023], &cpu).is_err());
    assert!(keys.expand_bits(0, &cpu).is_err());
    let wide = Shape::new(33, 1).unwrap();
    let (keys, _) = generate(&SESSION, 4, wide, &[1u64], &[1u8], &mut rng(2)).unwrap();
    assert!(keys.expand::<u8>(0, &cpu).is_err());
    assert!(keys.expand_bits(0, &cpu).is_err());
    assert!(keys.expand_keys::<u8>(&cpu).is_err());
    let wide = Shape::new(32, 1).unwrap();
    let (keys, _) = generate(&SESSION, 4, wide, &[1u64, 2], &[1u8, 1], &mut rng(2)).unwrap();
    assert!(keys.expand_keys_bits(&cpu).is_err(), "2^33 values");
}

#[test]
fn nothing_secret_is_printed() {
    let shape = Shape::new(10, 13).unwrap();
    let (keys, _) = generate(&SESSION, 4, shape, &[1u32, 2], &[1u8, 2], &mut rng(2)).unwrap();
    let printed = "Keys(2 keys, Shape { domain: 10, value: 13, whole: false })";
    assert_eq!(format!("{keys:?}"), printed);
    let (blocks, _) =
        generate_blocks(&SESSION, 4, 10, &[1u32], &[Block::ZERO], &mut rng(2)).unwrap();
    assert_eq!(format!("{blocks:?}"), "BlockKeys(1 keys, 10 bits)");
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(mut bytes: Vec<u8>, at: usize, to: u8, n in 1usize..70) {
        let shape = Shape::new(9, 5).unwrap();
        let _ = Keys::<P0>::decode(&SESSION, 1, shape, n, &bytes);
        let (keys, _) = generate(&SESSION, 1, shape, &vec![1u32; n], &vec![1u8; n], &mut rng(2)).unwrap();
        bytes = encoded(&keys);
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(keys) = Keys::<P0>::decode(&SESSION, 1, shape, n, &bytes) {
            let cpu = Cpu::new();
            prop_assert!(keys.evaluate::<_, u8, _>(&vec![1u32; n], &cpu).is_ok());
            prop_assert!(keys.expand::<u8>(n - 1, &cpu).is_ok());
            prop_assert_eq!(encoded(&keys), bytes);
        }
    }

    #[test]
    fn random_functions(domain in 1u32..=128, k in 1u32..=128, alpha: u128, beta: u128, x: u128) {
        let shape = Shape::new(domain, k).unwrap();
        let low = crate::shape::mask(domain);
        let cpu = Cpu::new();
        let want = [beta & crate::shape::mask(k), plain(alpha & low, beta, x & low) & crate::shape::mask(k)];
        let (k0, k1) = generate(&SESSION, 1, shape, &[alpha; 2], &[beta; 2], &mut rng(2)).unwrap();
        let y0 = k0.evaluate(&[alpha, x], &cpu).unwrap();
        prop_assert_eq!(sum(k, &y0, &k1.evaluate(&[alpha, x], &cpu).unwrap()), want);
        let (k0, k1) = bgi::generate(&SESSION, 1, shape, &[alpha; 2], &[beta; 2], &mut rng(2)).unwrap();
        let y0 = k0.evaluate(&[alpha, x], &cpu).unwrap();
        prop_assert_eq!(sum(k, &y0, &k1.evaluate(&[alpha, x], &cpu).unwrap()), want);
    }
}
