//! What only tests may see.

use piquet_core::Prg;
use piquet_core::wire::DecodeError;

use super::{Base, Ciphertext, Native, SecretKey, either};
use crate::Mode;

impl Native {
    /// How far the coefficients of an encryption are from q / t times those of `message`, as integers. Tells a holder of the
    /// key what a ciphertext was multiplied by: never part of a protocol.
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
