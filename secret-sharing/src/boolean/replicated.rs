//! 2-of-3 replicated XOR sharing of packed bits: party `i` holds `x_i` (`mine`) and `x_{i+1}` (`next`).

use core::fmt;

use piquet_core::BitVec;
use rand_core::CryptoRng;

use crate::{Error, Rep3Party, error::same_length};

/// One party's replicated share of a vector of bits.
///
/// No `Clone` (see [`Rep3Bits::duplicate`]), prints only holder and length, wiped when freed.
pub struct Rep3Bits {
    party: Rep3Party,
    mine: BitVec,
    next: BitVec,
}

/// Shares `x` among parties 0, 1, 2: components 0 and 1 are uniform.
pub fn split<G: CryptoRng + ?Sized>(x: &BitVec, rng: &mut G) -> [Rep3Bits; 3] {
    let c0 = BitVec::random(x.len(), rng);
    let c1 = BitVec::random(x.len(), rng);
    let mut c2 = x.duplicate();
    c2.xor_assign(&c0);
    c2.xor_assign(&c1);
    let share = |party, mine: &BitVec, next: &BitVec| Rep3Bits {
        party,
        mine: mine.duplicate(),
        next: next.duplicate(),
    };
    [
        share(Rep3Party::P0, &c0, &c1),
        share(Rep3Party::P1, &c1, &c2),
        share(Rep3Party::P2, &c2, &c0),
    ]
}

/// Reconstructs the secret from the shares of two or three parties, in any order, after checking that every component
/// held twice is the same on both sides.
///
/// # Errors
/// [`Error::ShareSet`] unless two or three distinct parties are there; [`Error::Length`]; [`Error::Inconsistent`] if
/// two copies of a component differ (in constant time over the contents).
pub fn open(shares: &[&Rep3Bits]) -> Result<BitVec, Error> {
    let mut components: [Option<&BitVec>; 3] = [None; 3];
    let mut holders = 0u8;
    let mut difference = 0;
    for s in shares {
        holders |= 1 << s.party.index();
        for (index, bits) in [
            (s.party.index(), &s.mine),
            (s.party.next().index(), &s.next),
        ] {
            if let Some(slot) = components.get_mut(index) {
                match slot {
                    None => *slot = Some(bits),
                    Some(other) => {
                        same_length(other.len(), bits.len())?;
                        for (a, b) in other.words().iter().zip(bits.words()) {
                            difference |= a ^ b;
                        }
                    }
                }
            }
        }
    }
    let got = holders.count_ones() as usize;
    let ([Some(c0), Some(c1), Some(c2)], true) = (components, got == shares.len()) else {
        return Err(Error::ShareSet { want: 2, got });
    };
    same_length(c0.len(), c1.len())?;
    same_length(c0.len(), c2.len())?;
    if difference != 0 {
        return Err(Error::Inconsistent);
    }
    let mut x = c0.duplicate();
    x.xor_assign(c1);
    x.xor_assign(c2);
    Ok(x)
}

impl Rep3Bits {
    /// The trivial sharing of public bits: component 0 holds them, the others are zero.
    #[must_use]
    pub fn public(party: Rep3Party, x: &BitVec) -> Self {
        let component = |holds_zeroth| {
            if holds_zeroth {
                x.duplicate()
            } else {
                BitVec::zeros(x.len())
            }
        };
        Self {
            party,
            mine: component(party == Rep3Party::P0),
            next: component(party == Rep3Party::P2),
        }
    }
    /// Takes `mine` and `next` to be this party's components. Only their lengths are checked.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn from_raw_components(
        party: Rep3Party,
        mine: BitVec,
        next: BitVec,
    ) -> Result<Self, Error> {
        same_length(mine.len(), next.len())?;
        Ok(Self { party, mine, next })
    }
    /// The bare components, `(mine, next)`. Either of them completes the secret for the party that lacks it.
    #[must_use]
    pub fn into_raw_components(self) -> (BitVec, BitVec) {
        (self.mine, self.next)
    }
    /// The bare components, `(mine, next)`, borrowed.
    #[must_use]
    pub fn raw_components(&self) -> (&BitVec, &BitVec) {
        (&self.mine, &self.next)
    }
    /// A second copy of the share.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            party: self.party,
            mine: self.mine.duplicate(),
            next: self.next.duplicate(),
        }
    }
    /// Who holds it.
    #[must_use]
    pub fn party(&self) -> Rep3Party {
        self.party
    }
    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mine.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, rhs: &Self) -> Result<(), Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())
    }

    /// Shares of `x ^ y`.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn xor(mut self, rhs: &Self) -> Result<Self, Error> {
        self.check(rhs)?;
        self.mine.xor_assign(&rhs.mine);
        self.next.xor_assign(&rhs.next);
        Ok(self)
    }
    /// Shares of `!x`; changes component 0.
    #[must_use]
    pub fn not(mut self) -> Self {
        match self.party {
            Rep3Party::P0 => self.mine.not_assign(),
            Rep3Party::P1 => {}
            Rep3Party::P2 => self.next.not_assign(),
        }
        self
    }
    /// Shares of `x ^ c` for public `c`; changes component 0.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn xor_public(mut self, c: &BitVec) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        match self.party {
            Rep3Party::P0 => self.mine.xor_assign(c),
            Rep3Party::P1 => {}
            Rep3Party::P2 => self.next.xor_assign(c),
        }
        Ok(self)
    }
    /// Shares of `x & c` for public `c`.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn and_public(mut self, c: &BitVec) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        self.mine.and_assign(c);
        self.next.and_assign(c);
        Ok(self)
    }

    /// This party's summand of `x & y`: `x_i (y_i ^ y_{i+1}) ^ x_{i+1} y_i`. Local.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn local_and(&self, rhs: &Self) -> Result<Rep3BitProduct, Error> {
        self.check(rhs)?;
        let mut summand = BitVec::zeros(self.len());
        let factors = self.mine.words().iter().zip(self.next.words());
        let others = rhs.mine.words().iter().zip(rhs.next.words());
        for (z, ((x, x_next), (y, y_next))) in
            summand.words_mut().iter_mut().zip(factors.zip(others))
        {
            *z = (x & (y ^ y_next)) ^ (x_next & y);
        }
        Ok(Rep3BitProduct::from_raw_summand(self.party, summand))
    }

    /// The secret, from this share and the one component that it lacks: `mine` of the previous party, equally `next`
    /// of the next one. In a protocol every party sends `mine` to its next: `len` bits per party, 1 round.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn open_with(&self, missing: &BitVec) -> Result<BitVec, Error> {
        same_length(self.len(), missing.len())?;
        let mut x = self.mine.duplicate();
        x.xor_assign(&self.next);
        x.xor_assign(missing);
        Ok(x)
    }
}

impl fmt::Debug for Rep3Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Rep3Bits[{}] of party {}",
            self.len(),
            self.party.index()
        )
    }
}

/// One party's summand of an AND: 3-of-3 XOR, **not** independent of the factors. Cannot be sent.
#[must_use = "a product is worth nothing before it is reshared"]
pub struct Rep3BitProduct {
    party: Rep3Party,
    summand: BitVec,
}

/// One party's XOR share of zero, pseudo-random to the other two parties. Drawn from
/// [`StepPrss::zero_bits`](crate::prss::StepPrss::zero_bits) only, spent once.
#[must_use = "a drawn share of zero cannot be drawn again"]
pub struct ZeroBits {
    party: Rep3Party,
    bits: BitVec,
}

/// A masked summand: its bits go to the previous party, and the next party's come in.
#[must_use = "the message must be sent and the peer's fed to `finish`"]
pub struct Rep3BitReshare {
    party: Rep3Party,
    mine: BitVec,
}

impl ZeroBits {
    pub(crate) fn new(party: Rep3Party, bits: BitVec) -> Self {
        Self { party, bits }
    }
    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The bare bits, for protocols that mask something other than a [`Rep3BitProduct`]. Each may mask one message only.
    #[must_use]
    pub fn into_raw(self) -> BitVec {
        self.bits
    }
}

impl Rep3BitProduct {
    /// Takes `summand` to be this party's summand, for products computed by other kernels.
    pub fn from_raw_summand(party: Rep3Party, summand: BitVec) -> Self {
        Self { party, summand }
    }
    /// The bare summand, for protocols with a mask of their own. **Sending it unmasked leaks the factors.**
    #[must_use]
    pub fn into_raw_summand_unmasked(self) -> BitVec {
        self.summand
    }
    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.summand.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Summand of the XOR of two products, so that one resharing serves both.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn xor(mut self, rhs: &Self) -> Result<Self, Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())?;
        self.summand.xor_assign(&rhs.summand);
        Ok(self)
    }
    /// Masks the summand; the only way to a message.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn mask(mut self, zero: ZeroBits) -> Result<Rep3BitReshare, Error> {
        self.party.same(zero.party)?;
        same_length(self.len(), zero.len())?;
        self.summand.xor_assign(&zero.bits);
        Ok(Rep3BitReshare {
            party: self.party,
            mine: self.summand,
        })
    }
}

impl Rep3BitReshare {
    /// What goes to the previous party ([`Rep3Party::prev`]).
    #[must_use]
    pub fn message_to_prev(&self) -> &BitVec {
        &self.mine
    }
    /// The replicated share, from the next party's message.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn finish(self, from_next: BitVec) -> Result<Rep3Bits, Error> {
        Rep3Bits::from_raw_components(self.party, self.mine, from_next)
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} of party {}", stringify!($name), self.party.index())
            }
        }
    )*};
}
redacted!(Rep3BitProduct, ZeroBits, Rep3BitReshare);
