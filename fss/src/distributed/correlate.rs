//! Shares of bit times block, from random OTs.
//!
//! The receiver says d = c ⊕ its random choice; the sender, with pads p_0, p_1 its messages in that order, says u =
//! p_0 ⊕ p_1 ⊕ x and keeps p_0; the receiver, who has p_c, keeps p_c ⊕ c u. The two differ by c x (D. Beaver, CRYPTO
//! 1995).

use piquet_core::{BitVec, Block, wipe_vec};

/// The nodes of a tree, shares of products: blocks that are wiped.
#[derive(Default)]
pub(super) struct Secret(pub(super) Vec<Block>);

impl Drop for Secret {
    fn drop(&mut self) {
        wipe_vec(&mut self.0);
    }
}

/// All ones if bit `i` is set.
fn bit(bits: &BitVec, i: usize) -> Block {
    let word = bits.words().get(i / 64).copied().unwrap_or_default();
    Block::from_u128(u128::from(word >> (i % 64) & 1).wrapping_neg())
}

/// The sender's message u for each OT, and its shares: that of OT i with the block `of(i)`.
pub(super) fn send(
    messages: &[[Block; 2]],
    masked: &BitVec,
    of: impl Fn(usize) -> Block,
    out: &mut Vec<u8>,
) -> Secret {
    let shares = messages.iter().enumerate().map(|(i, [zero, one])| {
        let both = *zero ^ *one;
        out.extend_from_slice(&<[u8; 16]>::from(both ^ of(i)));
        *zero ^ (both & bit(masked, i))
    });
    Secret(shares.collect())
}

/// To `shares` adds the receiver's, and its choice times the block `of(i)`.
pub(super) fn receive(
    messages: &[Block],
    choices: &BitVec,
    body: &[u8],
    of: impl Fn(usize) -> Block,
    shares: &mut Secret,
) {
    let sent = body.as_chunks::<16>().0;
    for (i, ((share, own), u)) in shares.0.iter_mut().zip(messages).zip(sent).enumerate() {
        *share ^= *own ^ ((Block::from(*u) ^ of(i)) & bit(choices, i));
    }
}
