//! The global correlation.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use piquet_core::{BitVec, Block};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::Error;

/// The difference of the two messages of every correlated OT, known to their sender alone.
///
/// Not `Clone`, wiped on drop, prints nothing. Its bits are never branched on, and no address depends on them.
///
/// **It leaks, a little.** A malicious peer may bet on bits of Delta: with probability 2^-j it is right about j bits and
/// goes unnoticed, otherwise a check fails ([`Error::Check`]), which tells it that it was wrong. So the first check
/// that fails ends *everything* under a Delta: all states that hold it, those that were split off and those built upon it
/// included, refuse to go on. Do not run base OTs with the same choices again: draw a new one.
///
/// **One adversary each.** A semi-honest set-up has no check, so that a malicious peer reads all of Delta out of it: never use one
/// Delta for a semi-honest and a malicious set-up.
pub struct Delta {
    block: Block,
    /// A check under it has failed.
    burnt: AtomicBool,
}

impl Delta {
    /// A uniform one: 128 bits of entropy.
    #[must_use]
    pub fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        Self::from_raw(Block::random(rng))
    }
    /// A uniform one among those whose bit 0 is 1, which [`crate::ferret`] needs: 127 bits of entropy. The one place
    /// where a bit of Delta is given away.
    #[must_use]
    pub fn random_odd<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        let b = Block::random(rng).to_u128();
        Self::from_raw(Block::from_u128(b | 1))
    }
    /// Takes `block` to be uniform, up to bit 0, and nobody else's.
    #[must_use]
    pub fn from_raw(block: Block) -> Self {
        Self {
            block,
            burnt: AtomicBool::new(false),
        }
    }
    /// Its bits, in order: the choices of the 128 base OTs that tie an extension to it.
    #[must_use]
    pub fn choices(&self) -> BitVec {
        let v = self.block.to_u128();
        BitVec::from_words(128, vec![v as u64, (v >> 64) as u64])
    }
    /// Whether bit 0 is 1, which is public: it is so by construction or by chance.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.block.to_u128() & 1 == 1
    }
    /// A check under it has failed: gives the error for it.
    pub(crate) fn burn(&self) -> Error {
        self.burnt.store(true, Ordering::Release);
        Error::Check
    }
    /// Refuses once a check under it has failed.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        if self.burnt.load(Ordering::Acquire) {
            return Err(Error::Check);
        }
        Ok(())
    }
    /// The 128 bits. The copy is not wiped.
    #[must_use]
    pub fn block(&self) -> Block {
        self.block
    }
}

impl Drop for Delta {
    fn drop(&mut self) {
        self.block.zeroize();
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delta(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn choices_are_the_bits_in_order() {
        let d = Delta::from_raw(Block::from_u128((1 << 127) | 0b1010));
        let bits: Vec<_> = d.choices().to_bools().collect();
        assert_eq!(bits.len(), 128);
        for (i, b) in bits.into_iter().enumerate() {
            assert_eq!(b, [1, 3, 127].contains(&i), "{i}");
        }
        assert_eq!(format!("{d:?}"), "Delta(..)");
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        assert!((0..64).all(|_| Delta::random_odd(&mut rng).is_odd()));
    }
}
