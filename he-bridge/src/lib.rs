#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod backend;
pub mod encoding;
mod error;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod fuzzing;
mod kinds;
pub mod linear;
pub mod map;
pub mod native;
pub mod noise;
pub mod packing;
pub mod params;
#[cfg(feature = "seal")]
pub mod seal;
pub mod shared;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod triples;

pub use backend::Backend;
pub use error::Error;
pub use native::Native;
pub use params::{CipherModulus, Mode, Params, PlainModulus};
#[cfg(feature = "seal")]
pub use seal::Seal;
