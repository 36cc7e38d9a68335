//! Vector oblivious linear evaluation, as SoftSpokenOT gives it: over GF(2^128) with values in GF(2), and over small fields.
//!
//! A VOLE: one party has values u and tags v, the other keys w and one Δ, with w_i = v_i + Δ u_i. Whoever has Δ knows
//! nothing of u, and who has u cannot make the tag of another value without a guess at Δ: v_i is a message authentication code of
//! u_i under (Δ, w_i), as strong as Δ is unknown: 128 bits, 127 where bit 0 is set (then bit 0 of tags is the value), less those
//! that a malicious party has bet on and won ([`Delta`]).
//!
//! - **Subfield VOLE**, u_i in GF(2), all else in GF(2^128): correlated OTs under another name ([`SubfieldValues`],
//!   [`SubfieldKeys`]), made by [`crate::softspoken`] or any other source, at no cost. Semi-honest or malicious as the OTs
//!   are; malicious ones from SoftSpokenOT have passed its check of the subspace VOLE.
//! - **VOLE over GF(2^128)**, by packing 128 of those: u' = Σ x^j u_j, and so on. Linear, hence as secure.
//! - **Small-field VOLE**, one for each tree of a SoftSpokenOT set-up ([`SmallFieldValues`], [`SmallFieldKeys`]): u in GF(2), v,
//!   w and Δ_i in GF(2^k), the bits of Δ_i being k bits of Δ. No message at all, so that a malicious party has nothing to
//!   deviate in: secure against one as soon as the check of the set-up has passed. The trees have unrelated u; the
//!   corrections of the extension make it one.
//!
//! L. Roy, "SoftSpokenOT", CRYPTO 2022, <https://eprint.iacr.org/2022/192>; the field representation is that of
//! [`piquet_core::gf128`], bit i being the coefficient of x^i. Elements of GF(2^k) stay as bits: since u is in GF(2), no
//! product in that field is taken, and any basis will do, the same for v, w and Δ_i.

use core::fmt;
use std::sync::Arc;

use piquet_core::{BitVec, Block, gf128};
use zeroize::Zeroizing;

use crate::softspoken::{Bits, Receiver, Sender};
use crate::{Delta, Error, ReceivedCots, Security, SentCots};

/// Values u_i in GF(2) and tags v_i = w_i + Δ u_i in GF(2^128).
pub struct SubfieldValues<M: Security>(ReceivedCots<M>);

/// Keys w_i = v_i + Δ u_i in GF(2^128), and Δ.
pub struct SubfieldKeys<M: Security>(SentCots<M>);

impl<M: Security> From<ReceivedCots<M>> for SubfieldValues<M> {
    fn from(cots: ReceivedCots<M>) -> Self {
        Self(cots)
    }
}

impl<M: Security> From<SentCots<M>> for SubfieldKeys<M> {
    fn from(cots: SentCots<M>) -> Self {
        Self(cots)
    }
}

impl<M: Security> SubfieldValues<M> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// u.
    #[must_use]
    pub fn values(&self) -> &BitVec {
        &self.0.choices
    }
    /// v.
    #[must_use]
    pub fn tags(&self) -> &[Block] {
        &self.0.macs
    }
    /// VOLE over GF(2^128): each 128 values give one, `(u', v')`; what is over is dropped. Both peers pack.
    #[must_use]
    pub fn pack(self) -> Zeroizing<Vec<(Block, Block)>> {
        let x = basis();
        let words = self.0.choices.words().chunks_exact(2);
        let tags = self.0.macs.chunks_exact(128);
        let one = |(w, v): (&[u64], &[Block])| {
            // The sum of x^j u_j is the block whose bits are u.
            let u = Block::from_u128(u128::from(w[0]) | (u128::from(w[1]) << 64));
            (u, gf128::inner_product(v, &x))
        };
        Zeroizing::new(words.zip(tags).map(one).collect())
    }
}

impl<M: Security> SubfieldKeys<M> {
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// w.
    #[must_use]
    pub fn keys(&self) -> &[Block] {
        &self.0.keys
    }
    /// Δ.
    #[must_use]
    pub fn delta(&self) -> &Delta {
        &self.0.context.delta
    }
    /// VOLE over GF(2^128): w' = v' + Δ u' of each 128 keys, and Δ. See [`SubfieldValues::pack`].
    #[must_use]
    pub fn pack(self) -> (Zeroizing<Vec<Block>>, Arc<Delta>) {
        let x = basis();
        let keys = self.0.keys.chunks_exact(128);
        let keys = keys.map(|w| gf128::inner_product(w, &x)).collect();
        (Zeroizing::new(keys), Arc::clone(&self.0.context.delta))
    }
}

/// x^0 to x^127.
fn basis() -> [Block; 128] {
    core::array::from_fn(|j| Block::from_u128(1 << j))
}

/// Values and tags of one small-field VOLE for each tree of a set-up.
pub struct SmallFieldValues {
    k: Bits,
    n: usize,
    values: Zeroizing<Vec<u8>>,
    tags: Zeroizing<Vec<u8>>,
}

/// Keys of one small-field VOLE for each tree of a set-up, and Δ.
pub struct SmallFieldKeys {
    k: Bits,
    n: usize,
    keys: Zeroizing<Vec<u8>>,
    delta: Arc<Delta>,
}

/// Bytes of a row of `n` bits: whole blocks.
fn row(n: usize) -> usize {
    16 * n.div_ceil(128)
}

/// The row of bit `bit` of `tree`; one that there is not if k has no such bit.
fn place(k: Bits, tree: usize, bit: usize) -> usize {
    if bit < k.get() && tree < k.trees() {
        tree * k.get() + bit
    } else {
        usize::MAX
    }
}

/// Bits of row `i`, of `n`.
fn bits(rows: &[u8], i: usize, n: usize) -> BitVec {
    let bytes = rows.chunks_exact(row(n)).nth(i).unwrap_or(&[]);
    let word = |c: &[u8]| c.iter().rev().fold(0, |w, b| (w << 8) | u64::from(*b));
    BitVec::from_words(n, bytes.chunks(8).map(word).collect())
}

impl<M: Security> Receiver<M> {
    /// `n` of every small-field VOLE of this set-up, from streams of the same state as the extension. The OT sender has to
    /// take as many at the same point. 2^k AES for each tree and 128.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn small_field(&mut self, n: usize) -> Result<SmallFieldValues, Error> {
        let [values, tags] = self.small_rows(n, row(n))?;
        Ok(SmallFieldValues {
            k: self.bits(),
            n,
            values,
            tags,
        })
    }
}

impl<M: Security> Sender<M> {
    /// The other half of [`Receiver::small_field`].
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn small_field(&mut self, n: usize) -> Result<SmallFieldKeys, Error> {
        Ok(SmallFieldKeys {
            k: self.bits(),
            n,
            keys: self.small_rows(n, row(n))?,
            delta: self.delta(),
        })
    }
}

impl SmallFieldValues {
    /// k.
    #[must_use]
    pub fn bits(&self) -> Bits {
        self.k
    }
    /// u of `tree` below 128 / k; 0 beyond.
    #[must_use]
    pub fn values(&self, tree: usize) -> BitVec {
        bits(&self.values, tree, self.n)
    }
    /// Bit `bit` below k of all v of `tree`.
    #[must_use]
    pub fn tags(&self, tree: usize, bit: usize) -> BitVec {
        bits(&self.tags, place(self.k, tree, bit), self.n)
    }
}

impl SmallFieldKeys {
    /// k.
    #[must_use]
    pub fn bits(&self) -> Bits {
        self.k
    }
    /// Bit `bit` below k of all w of `tree`.
    #[must_use]
    pub fn keys(&self, tree: usize, bit: usize) -> BitVec {
        bits(&self.keys, place(self.k, tree, bit), self.n)
    }
    /// Δ_i of all trees: bit `tree * k + bit` is bit `bit` of that of `tree`.
    #[must_use]
    pub fn delta(&self) -> &Delta {
        &self.delta
    }
}

impl<M: Security> fmt::Debug for SubfieldValues<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubfieldValues({}, {})", self.len(), M::NAME)
    }
}

impl<M: Security> fmt::Debug for SubfieldKeys<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubfieldKeys({}, {})", self.len(), M::NAME)
    }
}

impl fmt::Debug for SmallFieldValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmallFieldValues({} of {} bits)", self.n, self.k.get())
    }
}

impl fmt::Debug for SmallFieldKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmallFieldKeys({} of {} bits)", self.n, self.k.get())
    }
}

#[cfg(test)]
mod tests {
    use piquet_core::wire::SessionId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::{Malicious, SemiHonest, ideal};

    #[test]
    fn subfield_and_packed_tags_are_right() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let delta = Delta::random(&mut rng);
        let d = delta.block();
        let (s, r) = ideal::cots::<Malicious, _>(SessionId([1; 32]), delta, 300, &mut rng);
        let (w, u): (SubfieldKeys<_>, SubfieldValues<_>) = (s.into(), r.into());
        assert_eq!((w.len(), u.len()), (300, 300));
        for (i, bit) in u.values().to_bools().enumerate() {
            let field = Block::from_u128(u128::from(bit));
            assert_eq!(w.keys()[i], u.tags()[i] ^ gf128::mul(d, field));
        }
        let (w, d) = w.pack();
        let u = u.pack();
        assert_eq!((w.len(), u.len()), (2, 2));
        for (w, (u, v)) in w.iter().zip(u.iter()) {
            assert_eq!(*w, *v ^ gf128::mul(d.block(), *u));
        }
    }

    #[test]
    fn small_fields_are_right_and_leave_the_extension_in_step() {
        for k in [Bits::One, Bits::Two, Bits::Four, Bits::Eight] {
            let mut rng = ChaCha20Rng::from_seed([2; 32]);
            let delta = Delta::random(&mut rng);
            let (sent, received) = ideal::random_ots::<SemiHonest, _>(&delta.choices(), &mut rng);
            let (session, mut m) = (SessionId([2; 32]), Vec::new());
            let mut r = Receiver::setup(session, k, sent, &mut m).unwrap();
            let s = Sender::setup(session, k, received).unwrap();
            let mut s = s.finish(&m).unwrap();
            for n in [1, 64, 130, 3001] {
                let (u, w) = (r.small_field(n).unwrap(), s.small_field(n).unwrap());
                let choices = w.delta().choices();
                for tree in 0..k.trees() {
                    for bit in 0..k.get() {
                        let mut want = u.tags(tree, bit);
                        if choices.get(tree * k.get() + bit) == Some(true) {
                            want.xor_assign(&u.values(tree));
                        }
                        assert_eq!(want.len(), n);
                        assert!(want.words() == w.keys(tree, bit).words());
                    }
                }
                assert!(n < 64 || u.values(0).words() != u.values(1).words());
            }
            m.clear();
            let received = r.extend(5, &mut m).unwrap();
            let sent = s.extend(crate::softspoken::Choices::Random, 5, &m).unwrap();
            for (i, bit) in received.choices().to_bools().enumerate() {
                let d = if bit { delta.block() } else { Block::ZERO };
                assert_eq!(received.macs[i], sent.keys[i] ^ d);
            }
            assert!(matches!(r.small_field(0), Err(Error::Empty)));
        }
    }
}
