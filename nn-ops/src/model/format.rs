//! The public fixed-point format of a value, and what a program asks of it.

pub use piquet_secret_sharing::fixed::Format;

use crate::function::real::pow2;

/// Widths of the rings that programs are made for.
pub const WIDTHS: [u32; 2] = [32, 64];

/// Largest bound in a ring of `width` bits: one bit for the sign, and one so that the sum or difference of two values
/// still fits.
#[must_use]
pub fn max_bound(width: u32) -> u32 {
    width.saturating_sub(2)
}

/// Whether engines can hold values of this format.
pub(crate) fn holds(f: Format) -> bool {
    let max = max_bound(f.width());
    WIDTHS.contains(&f.width()) && f.frac() <= max && (1..=max).contains(&f.bound())
}

/// 2^bits
pub(crate) fn exp2(bits: u32) -> f64 {
    pow2(bits as i32)
}
