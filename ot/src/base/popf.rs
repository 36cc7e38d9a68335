//! The streamlined Feistel POPF on ristretto255: (T, s) stands for the function x -> T + H(x, s ⊕ x enc(T)).

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use piquet_core::wire::SessionId;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroize;

/// One function of the receiver, decoded.
pub(super) struct Item {
    /// T, not the identity.
    pub(super) point: RistrettoPoint,
    /// Its encoding.
    pub(super) encoded: CompressedRistretto,
    /// s.
    pub(super) mask: [u8; 32],
}

/// The hashes of one session.
pub(super) struct Popf {
    key: [u8; 32],
}

/// `s ⊕ x enc(T)`, in place, without a branch on `x`.
pub(super) fn mask(s: &mut [u8; 32], encoded: &CompressedRistretto, x: Choice) {
    let m = u8::conditional_select(&0, &0xff, x);
    for (s, t) in s.iter_mut().zip(encoded.as_bytes()) {
        *s ^= t & m;
    }
}

impl Popf {
    pub(super) fn new(session: &SessionId) -> Self {
        let key = blake3::derive_key("piquet 2026 base OT: hash to the group", &session.0);
        Self { key }
    }

    /// H_i(x, v) / 2: blake3 to a field element, the map of RFC 9496 once.
    fn half_hash(&self, i: usize, x: u8, v: &[u8; 32]) -> RistrettoPoint {
        let mut input = [0; 41];
        input[..8].copy_from_slice(&(i as u64).to_le_bytes());
        input[8] = x;
        input[9..].copy_from_slice(v);
        let h = blake3::keyed_hash(&self.key, &input);
        input.zeroize();
        RistrettoPoint::map_to_curve(*h.as_bytes())
    }

    /// Half of T such that (T, s ⊕ x enc(T)) takes x to 2 `half` G, where `s` is uniform.
    pub(super) fn half_program(
        &self,
        i: usize,
        x: Choice,
        s: &[u8; 32],
        half: &Scalar,
    ) -> RistrettoPoint {
        let x = u8::conditional_select(&0, &1, x);
        RistrettoPoint::mul_base(half) - self.half_hash(i, x, s)
    }

    /// The value at x, 0 or 1.
    pub(super) fn evaluate(&self, i: usize, x: u8, item: &Item) -> RistrettoPoint {
        let mut v = item.mask;
        mask(&mut v, &item.encoded, Choice::from(x));
        let half = self.half_hash(i, x, &v);
        item.point + half + half
    }
}
