//! Keys, ciphertexts, and the randomness of one response.

use core::fmt;

use piquet_core::{wipe, wipe_vec};

/// A ternary polynomial in the forms in which it multiplies: modulo the ciphertexts' modulus, and modulo the
/// responses'.
pub struct SecretKey {
    pub(crate) base: Vec<u64>,
    pub(crate) response: Vec<u64>,
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        wipe_vec(&mut self.base);
        wipe_vec(&mut self.response);
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// An encryption of zero, as points.
pub struct PublicKey {
    pub(crate) first: Vec<u64>,
    pub(crate) second: Vec<u64>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

/// An encrypted polynomial: c_0 and c_1, word-plane by word-plane.
pub struct Ciphertext {
    pub(crate) first: Vec<u64>,
    pub(crate) second: Vec<u64>,
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ciphertext")
    }
}

/// What a server draws for one response: the encryption of zero (p_0 u + e_0, p_1 u + e_1), and in the exact mode
/// what is added at every position.
pub(crate) struct Fresh {
    /// u, all coefficients.
    pub(crate) ternary: Vec<i8>,
    /// e_0, where it is seen: at the positions.
    pub(crate) first: Vec<i8>,
    /// e_1, all coefficients.
    pub(crate) second: Vec<i8>,
    /// The masks modulo t at the positions; empty in the approximate mode.
    pub(crate) masks: Vec<u64>,
    /// The flooding at the positions, signed: one word each, or all low words and then all high ones; empty in the
    /// approximate mode.
    pub(crate) floods: Vec<u64>,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        wipe(&mut self.ternary);
        wipe(&mut self.first);
        wipe(&mut self.second);
        wipe_vec(&mut self.masks);
        wipe_vec(&mut self.floods);
    }
}
