//! The ideal functionalities, for tests: whoever runs them knows everything.

use std::sync::Arc;

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block};
use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable};

use crate::cot::{ReceiverContext, SenderContext};
use crate::{Delta, ReceivedCots, ReceivedOts, Security, SentCots, SentOts};

/// Both halves of `n` correlated OTs under `delta` with random choices.
pub fn cots<M: Security, G: CryptoRng + ?Sized>(
    session: SessionId,
    delta: Delta,
    n: usize,
    rng: &mut G,
) -> (SentCots<M>, ReceivedCots<M>) {
    let choices = BitVec::random(n, rng);
    let keys: Vec<_> = (0..n).map(|_| Block::random(rng)).collect();
    let macs = keys
        .iter()
        .zip(choices.to_bools())
        .map(|(q, b)| {
            Block::conditional_select(q, &(*q ^ delta.block()), Choice::from(u8::from(b)))
        })
        .collect();
    (
        SentCots {
            context: SenderContext::new(session, Arc::new(delta)),
            first: 0,
            keys,
        },
        ReceivedCots {
            context: ReceiverContext::new(session),
            first: 0,
            choices,
            macs,
        },
    )
}

/// What one of two parties has of correlated OTs with each as sender.
pub type Party<M> = (SentCots<M>, ReceivedCots<M>);

/// `n` correlated OTs in either direction: what party 0 and party 1 have.
pub fn both_ways<M: Security, G: CryptoRng + ?Sized>(
    session: SessionId,
    n: usize,
    rng: &mut G,
) -> [Party<M>; 2] {
    let mut cots = |label| {
        let delta = Delta::random(rng);
        cots(session.child(label), delta, n, rng)
    };
    let ((s0, r1), (s1, r0)) = (cots("0 sends"), cots("1 sends"));
    [(s0, r0), (s1, r1)]
}

/// Both halves of random OTs with the given choices.
pub fn random_ots<M: Security, G: CryptoRng + ?Sized>(
    choices: &BitVec,
    rng: &mut G,
) -> (SentOts<M>, ReceivedOts<M>) {
    let sent: Vec<_> = (0..choices.len())
        .map(|_| [Block::random(rng), Block::random(rng)])
        .collect();
    let received = sent
        .iter()
        .zip(choices.to_bools())
        .map(|(m, b)| Block::conditional_select(&m[0], &m[1], Choice::from(u8::from(b))))
        .collect();
    let received = ReceivedOts::from_raw(choices.duplicate(), received);
    #[expect(clippy::unwrap_used, reason = "as many messages as choices")]
    (SentOts::from_raw(sent), received.unwrap())
}

/// Parameters of Ferret that are as fast to test as they are insecure: one stage of 40 trees of 2^5 leaves on a secret of
/// 50 bits, then 70 trees of 2^6 on 300 bits.
#[must_use]
pub fn ferret_params() -> crate::ferret::Params {
    crate::ferret::toy()
}

/// Whether these are two halves of the same correlations.
#[must_use]
pub fn correlated<M: Security>(sent: &SentCots<M>, received: &ReceivedCots<M>) -> bool {
    let delta = sent.context.delta.block();
    let halves = sent.keys.iter().zip(&received.macs);
    sent.len() == received.len()
        && sent.first == received.first
        && halves
            .zip(received.choices.to_bools())
            .all(|((q, t), b)| *t == if b { *q ^ delta } else { *q })
}
