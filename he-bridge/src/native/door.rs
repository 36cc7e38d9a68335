//! What only tests may see.

use piquet_core::Prg;
use piquet_core::wire::DecodeError;

use super::ciphertext::Fresh;
use super::{Base, Ciphertext, Native, PublicKey, SecretKey, either, negate};
use crate::Mode;
use crate::backend::Seed;

/// What a response is made with, position by position where nothing else is said.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct DrawsForTestsOnly<'a> {
    /// All coefficients of the ternary polynomial u.
    pub ternary: &'a [i8],
    /// Errors of c_0.
    pub first: &'a [i8],
    /// Errors of c_1, all coefficients.
    pub second: &'a [i8],
    /// Masks modulo t; none in the approximate mode.
    pub masks: &'a [u64],
    /// Flooding, in the domain of the parameters; none in the approximate mode.
    pub floods: &'a [i128],
    /// Pads modulo 2 to the first half's bits; none in the exact mode.
    pub pads: &'a [u128],
}

impl Native {
    /// The key that a ternary polynomial is.
    #[doc(hidden)]
    #[must_use]
    pub fn secret_key_for_tests_only(&self, s: &[i8]) -> SecretKey {
        self.secret_key_of(s)
    }
    /// Appends an encryption with these errors.
    #[doc(hidden)]
    pub fn encrypt_for_tests_only(
        &self,
        key: &SecretKey,
        (seed, index): (&Seed, u64),
        message: &[u64],
        errors: &[i8],
        out: &mut Vec<u8>,
    ) {
        self.encrypt_with(key, seed, index, message, errors, out);
    }
    /// Appends the response that is made with these draws; returns the server's shares.
    #[doc(hidden)]
    pub fn respond_for_tests_only(
        &self,
        key: &PublicKey,
        ciphertext: Ciphertext,
        positions: &[u32],
        draws: DrawsForTestsOnly<'_>,
        out: &mut Vec<u8>,
    ) -> Vec<u64> {
        let mut floods: Vec<u64> = draws.floods.iter().map(|f| *f as u64).collect();
        if self.params.flooding() > 63 {
            floods.extend(draws.floods.iter().map(|f| (f >> 64) as u64));
        }
        let fresh = Fresh {
            ternary: draws.ternary.to_vec(),
            first: draws.first.to_vec(),
            second: draws.second.to_vec(),
            masks: draws.masks.to_vec(),
            floods,
        };
        let mut share = draws.masks.to_vec();
        share.resize(positions.len(), 0);
        negate(self.params.plain(), &mut share);
        let to = [self.response.first, self.response.second];
        let [mut first, second] =
            either!(&self.base, b => b.respond(key, ciphertext, positions, &fresh, to));
        if self.params.mode() == Mode::Approximate {
            let power = self.response.first;
            let mut pads = vec![0; power.words * positions.len()];
            for (i, pad) in draws.pads.iter().enumerate() {
                power.set(&mut pads, i, *pad);
            }
            self.response.pad_with(&mut first, &mut share, &pads);
        }
        self.response.write(&first, &second, out);
        share
    }
    /// How far the coefficients of an encryption are from q / t times those of `message`, as integers. Tells a holder
    /// of the key what a ciphertext was multiplied by: never part of a protocol.
    #[doc(hidden)]
    #[must_use]
    pub fn noise_of_a_ciphertext_for_tests_only(
        &self,
        key: &SecretKey,
        ciphertext: &Ciphertext,
        message: &[u64],
    ) -> Vec<i128> {
        let mut one = vec![0; self.params.degree()];
        one[0] = 1;
        // q m / t - c_1 s - c_0 1: what there is does that with a changed sign.
        let negated = either!(&self.base, b => {
            let mut x = b.encode(message, &[]);
            b.mask(&mut x, &ciphertext.second, &key.base);
            b.mask(&mut x, &ciphertext.first, &b.key(&one));
            b.integers(x)
        });
        negated.into_iter().map(|x| -x).collect()
    }
    /// What is rounded to shares at the positions of a response, modulo 2 to the response's bits.
    #[doc(hidden)]
    pub fn phases_of_a_response_for_tests_only(
        &self,
        key: &SecretKey,
        response: &[u8],
        positions: &[u32],
    ) -> Result<Vec<u128>, DecodeError> {
        let planes = self.response.phases(key, response, positions)?;
        let each = 0..positions.len();
        Ok(each.map(|i| self.response.second.get(&planes, i)).collect())
    }
    /// What one response draws, of which only the shares come out.
    #[doc(hidden)]
    pub fn draw_for_tests_only(&self, share: &mut [u64], prg: &mut Prg) {
        drop(self.fresh(share, prg));
    }
    /// AES blocks of that.
    #[doc(hidden)]
    #[must_use]
    pub fn blocks_of_a_response_for_tests_only(&self, positions: usize) -> usize {
        let n = self.params.degree();
        // 42 coins an error, 8/3 bits a ternary coefficient on average.
        let errors = (n + positions) * 42 / 128 + n / 48;
        let words = 2 + usize::from(self.params.flooding() > 63);
        match self.params.mode() {
            Mode::Exact => errors + words * positions / 2,
            Mode::Approximate => errors,
        }
    }
}
