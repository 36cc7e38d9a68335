//! The hash of the streamlined Feistel POPF: (T, s) stands for the function x -> T + 2 MAP(h(x, s ⊕ x enc(T))).

use piquet_core::wire::SessionId;
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroize;

use super::group::Bytes;

/// h of one session.
pub(super) struct Popf {
    key: [u8; 32],
}

/// `s ⊕ x enc(T)`, without a branch on `x`.
pub(super) fn mask(s: &Bytes, encoded: &Bytes, x: Choice) -> Bytes {
    let m = u8::conditional_select(&0, &0xff, x);
    let mut v = *s;
    for (v, t) in v.iter_mut().zip(encoded) {
        *v ^= t & m;
    }
    v
}

impl Popf {
    pub(super) fn new(session: &SessionId) -> Self {
        let key = blake3::derive_key("piquet 2026 base OT: hash to the group", &session.0);
        Self { key }
    }

    /// h_i(x, v), to be mapped to the group.
    pub(super) fn hash(&self, i: usize, x: Choice, v: &Bytes) -> Bytes {
        let mut input = [0; 41];
        input[..8].copy_from_slice(&(i as u64).to_le_bytes());
        input[8] = u8::conditional_select(&0, &1, x);
        input[9..].copy_from_slice(v);
        let h = blake3::keyed_hash(&self.key, &input);
        input.zeroize();
        h.into()
    }
}
