//! What the fuzz targets run: every door of this crate through which a peer's bytes come. Panics are findings.

mod softspoken;

pub use softspoken::{
    softspoken_challenge, softspoken_extension, softspoken_response, softspoken_setup,
};
