#![allow(clippy::unwrap_used)]

use super::*;
use crate::PlainModulus;
use crate::noise::Bound;
use piquet_core::Block;

fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

/// Encrypt, add, multiply, respond, decrypt, against products by the definition.
fn whole(degree: usize, plain: PlainModulus, modulus: CipherModulus, mode: Mode) {
    let bound = Bound {
        weight: 2047,
        terms: 6,
        useful: 6,
    };
    let params = Params::new(degree, plain, modulus, mode, bound).unwrap();
    let he = Native::new(params);
    let mut rng = prg(1);
    let key = he.secret_key(&mut rng);
    let mut message = Vec::new();
    he.public_key(&key, &mut rng, &mut message);
    assert_eq!(message.len(), he.public_key_len());
    let public = he.read_public_key(&message).unwrap();
    let map = Map {
        ins: 2,
        outs: 2,
        exponents: vec![0, 5, (2 * degree - 3) as u32],
    };
    let values = [1, -2047, 2047, 4, 0, -9, 100, -100, 77, 2000, 3, -1];
    let weights = he.prepare(&map, &values).unwrap();
    let seed = [3; 32];
    let mut messages = Vec::new();
    let inputs: Vec<Ciphertext> = (0..2)
        .map(|i| {
            let [a, b] = [0, 1].map(|_| {
                let mut x = vec![0; degree];
                sample::residues(&mut rng, plain, &mut x);
                x
            });
            let mut bytes = Vec::new();
            he.encrypt(&key, &seed, i, &a, &mut rng, &mut bytes);
            assert_eq!(bytes.len(), he.ciphertext_len());
            let mut c = he.read(&seed, i, &bytes).unwrap();
            he.add(&mut c, &b);
            messages.push(
                a.iter()
                    .zip(&b)
                    .map(|(a, b)| plain.add(*a, *b))
                    .collect::<Vec<_>>(),
            );
            c
        })
        .collect();
    let positions: Vec<u32> = (0..degree as u32).filter(|p| p % 3 != 1).collect();
    for (o, c) in he.multiply(&inputs, &weights, 0..2).into_iter().enumerate() {
        let mut want = vec![0u64; degree];
        for i in 0..2 {
            for (e, v) in map.exponents.iter().zip(&values[(o * 2 + i) * 3..]) {
                for (k, m) in messages[i].iter().enumerate() {
                    let at = (k + *e as usize) % (2 * degree);
                    let v = if at >= degree { -v } else { *v };
                    let term = (i128::from(v) * i128::from(*m)).rem_euclid(match plain {
                        PlainModulus::Bits(k) => 1 << k,
                        PlainModulus::Prime(t) => t.into(),
                    });
                    want[at % degree] = plain.add(want[at % degree], term as u64);
                }
            }
        }
        let mut response = Vec::new();
        let mut server = vec![0; positions.len()];
        let mut client = vec![0; positions.len()];
        he.respond(&public, c, &positions, &mut server, &mut rng, &mut response);
        assert_eq!(response.len(), he.response_len(positions.len()));
        he.decrypt(&key, &response, &positions, &mut client)
            .unwrap();
        let off = (positions.iter().enumerate())
            .map(|(i, p)| {
                let got = plain.add(server[i], client[i]);
                plain.centred(plain.subtract(got, want[*p as usize]))
            })
            .map(i64::abs)
            .max();
        assert!(
            off <= Some(i64::from(mode == Mode::Approximate)),
            "{off:?} {:?}",
            he.params
        );
    }
    // One key pair, two encryptions and additions, two responses of products of two inputs with three terms.
    let (l, r) = (he.primes(), he.response.primes() as u64);
    let [ntts, products, taps] = match &he.base {
        Base::Primes(_) => [(1 + 1 + 2 + 2 + 6) * l + (1 + 4) * r, 4 * l, 0],
        Base::Power(_) => [(1 + 2 + 2 + 4 + 6) * l + (1 + 4) * r, 0, 12],
    };
    let want = Tally {
        ntts,
        weight_ntts: he.tally().weight_ntts,
        products,
        taps,
        encryptions: 3,
        additions: 2,
        responses: 2,
        decryptions: 2,
    };
    assert_eq!(he.clone().tally(), want);
}

#[test]
fn products_come_out_right() {
    use CipherModulus::{Limbs, Word};
    use PlainModulus::{Bits, Prime};
    let three = CipherModulus::primes(4096, 35, 3);
    let two = CipherModulus::primes(4096, 50, 2);
    let p = prime::ntt_primes(4096, 37, 1)[0];
    for plain in [Bits(8), Bits(37), Prime(p)] {
        for modulus in [&three, &two, &Limbs(2)] {
            for mode in [Mode::Exact, Mode::Approximate] {
                whole(4096, plain, modulus.clone(), mode);
            }
        }
        whole(4096, plain, Word(64), Mode::Approximate);
    }
    whole(2048, Bits(8), Word(52), Mode::Approximate);
    whole(
        8192,
        Bits(64),
        CipherModulus::primes(8192, 50, 3),
        Mode::Exact,
    );
}
