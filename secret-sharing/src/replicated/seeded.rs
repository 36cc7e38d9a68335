//! Replicated shares for cheap transport: components 0 and 1 as seeds, component 2 in full.
//!
//! Party 0 gets two seeds, parties 1 and 2 one seed and the explicit component: `2 len` elements in all instead of
//! `6 len`. Private against one party if the PRG is; used to send weights.

use core::fmt;

use piquet_core::{
    Block, Prg, Ring, RingVec,
    wire::{Decode, DecodeError, Encode, Header, Reader, SessionId},
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{Error, Rep3Party, Rep3Vec, kinds};

/// One party's share before expansion; a message from the owner of the secret to that party.
pub struct SeededRep3<R: Ring> {
    shape: SeededShape,
    mine: Component<R>,
    next: Component<R>,
}

enum Component<R: Ring> {
    Seed(Zeroizing<Block>),
    Explicit(RingVec<R>),
}

/// What a party knows of the message that is due to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeededShape {
    /// Session in which it was made.
    pub session: SessionId,
    /// Index of the sharing within the session.
    pub step: u64,
    /// Who receives it.
    pub party: Rep3Party,
    /// Number of elements, not 0.
    pub len: usize,
}

/// Shares `x` with seeds drawn from `rng`.
///
/// # Errors
/// [`Error::Empty`] for no elements.
pub fn split_seeded<R: Ring, G: CryptoRng + ?Sized>(
    x: &[R],
    session: SessionId,
    step: u64,
    rng: &mut G,
) -> Result<[SeededRep3<R>; 3], Error> {
    if x.is_empty() {
        return Err(Error::Empty);
    }
    let [s0, s1] = [(); 2].map(|()| Zeroizing::new(Block::random(rng)));
    let mut rest = RingVec::from(x.to_vec());
    for seed in [&s0, &s1] {
        rest.sub_assign(expand::<R>(seed, x.len()).as_slice());
    }
    let share = |party, mine, next| SeededRep3 {
        shape: SeededShape {
            session,
            step,
            party,
            len: x.len(),
        },
        mine,
        next,
    };
    Ok([
        share(
            Rep3Party::P0,
            Component::Seed(s0.clone()),
            Component::Seed(s1.clone()),
        ),
        share(
            Rep3Party::P1,
            Component::Seed(s1),
            Component::Explicit(rest.duplicate()),
        ),
        share(
            Rep3Party::P2,
            Component::Explicit(rest),
            Component::Seed(s0),
        ),
    ])
}

fn expand<R: Ring>(seed: &Block, len: usize) -> RingVec<R> {
    let mut v = RingVec::zeros(len);
    Prg::new(*seed).fill_ring(v.as_mut_slice());
    v
}

impl<R: Ring> SeededRep3<R> {
    /// The share itself.
    ///
    /// # Errors
    /// None for a value made by [`split_seeded`] or decoded.
    pub fn expand(self) -> Result<Rep3Vec<R>, Error> {
        let len = self.shape.len;
        Rep3Vec::from_raw_components(
            self.shape.party,
            self.mine.expand(len),
            self.next.expand(len),
        )
    }
    /// Who receives it, and how long it is.
    #[must_use]
    pub fn shape(&self) -> &SeededShape {
        &self.shape
    }
}

impl<R: Ring> Component<R> {
    fn expand(self, len: usize) -> RingVec<R> {
        match self {
            Self::Seed(s) => expand(&s, len),
            Self::Explicit(v) => v,
        }
    }
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Seed(s) => out.extend_from_slice(&<[u8; 16]>::from(**s)),
            Self::Explicit(v) => out.extend_from_slice(v.as_bytes()),
        }
    }
    fn read_seed(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::Seed(Zeroizing::new(Block::from(r.array::<16>()?))))
    }
    fn read_explicit(r: &mut Reader<'_>, len: usize) -> Result<Self, DecodeError> {
        let mut v = RingVec::zeros(len);
        r.ring(v.as_mut_slice())?;
        Ok(Self::Explicit(v))
    }
}

impl SeededShape {
    fn header(&self) -> Header {
        Header {
            kind: kinds::SEEDED_REP3,
            session: self.session,
            step: self.step,
        }
    }
    /// Length of the message in bytes; `None` if it exceeds the address space.
    #[must_use]
    pub fn encoded_len<R: Ring>(&self) -> Option<usize> {
        let explicit = self.len.checked_mul(R::BYTES)?;
        let body = match self.party {
            Rep3Party::P0 => 32,
            Rep3Party::P1 | Rep3Party::P2 => explicit.checked_add(16)?,
        };
        body.checked_add(Header::LEN)?.checked_add(1)
    }
}

impl<R: Ring> Encode for SeededRep3<R> {
    fn encoded_len(&self) -> usize {
        self.shape.encoded_len::<R>().unwrap_or(usize::MAX)
    }
    fn encode(&self, out: &mut Vec<u8>) {
        self.shape.header().encode(out);
        out.push(self.shape.party.index() as u8);
        self.mine.encode(out);
        self.next.encode(out);
    }
}

impl<R: Ring> Decode<SeededShape> for SeededRep3<R> {
    fn decode(shape: &SeededShape, bytes: &[u8]) -> Result<Self, DecodeError> {
        let want = shape
            .encoded_len::<R>()
            .filter(|_| shape.len > 0)
            .ok_or(DecodeError::Range("number of elements"))?;
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let mut r = Reader::new(shape.header().check(bytes)?);
        if usize::from(r.u8()?) != shape.party.index() {
            return Err(DecodeError::Range("recipient"));
        }
        let (mine, next) = match shape.party {
            Rep3Party::P0 => (Component::read_seed(&mut r)?, Component::read_seed(&mut r)?),
            Rep3Party::P1 => (
                Component::read_seed(&mut r)?,
                Component::read_explicit(&mut r, shape.len)?,
            ),
            Rep3Party::P2 => (
                Component::read_explicit(&mut r, shape.len)?,
                Component::read_seed(&mut r)?,
            ),
        };
        r.end()?;
        Ok(Self {
            shape: *shape,
            mine,
            next,
        })
    }
}

impl<R: Ring> fmt::Debug for SeededRep3<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SeededRep3<Z_2^{}>[{}] for party {}",
            R::BITS,
            self.shape.len,
            self.shape.party.index()
        )
    }
}
