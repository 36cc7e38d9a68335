//! The piquet command.
#![forbid(unsafe_code)]

pub mod image;
pub mod npy;
pub mod zoo;

#[doc(hidden)]
pub mod fuzzing {
    //! Doors for fuzzers: whatever these bytes are, nothing panics.
    pub use crate::image::fuzz as image;
    pub use crate::npy::fuzz as npy;
}
