//! What the protocols need of an encryption scheme.

use piquet_core::Prg;
use piquet_core::wire::DecodeError;

use crate::map::Map;
use crate::{Error, Params};

/// The public seed of one message's ciphertexts: their uniform halves are expanded from it, not sent.
pub type Seed = [u8; 32];

/// RLWE encryption of polynomials modulo X^N + 1, products with plaintext polynomials, and masked results.
///
/// Messages are N coefficients modulo the plaintext modulus t in `u64` words. A client encrypts under its secret key;
/// a server reads, adds its own share, multiplies by its weights, and gives a result away only by
/// [`respond`](Self::respond), which masks it. Methods that encrypt take a generator of the caller's, seeded from his
/// own randomness.
///
/// Nothing here reports anything that depends on noise or on a secret: `decrypt` decodes, and gives what there is.
pub trait Backend: Sized + Send + Sync {
    /// The client's key; wiped on drop, prints nothing.
    type SecretKey: Send + Sync;
    /// Encryptions of zero under it, with which a server makes its responses anew.
    type PublicKey: Send + Sync;
    /// An encrypted polynomial at the server, in the form in which it is multiplied.
    type Ciphertext: Send + Sync;
    /// A server's plaintext polynomials in the form in which they multiply.
    type Weights: Send + Sync;

    /// What it was made for.
    fn params(&self) -> &Params;

    /// A new key.
    fn secret_key(&self, prg: &mut Prg) -> Self::SecretKey;
    /// Bytes of a public key.
    fn public_key_len(&self) -> usize;
    /// Appends the public key of a secret one.
    fn public_key(&self, key: &Self::SecretKey, prg: &mut Prg, out: &mut Vec<u8>);
    /// Reads a public key.
    fn read_public_key(&self, bytes: &[u8]) -> Result<Self::PublicKey, DecodeError>;

    /// Bytes of an encrypted polynomial.
    fn ciphertext_len(&self) -> usize;
    /// Appends the encryption of N coefficients, its uniform half being number `index` of `seed`. A pair of seed and
    /// index is used once.
    fn encrypt(
        &self,
        key: &Self::SecretKey,
        seed: &Seed,
        index: u64,
        message: &[u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    );
    /// Reads number `index` under `seed`.
    fn read(&self, seed: &Seed, index: u64, bytes: &[u8]) -> Result<Self::Ciphertext, DecodeError>;
    /// Adds N plaintext coefficients.
    fn add(&self, ciphertext: &mut Self::Ciphertext, message: &[u64]);

    /// Brings the terms of a server's polynomials, `[outs][ins][exponents]`, into the form in which they multiply.
    /// Refuses terms beyond the declared bound.
    fn prepare(&self, map: &Map, values: &[i64]) -> Result<Self::Weights, Error>;
    /// The output polynomials numbered `outs`, from all inputs.
    fn multiply(
        &self,
        inputs: &[Self::Ciphertext],
        weights: &Self::Weights,
        outs: core::ops::Range<usize>,
    ) -> Vec<Self::Ciphertext>;

    /// Bytes of a response that gives `positions` coefficients away.
    fn response_len(&self, positions: usize) -> usize;
    /// Appends the coefficients at `positions` (ascending, below N), masked: re-randomised by a fresh encryption of
    /// zero, and by the mode of the parameters flooded or padded. The server's shares of them go to `share`.
    fn respond(
        &self,
        key: &Self::PublicKey,
        ciphertext: Self::Ciphertext,
        positions: &[u32],
        share: &mut [u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    );
    /// The client's shares of the coefficients at `positions`.
    fn decrypt(
        &self,
        key: &Self::SecretKey,
        response: &[u8],
        positions: &[u32],
        share: &mut [u64],
    ) -> Result<(), DecodeError>;
}
