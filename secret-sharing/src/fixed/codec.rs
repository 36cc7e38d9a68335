//! Real numbers to ring elements and back.

use piquet_core::{Ring, RingVec};

use super::Format;
use crate::Error;

/// Encodes with rounding to nearest, ties to even.
///
/// Not constant time: meant for the owner of the values.
///
/// # Errors
/// [`Error::Format`] if the format is wider than the ring; [`Error::NotRepresentable`] with the position of the first
/// value that is not finite or whose integer reaches `2^bound`.
pub fn encode<R: Ring>(values: &[f64], format: Format) -> Result<RingVec<R>, Error> {
    fits::<R>(format)?;
    let mut out = RingVec::zeros(values.len());
    let encoded = out.as_mut_slice().iter_mut();
    for (index, (slot, v)) in encoded.zip(values).enumerate() {
        *slot = encode_one(*v, format).ok_or(Error::NotRepresentable { index, format })?;
    }
    Ok(out)
}

/// As [`encode`], from single precision.
///
/// # Errors
/// As for [`encode`].
pub fn encode_f32<R: Ring>(values: &[f32], format: Format) -> Result<RingVec<R>, Error> {
    fits::<R>(format)?;
    let mut out = RingVec::zeros(values.len());
    let encoded = out.as_mut_slice().iter_mut();
    for (index, (slot, v)) in encoded.zip(values).enumerate() {
        let v = f64::from(*v);
        *slot = encode_one(v, format).ok_or(Error::NotRepresentable { index, format })?;
    }
    Ok(out)
}

fn encode_one<R: Ring>(v: f64, format: Format) -> Option<R> {
    // Scaling by a power of two is exact, up to overflow to infinity, which the comparison refuses.
    let x = (v * f64::from(format.frac).exp2()).round_ties_even();
    let in_range = x.abs() < f64::from(format.bound).exp2(); // false for NaN
    in_range.then(|| R::from_i128(x as i128))
}

/// Decodes the low `width` bits of each element as two's complement. Exact up to 53 significant bits.
///
/// # Errors
/// [`Error::Format`] if the format is wider than the ring.
pub fn decode<R: Ring>(values: &[R], format: Format) -> Result<Vec<f64>, Error> {
    fits::<R>(format)?;
    let spare = 128 - format.width;
    let unit = (-f64::from(format.frac)).exp2();
    Ok(values
        .iter()
        .map(|v| ((v.to_i128() << spare) >> spare) as f64 * unit)
        .collect())
}

fn fits<R: Ring>(format: Format) -> Result<(), Error> {
    if format.width <= R::BITS {
        Ok(())
    } else {
        Err(Error::Format {
            format,
            why: "the format is wider than the ring",
        })
    }
}
