//! Bits that lie a byte each, and single bits of words, packed.

use piquet_core::{BitVec, Ring, lanes};

/// Packs bytes of 0 or 1, from the low bit of the first word on.
pub(crate) fn pack(bytes: &[u8], out: &mut [u64]) {
    for (out, bytes) in out.iter_mut().zip(bytes.chunks(64)) {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut word = 0;
        for (i, b) in eights.iter().enumerate() {
            // Byte j comes to bit 56 + j: no two of the products meet.
            let byte = u64::from_le_bytes(*b).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            word |= byte << (8 * i);
        }
        for (i, b) in rest.iter().enumerate() {
            word |= u64::from(*b) << (8 * eights.len() + i);
        }
        *out = word;
    }
}

/// Bit `at` of every word.
pub(crate) fn bit_of<R: Ring>(words: &[R], at: u32) -> BitVec {
    let mut out = BitVec::zeros(words.len());
    let mut bytes = [0u8; 64];
    for (words, out) in words.chunks(64).zip(out.words_mut().iter_mut()) {
        let bytes = &mut bytes[..words.len()];
        lanes::zip(bytes, words, |_, w| (w.shr(at).to_u64() & 1) as u8);
        pack(bytes, core::slice::from_mut(out));
    }
    piquet_core::wipe(&mut bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_are_in_order() {
        for n in [0usize, 1, 7, 8, 9, 63, 64, 65, 127, 200] {
            let words: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
            for at in [0, 5, 31] {
                let want: Vec<bool> = words.iter().map(|w| w >> at & 1 == 1).collect();
                let got = bit_of(&words, at);
                assert_eq!(got.to_bools().collect::<Vec<_>>(), want, "{n}");
                let bytes: Vec<u8> = want.iter().map(|b| u8::from(*b)).collect();
                let mut packed = vec![u64::MAX; n.div_ceil(64)];
                pack(&bytes, &mut packed);
                assert_eq!(packed, got.words());
            }
        }
    }
}
