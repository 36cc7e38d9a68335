//! Kind bytes of this crate's messages.

/// A replicated share with seeds.
pub(crate) const SEEDED_REP3: u8 = 0x20;
