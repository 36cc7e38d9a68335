//! Kind bytes of this crate's messages: 0x70 to 0x8f of the space that all Piquet crates share.

/// A block of a key stream.
pub(crate) const BLOCK: u8 = 0x70;
/// Shares of masked ring elements.
pub(crate) const MASKED: u8 = 0x71;
/// Shares of masked bits.
pub(crate) const MASKED_BITS: u8 = 0x72;
/// Keys of point functions, by themselves.
pub(crate) const DPF_KEYS: u8 = 0x78;
/// Keys of point functions in the tree of 2016.
pub(crate) const BGI_KEYS: u8 = 0x79;
/// Keys of incremental point functions.
pub(crate) const IDPF_KEYS: u8 = 0x7a;
/// Keys of comparison functions, by themselves.
pub(crate) const DCF_KEYS: u8 = 0x7b;
/// Keys made by the two parties: choices of oblivious transfers.
pub(crate) const DISTRIBUTED_CHOICES: u8 = 0x80;
/// Keys made by the two parties: corrections of oblivious transfers.
pub(crate) const DISTRIBUTED_TRANSFERS: u8 = 0x81;
/// Keys made by the two parties: shares of the corrections of a level.
pub(crate) const DISTRIBUTED_LEVEL: u8 = 0x82;
/// Keys made by the two parties: openings of the product at the leaf.
pub(crate) const DISTRIBUTED_LEAF: u8 = 0x83;
