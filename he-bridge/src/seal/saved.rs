//! What SEAL writes of a seeded ciphertext or public key, taken apart and put together again.
//!
//! SEAL's own form says of itself how it is to be read: parameters, lengths, which compression, which generator. From
//! a peer all that is believed of it are the coefficients and the seed. Everything else comes from a sample that this
//! party made for itself, so that SEAL's reader only ever meets what its writer makes.

/// Bytes of the seed of a uniform half.
pub(super) const SEED: usize = 64;

/// Bytes that SEAL writes before the coefficients: a header of 16, the level (32), whether these are points (1),
/// numbers of polynomials, of coefficients and of primes (24), a scale and a factor (16), a second header (16) and
/// the number of words (8).
const BEFORE: usize = 113;
/// Bytes between coefficients and seed: a header of 16, and which generator expands the seed (1).
const BETWEEN: usize = 17;

/// The bytes that all of one kind have in common.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    before: Vec<u8>,
    words: usize,
    between: Vec<u8>,
}

impl Saved {
    /// From a sample of `words` coefficients; `None` if it has another form than this file thinks.
    pub(super) fn new(sample: &[u8], words: usize) -> Option<Self> {
        let (before, rest) = sample.split_at_checked(BEFORE)?;
        let (_, rest) = rest.split_at_checked(8 * words)?;
        let (between, seed) = rest.split_at_checked(BETWEEN)?;
        // The number of words stands in front of them, the length of the whole in the first header.
        let fits = seed.len() == SEED
            && before.ends_with(&(words as u64).to_le_bytes())
            && before[8..].starts_with(&(sample.len() as u64).to_le_bytes());
        fits.then(|| Self {
            before: before.to_vec(),
            words,
            between: between.to_vec(),
        })
    }
    /// The coefficients, and the seed of the other half.
    pub(super) fn split<'a>(&self, saved: &'a [u8]) -> Option<(Vec<u64>, &'a [u8; SEED])> {
        let rest = saved.strip_prefix(&*self.before)?;
        let (words, rest) = rest.split_at_checked(8 * self.words)?;
        let seed = rest.strip_prefix(&*self.between)?.try_into().ok()?;
        let words = words.as_chunks().0.iter().map(|w| u64::from_le_bytes(*w));
        Some((words.collect(), seed))
    }
    /// What SEAL reads.
    pub(super) fn join(&self, words: &[u64], seed: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(BEFORE + 8 * words.len() + BETWEEN + SEED);
        out.extend_from_slice(&self.before);
        out.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        out.extend_from_slice(&self.between);
        out.extend_from_slice(seed);
        out
    }
}
