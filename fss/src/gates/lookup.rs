//! Look-up in a public table at a secret index.
//!
//! The index x of n bits is masked: x̂ = x + r modulo 2^n. A key of the point function f at -r is evaluated at all 2^n
//! points i; f(i) is 1 where x̂ + i = x, so that Σ_i f(i) T\[(x̂ + i) mod 2^n\] = T\[x\], and each party sums its
//! shares of f(i) against the table, which starts at the public x̂. A leaf is folded with its piece of the table as
//! soon as it is there, and not stored.
//!
//! - [`LookupBits`]: f has one-bit values; a party's share is the exclusive or of about half of the table.
//! - [`Lookup`]: f has values in Z_2^k; shares are additive, and nothing is sent. The tree is deeper by about log2 k
//!   levels, each of which costs 16 bytes and doubles the AES.
//! - [`SignedLookup`]: one-bit values and additive shares, after S. Wagh, "Pika", PETS 2022: both parties'
//!   bits sum to ± T\[x\], and the sign is taken off by a multiplication, which is one opening.
//!
//! | n | k | `Lookup`: bytes, AES | `SignedLookup`: bytes, AES, message bytes |
//! |---|---|---|---|
//! | 8 | 16 | 96, 63 | 36, 3, 2 |
//! | 8 | 38 | 128, 255 | 41.5, 3, 4.75 |
//! | 8 | 64 | 128, 255 | 48, 3, 8 |
//! | 10 | 16 | 128, 255 | 68, 15, 2 |
//! | 10 | 38 | 160, 1023 | 73.5, 15, 4.75 |
//! | 10 | 64 | 160, 1023 | 80, 15, 8 |
//! | 12 | 16 | 160, 1023 | 100, 63, 2 |
//! | 12 | 38 | 192, 4095 | 105.5, 63, 4.75 |
//! | 12 | 64 | 192, 4095 | 112, 63, 8 |
//!
//! One key answers for any number of tables at the same index. **The dealer knows no table**, and a block of keys is
//! not bound to one: that both parties look up in the same is for them to agree on; a party that takes another gets a
//! share of nonsense. Sharing the table itself, rotated by r, would be 2^n k bits of corrections: less than a tree only
//! below 64 bytes, by less than 16.
//!
//! Secure against one semi-honest party and a dealer that colludes with none: of x a party sees x̂ alone, which is
//! uniform, and a key of a point function, which is pseudorandom ([`piquet_core::ggm`]).

use core::marker::PhantomData;

use piquet_core::{Ring, RingVec};

use super::{Gate, GateId, ids};
use crate::dealer::{Deal, low_bits};
use crate::evaluator::Evaluator;
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

mod fold;
mod signed;
mod table;

pub(crate) use fold::fold;
pub use signed::{SignedLookup, SignedLookupKeys, SignedLookupPending};
pub use table::{Fold, MAX_BITS, Table};

/// T\[x\], shared by exclusive or, for x of n bits in words I and entries that are whole words R.
///
/// **Keys**: 16 (n - 6) bytes, 16 for n <= 7. **Rounds**: none. **AES**: 2^(n - 6) - 1, 1 for n <= 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupBits<R: Ring, I: Ring = R> {
    shape: Shape,
    words: PhantomData<(R, I)>,
}

impl<R: Ring, I: Ring> LookupBits<R, I> {
    /// Indices of `bits` bits, 1 to [`MAX_BITS`] and at most those of I.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32) -> Result<Self, Error> {
        Ok(Self {
            shape: shape::<I>(bits, 1)?,
            words: PhantomData,
        })
    }
}

/// T\[x\], shared modulo 2^k, for x of n bits in words I and entries in words R.
///
/// **Keys**: 16 (n - e + 1) bytes, where a leaf holds 2^e entries, e = min(n, ⌊log2(128 / k)⌋). **Rounds**: none.
/// **AES**: 2^(n - e + 1) - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup<R: Ring, I: Ring = R> {
    shape: Shape,
    words: PhantomData<(R, I)>,
}

impl<R: Ring, I: Ring> Lookup<R, I> {
    /// Indices of `bits` bits, 1 to [`MAX_BITS`] and at most those of I; entries modulo 2^`output`, 1 to the width of
    /// R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, output: u32) -> Result<Self, Error> {
        within(
            "bits of entries",
            output,
            1,
            R::BITS,
            "1 to the width of the word",
        )?;
        Ok(Self {
            shape: shape::<I>(bits, output)?,
            words: PhantomData,
        })
    }
}

fn shape<I: Ring>(bits: u32, value: u32) -> Result<Shape, Error> {
    let domain = "1 to 20 and to the width of the word";
    within("bits of the index", bits, 1, MAX_BITS.min(I::BITS), domain)?;
    Shape::new(bits, value)
}

/// -r modulo 2^n, which stands for the entry at x where the table starts at x̂. Bits above n are not cleared.
fn alphas<I: Ring>(masks: &[I]) -> RingVec<I> {
    masks.iter().map(|r| r.neg()).collect()
}

/// The public starts, each with its bits above n ignored.
fn starts<I: Ring>(bits: u32, masked: &[I]) -> Vec<u32> {
    let low = crate::shape::mask(bits) as u64;
    masked.iter().map(|x| (x.to_u64() & low) as u32).collect()
}

/// One party's keys of [`LookupBits`]. Used once, wiped, not printed.
pub struct LookupBitsKeys<R: Ring, I: Ring, P: Role> {
    trees: Trees,
    words: PhantomData<(R, I, P)>,
}

impl<R: Ring, I: Ring, P: Role> core::fmt::Debug for LookupBitsKeys<R, I, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LookupBitsKeys({} gates)", self.trees.len())
    }
}

impl<R: Ring, I: Ring> Gate for LookupBits<R, I> {
    type Masks<'a> = &'a [I];
    type Dealt = ();
    type Keys<P: Role> = LookupBitsKeys<R, I, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::LOOKUP_BITS,
            parameters: [self.shape.domain(), 0, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        count * 16 * self.shape.corrections()
    }
    fn deal(&self, count: usize, masks: &[I], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        to.trees(self.shape, alphas(masks).as_slice(), None)
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<LookupBitsKeys<R, I, P>, Error> {
        Ok(LookupBitsKeys {
            trees: from.trees(self.shape, count)?,
            words: PhantomData,
        })
    }
}

impl<R: Ring, I: Ring, P: Role> LookupBitsKeys<R, I, P> {
    /// This party's shares of `tables[t]` at all x, as element t, from x̂, whose bits above n are ignored.
    ///
    /// # Errors
    /// If there are not as many values as keys or a table is not of 2^n entries, and what the evaluator fails with.
    pub fn evaluate<E: Evaluator>(
        self,
        masked: &[I],
        tables: &[&Table<R>],
        e: &E,
    ) -> Result<Vec<RingVec<R>>, E::Error> {
        let out = folded(&self.trees, Fold::Xor, masked, tables, e)?;
        Ok(split(self.trees.len(), &out))
    }
}

/// One party's keys of [`Lookup`]. Used once, wiped, not printed.
pub struct LookupKeys<R: Ring, I: Ring, P: Role> {
    trees: Trees,
    words: PhantomData<(R, I, P)>,
}

impl<R: Ring, I: Ring, P: Role> core::fmt::Debug for LookupKeys<R, I, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LookupKeys({} gates)", self.trees.len())
    }
}

impl<R: Ring, I: Ring> Gate for Lookup<R, I> {
    type Masks<'a> = &'a [I];
    type Dealt = ();
    type Keys<P: Role> = LookupKeys<R, I, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::LOOKUP,
            parameters: [self.shape.domain(), self.shape.value(), 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        count * 16 * self.shape.corrections()
    }
    fn deal(&self, count: usize, masks: &[I], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        let ones = vec![1; count];
        to.trees(self.shape, alphas(masks).as_slice(), Some(&ones))
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<LookupKeys<R, I, P>, Error> {
        Ok(LookupKeys {
            trees: from.trees(self.shape, count)?,
            words: PhantomData,
        })
    }
}

impl<R: Ring, I: Ring, P: Role> LookupKeys<R, I, P> {
    /// This party's shares of `tables[t]` at all x, as element t, from x̂, whose bits above n are ignored.
    ///
    /// # Errors
    /// If there are not as many values as keys or a table is not of 2^n entries, and what the evaluator fails with.
    pub fn evaluate<E: Evaluator>(
        self,
        masked: &[I],
        tables: &[&Table<R>],
        e: &E,
    ) -> Result<Vec<RingVec<R>>, E::Error> {
        let mut out = folded(&self.trees, Fold::Sum, masked, tables, e)?;
        if P::INDEX == 1 {
            piquet_core::lanes::map(out.as_mut_slice(), R::neg);
        }
        low_bits(&mut out, self.trees.shape.value());
        Ok(split(self.trees.len(), &out))
    }
}

/// What the trees give for each table, one after the other.
fn folded<R: Ring, I: Ring, E: Evaluator>(
    trees: &Trees,
    how: Fold,
    masked: &[I],
    tables: &[&Table<R>],
    e: &E,
) -> Result<RingVec<R>, E::Error> {
    same("masked values", masked.len(), trees.len())?;
    let starts = starts(trees.shape.domain(), masked);
    let mut out = RingVec::zeros(trees.len() * tables.len());
    e.fold(trees.view(), how, &starts, tables, out.as_mut_slice())?;
    Ok(out)
}

/// The shares of each table, of `count` gates, of which there are some.
fn split<R: Ring>(count: usize, shares: &RingVec<R>) -> Vec<RingVec<R>> {
    let parts = shares.as_slice().chunks(count);
    parts.map(|part| RingVec::from(part.to_vec())).collect()
}

#[cfg(test)]
mod tests;
