//! Three replicated parties: seed `k_i` is `mine` of party `i` and `next` of party `i - 1`.

use core::fmt;

use piquet_core::{Prg, Ring, wire::SessionId};

use super::{SessionKey, StepPath, Used, bits, combine, ring};
use crate::{Error, Rep3Bits, Rep3Party, Rep3Vec, boolean::ZeroBits, replicated::ZeroShare};

/// One party's end of the common randomness of three parties.
pub struct Prss {
    party: Rep3Party,
    mine: SessionKey,
    next: SessionKey,
    used: Used,
}

/// The two streams of one step, not yet drawn.
#[must_use = "a step cannot be drawn again"]
pub struct StepPrss {
    party: Rep3Party,
    mine: Prg,
    next: Prg,
}

/// Bare streams of one step, for protocols between two parties.
pub struct Streams {
    /// Also known to the previous party, as its `next`.
    pub mine: Prg,
    /// Also known to the next party, as its `mine`.
    pub next: Prg,
}

impl Prss {
    /// `seed_mine` is the seed that this party and the previous one agreed, `seed_next` the one that this party and
    /// the next one agreed: 32 uniform bytes each, known to nobody else.
    #[must_use]
    pub fn new(
        party: Rep3Party,
        session: &SessionId,
        seed_mine: &[u8; 32],
        seed_next: &[u8; 32],
    ) -> Self {
        Self {
            party,
            mine: SessionKey::new(session, seed_mine),
            next: SessionKey::new(session, seed_next),
            used: Used::default(),
        }
    }
    /// Whose end this is.
    #[must_use]
    pub fn party(&self) -> Rep3Party {
        self.party
    }
    /// The streams of a step. All three parties must name the same steps, in any order.
    ///
    /// # Errors
    /// [`Error::StepReused`], under `debug_assertions` only.
    pub fn step(&self, path: impl Into<StepPath>) -> Result<StepPrss, Error> {
        let path = path.into();
        self.used.draw(&path)?;
        Ok(StepPrss {
            party: self.party,
            mine: self.mine.stream(&path),
            next: self.next.stream(&path),
        })
    }
}

impl StepPrss {
    /// `alpha_i = F(k_i) - F(k_{i+1})`: sums to zero over the parties, each summand pseudo-random to the other two.
    pub fn zero_ring<R: Ring>(mut self, len: usize) -> ZeroShare<R> {
        let mut values = ring(&mut self.mine, len);
        combine(&mut values, &mut self.next, R::sub);
        ZeroShare::new(self.party, values)
    }
    /// `F(k_i) ^ F(k_{i+1})`: the same over bits.
    pub fn zero_bits(mut self, len: usize) -> ZeroBits {
        let mut values = bits(&mut self.mine, len);
        values.xor_assign(&bits(&mut self.next, len));
        ZeroBits::new(self.party, values)
    }
    /// Shares of a vector that no party knows: component `j` is `F(k_j)`.
    ///
    /// # Errors
    /// None in practice.
    pub fn random_ring<R: Ring>(mut self, len: usize) -> Result<Rep3Vec<R>, Error> {
        let (mine, next) = (ring(&mut self.mine, len), ring(&mut self.next, len));
        Rep3Vec::from_raw_components(self.party, mine, next)
    }
    /// Shares of bits that no party knows.
    ///
    /// # Errors
    /// None in practice.
    pub fn random_bits(mut self, len: usize) -> Result<Rep3Bits, Error> {
        let (mine, next) = (bits(&mut self.mine, len), bits(&mut self.next, len));
        Rep3Bits::from_raw_components(self.party, mine, next)
    }
    /// The bare streams, each handed out once, so that a pair of parties can draw pads. Both holders of a stream must
    /// draw the same amounts in the same order.
    #[must_use]
    pub fn into_streams(self) -> Streams {
        Streams {
            mine: self.mine,
            next: self.next,
        }
    }
}

impl fmt::Debug for Prss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prss of party {}", self.party.index())
    }
}
impl fmt::Debug for StepPrss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StepPrss of party {}", self.party.index())
    }
}
impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
