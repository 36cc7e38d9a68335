//! Private inference.
#![forbid(unsafe_code)]

pub mod ledger;
pub mod session;
pub mod transport;
