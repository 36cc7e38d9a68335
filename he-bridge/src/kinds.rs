//! Kind bytes of this crate's messages: 0x90 to 0xaf of the space that all Piquet crates share.

/// A client's public key.
pub(crate) const PUBLIC_KEY: u8 = 0x90;
/// The first message of a product: the seed, and what both parties must agree on.
pub(crate) const OPENING: u8 = 0x91;
/// Encrypted input of a product.
pub(crate) const REQUEST: u8 = 0x92;
/// Masked results of a product.
pub(crate) const RESPONSE: u8 = 0x93;
/// Public keys of a client that makes triples of elements.
pub(crate) const TRIPLE_KEYS: u8 = 0x98;
/// Encrypted factors of triples.
pub(crate) const TRIPLE_REQUEST: u8 = 0x99;
/// Masked cross terms of triples.
pub(crate) const TRIPLE_RESPONSE: u8 = 0x9a;
/// A client's keys for packed products.
pub(crate) const PACKING_KEYS: u8 = 0xa0;
/// Encrypted input of a packed product.
pub(crate) const PACKING_REQUEST: u8 = 0xa1;
/// Masked results of a packed product.
pub(crate) const PACKING_RESPONSE: u8 = 0xa2;
