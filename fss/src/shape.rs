//! Domain and range of a point function, and what its tree looks like.

use piquet_core::{Block, Ring, lanes};

use crate::Error;

/// Most keys of a tile: what lies level-major side by side, and fits the nearest cache.
pub(crate) const TILE: usize = 64;

/// Functions from numbers of `domain` bits to Z_2^`value`.
///
/// A leaf of the tree is a block that holds 2^e values, e = min(`domain`, ⌊log2(128 / `value`)⌋): the tree ends e
/// levels early (E. Boyle, N. Gilboa, Y. Ishai, "Function Secret Sharing: Improvements and Extensions", 2018/707,
/// section 3.2.1). A key has one correction of 16 bytes for each of the [`Shape::levels`] that are left, and one of the
/// leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    domain: u32,
    value: u32,
    whole: bool,
}

impl Shape {
    /// Numbers of `domain` bits, 1 to 128, to Z_2^`value`, 1 to 128.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(domain: u32, value: u32) -> Result<Self, Error> {
        within("bits of the domain", domain, 1, 128, "1 to 128")?;
        within("bits of the values", value, 1, 128, "1 to 128")?;
        Ok(Self {
            domain,
            value,
            whole: false,
        })
    }
    /// The same functions by trees that do not end early: a leaf holds one value, however narrow.
    #[must_use]
    pub(crate) fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }
    /// Bits of a point.
    #[must_use]
    pub fn domain(self) -> u32 {
        self.domain
    }
    /// Bits of a value.
    #[must_use]
    pub fn value(self) -> u32 {
        self.value
    }
    /// e, where a leaf holds 2^e values.
    #[must_use]
    pub fn log_entries(self) -> u32 {
        if self.whole {
            return 0;
        }
        (128 / self.value).ilog2().min(self.domain)
    }
    /// Levels of the tree above its leaves.
    #[must_use]
    pub fn levels(self) -> u32 {
        self.domain - self.log_entries()
    }
    /// Blocks of corrections of a key: 16 bytes each, the same for both parties.
    #[must_use]
    pub fn corrections(self) -> usize {
        self.levels() as usize + 1
    }
    /// The path to `x`, whose bits above the domain are ignored.
    pub(crate) fn path<R: Ring>(self, x: R) -> Block {
        Block::from_u128((x.to_i128() as u128) << (128 - self.domain))
    }
    /// The paths to `xs`; the shorter slice sets the length.
    pub(crate) fn paths<R: Ring>(self, xs: &[R], out: &mut [Block]) {
        if let Some(shift) = 64u32.checked_sub(self.domain) {
            let out = bytemuck::must_cast_slice_mut(out);
            lanes::zip(out, xs, |_, x| [0, x.to_u64() << shift]);
        } else {
            for (out, x) in out.iter_mut().zip(xs) {
                *out = self.path(*x);
            }
        }
    }
    /// [`Shape::entry`] of the halves of a path, low and high, as a function that is a few shifts.
    pub(crate) fn entries(self) -> impl Fn([u64; 2]) -> u64 + Copy {
        let below = 128 - self.domain;
        let mask = (1 << self.log_entries()) - 1;
        move |[low, high]| {
            let v = if below >= 64 {
                high >> (below - 64)
            } else {
                low >> below | (high << 1) << (63 - below)
            };
            v & mask
        }
    }
    /// Which value of its leaf the path leads to.
    pub(crate) fn entry(self, path: Block) -> u32 {
        let e = self.log_entries();
        let below = path.to_u128() << self.levels();
        match e {
            0 => 0,
            e => (below >> (128 - e)) as u32,
        }
    }
}

/// The low `k` bits set, for `k` in 1..=128.
pub(crate) fn mask(k: u32) -> u128 {
    u128::MAX >> (128 - k)
}

/// Refuses a parameter outside of `low..=high`.
pub(crate) fn within(
    what: &'static str,
    got: u32,
    low: u32,
    high: u32,
    domain: &'static str,
) -> Result<(), Error> {
    if (low..=high).contains(&got) {
        return Ok(());
    }
    Err(Error::Parameter {
        what,
        got: got.into(),
        domain,
    })
}

/// Refuses arguments of different lengths.
pub(crate) fn same(what: &'static str, got: usize, want: usize) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(Error::Length { what, got, want })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_and_entries_of_many_are_those_of_one() {
        for domain in 1..=128 {
            for value in [1, 5, 64, 128] {
                let shape = Shape::new(domain, value).unwrap();
                let wide: Vec<u128> = (0..9u128)
                    .map(|i| (i << 121 | 77 << 60 | 3).wrapping_mul(i | 1))
                    .collect();
                let words: Vec<u64> = wide.iter().map(|x| *x as u64).collect();
                let mut out = vec![Block::ZERO; wide.len()];
                shape.paths(&wide, &mut out);
                let entry = shape.entries();
                for (x, path) in wide.iter().zip(&out) {
                    assert!(*path == shape.path(*x), "{shape:?}");
                    let halves = [path.to_u128() as u64, (path.to_u128() >> 64) as u64];
                    assert_eq!(entry(halves), u64::from(shape.entry(*path)), "{shape:?}");
                }
                if domain <= 64 {
                    let mut again = vec![Block::ZERO; words.len()];
                    shape.paths(&words, &mut again);
                    assert!(again == out, "{shape:?}");
                }
            }
        }
    }
}
