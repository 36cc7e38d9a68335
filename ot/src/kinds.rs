//! Kind bytes of this crate's messages: 0x40 to 0x6f of the space that all Piquet crates share.

/// Corrections of the trees of seeds.
pub(crate) const SOFTSPOKEN_SETUP: u8 = 0x48;
/// Corrections of correlated OTs with random choices.
pub(crate) const SOFTSPOKEN_RANDOM: u8 = 0x49;
/// Corrections of correlated OTs with chosen choices.
pub(crate) const SOFTSPOKEN_CHOSEN: u8 = 0x4a;
/// Key of the consistency check.
pub(crate) const SOFTSPOKEN_CHALLENGE: u8 = 0x4b;
/// Hashes of the rows under that key.
pub(crate) const SOFTSPOKEN_RESPONSE: u8 = 0x4c;
