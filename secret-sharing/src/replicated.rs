//! 2-of-3 replicated sharing: `x = x_0 + x_1 + x_2 mod 2^k`, party `i` holds `x_i` (`mine`) and `x_{i+1}` (`next`).
//!
//! Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016 (eprint 2016/768), section 2; over rings as in ABY3 (eprint
//! 2018/403), section 3. Perfectly private against any one party. A product of two sharings is local, but falls out as
//! a 3-of-3 additive sharing that still depends on the factors: [`Rep3Product`] has no way to the wire except through
//! [`Rep3Product::mask`] with a fresh sharing of zero.

mod product;
mod seeded;

use core::fmt;

use piquet_core::{Ring, RingVec};
use rand_core::CryptoRng;

pub use product::{Rep3Product, Rep3Reshare, ZeroShare};
pub use seeded::{SeededRep3, SeededShape, split_seeded};

use crate::{Error, Rep3Party, error::same_length};

/// One party's replicated share of a vector over Z_2^k.
///
/// No `Clone` (see [`Rep3Vec::duplicate`]), prints only holder and length, wiped when freed. An empty vector is
/// allowed here; protocols refuse it.
pub struct Rep3Vec<R: Ring> {
    party: Rep3Party,
    mine: RingVec<R>,
    next: RingVec<R>,
}

/// Shares `x` among parties 0, 1, 2: components 0 and 1 are uniform.
pub fn split<R: Ring, G: CryptoRng + ?Sized>(x: &[R], rng: &mut G) -> [Rep3Vec<R>; 3] {
    let c0 = RingVec::random(x.len(), rng);
    let c1 = RingVec::random(x.len(), rng);
    let mut c2 = RingVec::from(x.to_vec());
    c2.sub_assign(c0.as_slice());
    c2.sub_assign(c1.as_slice());
    let share = |party, mine: &RingVec<R>, next: &RingVec<R>| Rep3Vec {
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
pub fn open<R: Ring>(shares: &[&Rep3Vec<R>]) -> Result<RingVec<R>, Error> {
    let mut components: [Option<&RingVec<R>>; 3] = [None; 3];
    let mut holders = 0u8;
    let mut difference = R::ZERO;
    for s in shares {
        holders |= 1 << s.party.index();
        for (index, values) in [
            (s.party.index(), &s.mine),
            (s.party.next().index(), &s.next),
        ] {
            if let Some(slot) = components.get_mut(index) {
                match slot {
                    None => *slot = Some(values),
                    Some(other) => {
                        same_length(other.len(), values.len())?;
                        difference = or(difference, differing_bits(other, values));
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
    if difference != R::ZERO {
        return Err(Error::Inconsistent);
    }
    let mut x = c0.duplicate();
    x.add_assign(c1.as_slice());
    x.add_assign(c2.as_slice());
    Ok(x)
}

fn or<R: Ring>(a: R, b: R) -> R {
    a.xor(b).xor(a.and(b))
}

fn differing_bits<R: Ring>(a: &RingVec<R>, b: &RingVec<R>) -> R {
    a.as_slice()
        .iter()
        .zip(b.as_slice())
        .fold(R::ZERO, |d, (a, b)| or(d, a.xor(*b)))
}

impl<R: Ring> Rep3Vec<R> {
    /// The trivial sharing of a public vector: component 0 is the vector, the others are zero.
    #[must_use]
    pub fn public(party: Rep3Party, x: &[R]) -> Self {
        let component = |holds_zeroth| {
            if holds_zeroth {
                RingVec::from(x.to_vec())
            } else {
                RingVec::zeros(x.len())
            }
        };
        Self {
            party,
            mine: component(party == Rep3Party::P0),
            next: component(party == Rep3Party::P2),
        }
    }
    /// Takes `mine` and `next` to be this party's components. Only their lengths are checked: components that differ
    /// from the other holder's are a sharing of nothing.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn from_raw_components(
        party: Rep3Party,
        mine: RingVec<R>,
        next: RingVec<R>,
    ) -> Result<Self, Error> {
        same_length(mine.len(), next.len())?;
        Ok(Self { party, mine, next })
    }
    /// The bare components, `(mine, next)`. Either of them completes the secret for the party that lacks it.
    #[must_use]
    pub fn into_raw_components(self) -> (RingVec<R>, RingVec<R>) {
        (self.mine, self.next)
    }
    /// The bare components, `(mine, next)`, borrowed.
    #[must_use]
    pub fn raw_components(&self) -> (&[R], &[R]) {
        (self.mine.as_slice(), self.next.as_slice())
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
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mine.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mine.is_empty()
    }

    fn check(&self, rhs: &Self) -> Result<(), Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())
    }
    fn components_mut(&mut self) -> [&mut RingVec<R>; 2] {
        [&mut self.mine, &mut self.next]
    }
    fn map(mut self, f: impl Fn(R) -> R) -> Self {
        for c in self.components_mut() {
            for v in c.as_mut_slice() {
                *v = f(*v);
            }
        }
        self
    }

    /// Shares of `x + y`.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn add(mut self, rhs: &Self) -> Result<Self, Error> {
        self.check(rhs)?;
        self.mine.add_assign(rhs.mine.as_slice());
        self.next.add_assign(rhs.next.as_slice());
        Ok(self)
    }
    /// Shares of `x - y`.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn sub(mut self, rhs: &Self) -> Result<Self, Error> {
        self.check(rhs)?;
        self.mine.sub_assign(rhs.mine.as_slice());
        self.next.sub_assign(rhs.next.as_slice());
        Ok(self)
    }
    /// Shares of `-x`.
    #[must_use]
    pub fn neg(self) -> Self {
        self.map(R::neg)
    }
    /// Shares of `x + c` for public `c`; changes component 0, in the hands of parties 0 and 2.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn add_public(mut self, c: &[R]) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        match self.party {
            Rep3Party::P0 => self.mine.add_assign(c),
            Rep3Party::P1 => {}
            Rep3Party::P2 => self.next.add_assign(c),
        }
        Ok(self)
    }
    /// Shares of the elementwise product with public `c`.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn mul_public(mut self, c: &[R]) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        for component in self.components_mut() {
            for (v, c) in component.as_mut_slice().iter_mut().zip(c) {
                *v = v.mul(*c);
            }
        }
        Ok(self)
    }
    /// Shares of `2^bits * x`.
    #[must_use]
    pub fn shl(self, bits: u32) -> Self {
        self.map(|v| v.shl(bits))
    }

    /// This party's summand of the elementwise product: `x_i y_i + x_i y_{i+1} + x_{i+1} y_i`, as
    /// `x_i (y_i + y_{i+1}) + x_{i+1} y_i`. Local; two multiplications per element.
    ///
    /// # Errors
    /// [`Error::Rep3Holder`], [`Error::Length`].
    pub fn local_mul(&self, rhs: &Self) -> Result<Rep3Product<R>, Error> {
        self.check(rhs)?;
        let (x, x_next) = self.raw_components();
        let (y, y_next) = rhs.raw_components();
        let summand = x
            .iter()
            .zip(x_next)
            .zip(y.iter().zip(y_next))
            .map(|((x, x_next), (y, y_next))| x.mul(y.add(*y_next)).add(x_next.mul(*y)))
            .collect();
        Ok(Rep3Product::from_raw_summand(self.party, summand))
    }

    /// The secret, from this share and the one component that it lacks: `mine` of the previous party, equally `next`
    /// of the next one. In a protocol every party sends `mine` to its next: `len` elements per party, 1 round.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn open_with(&self, missing: &[R]) -> Result<RingVec<R>, Error> {
        same_length(self.len(), missing.len())?;
        let mut x = self.mine.duplicate();
        x.add_assign(self.next.as_slice());
        x.add_assign(missing);
        Ok(x)
    }
}

impl<R: Ring> fmt::Debug for Rep3Vec<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Rep3Vec<Z_2^{}>[{}] of party {}",
            R::BITS,
            self.len(),
            self.party.index()
        )
    }
}
