//! Kind bytes of this crate's messages: 0x40 to 0x6f of the space that all Piquet crates share.

/// The sender's point of the base OTs.
pub(crate) const BASE_SENDER: u8 = 0x40;
/// The receiver's points of the base OTs.
pub(crate) const BASE_RECEIVER: u8 = 0x41;
/// Coin toss of the uniform base OTs: the sender's commitment, the receiver's share, the sender's share.
pub(crate) const UNIFORM_COMMITMENT: u8 = 0x42;
/// See [`UNIFORM_COMMITMENT`].
pub(crate) const UNIFORM_ANSWER: u8 = 0x43;
/// See [`UNIFORM_COMMITMENT`].
pub(crate) const UNIFORM_OPENING: u8 = 0x44;
