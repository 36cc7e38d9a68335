//! Triples of bilinear maps over Z_2^k under encryption: C = A * B, * a matrix product or a convolution, all of them shared by
//! addition. Semi-honest only.
//!
//! **Protocol.** Each party draws its shares of A and B, and [`crate::shared`] multiplies them: A_0 B_1 and A_1 B_0 are two products of
//! a client's encrypted input with a server's weights, each party once as either. Weights are shares, uniform modulo 2^k and
//! taken to their representatives of least absolute value: their public bound is 2^(k-1). Of a matrix product the
//! transposed one, B^T A^T, is taken if that is the cheaper one.
//!
//! **Cost**: [`Setting::bytes`] each way, which are twice those of [`crate::linear`] shared out evenly; so many bytes for n m inner products
//! of length k, where correlated OTs take them for each of the n m k products of elements.
//!
//! **Security**: that of [`crate::shared`] in the exact mode, given that the shares are uniform and drawn afresh. Who learns what: either
//! party its own share, and the shape.

mod shape;

use core::fmt;
use std::sync::Arc;

use piquet_core::wire::{Machine, Step};
use piquet_core::{Ring, RingVec};
use rand_core::CryptoRng;

use super::{in_words, reduce, width};
use crate::backend::Backend;
use crate::encoding::{Costs, Plan, plan};
use crate::linear::{Layer, client, server};
use crate::shared;
use crate::{Error, Mode, Native, Params, PlainModulus};
pub use shape::Shape;

/// What both parties agree on: which product, of elements of how many bits, and how it is encrypted.
pub struct Setting<S: Shape, B = Native> {
    shape: S,
    transposed: bool,
    bits: u32,
    layer: Layer<B>,
}

impl<S: Shape> Setting<S> {
    /// The cheapest one, by [`plan()`], for a product over Z_2^bits, `bits` 1 to 64.
    ///
    /// # Errors
    /// [`Error::Parameter`]; [`Error::Shape`]; [`Error::Noise`] where no parameters suffice.
    pub fn new(shape: S, bits: u32) -> Result<Self, Error> {
        Self::with_backend(shape, bits, Native::new)
    }
}

impl<S: Shape, B: Backend> Setting<S, B> {
    /// [`Setting::new`] over another backend.
    ///
    /// # Errors
    /// As [`Setting::new`].
    pub fn with_backend(
        shape: S,
        bits: u32,
        backend: impl FnOnce(Params) -> B,
    ) -> Result<Self, Error> {
        width::<u64>(bits)?;
        let plain = PlainModulus::Bits(bits);
        let mut best: Option<(Plan, bool)> = None;
        for (layer, transposed) in shape.layers()? {
            let weight = shared::bound(plain);
            let plan = plan(&layer, plain, Mode::Exact, weight, &Costs::default())?;
            if best
                .as_ref()
                .is_none_or(|(least, _)| plan.time < least.time)
            {
                best = Some((plan, transposed));
            }
        }
        let (plan, transposed) = best.ok_or(Error::Foreign("shape"))?;
        Ok(Self {
            shape,
            transposed,
            bits,
            layer: Layer::new(Arc::new(backend(plan.params)), plan.encoding)?,
        })
    }
    /// The product.
    #[must_use]
    pub fn shape(&self) -> S {
        self.shape
    }
    /// log2 of the modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }
    /// The layer as which it is computed, for which both parties' keys are made.
    #[must_use]
    pub fn layer(&self) -> &Layer<B> {
        &self.layer
    }
    /// Bytes that each party sends, without its key.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.layer.bytes().iter().sum()
    }
}

/// A party's own key, and the other's; they serve for any number of triples of a setting.
pub struct Keys<'a, B: Backend> {
    /// This party's own.
    pub own: &'a client::Key<B>,
    /// The other party's.
    pub peer: &'a server::PublicKey<B>,
}

/// This party's shares of A and B, for one triple.
pub struct Factors<'a, R: Ring, S: Shape, B: Backend> {
    setting: &'a Setting<S, B>,
    input: RingVec<u64>,
    weights: shared::Weights<B>,
    /// Until they are in a triple.
    shares: Option<[RingVec<R>; 2]>,
}

impl<'a, R: Ring, S: Shape, B: Backend> Factors<'a, R, S, B> {
    /// Draws them.
    ///
    /// # Errors
    /// [`Error::Parameter`] if an element does not fit into `R`.
    pub fn draw<G: CryptoRng + ?Sized>(
        setting: &'a Setting<S, B>,
        rng: &mut G,
    ) -> Result<Self, Error> {
        width::<R>(setting.bits)?;
        let [a, b] = setting.shape.lens()?.map(|n| {
            let mut x = RingVec::<R>::random(n, rng);
            reduce(&mut x, setting.bits);
            x
        });
        Self::of(setting, a, b)
    }
    fn of(setting: &'a Setting<S, B>, a: RingVec<R>, b: RingVec<R>) -> Result<Self, Error> {
        let [input, weights] = setting.shape.place(setting.transposed, &a, &b);
        Ok(Self {
            setting,
            input: in_words(&input),
            weights: shared::Weights::new(&setting.layer, in_words(&weights).as_slice())?,
            shares: Some([a, b]),
        })
    }
    /// Party 0's part of triple number `step`, below 2^63, of the keys' session. A number is used once, and factors too.
    ///
    /// # Errors
    /// [`Error::Foreign`] for keys of other parameters or of two sessions; [`Error::Parameter`] for factors that were used
    /// before, and for the step.
    pub fn first<'r, G: CryptoRng + ?Sized>(
        &'r mut self,
        keys: Keys<'r, B>,
        step: u64,
        rng: &mut G,
    ) -> Result<Run<'r, R, S, B>, Error> {
        self.run(keys, |party, input| {
            shared::Product::first(party, step, input, rng)
        })
    }
    /// Party 1's part.
    ///
    /// # Errors
    /// As [`Factors::first`].
    pub fn second<'r, G: CryptoRng + ?Sized>(
        &'r mut self,
        keys: Keys<'r, B>,
        step: u64,
        rng: &mut G,
    ) -> Result<Run<'r, R, S, B>, Error> {
        self.run(keys, |party, input| {
            shared::Product::second(party, step, input, rng)
        })
    }
    fn run<'r>(
        &'r mut self,
        keys: Keys<'r, B>,
        product: impl FnOnce(shared::Party<'r, B>, &'r [u64]) -> Result<shared::Product<'r, B>, Error>,
    ) -> Result<Run<'r, R, S, B>, Error> {
        let shares = self.shares.take().ok_or(Error::Parameter {
            what: "uses of factors",
            got: 2,
            domain: "one triple",
        })?;
        let party = shared::Party {
            layer: &self.setting.layer,
            key: keys.own,
            peer: keys.peer,
            weights: &self.weights,
        };
        Ok(Run {
            product: product(party, self.input.as_slice())?,
            shape: self.setting.shape,
            transposed: self.setting.transposed,
            bits: self.setting.bits,
            shares,
        })
    }
}

/// A party's part of one triple: [`Machine`] to its share.
pub struct Run<'a, R: Ring, S: Shape, B: Backend> {
    product: shared::Product<'a, B>,
    shape: S,
    transposed: bool,
    bits: u32,
    shares: [RingVec<R>; 2],
}

impl<R: Ring, S: Shape, B: Backend> Machine for Run<'_, R, S, B> {
    type Output = S::Triple<R>;
    type Error = Error;

    fn expects(&self) -> usize {
        self.product.expects()
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        Ok(match self.product.step(inbox, out)? {
            Step::Send(product) => Step::Send(Self { product, ..self }),
            Step::Recv(product) => Step::Recv(Self { product, ..self }),
            Step::Done(c) => {
                let c: RingVec<R> = c.as_slice().iter().map(|c| R::from_u64(*c)).collect();
                let c = self.shape.output(self.transposed, c);
                let [a, b] = self.shares;
                let triple = self.shape.triple(self.bits, a, b, c);
                Step::Done(triple.ok_or(Error::Foreign("shape"))?)
            }
        })
    }
}

impl<S: Shape, B> fmt::Debug for Setting<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting<Z_2^{}>({:?})", self.bits, self.shape)
    }
}

impl<B: Backend> fmt::Debug for Keys<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl<R: Ring, S: Shape, B: Backend> fmt::Debug for Factors<'_, R, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Factors({:?})", self.setting)
    }
}

impl<R: Ring, S: Shape, B: Backend> fmt::Debug for Run<'_, R, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run<Z_2^{}>({:?})", self.bits, self.shape)
    }
}

#[cfg(test)]
mod tests;
