use super::*;
use ::aes::cipher::{BlockCipherEncrypt, KeyInit};

fn block(hex: &str) -> Block {
    let mut b = [0; 16];
    for (i, b) in b.iter_mut().enumerate() {
        *b = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
    }
    Block::from(b)
}

/// The lengths at which a kernel changes its way.
pub(crate) const EDGES: [usize; 20] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 200,
];

#[test]
fn fips_197_appendix_b_and_c1() {
    for level in Level::all() {
        for (key, plain, cipher) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "3243f6a8885a308d313198a2e0370734",
                "3925841d02dc09fbdc118597196a0b32",
            ),
            (
                "000102030405060708090a0b0c0d0e0f",
                "00112233445566778899aabbccddeeff",
                "69c4e0d86a7b0430d8cdb78070b4c55a",
            ),
        ] {
            let mut x = [block(plain)];
            Aes128::with_level(block(key), level).encrypt(&mut x);
            assert_eq!(x[0], block(cipher), "{level}");
        }
    }
}

#[test]
fn sp_800_38a_ctr_aes128() {
    let first = u128::from_be_bytes(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").into());
    let plain = [
        "6bc1bee22e409f96e93d7e117393172a",
        "ae2d8a571e03ac9c9eb76fac45af8e51",
        "30c81c46a35ce411e5fbc1191a0a52ef",
        "f69f2445df4f9b17ad2b417be66c3710",
    ];
    let cipher = [
        "874d6191b620e3261bef6864990db6ce",
        "9806f66b7970fdff8617187bb9fffdff",
        "5ae4df3edbd5d35e5b4f09020db03eab",
        "1e031dda2fbe03d1792170a0f3009cee",
    ];
    for level in Level::all() {
        let aes = Aes128::with_level(block("2b7e151628aed2a6abf7158809cf4f3c"), level);
        let mut x: Vec<_> = (0..4)
            .map(|i| Block::from((first + i).to_be_bytes()))
            .collect();
        aes.encrypt(&mut x);
        for i in 0..4 {
            assert_eq!(x[i] ^ block(plain[i]), block(cipher[i]), "{level}");
        }
    }
}

/// Every function, written once more over single blocks of the `aes` crate.
fn oracle(key: Block, kind: Kind, x: Block, i: u64) -> Block {
    let aes = ::aes::Aes128::new(&<[u8; 16]>::from(key).into());
    let pi = |x: Block| {
        let mut b = <[u8; 16]>::from(x).into();
        aes.encrypt_block(&mut b);
        Block::from(<[u8; 16]>::from(b))
    };
    let i = Block::from_u128(i.into());
    match kind {
        Kind::Counter => pi(i),
        Kind::Ecb => pi(x),
        Kind::Cr => pi(x) ^ x,
        Kind::Ccr => {
            let (hi, lo) = ((x.to_u128() >> 64) as u64, x.to_u128() as u64);
            let s = Block::from_u128((u128::from(hi ^ lo) << 64) | u128::from(hi));
            pi(s) ^ s
        }
        Kind::Tccr => pi(pi(x) ^ i) ^ pi(x),
    }
}

fn check<O: Op>() {
    let key = block("2b7e151628aed2a6abf7158809cf4f3c");
    for level in Level::all() {
        let aes = Aes128::with_level(key, level);
        for n in EDGES {
            for first in [0, u64::MAX - 5] {
                let src: Vec<_> = (0..n)
                    .map(|i| oracle(Block::ZERO, Kind::Ecb, Block::from_u128(i as u128), 0))
                    .collect();
                let want: Vec<_> = src
                    .iter()
                    .zip(0..)
                    .map(|(x, j)| oracle(key, O::KIND, *x, first.wrapping_add(j)))
                    .collect();
                let mut dst = vec![Block::ZERO; n + 1];
                aes.map::<O>(&src, &mut dst, first);
                assert_eq!(dst[..n], want[..], "{level} {n}");
                assert_eq!(dst[n], Block::ZERO, "{level} {n}: wrote past the end");
                let mut x = src;
                aes.map_in_place::<O>(&mut x, first);
                assert_eq!(x, want, "{level} {n}");
            }
        }
    }
}

#[test]
fn all_levels_agree_with_the_oracle_at_edge_lengths() {
    check::<Counter>();
    check::<Ecb>();
    check::<Cr>();
    check::<Ccr>();
    check::<Tccr>();
}

#[test]
fn counter_writes_unaligned_memory() {
    for level in Level::all() {
        let aes = Aes128::with_level(Block::from_u128(7), level);
        let mut bytes = [0xaa; 16 * 9 + 2];
        aes.counter(3, &mut bytes[1..16 * 9 + 1]);
        for (j, b) in bytes[1..16 * 9 + 1].chunks(16).enumerate() {
            let want = oracle(
                Block::from_u128(7),
                Kind::Counter,
                Block::ZERO,
                3 + j as u64,
            );
            assert_eq!(b, <[u8; 16]>::from(want));
        }
        assert_eq!((bytes[0], bytes[16 * 9 + 1]), (0xaa, 0xaa));
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(
        format!("{:?}", Aes128::new(Block::from_u128(1))),
        "Aes128(..)"
    );
}
