//! Kind bytes of this crate's messages: 0x40 to 0x6f of the space that all Piquet crates share.

/// Ferret: commitment to the sender's share of the code.
pub(crate) const FERRET_COMMIT: u8 = 0x50;
/// Ferret: the receiver's share of the code.
pub(crate) const FERRET_SHARE: u8 = 0x51;
/// Ferret: the sender's share of the code.
pub(crate) const FERRET_OPEN: u8 = 0x52;
/// Ferret: corrections of trees.
pub(crate) const FERRET_TREES: u8 = 0x53;
/// Ferret: the receiver's side of the check.
pub(crate) const FERRET_REQUEST: u8 = 0x54;
/// Ferret: the sender's side of the check.
pub(crate) const FERRET_ANSWER: u8 = 0x55;
