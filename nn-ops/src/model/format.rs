//! The public fixed-point format of a value, and what a program over 64 bits asks of it.

pub use piquet_secret_sharing::fixed::Format;

/// Largest bound: one bit for the sign, and one so that the sum or difference of two values still fits.
pub const MAX_BOUND: u32 = 62;

/// Whether engines over 64 bits can hold values of this format.
pub(crate) fn holds(f: Format) -> bool {
    f.width() == 64 && f.frac() <= MAX_BOUND && (1..=MAX_BOUND).contains(&f.bound())
}

/// 2^bits
pub(crate) fn exp2(bits: u32) -> f64 {
    f64::from(bits).exp2()
}
