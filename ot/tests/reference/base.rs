//! The base OTs after eprint 2021/682, and the coin toss that makes them uniform after eprint 2019/706.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use rand_chacha::ChaCha20Rng;

use super::{Run, Session, array, blocks, derive, draw, keyed, message};
use crate::support::show;

/// Twice 64 bytes of randomness modulo the order.
fn scalar(rng: &mut ChaCha20Rng) -> Scalar {
    let s = Scalar::from_bytes_mod_order_wide(&draw::<64>(rng));
    s + s
}

/// H_i(x, v) is twice the point to which one map takes 32 bytes of blake3.
fn to_group(session: &Session, i: usize, x: u8, v: &[u8; 32]) -> RistrettoPoint {
    let key = derive("piquet 2026 base OT: hash to the group", &[session], 32);
    let h = keyed(&key, &[&(i as u64).to_le_bytes(), &[x], v], 32);
    let p = RistrettoPoint::map_to_curve(array(&h));
    p + p
}

/// s XOR x enc(T).
fn mask(s: &[u8; 32], x: u8, t: &RistrettoPoint) -> [u8; 32] {
    let t = t.compress().to_bytes();
    core::array::from_fn(|j| s[j] ^ (x * t[j]))
}

/// Both strings of each OT at the sender, that of each choice at the receiver; and the messages.
///
/// The sender draws a. The receiver draws b_i, then 32 bytes s', for one OT after another.
pub(crate) fn strings(
    session: &Session,
    choices: &[bool],
    sender: &mut ChaCha20Rng,
    receiver: &mut ChaCha20Rng,
) -> (Vec<[u128; 2]>, Vec<u128>, [Vec<u8>; 2]) {
    let a = scalar(sender);
    let point = RistrettoPoint::mul_base(&a);
    let from_sender = message(session, 0x40, 0, point.compress().as_bytes());

    let mut body = Vec::new();
    let mut functions = Vec::new();
    let mut secrets = Vec::new();
    for (i, c) in choices.iter().enumerate() {
        let c = u8::from(*c);
        let b = scalar(receiver);
        let s = draw::<32>(receiver);
        let t = RistrettoPoint::mul_base(&b) - to_group(session, i, c, &s);
        let s = mask(&s, c, &t);
        body.extend(t.compress().to_bytes());
        body.extend(s);
        functions.push((t, s));
        secrets.push(b);
    }
    let from_receiver = message(session, 0x41, 0, &body);

    let digest = |m: &[u8]| derive("piquet 2026 base OT: message", &[m], 32);
    let n = (choices.len() as u64).to_le_bytes();
    let [a_digest, b_digest] = [digest(&from_sender), digest(&from_receiver)];
    let parts: [&[u8]; 4] = [session, &n, &a_digest, &b_digest];
    let key = derive("piquet 2026 base OT: transcript", &parts, 32);
    let string = |i: usize, x: u8, shared: RistrettoPoint| {
        let shared = shared.compress().to_bytes();
        blocks(&keyed(
            &key,
            &[&(i as u64).to_le_bytes(), &[x], &shared],
            16,
        ))[0]
    };
    let sent = functions.iter().enumerate().map(|(i, (t, s))| {
        [0, 1].map(|x| string(i, x, (t + to_group(session, i, x, &mask(s, x, t))) * a))
    });
    let received = secrets.iter().zip(choices).enumerate();
    let received = received.map(|(i, (b, c))| string(i, u8::from(*c), point * b));
    (
        sent.collect(),
        received.collect(),
        [from_sender, from_receiver],
    )
}

pub(crate) fn run(session: &Session, choices: &[bool], rngs: &mut [ChaCha20Rng; 2]) -> Run {
    let [sender, receiver] = rngs;
    let (sent, received, [a, b]) = strings(session, choices, sender, receiver);
    Run {
        messages: vec![(0, a), (1, b)],
        outputs: [show::pairs(&sent), show::chosen(choices, &received)],
    }
}

/// The toss over OTs that are there. The sender draws ρ, the receiver σ.
pub(crate) fn uniform(
    session: &Session,
    sent: &[[u128; 2]],
    choices: &[bool],
    received: &[u128],
    rngs: &mut [ChaCha20Rng; 2],
) -> Run {
    let [rho, sigma] = rngs.each_mut().map(draw::<32>);
    let commitment = derive("piquet 2026 uniform OT: commitment", &[session, &rho], 32);
    let parts: [&[u8]; 3] = [session, &rho, &sigma];
    let masks = derive("piquet 2026 uniform OT: masks", &parts, 32 * sent.len());
    let masks: Vec<_> = blocks(&masks).chunks(2).map(|m| [m[0], m[1]]).collect();
    let sent: Vec<_> = sent
        .iter()
        .zip(&masks)
        .map(|(m, r)| [m[0] ^ r[0], m[1] ^ r[1]])
        .collect();
    let received = received.iter().zip(&masks).zip(choices);
    let received: Vec<_> = received.map(|((m, r), c)| m ^ r[usize::from(*c)]).collect();
    Run {
        messages: vec![
            (0, message(session, 0x42, 0, &commitment)),
            (1, message(session, 0x43, 0, &sigma)),
            (0, message(session, 0x44, 0, &rho)),
        ],
        outputs: [show::pairs(&sent), show::chosen(choices, &received)],
    }
}
