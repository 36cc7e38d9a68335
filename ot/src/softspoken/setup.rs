//! From 128 base OTs to seeds: the set-up message, and its consistency check against a malicious OT receiver.
//!
//! The check is the one of the paper's puncturable PRF: every leaf is stretched to a check value of 256 bits and the seed
//! that is used; the OT receiver sends the XOR of the check values of each tree and one hash of all of them. The OT
//! sender, who lacks one leaf of each tree, completes its check value from the XOR and compares the hash. A cheat
//! thus needs a guess at the bits of Δ that decide which nodes its corrections spoil, and is caught unless the guess is
//! right. The paper has one hash for each tree; a single one over all trees fails exactly if one of those would.

use piquet_core::Block;
use piquet_core::wire::{Encode, Header, Reader, SessionId};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::ggm::{Grower, relabel};
use super::{Bits, kinds};
use crate::{Delta, Error, ReceivedOts, Security, SentOts};

/// Bytes of a check value.
const CHECK: usize = 32;

/// Stretches leaves to check values and seeds.
struct Stretch([u8; 32]);

impl Stretch {
    fn new(session: &SessionId) -> Self {
        Self(session.derive_key("softspoken leaf", &[0; 32]))
    }
    fn leaf(&self, leaf: &mut Block) -> [u8; CHECK] {
        let mut out = Zeroizing::new([0; CHECK + 16]);
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(bytemuck::bytes_of(leaf));
        h.finalize_xof().fill(&mut *out);
        let (check, seed) = out.split_at(CHECK);
        let mut t = [0; CHECK];
        t.copy_from_slice(check);
        bytemuck::bytes_of_mut(leaf).copy_from_slice(seed);
        t
    }
}

fn xor(a: &mut [u8; CHECK], b: &[u8]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= b;
    }
}

/// Bytes of the set-up message, 0 for k = 1.
pub(super) fn message_len<M: Security>(k: Bits) -> usize {
    if k == Bits::One {
        return 0;
    }
    let check = if M::MALICIOUS {
        (k.trees() + 1) * CHECK
    } else {
        0
    };
    Header::LEN + k.trees() * (k.get() - 1) * 32 + check
}

fn header(session: SessionId) -> Header {
    Header {
        kind: kinds::SOFTSPOKEN_SETUP,
        session,
        step: 0,
    }
}

/// Refuses base OTs of another number than 128.
pub(super) fn want_base(got: usize) -> Result<(), Error> {
    if got == 128 {
        Ok(())
    } else {
        Err(Error::Length {
            what: "base OTs",
            got,
            want: 128,
        })
    }
}

/// The OT receiver's half: all leaves of all trees, 2^k for each; appends the message.
pub(super) fn full<M: Security>(
    session: SessionId,
    k: Bits,
    base: SentOts<M>,
    out: &mut Vec<u8>,
) -> Result<Zeroizing<Vec<Block>>, Error> {
    want_base(base.len())?;
    let grower = Grower::new(&session);
    let mut messages = Zeroizing::new(base.messages().to_vec());
    drop(base);
    grower.bind(messages.as_flattened_mut());
    let leaves_per_tree = 1 << k.get();
    let mut leaves = Zeroizing::new(vec![Block::ZERO; k.trees() * leaves_per_tree]);
    if k != Bits::One {
        header(session).encode(out);
    }
    let mut corrections = vec![Block::ZERO; 2 * (k.get() - 1)];
    for (base, leaves) in messages
        .chunks_exact(k.get())
        .zip(leaves.chunks_exact_mut(leaves_per_tree))
    {
        grower.full(base, leaves, &mut corrections);
        out.extend_from_slice(bytemuck::must_cast_slice(&corrections));
    }
    if M::MALICIOUS && k != Bits::One {
        let stretch = Stretch::new(&session);
        let mut all = blake3::Hasher::new_derive_key("piquet 2026 softspoken check values");
        for leaves in leaves.chunks_exact_mut(leaves_per_tree) {
            let mut sum = [0; CHECK];
            for leaf in leaves {
                let t = stretch.leaf(leaf);
                all.update(&t);
                xor(&mut sum, &t);
            }
            out.extend_from_slice(&sum);
        }
        out.extend_from_slice(all.finalize().as_bytes());
    }
    Ok(leaves)
}

/// The OT sender's half: the leaves of all trees, relabelled by Δ, so that leaf 0 is the missing one and left out:
/// 2^k − 1 for each tree.
pub(super) fn punctured<M: Security>(
    session: SessionId,
    k: Bits,
    base: &ReceivedOts<M>,
    message: &[u8],
) -> Result<Zeroizing<Vec<Block>>, Error> {
    let want = message_len::<M>(k);
    if message.len() != want {
        return Err(piquet_core::wire::DecodeError::Length {
            got: message.len(),
            want,
        }
        .into());
    }
    let body = if k == Bits::One {
        message
    } else {
        header(session).check(message)?
    };
    let mut r = Reader::new(body);
    let grower = Grower::new(&session);
    let mut learned = Zeroizing::new(base.messages().to_vec());
    grower.bind(&mut learned);
    let delta = bits(base);

    let leaves_per_tree = 1usize << k.get();
    let mut leaves = Zeroizing::new(vec![Block::ZERO; k.trees() * leaves_per_tree]);
    let mut corrections = vec![Block::ZERO; 2 * (k.get() - 1)];
    for ((learned, delta), leaves) in learned
        .chunks_exact(k.get())
        .zip(delta.chunks_exact(k.get()))
        .zip(leaves.chunks_exact_mut(leaves_per_tree))
    {
        let raw = r.bytes(32 * (k.get() - 1))?;
        bytemuck::must_cast_slice_mut::<_, u8>(&mut corrections).copy_from_slice(raw);
        grower.punctured(delta, learned, leaves, &corrections);
    }
    if M::MALICIOUS && k != Bits::One {
        let stretch = Stretch::new(&session);
        let mut all = blake3::Hasher::new_derive_key("piquet 2026 softspoken check values");
        let mut checks = vec![[0; CHECK]; leaves_per_tree];
        for (delta, leaves) in delta
            .chunks_exact(k.get())
            .zip(leaves.chunks_exact_mut(leaves_per_tree))
        {
            let hole = index(delta);
            // The XOR of all check values and of those that are known is the missing one.
            let mut missing = r.array::<CHECK>()?;
            for (y, (leaf, t)) in (0u64..).zip(leaves.iter_mut().zip(&mut checks)) {
                *t = stretch.leaf(leaf);
                let known = !y.ct_eq(&hole);
                for (m, t) in missing.iter_mut().zip(t.iter()) {
                    *m ^= u8::conditional_select(&0, t, known);
                }
            }
            for (y, t) in (0u64..).zip(&mut checks) {
                let here = y.ct_eq(&hole);
                for (t, m) in t.iter_mut().zip(&missing) {
                    t.conditional_assign(m, here);
                }
            }
            all.update(checks.as_flattened());
            checks.as_flattened_mut().zeroize();
        }
        let sent = r.array::<32>()?;
        if !bool::from(sent.ct_eq(all.finalize().as_bytes())) {
            return Err(Error::Check);
        }
    }
    r.end()?;

    let mut known = Zeroizing::new(Vec::with_capacity(k.trees() * (leaves_per_tree - 1)));
    for (delta, leaves) in delta
        .chunks_exact(k.get())
        .zip(leaves.chunks_exact_mut(leaves_per_tree))
    {
        relabel(leaves, delta);
        known.extend_from_slice(&leaves[1..]);
    }
    Ok(known)
}

fn bits<M: Security>(base: &ReceivedOts<M>) -> Vec<Choice> {
    let words = base.choices().words();
    (0..base.len())
        .map(|i| Choice::from(((words[i / 64] >> (i % 64)) & 1) as u8))
        .collect()
}

/// The number whose bits are `delta`.
fn index(delta: &[Choice]) -> u64 {
    let bit = |(b, d): (usize, &Choice)| u64::from(d.unwrap_u8()) << b;
    delta.iter().enumerate().map(bit).sum()
}

/// Δ, whose bits were the choices.
pub(super) fn delta<M: Security>(base: &ReceivedOts<M>) -> Delta {
    let word = |i: usize| u128::from(base.choices().words().get(i).copied().unwrap_or(0));
    Delta::from_raw(Block::from_u128(word(0) | (word(1) << 64)))
}
