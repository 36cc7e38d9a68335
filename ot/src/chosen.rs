//! OTs with choices and messages of the parties' own.
//!
//! **Choices.** [`ReceivedCots::choose`] turns random choice bits b into given ones c: the receiver sends d = b ⊕ c, and
//! the sender puts q ⊕ d Δ in place of q, so that t = q ⊕ c Δ (D. Beaver, CRYPTO 1995, on correlated OTs). One bit for
//! each OT, rounded up to a byte, and a header. d is uniform, as b is; a second one would be masked by the first choices
//! and no longer uniform, so the result is another type, [`ChosenCots`], which cannot choose.
//!
//! **Messages.** [`SentCots::send_blocks`], [`SentCots::send_strings`]: both messages XOR both pads of each OT, one
//! message to the receiver; pads as in [`crate::random`], stretched where messages are longer than a block. Bytes:
//! 2 L n for n pairs of L bytes, and a header. AES blocks for each OT beyond those of [`crate::random`]: for s = ceil(L /
//! 16) > 1 blocks, 2 s at the sender and s at the receiver.
//!
//! **Functionality**: n chosen 1-out-of-2 OTs. **Security**: that of the correlated OTs, semi-honest or malicious: a
//! simulator reads a cheating receiver's c from d and the choices that it gave to the ideal correlation, a cheating
//! sender's messages from q, Δ and the masked ones; every message is a legal one. Constant time in choices, messages, Δ.

use core::fmt;
use core::mem;

use piquet_core::{BitVec, Block, lanes, wipe};

use crate::pads::{CHUNK, MAX_MESSAGE, Stretch, exactly, length};
use crate::{Error, ReceivedCots, ReceivedOts, Security, SemiHonest, SentCots, kinds};

/// The receiver's half of correlated OTs whose choices are as they are to be: chosen by [`ReceivedCots::choose`], or
/// random ones that will do (`ChosenCots::from`).
pub struct ChosenCots<M: Security>(pub(crate) ReceivedCots<M>);

impl<M: Security> From<ReceivedCots<M>> for ChosenCots<M> {
    fn from(random: ReceivedCots<M>) -> Self {
        Self(random)
    }
}

impl<M: Security> ReceivedCots<M> {
    /// Appends to `out` what turns the random choices into `choices`, one for each OT.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`], [`Error::Exhausted`].
    pub fn choose(mut self, choices: &BitVec, out: &mut Vec<u8>) -> Result<ChosenCots<M>, Error> {
        exactly(self.len(), choices.len())?;
        let choices = choices.duplicate();
        let mut masked = mem::replace(&mut self.choices, choices);
        masked.xor_assign(&self.choices);
        self.place()
            .begin(kinds::CHOICES, masked.as_bytes().len(), out);
        out.extend_from_slice(masked.as_bytes());
        Ok(ChosenCots(self))
    }
}

impl<M: Security> SentCots<M> {
    /// Bytes of the message that [`SentCots::choose`] takes.
    #[must_use]
    pub fn choose_len(&self) -> usize {
        piquet_core::wire::Header::LEN + self.len().div_ceil(8)
    }
    /// The correlated OTs with the choices that the receiver asks for.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Empty`].
    pub fn choose(mut self, message: &[u8]) -> Result<Self, Error> {
        let n = self.len();
        exactly(n, n)?;
        let body = self.place().open(kinds::CHOICES, n.div_ceil(8), message)?;
        let masked = BitVec::from_bytes(n, body)?;
        let delta = self.context.delta.block().to_u128();
        for (keys, word) in self.keys.chunks_mut(64).zip(masked.words()) {
            for (i, q) in keys.iter_mut().enumerate() {
                let bit = u128::from(word >> i & 1);
                *q ^= Block::from_u128(delta & bit.wrapping_neg());
            }
        }
        Ok(self)
    }
    /// Appends to `out` both blocks of each OT, masked. Bytes: 18 + 32 n.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`], [`Error::Exhausted`].
    pub fn send_blocks(self, messages: &[[Block; 2]], out: &mut Vec<u8>) -> Result<(), Error> {
        exactly(self.len(), messages.len())?;
        self.place().begin(kinds::BLOCKS, 32 * messages.len(), out);
        let [mut zero, mut one] = [[Block::ZERO; CHUNK]; 2];
        let mut masked = [[Block::ZERO; 2]; CHUNK];
        for (c, messages) in messages.chunks(CHUNK).enumerate() {
            let (zero, one) = (&mut zero[..messages.len()], &mut one[..messages.len()]);
            self.pads(c * CHUNK, zero, one);
            lanes::zip3(&mut masked, zero, one, messages, |_, z, o, m| {
                [m[0] ^ z, m[1] ^ o]
            });
            let masked = masked[..messages.len()].as_flattened();
            out.extend_from_slice(bytemuck::must_cast_slice(masked));
        }
        wipe(&mut zero);
        wipe(&mut one);
        Ok(())
    }
    /// Appends to `out` both strings of each OT, masked. `messages` holds the strings, of `len` bytes each, pair after
    /// pair: string b of OT i is at `(2 i + b) len`. Bytes: 18 + 2 n len.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`]; [`Error::Parameter`] unless `len` is in 1..=2^30.
    pub fn send_strings(self, len: usize, messages: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let n = self.len();
        let total = strings(n, len)?;
        length("bytes of messages", messages.len(), 2 * total)?;
        self.place().begin(kinds::STRINGS, 2 * total, out);
        let stretch = Stretch::new(&self.context.session, len);
        let per = stretch.chunk();
        let [mut zero, mut one] = [stretch.scratch(), stretch.scratch()];
        for (c, messages) in messages.chunks(2 * len * per).enumerate() {
            let n = messages.len() / (2 * len);
            self.pads(c * per, &mut zero.get()[..n], &mut one.get()[..n]);
            let (zero, one) = (
                stretch.stretch(zero.get(), n),
                stretch.stretch(one.get(), n),
            );
            let pads = zero
                .chunks_exact(zero.len() / n)
                .zip(one.chunks_exact(one.len() / n));
            for (pair, (zero, one)) in messages.chunks_exact(2 * len).zip(pads) {
                let (m0, m1) = pair.split_at(len);
                mask(m0, zero, out);
                mask(m1, one, out);
            }
        }
        Ok(())
    }
}

/// Appends `message` XOR the front of `pad`.
fn mask(message: &[u8], pad: &[Block], out: &mut Vec<u8>) {
    let pad: &[u8] = bytemuck::must_cast_slice(pad);
    out.extend(message.iter().zip(pad).map(|(m, p)| m ^ p));
}

/// Bytes of n strings.
fn strings(n: usize, len: usize) -> Result<usize, Error> {
    exactly(n, n)?;
    let total = n.checked_mul(len).filter(|t| *t < isize::MAX as usize / 4);
    match total {
        Some(total) if (1..=MAX_MESSAGE).contains(&len) => Ok(total),
        _ => Err(Error::Parameter {
            what: "length of a message",
            got: len as u64,
            domain: "1 to 2^30 bytes",
        }),
    }
}

impl<M: Security> ChosenCots<M> {
    /// Number of OTs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The choices.
    #[must_use]
    pub fn choices(&self) -> &BitVec {
        self.0.choices()
    }
    /// Absolute index of the first under this Δ.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.0.first_index()
    }
    /// Gives choices and t_i to a protocol outside of this crate. See [`SentCots::into_raw`].
    #[must_use]
    pub fn into_raw(self) -> (BitVec, Vec<Block>) {
        self.0.into_raw()
    }
    /// The message of each choice, random.
    #[must_use]
    pub fn into_random_ots(self) -> ReceivedOts<M> {
        self.0.into_random_ots()
    }
    /// The chosen block of each OT, from the message of [`SentCots::send_blocks`].
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Empty`].
    pub fn receive_blocks(self, message: &[u8]) -> Result<Vec<Block>, Error> {
        let n = self.len();
        exactly(n, n)?;
        let body = self
            .0
            .place()
            .open(kinds::BLOCKS, n.saturating_mul(32), message)?;
        let choices = self.choices().duplicate();
        let mut got = self.0;
        let mut out = mem::take(&mut got.macs);
        got.context.hash.hash(got.first, &mut out);
        for ((group, word), pairs) in out
            .chunks_mut(64)
            .zip(choices.words())
            .zip(body.chunks(64 * 32))
        {
            for (i, (o, pair)) in group
                .iter_mut()
                .zip(pairs.as_chunks::<16>().0.as_chunks::<2>().0)
                .enumerate()
            {
                let [zero, one] = pair.map(u128::from_le_bytes);
                let bit = u128::from(word >> i & 1).wrapping_neg();
                *o ^= Block::from_u128(zero ^ ((zero ^ one) & bit));
            }
        }
        Ok(out)
    }
    /// The chosen string of each OT, `len` bytes each, one after another, from the message of
    /// [`SentCots::send_strings`].
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Empty`]; [`Error::Parameter`] unless `len` is in 1..=2^30.
    pub fn receive_strings(self, len: usize, message: &[u8]) -> Result<Vec<u8>, Error> {
        let n = self.len();
        let total = strings(n, len)?;
        let body = self.0.place().open(kinds::STRINGS, 2 * total, message)?;
        let stretch = Stretch::new(&self.0.context.session, len);
        let per = stretch.chunk();
        let mut pads = stretch.scratch();
        let mut out = Vec::with_capacity(total);
        let mut choices = self.choices().to_bools();
        for (c, pairs) in body.chunks(2 * len * per).enumerate() {
            let n = pairs.len() / (2 * len);
            self.0.pads(c * per, &mut pads.get()[..n]);
            let pads = stretch.stretch(pads.get(), n);
            for (pair, pad) in pairs
                .chunks_exact(2 * len)
                .zip(pads.chunks_exact(pads.len() / n))
            {
                let bit = u8::from(choices.next().unwrap_or_default()).wrapping_neg();
                let pad: &[u8] = bytemuck::must_cast_slice(pad);
                let (m0, m1) = pair.split_at(len);
                let chosen = m0.iter().zip(m1).map(|(a, b)| a ^ ((a ^ b) & bit));
                out.extend(chosen.zip(pad).map(|(m, p)| m ^ p));
            }
        }
        Ok(out)
    }
}

impl ChosenCots<crate::Malicious> {
    /// The same OTs for a protocol that asks for less. See [`SentCots::weaken`].
    #[must_use]
    pub fn weaken(self) -> ChosenCots<SemiHonest> {
        ChosenCots(self.0.weaken())
    }
}

impl<M: Security> fmt::Debug for ChosenCots<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChosenCots({}, {})", self.len(), M::NAME)
    }
}

#[cfg(test)]
mod tests;
