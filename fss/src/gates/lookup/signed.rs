//! One-bit leaves and additive shares, for a round.
//!
//! The parties' bits agree at all points but α, where exactly one of them is set. So u_b, the sum of the entries that
//! party b's bits choose, give e = u_0 - u_1 = s T\[x\] with s = 1 if it is party 0's bit, s = -1 if it is party 1's.
//! The dealer knows s. Neither party may: it knows its own bits, and s would tell it which of them α is not at. So
//! T\[x\] = s e is a product of shared values: with a a fresh mask ([`crate::mask`]), e + a is opened, and T\[x\] = s
//! (e + a) - s a, of which the dealer shared s and s a. After S. Wagh, "Pika", PETS 2022.
//!
//! What is opened is uniform whatever x is, as a is uniform and used once; s and s a are shared.

use core::marker::PhantomData;

use piquet_core::{Block, Ring, RingVec, lanes, wipe};

use super::{Fold, Table, alphas, folded, ids, shape, split};
use crate::dealer::{Deal, low_bits, roots, share_bytes};
use crate::evaluator::Evaluator;
use crate::gates::{Gate, GateId};
use crate::mask::{Mask, MaskKeys, Opening};
use crate::shape::{TILE, same, within};
use crate::stream::Taken;
use crate::trees::{self, Trees};
use crate::{Error, Role, Shape};

/// `T_1[x]`, ..., `T_t[x]`, shared modulo 2^k, for x of n bits in words I and entries in words R.
///
/// **Keys**: 16 (n - 6) bytes, 16 for n <= 7, and 1 + t elements of k bits. **Rounds**: one; t k bits each way.
/// **AES**: 2^(n - 6) - 1, 1 for n <= 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedLookup<R: Ring, I: Ring = R> {
    shape: Shape,
    mask: Mask<R>,
    output: u32,
    tables: u32,
    index: PhantomData<I>,
}

impl<R: Ring, I: Ring> SignedLookup<R, I> {
    /// Indices of `bits` bits, 1 to [`super::MAX_BITS`] and at most those of I; entries modulo 2^`output`, 1 to the
    /// width of R and at most 64; `tables` of them, 1 to 255.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, output: u32, tables: u32) -> Result<Self, Error> {
        within("tables", tables, 1, 255, "1 to 255")?;
        Ok(Self {
            shape: shape::<I>(bits, 1)?,
            mask: Mask::new(output)?,
            output,
            tables,
            index: PhantomData,
        })
    }
}

/// One party's keys of [`SignedLookup`]. Used once, wiped, not printed.
pub struct SignedLookupKeys<R: Ring, I: Ring, P: Role> {
    trees: Trees,
    output: u32,
    tables: usize,
    masks: MaskKeys<R, P>,
    /// Shares of s.
    signs: RingVec<R>,
    /// Shares of s a, table after table.
    products: RingVec<R>,
    index: PhantomData<I>,
}

impl<R: Ring, I: Ring, P: Role> core::fmt::Debug for SignedLookupKeys<R, I, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SignedLookupKeys({} gates)", self.trees.len())
    }
}

impl<R: Ring, I: Ring> Gate for SignedLookup<R, I> {
    type Masks<'a> = &'a [I];
    type Dealt = ();
    type Keys<P: Role> = SignedLookupKeys<R, I, P>;

    fn id(&self) -> GateId {
        // The number of tables, which is not 0, sets it apart from `Lookup`.
        GateId {
            gate: ids::LOOKUP,
            parameters: [self.shape.domain(), self.output, self.tables],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        let shared = [1, self.tables as usize].map(|n| share_bytes(self.output, n * count));
        count * 16 * self.shape.corrections() + shared[0] + shared[1]
    }
    fn deal(&self, count: usize, masks: &[I], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        let signs = signed_trees::<R, I>(self.shape, alphas(masks).as_slice(), to);
        let mut products = self.mask.deal(count * self.tables as usize, (), to)?;
        for products in products.as_mut_slice().chunks_mut(count) {
            lanes::zip(products, signs.as_slice(), R::mul);
        }
        to.share(self.output, signs.as_slice());
        to.share(self.output, products.as_slice());
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<SignedLookupKeys<R, I, P>, Error> {
        let tables = self.tables as usize;
        Ok(SignedLookupKeys {
            trees: from.trees(self.shape, count)?,
            output: self.output,
            tables,
            masks: self.mask.take(count * tables, from)?,
            signs: from.share(self.output, count)?,
            products: from.share(self.output, count * tables)?,
            index: PhantomData,
        })
    }
}

/// [`Deal::trees`] for one-bit values; 1 where party 0's bit at α is set, -1 where party 1's is.
fn signed_trees<R: Ring, I: Ring>(shape: Shape, alphas: &[I], to: &mut Deal) -> RingVec<R> {
    let n = alphas.len();
    let mut paths: Vec<_> = alphas.iter().map(|a| shape.path(*a)).collect();
    let [mut x0, mut x1] = [0, 1].map(|p| roots(&mut to.prgs[p], p as u8, n));
    let per_key = shape.corrections();
    let mut signs = RingVec::with_capacity(n);
    let mut values = [Block::ZERO; TILE];
    let tiles = paths.chunks(TILE).zip(x0.chunks_mut(TILE));
    for ((paths, x0), x1) in tiles.zip(x1.chunks_mut(TILE)) {
        let m = paths.len();
        let mut corrections = vec![Block::ZERO; m * per_key];
        trees::deal(
            &to.hash,
            shape,
            paths,
            None,
            [&mut *x0, x1],
            &mut corrections,
        );
        // Where the walks have ended, party 0's leaf is as it will find it.
        to.hash.values(x0, &mut values[..m]);
        let leaves = &corrections[m * (per_key - 1)..];
        for (((path, node), value), leaf) in paths.iter().zip(x0).zip(&values).zip(leaves) {
            let t = (node.to_u128() & 1).wrapping_neg();
            let bits = value.to_u128() ^ (leaf.to_u128() & t);
            let bit = one_of(bits, shape.entry(*path));
            signs.extend_from_slice(&[R::from_u64(bit).shl(1).sub(R::ONE)]);
        }
        to.payload
            .extend_from_slice(bytemuck::must_cast_slice(&corrections));
    }
    for secret in [&mut paths, &mut x0, &mut x1] {
        wipe(secret);
    }
    wipe(&mut values);
    signs
}

/// Bit `at` of 128, without a shift by a secret.
fn one_of(mut bits: u128, at: u32) -> u64 {
    for i in 0..7 {
        let move_down = u128::from(at >> i & 1).wrapping_neg();
        bits ^= (bits ^ (bits >> (1 << i))) & move_down;
    }
    bits as u64 & 1
}

/// What waits for the other party's message, and the message to it.
type Started<R, P> = (SignedLookupPending<R, P>, Vec<u8>);

impl<R: Ring, I: Ring, P: Role> SignedLookupKeys<R, I, P> {
    /// From x̂, whose bits above n are ignored, the message to the other party.
    ///
    /// # Errors
    /// If there are not as many values as keys or as many tables as said, or a table is not of 2^n entries, and what
    /// the evaluator fails with.
    pub fn start<E: Evaluator>(
        self,
        masked: &[I],
        tables: &[&Table<R>],
        e: &E,
    ) -> Result<Started<R, P>, E::Error> {
        same("tables", tables.len(), self.tables)?;
        let mut sums = folded(&self.trees, Fold::Sum, masked, tables, e)?;
        if P::INDEX == 1 {
            lanes::map(sums.as_mut_slice(), R::neg);
        }
        let (opening, message) = self.masks.open(sums.as_slice())?;
        let pending = SignedLookupPending {
            output: self.output,
            opening,
            signs: self.signs,
            products: self.products,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct SignedLookupPending<R: Ring, P: Role> {
    output: u32,
    opening: Opening<R, P>,
    signs: RingVec<R>,
    products: RingVec<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for SignedLookupPending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SignedLookupPending({} gates)", self.signs.len())
    }
}

impl<R: Ring, P: Role> SignedLookupPending<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// This party's shares of the entries of table t at all x, as element t.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<Vec<RingVec<R>>, Error> {
        let mut opened = self.opening.finish(message)?;
        let n = self.signs.len();
        let tables = opened.as_mut_slice().chunks_mut(n);
        for (e, product) in tables.zip(self.products.as_slice().chunks(n)) {
            lanes::zip2(e, self.signs.as_slice(), product, |e, s, p| s.mul(e).sub(p));
        }
        low_bits(&mut opened, self.output);
        Ok(split(n, &opened))
    }
}
