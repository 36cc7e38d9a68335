#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("words are put on the wire as they lie in memory, little-endian");

pub mod aes;
mod bits;
mod block;
pub mod correlation;
pub mod cpu;
#[doc(hidden)]
pub mod fuzzing;
pub mod gf128;
pub mod ggm;
mod hash;
pub mod lanes;
pub mod linalg;
pub mod masked;
pub mod pack;
pub mod prefetch;
mod prg;
pub mod ring;
#[cfg(target_arch = "x86_64")]
pub mod ristretto;
pub mod rows;
pub mod sparse;
pub mod transpose;
#[cfg(target_arch = "x86_64")]
mod vector;
pub mod wire;

pub use bits::BitVec;
pub use block::{Block, wipe, wipe_vec};
pub use hash::FixedKeyHash;
pub use prg::Prg;
pub use ring::{Ring, RingVec};
pub use transpose::ShapeError;
