//! The seed of the codes, which neither side may choose.
//!
//! The sender commits to a share, the receiver sends its own, the sender opens; the seed is a hash of both. The
//! commitment is a hash of the share and 32 random bytes, binding and hiding in the random oracle model. A sender that
//! does not like the seed can only leave. The seed is public.

use piquet_core::Block;
use piquet_core::sparse::LocalCode;
use piquet_core::wire::SessionId;
use rand_core::CryptoRng;

use crate::Error;

/// One side's contribution; the sender's has an opening behind it.
pub(super) type Share = [u8; 32];

/// What the sender keeps until it opens.
pub(super) struct Committed {
    pub(super) opening: [u8; 64],
}

impl Committed {
    pub(super) fn new<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        let mut opening = [0; 64];
        rng.fill_bytes(&mut opening);
        Self { opening }
    }
    pub(super) fn commitment(&self, session: &SessionId) -> Share {
        commitment(session, &self.opening)
    }
}

pub(super) fn share<G: CryptoRng + ?Sized>(rng: &mut G) -> Share {
    let mut s = [0; 32];
    rng.fill_bytes(&mut s);
    s
}

fn commitment(session: &SessionId, opening: &[u8; 64]) -> Share {
    let mut h =
        blake3::Hasher::new_derive_key("piquet 2026 ferret commitment to a share of the code");
    h.update(&session.0);
    h.update(opening);
    *h.finalize().as_bytes()
}

/// The seed, if the opening is that of the commitment.
pub(super) fn open(
    session: &SessionId,
    commitment_was: &Share,
    opening: &[u8; 64],
    receiver: &Share,
) -> Result<[u8; 32], Error> {
    if commitment(session, opening) != *commitment_was {
        return Err(Error::Check);
    }
    Ok(seed(session, opening, receiver))
}

/// The seed.
pub(super) fn seed(session: &SessionId, opening: &[u8; 64], receiver: &Share) -> [u8; 32] {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 ferret seed of the codes");
    h.update(&session.0);
    h.update(opening);
    h.update(receiver);
    *h.finalize().as_bytes()
}

/// The code of stage or expansion `round`: a new one each time.
pub(super) fn code(seed: &[u8; 32], round: u64, k: usize) -> Result<LocalCode, Error> {
    let mut h = blake3::Hasher::new_keyed(seed);
    h.update(&round.to_le_bytes());
    let mut key = [0; 16];
    h.finalize_xof().fill(&mut key);
    LocalCode::new(Block::from(key), k).map_err(|_| Error::Parameter {
        what: "length of the LPN secret",
        got: k as u64,
        domain: "1 to 2^28",
    })
}
