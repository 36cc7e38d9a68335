//! The vocabulary and kernels that every Piquet primitive stands on.
//!
//! - [`Ring`], [`RingVec`], [`Block`], [`BitVec`]: what shares, keys and packed bits are made of;
//! - [`wire`]: messages without I/O: codec, [`wire::SessionId`], and [`wire::Machine`] with its runners;
//! - [`linalg`]: matrix products and convolutions modulo 2^k.
#![deny(unsafe_code)]

pub mod linalg;
pub mod ring;
pub mod wire;

pub use ring::{Ring, RingVec};
