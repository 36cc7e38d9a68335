//! The base OTs on ML-KEM-768 after eprint 2019/706. ML-KEM itself is that of the `ml-kem` crate.

use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{DecapsulationKey768, EncapsulationKey768, Seed};
use rand_chacha::ChaCha20Rng;

use super::{Run, Session, array, blocks, derive, draw, keyed, message};
use crate::support::show;

const Q: u128 = 3329;

/// 12 bits a coefficient, low bits first.
fn encode(v: &[u128]) -> Vec<u8> {
    super::pack_words(v, 12)
}

fn decode(bytes: &[u8]) -> Vec<u128> {
    let bits = super::unpack(bytes);
    let number = |b: &[bool]| b.iter().rev().fold(0, |x, b| 2 * x + u128::from(*b));
    bits.chunks(12).map(number).collect()
}

/// 16 bytes a coefficient, little-endian, modulo q.
fn sample(bytes: &[u8]) -> Vec<u128> {
    blocks(bytes).iter().map(|b| b % Q).collect()
}

/// H_i(x, ρ, vector)
fn to_vector(session: &Session, i: usize, x: u8, rho: &[u8], vector: &[u8]) -> Vec<u128> {
    let key = derive(
        "piquet 2026 base OT: hash to keys of ML-KEM-768",
        &[session],
        32,
    );
    sample(&keyed(
        &key,
        &[&(i as u64).to_le_bytes(), &[x], rho, vector],
        768 * 16,
    ))
}

/// The receiver draws, for one OT after another, 64 bytes of its key and 16 for each of 768 coefficients. The sender draws
/// 32 bytes, from which a keyed hash of x and i makes the coins of each encapsulation.
pub(crate) fn run(session: &Session, choices: &[bool], rngs: &mut [ChaCha20Rng; 2]) -> Run {
    let [sender, receiver] = rngs;
    let (mut keys, mut body) = (Vec::new(), Vec::new());
    for (i, c) in choices.iter().enumerate() {
        let key = DecapsulationKey768::from_seed(Seed::from(draw::<64>(receiver)));
        let public = key.encapsulation_key().to_bytes();
        let (t, rho) = public.split_at(1152);
        let other = encode(&sample(&draw::<{ 768 * 16 }>(receiver)));
        let h = to_vector(session, i, u8::from(*c), rho, &other);
        let own: Vec<_> = decode(t)
            .iter()
            .zip(&h)
            .map(|(t, h)| (t + Q - h) % Q)
            .collect();
        let own = encode(&own);
        let pair = if *c { [other, own] } else { [own, other] };
        body.extend([rho, &pair.concat()].concat());
        keys.push(key);
    }
    let from_receiver = message(session, 0x45, 0, &body);

    let coins = draw::<32>(sender);
    let (mut body_back, mut shared) = (Vec::new(), Vec::new());
    for (i, item) in body.chunks(32 + 2 * 1152).enumerate() {
        let (rho, vectors) = item.split_at(32);
        for x in 0..2u8 {
            let mine = &vectors[1152 * usize::from(x)..][..1152];
            let other = &vectors[1152 * usize::from(1 - x)..][..1152];
            let h = to_vector(session, i, x, rho, other);
            let t: Vec<_> = decode(mine)
                .iter()
                .zip(&h)
                .map(|(r, h)| (r + h) % Q)
                .collect();
            let key = [&encode(&t), rho].concat();
            let key = EncapsulationKey768::new(key.as_slice().try_into().unwrap()).unwrap();
            let m = keyed(&coins, &[&[x], &(i as u64).to_le_bytes()], 32);
            let (ciphertext, k) = key.encapsulate_deterministic(&array::<32>(&m).into());
            body_back.extend_from_slice(&ciphertext);
            shared.push(k);
        }
    }
    let from_sender = message(session, 0x46, 0, &body_back);

    let digest = |m: &[u8]| derive("piquet 2026 base OT: message", &[m], 32);
    let n = (choices.len() as u64).to_le_bytes();
    let [a, b] = [digest(&from_sender), digest(&from_receiver)];
    let key = derive(
        "piquet 2026 base OT: transcript",
        &[session, &n, &a, &b],
        32,
    );
    let string = |i: usize, x: u8, k: &[u8]| {
        blocks(&keyed(&key, &[&(i as u64).to_le_bytes(), &[x], k], 16))[0]
    };
    let sent: Vec<_> = shared
        .chunks(2)
        .enumerate()
        .map(|(i, k)| [string(i, 0, &k[0]), string(i, 1, &k[1])])
        .collect();
    let received: Vec<_> = keys
        .iter()
        .zip(choices)
        .enumerate()
        .map(|(i, (key, c))| {
            let x = usize::from(*c);
            let ciphertext = &body_back[1088 * (2 * i + x)..][..1088];
            let k = key.decapsulate(&ciphertext.try_into().unwrap());
            string(i, x as u8, &k)
        })
        .collect();
    Run {
        messages: vec![(1, from_receiver), (0, from_sender)],
        outputs: [show::pairs(&sent), show::chosen(choices, &received)],
    }
}
