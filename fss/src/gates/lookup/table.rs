//! Public tables.

use piquet_core::Ring;

use crate::Error;
use crate::shape::{same, within};

/// Most bits of an index.
pub const MAX_BITS: u32 = 20;

/// What becomes of the entries of a table and a party's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The exclusive or of the entries whose value, of one bit, is 1.
    Xor,
    /// The sum of the products of entries and values.
    Sum,
}

/// A table of 2^n public words.
#[derive(Clone, PartialEq, Eq)]
pub struct Table<R: Ring> {
    bits: u32,
    /// The entries, and 63 more that go on from the first: 64 can be read from anywhere.
    entries: Vec<R>,
}

impl<R: Ring> core::fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Table({} bits)", self.bits)
    }
}

impl<R: Ring> Table<R> {
    /// The 2^`bits` entries, `bits` from 1 to [`MAX_BITS`].
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Length`].
    pub fn new(bits: u32, entries: &[R]) -> Result<Self, Error> {
        within("bits of the index", bits, 1, MAX_BITS, "1 to 20")?;
        same("entries of a table", entries.len(), 1 << bits)?;
        let more = entries.iter().cycle().take(entries.len() + 63);
        Ok(Self {
            bits,
            entries: more.copied().collect(),
        })
    }
    /// The entries `f(0)`, `f(1)`, ...
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn from_fn(bits: u32, f: impl FnMut(u32) -> R) -> Result<Self, Error> {
        within("bits of the index", bits, 1, MAX_BITS, "1 to 20")?;
        let entries: Vec<R> = (0..1 << bits).map(f).collect();
        Self::new(bits, &entries)
    }
    /// n, where there are 2^n entries.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }
    /// The entries.
    #[must_use]
    pub fn entries(&self) -> &[R] {
        &self.entries[..1 << self.bits]
    }
    /// The entries from `start` on, which is one of them: what is left of them, and 63 more from the first on.
    pub(crate) fn from(&self, start: usize) -> &[R] {
        &self.entries[start & ((1 << self.bits) - 1)..]
    }
}
