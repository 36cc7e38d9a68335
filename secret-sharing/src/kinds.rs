//! Kind bytes of this crate's messages.

/// A replicated share with seeds.
pub(crate) const SEEDED_REP3: u8 = 0x20;
/// Masked factors over a ring.
pub(crate) const OPENING: u8 = 0x21;
/// Masked bits.
pub(crate) const BIT_OPENING: u8 = 0x22;
