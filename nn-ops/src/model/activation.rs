//! Piecewise linear functions of single elements, besides the ReLU, and what they are in fixed point.

use super::Format;
use super::format::{exp2, max_bound};
use serde::{Deserialize, Serialize};

/// `min(max(x, min), max)`, with public bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clip {
    /// Nothing is below, if given.
    pub min: Option<f32>,
    /// Nothing is above, if given; the upper bound wins where it is below the lower one.
    pub max: Option<f32>,
}

impl Clip {
    /// `min(max(x, 0), 6)`
    pub const RELU6: Self = Self {
        min: Some(0.0),
        max: Some(6.0),
    };

    pub(super) fn check(&self) -> Result<(), String> {
        match (self.min, self.max) {
            (None, None) => Err("a clip without bounds".to_owned()),
            (a, b) if a.is_some_and(f32::is_nan) || b.is_some_and(f32::is_nan) => {
                Err("a bound is not a number".to_owned())
            }
            (Some(a), Some(b)) if a > b => Err(format!("its bounds {a} and {b} cross")),
            _ => Ok(()),
        }
    }

    /// The function of one number.
    #[must_use]
    pub fn apply(&self, x: f32) -> f32 {
        let low = self.min.map_or(x, |m| x.max(m));
        self.max.map_or(low, |m| low.min(m))
    }

    /// The bounds in fixed point; none that no value of the format reaches.
    #[must_use]
    pub fn raw(&self, x: Format) -> [Option<i64>; 2] {
        let reach = (1i64 << x.bound().min(62)) - 1;
        // The cast saturates, as bounds without meaning, like the largest float, should.
        let raw = |v: f32| (f64::from(v) * exp2(x.frac())).round() as i64;
        [
            self.min.map(raw).filter(|low| *low > -reach),
            self.max.map(raw).filter(|high| *high < reach),
        ]
    }

    /// The least b so that the input and both bounds are below 2^b.
    #[must_use]
    pub fn widest(&self, x: Format) -> u32 {
        let bounds = self.raw(x).into_iter().flatten().map(bits);
        bounds.fold(x.bound(), u32::max)
    }

    /// The least b so that every result is below 2^b.
    #[must_use]
    pub fn bound(&self, x: Format) -> u32 {
        match self.raw(x) {
            [Some(low), Some(high)] => bits(low).max(bits(high)).max(1),
            _ => self.widest(x),
        }
    }
}

/// `x` where it is not negative, `slope * x` elsewhere, with a public slope.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// Between -4 and 4.
    pub slope: f32,
}

impl LeakyRelu {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.slope.abs() <= 4.0 {
            Ok(())
        } else {
            Err(format!(
                "its slope is {}, and -4 to 4 is possible",
                self.slope
            ))
        }
    }

    /// The function of one number.
    #[must_use]
    pub fn apply(&self, x: f32) -> f32 {
        if x < 0.0 { x * self.slope } else { x }
    }
}

/// Arithmetic of `LeakyRelu`: the slope is `multiplier / 2^shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slope {
    /// What the negative part is multiplied with.
    pub multiplier: i64,
    /// Bits that come off then.
    pub shift: u32,
}

impl Slope {
    /// Most significant bits of the multiplier.
    const PRECISION: u32 = 16;

    /// The nearest to a slope whose product with a value of this format fits into the ring; `None` if there is room for less than
    /// eight bits.
    #[must_use]
    pub fn new(slope: f32, x: Format) -> Option<Self> {
        let most = max_bound(x.width());
        let room = most.checked_sub(x.bound())?.min(Self::PRECISION);
        if room < 8 {
            return None;
        }
        let multiplier = |shift: u32| (f64::from(slope) * exp2(shift)).round() as i64;
        let shift = (0..=most.saturating_sub(x.frac()).min(30))
            .rev()
            .find(|s| bits(multiplier(*s)) <= room)?;
        let multiplier = multiplier(shift);
        Some(match multiplier {
            0 => Self {
                multiplier,
                shift: 0,
            },
            _ => Self { multiplier, shift },
        })
    }

    /// For a value below 2^x, the negative part of the result is below 2 to this.
    #[must_use]
    pub fn bound(&self, x: u32) -> u32 {
        (x + bits(self.multiplier) + 1)
            .saturating_sub(self.shift)
            .max(1)
    }
}

/// The least b with |x| < 2^b.
fn bits(x: i64) -> u32 {
    u64::BITS - x.unsigned_abs().leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_nothing_reaches_are_dropped() {
        let x = Format::new(32, 8, 12).unwrap();
        assert_eq!(Clip::RELU6.raw(x), [Some(0), Some(6 << 8)]);
        assert_eq!((Clip::RELU6.widest(x), Clip::RELU6.bound(x)), (12, 11));
        let wide = Clip {
            min: Some(f32::MIN),
            max: Some(16.0),
        };
        assert_eq!(wide.raw(x), [None, None]);
        let above = Clip {
            min: Some(100.0),
            max: None,
        };
        assert_eq!((above.raw(x), above.widest(x)), ([Some(25_600), None], 15));
    }

    #[test]
    fn slopes_are_near_and_fit() {
        for (width, bound) in [(32, 12), (32, 22), (64, 30)] {
            let x = Format::new(width, 10, bound).unwrap();
            for slope in [0.01f32, 0.1, -0.3, 1.0, 3.99, 1e-7, 0.0] {
                let s = Slope::new(slope, x).unwrap();
                let near = s.multiplier as f64 / exp2(s.shift);
                let unit = 1.0 / exp2(30u32.min(width - 12));
                let off = (near - f64::from(slope)).abs();
                assert!(
                    off <= (f64::from(slope.abs()) / 256.0).max(unit),
                    "{slope} {s:?}"
                );
                assert!(bound + bits(s.multiplier) <= width - 2);
            }
        }
        assert!(Slope::new(0.5, Format::new(32, 10, 23).unwrap()).is_none());
    }
}
