//! n-of-n additive sharing: `x = x_0 + ... + x_{n-1} mod 2^k`.
//!
//! Perfectly private against any `n - 1` parties: their shares are uniform and independent of `x`. The local
//! operations are those of a linear scheme; products need [`beaver`](crate::beaver).

use core::fmt;

use piquet_core::{Ring, RingVec};
use rand_core::CryptoRng;

use crate::{Error, Party, error::same_length};

/// One party's additive share of a vector over Z_2^k.
///
/// No `Clone` (see [`AdditiveVec::duplicate`]), prints only holder and length, wiped when freed. An empty vector is
/// allowed here; protocols refuse it.
pub struct AdditiveVec<R: Ring> {
    party: Party,
    values: RingVec<R>,
}

/// Shares `x` among `parties`: all shares but the last are uniform.
///
/// # Errors
/// [`Error::NoSuchParty`] unless `2 <= parties <= 10`.
pub fn split<R: Ring, G: CryptoRng + ?Sized>(
    x: &[R],
    parties: usize,
    rng: &mut G,
) -> Result<Vec<AdditiveVec<R>>, Error> {
    let mut rest = RingVec::from(x.to_vec());
    let mut shares = Vec::with_capacity(parties);
    let holders: Vec<Party> = Party::all(parties)?.collect();
    if let Some((last, others)) = holders.split_last() {
        for party in others {
            let values = RingVec::random(x.len(), rng);
            rest.sub_assign(values.as_slice());
            shares.push(AdditiveVec {
                party: *party,
                values,
            });
        }
        shares.push(AdditiveVec {
            party: *last,
            values: rest,
        });
    }
    Ok(shares)
}

/// Reconstructs the secret from one share of each party, in any order. The sharing has no redundancy, so a wrong
/// share goes unnoticed.
///
/// # Errors
/// [`Error::ShareSet`] unless each party is there exactly once; [`Error::Length`] if lengths differ.
pub fn open<R: Ring>(shares: &[AdditiveVec<R>]) -> Result<RingVec<R>, Error> {
    complete(shares.iter().map(|s| s.party))?;
    let mut x = RingVec::default();
    for (i, s) in shares.iter().enumerate() {
        if i == 0 {
            x = s.values.duplicate();
        } else {
            same_length(x.len(), s.len())?;
            x.add_assign(s.values.as_slice());
        }
    }
    Ok(x)
}

/// `Ok` if the holders are all parties of one sharing, each once.
pub(crate) fn complete(holders: impl ExactSizeIterator<Item = Party>) -> Result<(), Error> {
    let len = holders.len();
    let mut seen = 0u16;
    let mut count = 0;
    for (i, p) in holders.enumerate() {
        if i == 0 {
            count = p.count();
        }
        if p.count() == count {
            seen |= 1 << p.index();
        }
    }
    let got = seen.count_ones() as usize;
    if got == count && len == count && count > 0 {
        Ok(())
    } else {
        Err(Error::ShareSet {
            want: count.max(2),
            got: got.min(len),
        })
    }
}

impl<R: Ring> AdditiveVec<R> {
    /// The trivial sharing of a public vector: party 0 holds it, the others hold zeros.
    #[must_use]
    pub fn public(party: Party, x: &[R]) -> Self {
        let values = if party.adds_constants() {
            RingVec::from(x.to_vec())
        } else {
            RingVec::zeros(x.len())
        };
        Self { party, values }
    }
    /// Takes `values` to be this party's share. Nothing is checked: a wrong value is a wrong secret.
    #[must_use]
    pub fn from_raw_share(party: Party, values: RingVec<R>) -> Self {
        Self { party, values }
    }
    /// The bare share. Sending it opens the secret to whoever holds the others.
    #[must_use]
    pub fn into_raw_share(self) -> RingVec<R> {
        self.values
    }
    /// The bare share, borrowed.
    #[must_use]
    pub fn raw_share(&self) -> &[R] {
        self.values.as_slice()
    }
    /// A second copy of the share.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            party: self.party,
            values: self.values.duplicate(),
        }
    }
    /// Who holds it.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
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

    fn check(&self, rhs: &Self) -> Result<(), Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())
    }
    fn map(mut self, f: impl Fn(R) -> R) -> Self {
        for v in self.values.as_mut_slice() {
            *v = f(*v);
        }
        self
    }

    /// Shares of `x + y`.
    ///
    /// # Errors
    /// [`Error::Holder`], [`Error::Length`].
    pub fn add(mut self, rhs: &Self) -> Result<Self, Error> {
        self.check(rhs)?;
        self.values.add_assign(rhs.values.as_slice());
        Ok(self)
    }
    /// Shares of `x - y`.
    ///
    /// # Errors
    /// [`Error::Holder`], [`Error::Length`].
    pub fn sub(mut self, rhs: &Self) -> Result<Self, Error> {
        self.check(rhs)?;
        self.values.sub_assign(rhs.values.as_slice());
        Ok(self)
    }
    /// Shares of `-x`.
    #[must_use]
    pub fn neg(self) -> Self {
        self.map(R::neg)
    }
    /// Shares of `x + c` for public `c`; only party 0 does anything.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn add_public(mut self, c: &[R]) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        if self.party.adds_constants() {
            self.values.add_assign(c);
        }
        Ok(self)
    }
    /// Shares of the elementwise product with public `c`.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn mul_public(mut self, c: &[R]) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        for (v, c) in self.values.as_mut_slice().iter_mut().zip(c) {
            *v = v.mul(*c);
        }
        Ok(self)
    }
    /// Shares of `2^bits * x`.
    #[must_use]
    pub fn shl(self, bits: u32) -> Self {
        self.map(|v| v.shl(bits))
    }
}

impl<R: Ring> fmt::Debug for AdditiveVec<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "AdditiveVec<Z_2^{}>[{}] of {}",
            R::BITS,
            self.len(),
            self.party
        )
    }
}
