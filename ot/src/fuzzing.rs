//! What the fuzz targets run: every door of this crate through which a peer's bytes come. Panics are findings.

mod base;

#[cfg(feature = "ml-kem")]
pub use base::{base_mlkem_receiver, base_mlkem_sender};
pub use base::{base_receiver, base_sender, base_uniform};
