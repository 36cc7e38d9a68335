//! A trusted dealer of triples.
//!
//! **Insecure if the dealer colludes with any party or keeps what it dealt.** It is for tests, and for models in which a
//! real third party deals and then leaves; a deployment without one makes its triples by oblivious transfer or
//! homomorphic encryption.
//!
//! The parties' program is first run dry to a [`Demand`]; [`TrustedDealer::deal`] turns it into one [`Material`] per
//! party, which hands its batches out in just that order, by value.

use core::fmt;
use std::{any::Any, collections::VecDeque};

use piquet_core::{BitVec, Ring, RingVec, linalg::ConvShape};
use rand_core::CryptoRng;

use crate::{
    AdditiveVec, Error, Party, XorVec, additive,
    beaver::{BitTripleBatch, Product, TripleBatch},
    boolean,
};

/// What one step of a program consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A product over Z_2^ring_bits.
    Product {
        /// 8, 16, 32, 64 or 128.
        ring_bits: u32,
        /// Which product.
        product: Product,
    },
    /// ANDs of packed bits.
    And {
        /// Number of bits.
        len: usize,
    },
}

impl Item {
    /// `len` products of elements.
    #[must_use]
    pub fn mul<R: Ring>(len: usize) -> Self {
        Self::of::<R>(Product::Elements { len })
    }
    /// `len` ANDs.
    #[must_use]
    pub fn and(len: usize) -> Self {
        Self::And { len }
    }
    /// A matrix product.
    #[must_use]
    pub fn matmul<R: Ring>(m: usize, k: usize, n: usize) -> Self {
        Self::of::<R>(Product::MatMul { m, k, n })
    }
    /// A convolution.
    #[must_use]
    pub fn conv<R: Ring>(shape: ConvShape) -> Self {
        Self::of::<R>(Product::Conv(shape))
    }
    /// Any product over `R`.
    #[must_use]
    pub fn of<R: Ring>(product: Product) -> Self {
        Self::Product {
            ring_bits: R::BITS,
            product,
        }
    }
    fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Product { ring_bits, product } => {
                if !matches!(ring_bits, 8 | 16 | 32 | 64 | 128) {
                    return Err(Error::NoSuchRing(*ring_bits));
                }
                product.validate()
            }
            Self::And { len: 0 } => Err(Error::Empty),
            Self::And { .. } => Ok(()),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product { ring_bits, product } => write!(f, "{product} modulo 2^{ring_bits}"),
            Self::And { len } => write!(f, "{len} ANDs"),
        }
    }
}

/// What a program consumes, in the order of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    items: Vec<Item>,
}

impl Demand {
    /// Of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Of these items in this order.
    ///
    /// # Errors
    /// As for [`Demand::push`].
    pub fn try_from_iter(items: impl IntoIterator<Item = Item>) -> Result<Self, Error> {
        let mut demand = Self::new();
        for item in items {
            demand.push(item)?;
        }
        Ok(demand)
    }
    /// Appends an item.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLarge`], [`Error::Shape`], [`Error::NoSuchRing`].
    pub fn push(&mut self, item: Item) -> Result<(), Error> {
        item.validate()?;
        self.items.push(item);
        Ok(())
    }
    /// The items in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

/// Deals triples in the clear: **it knows every mask**. See the [module](self) for when that is acceptable.
#[derive(Debug, Clone, Copy)]
pub struct TrustedDealer;

/// One party's share of what was dealt, handed out in the order of the demand. Not `Clone`, no encoding.
pub struct Material {
    party: Party,
    batches: VecDeque<(Item, Batch)>,
}

enum Batch {
    /// A `TripleBatch` over the ring of its item.
    Ring(Box<dyn Any + Send>),
    Bits(BitTripleBatch),
}

impl TrustedDealer {
    /// Shares triples for all of `demand` among `parties`, in memory; party `i` gets element `i`.
    ///
    /// # Errors
    /// [`Error::NoSuchParty`] unless `2 <= parties <= 10`.
    pub fn deal<G: CryptoRng + ?Sized>(
        demand: &Demand,
        parties: usize,
        rng: &mut G,
    ) -> Result<Vec<Material>, Error> {
        let mut dealt: Vec<Material> = Party::all(parties)?
            .map(|party| Material {
                party,
                batches: VecDeque::with_capacity(demand.items.len()),
            })
            .collect();
        for item in &demand.items {
            let batches = match item {
                Item::And { len } => deal_bits(*len, parties, rng)?,
                Item::Product { ring_bits, product } => match ring_bits {
                    8 => deal_product::<u8, G>(product, parties, rng)?,
                    16 => deal_product::<u16, G>(product, parties, rng)?,
                    32 => deal_product::<u32, G>(product, parties, rng)?,
                    64 => deal_product::<u64, G>(product, parties, rng)?,
                    128 => deal_product::<u128, G>(product, parties, rng)?,
                    other => return Err(Error::NoSuchRing(*other)),
                },
            };
            for (material, batch) in dealt.iter_mut().zip(batches) {
                material.batches.push_back((*item, batch));
            }
        }
        Ok(dealt)
    }
}

fn deal_product<R: Ring, G: CryptoRng + ?Sized>(
    product: &Product,
    parties: usize,
    rng: &mut G,
) -> Result<Vec<Batch>, Error> {
    let a = RingVec::<R>::random(product.left_len(), rng);
    let b = RingVec::<R>::random(product.right_len(), rng);
    let mut c = RingVec::<R>::zeros(product.output_len());
    product.accumulate(&[(a.as_slice(), b.as_slice())], &mut c)?;
    let mut shares = |x: &RingVec<R>| additive::split(x.as_slice(), parties, rng);
    let (a, b, c) = (shares(&a)?, shares(&b)?, shares(&c)?);
    a.into_iter()
        .zip(b)
        .zip(c)
        .map(|((a, b), c)| {
            let raw = AdditiveVec::into_raw_share;
            let batch = TripleBatch::from_raw_shares(a.party(), *product, raw(a), raw(b), raw(c))?;
            Ok(Batch::Ring(Box::new(batch)))
        })
        .collect()
}

fn deal_bits<G: CryptoRng + ?Sized>(
    len: usize,
    parties: usize,
    rng: &mut G,
) -> Result<Vec<Batch>, Error> {
    let a = BitVec::random(len, rng);
    let b = BitVec::random(len, rng);
    let mut c = a.duplicate();
    c.and_assign(&b);
    let mut shares = |x: &BitVec| boolean::split_xor(x, parties, rng);
    let (a, b, c) = (shares(&a)?, shares(&b)?, shares(&c)?);
    a.into_iter()
        .zip(b)
        .zip(c)
        .map(|((a, b), c)| {
            let raw = XorVec::into_raw_share;
            BitTripleBatch::from_raw_shares(a.party(), raw(a), raw(b), raw(c)).map(Batch::Bits)
        })
        .collect()
}

impl Material {
    /// Whose it is.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
    }
    /// The item that is handed out next.
    #[must_use]
    pub fn due(&self) -> Option<&Item> {
        self.batches.front().map(|(item, _)| item)
    }
    /// Triples for `len` products of elements.
    ///
    /// # Errors
    /// [`Error::WrongItem`] if something else is due; nothing is consumed.
    pub fn next_mul<R: Ring>(&mut self, len: usize) -> Result<TripleBatch<R>, Error> {
        self.next_product(Product::Elements { len })
    }
    /// The triple for one product.
    ///
    /// # Errors
    /// [`Error::WrongItem`] if something else is due; nothing is consumed.
    pub fn next_product<R: Ring>(&mut self, product: Product) -> Result<TripleBatch<R>, Error> {
        let asked = Item::of::<R>(product);
        match self.pop(&asked)? {
            Batch::Ring(batch) => match batch.downcast() {
                Ok(batch) => Ok(*batch),
                Err(_) => Err(self.wrong(asked)),
            },
            Batch::Bits(_) => Err(self.wrong(asked)),
        }
    }
    /// Triples for `len` ANDs.
    ///
    /// # Errors
    /// [`Error::WrongItem`] if something else is due; nothing is consumed.
    pub fn next_and(&mut self, len: usize) -> Result<BitTripleBatch, Error> {
        let asked = Item::and(len);
        match self.pop(&asked)? {
            Batch::Bits(batch) => Ok(batch),
            Batch::Ring(_) => Err(self.wrong(asked)),
        }
    }

    fn pop(&mut self, asked: &Item) -> Result<Batch, Error> {
        if self.due() == Some(asked)
            && let Some((_, batch)) = self.batches.pop_front()
        {
            Ok(batch)
        } else {
            Err(self.wrong(*asked))
        }
    }
    fn wrong(&self, asked: Item) -> Error {
        Error::WrongItem {
            asked: Box::new(asked),
            due: self.due().map(|item| Box::new(*item)),
        }
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, party) = (self.batches.len(), self.party);
        write!(f, "Material[{left} items] of {party}")
    }
}
