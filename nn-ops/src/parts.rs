//! What engines are made of: vectors and planes of bits, gates on masked bits, pieces of tensors, accounts.

pub(crate) mod account;
pub(crate) mod adder;
pub(crate) mod digit;
pub(crate) mod exp2;
pub(crate) mod gates;
pub(crate) mod pieces;
pub(crate) mod planes;
pub(crate) mod prefix;
pub(crate) mod shelf;
pub(crate) mod words;
