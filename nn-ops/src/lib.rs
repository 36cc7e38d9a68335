#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod engine;
mod error;
pub mod function;
#[doc(hidden)]
pub mod fuzzing;
pub mod layer;
pub mod ledger;
pub mod model;
#[cfg(feature = "onnx")]
pub mod onnx;
mod parts;
pub mod plain;
pub mod plan;
pub mod pool;
pub mod rep3;
pub mod run;
pub mod semi2k;
pub mod session;
pub mod transport;
pub mod walk;

pub use error::Error;
