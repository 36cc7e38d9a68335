#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cot;
mod delta;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod hash;
#[doc(hidden)]
pub mod ideal;
pub mod iknp;
mod kinds;
pub mod softspoken;
pub mod vole;

pub use cot::{MAX_COTS, ReceivedCots, SentCots};
pub use delta::Delta;
pub use error::Error;
pub use piquet_core::correlation::{Malicious, ReceivedOts, Security, SemiHonest, SentOts};
