//! Vectors of Z_q^768, q = 3329, and the hash to them.

use piquet_core::wire::{DecodeError, SessionId};
use rand_core::CryptoRng;
use zeroize::Zeroize;

const Q: u64 = 3329;
const N: usize = 768;
/// Bytes of an encoding: 12 bits a coefficient, FIPS 203, section 4.2.1.
pub(super) const VECTOR: usize = N * 12 / 8;
/// Bytes that a coefficient is sampled from.
const WIDE: usize = 16;

/// x mod q, by a multiplication: floor(x floor(2^64 / q) / 2^64) is the quotient or one less.
fn reduce(x: u64) -> u64 {
    const INVERSE: u128 = (u64::MAX / Q) as u128;
    let quotient = ((u128::from(x) * INVERSE) >> 64) as u64;
    subtract_q(x - quotient * Q)
}

/// x - q if that is not negative, else x; for x < 2 q.
fn subtract_q(x: u64) -> u64 {
    let y = x.wrapping_sub(Q);
    y.wrapping_add(Q & (y >> 63).wrapping_neg())
}

/// 16 bytes, little-endian, mod q.
fn reduce_wide(bytes: &[u8; WIDE]) -> u16 {
    let words = bytes.as_chunks::<4>().0.iter().rev();
    let word = |w: &[u8; 4]| u64::from(u32::from_le_bytes(*w));
    words.fold(0, |r, w| reduce(r << 32 | word(w))) as u16
}

/// A vector, wiped on drop.
pub(super) struct Vector(pub(super) [u16; N]);

impl Vector {
    /// A uniform one.
    pub(super) fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        Self::sample(|bytes| rng.fill_bytes(bytes))
    }

    fn sample(mut fill: impl FnMut(&mut [u8])) -> Self {
        let mut v = Self([0; N]);
        let mut bytes = [[0; WIDE]; 64];
        for chunk in v.0.chunks_mut(64) {
            fill(bytes.as_flattened_mut());
            for (c, b) in chunk.iter_mut().zip(&bytes) {
                *c = reduce_wide(b);
            }
        }
        bytes.as_flattened_mut().zeroize();
        v
    }

    /// Of 12 bits a coefficient, each below q.
    pub(super) fn decode(bytes: &[u8; VECTOR]) -> Result<Self, DecodeError> {
        let mut v = Self([0; N]);
        let mut worst = 0;
        for (c, b) in v.0.chunks_exact_mut(2).zip(bytes.chunks_exact(3)) {
            let [b0, b1, b2] = [b[0], b[1], b[2]].map(u16::from);
            c[0] = b0 | (b1 & 15) << 8;
            c[1] = b1 >> 4 | b2 << 4;
            worst = worst.max(c[0]).max(c[1]);
        }
        if u64::from(worst) < Q {
            Ok(v)
        } else {
            Err(DecodeError::Range("a coefficient"))
        }
    }

    pub(super) fn encode(&self) -> [u8; VECTOR] {
        let mut bytes = [0; VECTOR];
        for (c, b) in self.0.chunks_exact(2).zip(bytes.chunks_exact_mut(3)) {
            b[0] = c[0] as u8;
            b[1] = (c[0] >> 8 | c[1] << 4) as u8;
            b[2] = (c[1] >> 4) as u8;
        }
        bytes
    }

    pub(super) fn add(&mut self, rhs: &Self) {
        for (a, b) in self.0.iter_mut().zip(&rhs.0) {
            *a = subtract_q(u64::from(*a + b)) as u16;
        }
    }

    pub(super) fn sub(&mut self, rhs: &Self) {
        for (a, b) in self.0.iter_mut().zip(&rhs.0) {
            *a = subtract_q(u64::from(*a) + Q - u64::from(*b)) as u16;
        }
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// H of one session.
pub(super) struct Hash([u8; 32]);

impl Hash {
    pub(super) fn new(session: &SessionId) -> Self {
        let label = "piquet 2026 base OT: hash to keys of ML-KEM-768";
        Self(blake3::derive_key(label, &session.0))
    }

    /// H_i(x, ρ, vector).
    pub(super) fn of(&self, i: usize, x: u8, rho: &[u8; 32], vector: &[u8; VECTOR]) -> Vector {
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(&(i as u64).to_le_bytes());
        h.update(&[x]);
        h.update(rho);
        h.update(vector);
        let mut stream = h.finalize_xof();
        let v = Vector::sample(|bytes| stream.fill(bytes));
        h.zeroize();
        stream.zeroize();
        v
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    #[test]
    fn reduction_is_the_remainder() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let edges = [0, 1, Q - 1, Q, Q + 1, 2 * Q - 1, u64::MAX, u64::MAX - 1];
        let products = (0..1000).map(|k| (u64::MAX / Q - k) * Q);
        let near = products.flat_map(|p| [p - 1, p, p + 1]);
        let random: Vec<_> = (0..1000).map(|_| rng.next_u64()).collect();
        for x in edges.into_iter().chain(near).chain(random) {
            assert_eq!(reduce(x), x % Q, "{x}");
        }
        for _ in 0..1000 {
            let mut wide = [0; WIDE];
            rng.fill_bytes(&mut wide);
            let want = (u128::from_le_bytes(wide) % u128::from(Q)) as u16;
            assert_eq!(reduce_wide(&wide), want);
        }
        assert_eq!(
            reduce_wide(&[0xff; WIDE]),
            (u128::MAX % u128::from(Q)) as u16
        );
    }

    #[test]
    fn sums_differences_and_encodings_go_back() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let (a, b) = (Vector::random(&mut rng), Vector::random(&mut rng));
        assert!(a.0.iter().all(|c| u64::from(*c) < Q));
        let back = Vector::decode(&a.encode()).unwrap();
        assert!(back.0 == a.0);
        let mut sum = back;
        sum.add(&b);
        for ((s, a), b) in sum.0.iter().zip(&a.0).zip(&b.0) {
            assert_eq!(u64::from(*s), u64::from(a + b) % Q);
        }
        sum.sub(&b);
        assert!(sum.0 == a.0);
        for at in [0, 1, 767] {
            let mut bad = Vector(a.0);
            bad.0[at] = Q as u16;
            assert!(Vector::decode(&bad.encode()).is_err());
        }
    }

    /// Coefficients of many vectors fall evenly: chi squared with 3328 degrees of freedom, mean 3328, deviation 82.
    #[test]
    fn coefficients_are_uniform() {
        let hash = Hash::new(&SessionId([1; 32]));
        let mut counts = vec![0u32; Q as usize];
        let vectors = 400;
        for i in 0..vectors {
            let v = hash.of(i, 0, &[0; 32], &[0; VECTOR]);
            v.0.iter().for_each(|c| counts[usize::from(*c)] += 1);
        }
        let mean = (vectors * N) as f64 / Q as f64;
        let chi: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - mean).powi(2) / mean)
            .sum();
        assert!((2900.0..3760.0).contains(&chi), "{chi}");
    }
}
