//! What the fuzz targets run: every door of this crate through which a peer's bytes come. Panics are findings.

mod base;
mod correlations;
mod ferret;
mod softspoken;

#[cfg(feature = "ml-kem")]
pub use base::{base_mlkem_receiver, base_mlkem_sender};
pub use base::{base_receiver, base_sender, base_uniform};
pub use correlations::{additive, choices, messages, one_of_n, triples};
pub use ferret::{ferret_receiver, ferret_sender};
pub use softspoken::{
    softspoken_challenge, softspoken_extension, softspoken_response, softspoken_setup,
};
