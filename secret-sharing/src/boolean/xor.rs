//! n-of-n XOR sharing of packed bits.

use core::fmt;

use piquet_core::BitVec;
use rand_core::CryptoRng;

use crate::{Error, Party, additive::complete, error::same_length};

/// One party's XOR share of a vector of bits.
///
/// No `Clone` (see [`XorVec::duplicate`]), prints only holder and length, wiped when freed.
pub struct XorVec {
    party: Party,
    bits: BitVec,
}

/// Shares `x` among `parties`: all shares but the last are uniform.
///
/// # Errors
/// [`Error::NoSuchParty`] unless `2 <= parties <= 10`.
pub fn split<G: CryptoRng + ?Sized>(
    x: &BitVec,
    parties: usize,
    rng: &mut G,
) -> Result<Vec<XorVec>, Error> {
    let mut rest = x.duplicate();
    let mut shares = Vec::with_capacity(parties);
    let holders: Vec<Party> = Party::all(parties)?.collect();
    if let Some((last, others)) = holders.split_last() {
        for party in others {
            let bits = BitVec::random(x.len(), rng);
            rest.xor_assign(&bits);
            shares.push(XorVec {
                party: *party,
                bits,
            });
        }
        shares.push(XorVec {
            party: *last,
            bits: rest,
        });
    }
    Ok(shares)
}

/// Reconstructs the secret from one share of each party, in any order; a wrong share goes unnoticed.
///
/// # Errors
/// [`Error::ShareSet`] unless each party is there exactly once; [`Error::Length`] if lengths differ.
pub fn open(shares: &[XorVec]) -> Result<BitVec, Error> {
    complete(shares.iter().map(|s| s.party))?;
    let mut x = BitVec::zeros(shares.first().map_or(0, XorVec::len));
    for s in shares {
        same_length(x.len(), s.len())?;
        x.xor_assign(&s.bits);
    }
    Ok(x)
}

impl XorVec {
    /// The trivial sharing of public bits: party 0 holds them, the others hold zeros.
    #[must_use]
    pub fn public(party: Party, x: &BitVec) -> Self {
        let bits = if party.adds_constants() {
            x.duplicate()
        } else {
            BitVec::zeros(x.len())
        };
        Self { party, bits }
    }
    /// Takes `bits` to be this party's share. Nothing is checked: a wrong value is a wrong secret.
    #[must_use]
    pub fn from_raw_share(party: Party, bits: BitVec) -> Self {
        Self { party, bits }
    }
    /// The bare share. Sending it opens the secret to whoever holds the others.
    #[must_use]
    pub fn into_raw_share(self) -> BitVec {
        self.bits
    }
    /// The bare share, borrowed.
    #[must_use]
    pub fn raw_share(&self) -> &BitVec {
        &self.bits
    }
    /// A second copy of the share.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            party: self.party,
            bits: self.bits.duplicate(),
        }
    }
    /// Who holds it.
    #[must_use]
    pub fn party(&self) -> Party {
        self.party
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

    /// Shares of `x ^ y`.
    ///
    /// # Errors
    /// [`Error::Holder`], [`Error::Length`].
    pub fn xor(mut self, rhs: &Self) -> Result<Self, Error> {
        self.party.same(rhs.party)?;
        same_length(self.len(), rhs.len())?;
        self.bits.xor_assign(&rhs.bits);
        Ok(self)
    }
    /// Shares of `!x`; only party 0 does anything.
    #[must_use]
    pub fn not(mut self) -> Self {
        if self.party.adds_constants() {
            self.bits.not_assign();
        }
        self
    }
    /// Shares of `x ^ c` for public `c`; only party 0 does anything.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn xor_public(mut self, c: &BitVec) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        if self.party.adds_constants() {
            self.bits.xor_assign(c);
        }
        Ok(self)
    }
    /// Shares of `x & c` for public `c`.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn and_public(mut self, c: &BitVec) -> Result<Self, Error> {
        same_length(self.len(), c.len())?;
        self.bits.and_assign(c);
        Ok(self)
    }
}

impl fmt::Debug for XorVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XorVec[{}] of {}", self.len(), self.party)
    }
}
