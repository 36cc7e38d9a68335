#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(
    clippy::should_implement_trait,
    reason = "operators cannot refuse shares of different holders or lengths"
)]

pub mod additive;
pub mod beaver;
pub mod boolean;
pub mod dealer;
mod error;
pub mod fixed;
#[doc(hidden)]
pub mod fuzzing;
mod kinds;
mod party;
pub mod prss;
pub mod replicated;

pub use additive::AdditiveVec;
pub use boolean::{Rep3Bits, XorVec};
pub use error::Error;
pub use fixed::Format;
pub use party::{MAX_PARTIES, Party, Rep3Party};
pub use prss::{PairwisePrss, Prss, StepPath};
pub use replicated::Rep3Vec;
