//! Kind bytes of this crate's messages: 0x40 to 0x6f of the space that all Piquet crates share.
