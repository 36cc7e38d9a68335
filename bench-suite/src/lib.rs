#![doc = include_str!("../README.md")]
// Allowed in `multiply` alone.
#![deny(unsafe_code)]

pub mod certs;
pub mod cli;
pub mod config;
pub mod engines;
mod file;
pub mod image;
mod multiply;
pub mod npy;
pub mod peers;
pub mod picture;
pub mod record;
pub mod report;
pub mod targets;
pub mod task;
pub mod tokens;
pub mod train;
pub mod zoo;

#[doc(hidden)]
pub mod fuzzing {
    //! Doors for fuzzers: whatever these bytes are, nothing panics.
    pub use crate::config::fuzz as config;
    pub use crate::image::fuzz as image;
    pub use crate::npy::fuzz as npy;
}
