//! Private inference.
#![forbid(unsafe_code)]

pub mod ledger;
pub mod model;
pub mod session;
pub mod transport;
