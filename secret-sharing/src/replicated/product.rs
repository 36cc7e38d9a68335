//! From the local product back to a replicated sharing (eprint 2016/768, section 2; ABY3, section 3.2).
//!
//! `z_i` alone is a function of the factors' components; sent as it is, two multiplications leak inputs. Masked with
//! `alpha_i`, where `alpha_0 + alpha_1 + alpha_2 = 0` and any one party's share is pseudo-random to the others, it is
//! uniform. Cost: `len` elements sent per party, 1 round.

use core::fmt;

use piquet_core::{Ring, RingVec};

use crate::{Error, Rep3Party, Rep3Vec, error::same_length};

/// One party's summand of a product: 3-of-3 additive, **not** independent of the factors. Cannot be sent.
#[must_use = "a product is worth nothing before it is reshared"]
pub struct Rep3Product<R: Ring> {
    party: Rep3Party,
    summand: RingVec<R>,
}

/// One party's share of zero: summands of three parties cancel, and one alone is pseudo-random to the other two.
/// Drawn from [`StepPrss::zero_ring`](crate::prss::StepPrss::zero_ring) only, spent once.
#[must_use = "a drawn share of zero cannot be drawn again"]
pub struct ZeroShare<R: Ring> {
    party: Rep3Party,
    values: RingVec<R>,
}

/// A masked summand: its elements go to the previous party, and the next party's come in.
#[must_use = "the message must be sent and the peer's fed to `finish`"]
pub struct Rep3Reshare<R: Ring> {
    party: Rep3Party,
    mine: RingVec<R>,
}

impl<R: Ring> ZeroShare<R> {
    pub(crate) fn new(party: Rep3Party, values: RingVec<R>) -> Self {
        Self { party, values }
    }
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// The bare values, for protocols that mask something other than a [`Rep3Product`]. Each may mask one message only.
    #[must_use]
    pub fn into_raw(self) -> RingVec<R> {
        self.values
    }
}

impl<R: Ring> Rep3Product<R> {
    /// Takes `summand` to be this party's summand, for products computed by other kernels (matrix products).
    pub fn from_raw_summand(party: Rep3Party, summand: RingVec<R>) -> Self {
        Self { party, summand }
    }
    /// The bare summand, for protocols with a mask of their own (truncation fused into resharing). **Sending it
    /// unmasked leaks the factors.**
    #[must_use]
    pub fn into_raw_summand_unmasked(self) -> RingVec<R> {
        self.summand
    }
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.summand.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.summand.is_empty()
    }
    /// Summand of the sum of two products, so that one resharing serves both.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn add(mut self, rhs: &Self) -> Result<Self, Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())?;
        self.summand.add_assign(rhs.summand.as_slice());
        Ok(self)
    }
    /// Masks the summand; the only way to a message.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn mask(mut self, zero: ZeroShare<R>) -> Result<Rep3Reshare<R>, Error> {
        self.party.same(zero.party)?;
        same_length(self.len(), zero.len())?;
        self.summand.add_assign(zero.values.as_slice());
        Ok(Rep3Reshare {
            party: self.party,
            mine: self.summand,
        })
    }
}

impl<R: Ring> Rep3Reshare<R> {
    /// What goes to the previous party ([`Rep3Party::prev`]), element by element, little-endian.
    #[must_use]
    pub fn message_to_prev(&self) -> &RingVec<R> {
        &self.mine
    }
    /// The replicated share, from the next party's message.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn finish(self, from_next: RingVec<R>) -> Result<Rep3Vec<R>, Error> {
        Rep3Vec::from_raw_components(self.party, self.mine, from_next)
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl<R: Ring> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}<Z_2^{}> of party {}", stringify!($name), R::BITS, self.party.index())
            }
        }
    )*};
}
redacted!(Rep3Product, ZeroShare, Rep3Reshare);
