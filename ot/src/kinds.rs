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
/// The receiver's keys of the base OTs on ML-KEM.
#[cfg(feature = "ml-kem")]
pub(crate) const MLKEM_RECEIVER: u8 = 0x45;
/// The sender's ciphertexts of the base OTs on ML-KEM.
#[cfg(feature = "ml-kem")]
pub(crate) const MLKEM_SENDER: u8 = 0x46;
// Made from correlated OTs.

/// Choice bits, masked by the random ones.
pub(crate) const CHOICES: u8 = 0x58;
/// Pairs of chosen blocks.
pub(crate) const BLOCKS: u8 = 0x59;
/// Pairs of chosen byte strings.
pub(crate) const STRINGS: u8 = 0x5a;
/// All messages of 1-out-of-N OTs.
pub(crate) const ONE_OF_N: u8 = 0x5b;
/// Corrections of additive correlations.
pub(crate) const ADDITIVE: u8 = 0x5c;
/// Corrections of ring triples.
pub(crate) const RING_TRIPLES: u8 = 0x5d;
/// Corrections of a matrix triple.
pub(crate) const MATRIX_TRIPLE: u8 = 0x5e;
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
