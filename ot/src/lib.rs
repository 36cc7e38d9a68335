#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod additive;
pub mod base;
pub mod chosen;
mod cot;
mod delta;
mod error;
pub mod ferret;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod fuzzing;
mod half_tree;
mod hash;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod ideal;
pub mod iknp;
mod inbox;
mod kinds;
pub mod one_of_n;
mod pads;
pub mod random;
pub mod softspoken;
pub mod triples;
pub mod vole;

pub use chosen::ChosenCots;
pub use cot::{MAX_COTS, ReceivedCots, SentCots};
pub use delta::Delta;
pub use error::Error;
pub use piquet_core::correlation::{Malicious, ReceivedOts, Security, SemiHonest, SentOts};
