#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bgi;
mod bits;
pub mod compare;
pub mod dcf;
pub mod dealer;
pub mod distributed;
pub mod dpf;
mod error;
pub mod evaluator;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gates;
pub mod idpf;
mod kinds;
pub mod mask;
mod role;
mod shape;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
mod trees;

pub use error::Error;
pub use evaluator::{Cpu, Evaluator};
pub use role::{P0, P1, Role};
pub use shape::Shape;
