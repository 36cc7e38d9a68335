//! Private inference.
#![forbid(unsafe_code)]

pub mod model;
