//! ristretto255 (RFC 9496) eight points at a time, by AVX-512 IFMA.
//!
//! For protocols that take hundreds of points through the same operations. There is no portable version here: on
//! processors without the instructions, and for anything but batches, there is `curve25519-dalek`, which these kernels
//! are tested against. Scalars and points go in and out as bytes.
//!
//! Constant time in scalars, points and mapped bytes: no branch and no address depends on them, except that
//! [`Points::decode`] says whether all encodings were good. In the code that rustc 1.95 makes of it the conditional jumps are
//! those of loop counters, lengths and that answer (read; valgrind cannot run these instructions). Points are wiped when dropped; registers and stack are not.
//!
//! Scalars are 32 bytes, little-endian, below 2^253, as reduced ones are.
//!
//! # Cost
//! On a Zen 4 core a product of one scalar with many points takes a fifth of the time of `curve25519-dalek`'s AVX2
//! code, a fixed-base product or a map an eighth.
#![allow(unsafe_code)]

mod encoding;
mod field;
mod point;
mod product;
#[cfg(test)]
mod tests;

use core::fmt;
use std::sync::OnceLock;

use zeroize::Zeroize;

use crate::cpu::Ifma512;
use product::Window;

/// Points in one vector.
const LANES: usize = 8;

/// Coordinate, limb, lane.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Group([[[u64; LANES]; 5]; 4]);

/// A batch of points of the group.
pub struct Points {
    proof: Ifma512,
    len: usize,
    groups: Vec<Group>,
}

/// `items` by eight, the last ones filled up with `pad`.
fn by_lanes<T: Copy>(items: &[T], pad: T) -> impl ExactSizeIterator<Item = [T; LANES]> + '_ {
    items.chunks(LANES).map(move |c| {
        let mut lanes = [pad; LANES];
        lanes[..c.len()].copy_from_slice(c);
        lanes
    })
}

impl Points {
    /// The points with these encodings; `None` if one is not canonical or stands for no point, or for the identity.
    #[must_use]
    pub fn decode(proof: Ifma512, encodings: &[[u8; 32]]) -> Option<Self> {
        const BASE: [u8; 32] = product::BASE_POINT;
        let groups = by_lanes(encodings, BASE)
            // SAFETY: the proof shows that the features are there.
            .map(|lanes| unsafe { encoding::decode(&lanes) })
            .collect::<Option<_>>()?;
        let len = encodings.len();
        Some(Self { proof, len, groups })
    }

    /// MAP of RFC 9496, section 4.3.4, of each 32 bytes, whose top bit is ignored.
    #[must_use]
    pub fn map(proof: Ifma512, bytes: &[[u8; 32]]) -> Self {
        let groups = by_lanes(bytes, [0; 32])
            // SAFETY: the proof shows that the features are there.
            .map(|lanes| unsafe { encoding::map(&lanes) })
            .collect();
        let len = bytes.len();
        Self { proof, len, groups }
    }

    /// The base point times each scalar.
    #[must_use]
    pub fn mul_base(proof: Ifma512, scalars: &[[u8; 32]]) -> Self {
        static TABLE: OnceLock<Option<Table>> = OnceLock::new();
        let table = TABLE.get_or_init(|| Table::new(proof, &product::BASE_POINT));
        match table {
            Some(table) => table.mul(scalars),
            None => unreachable!("the base point is a point"),
        }
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Multiplies all by one scalar.
    pub fn mul(&mut self, scalar: &[u8; 32]) {
        let mut digits = product::digits(scalar);
        for g in &mut self.groups {
            // SAFETY: the proof shows that the features are there.
            unsafe { product::mul(g, &digits) }
        }
        digits.zeroize();
    }

    /// Doubles all.
    pub fn double(&mut self) {
        for g in &mut self.groups {
            // SAFETY: the proof shows that the features are there.
            unsafe { point::double(g) }
        }
    }

    /// Adds `rhs` point by point.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add(&mut self, rhs: &Self) {
        self.combine::<false>(rhs);
    }
    /// Subtracts `rhs` point by point.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn sub(&mut self, rhs: &Self) {
        self.combine::<true>(rhs);
    }
    fn combine<const NEGATE: bool>(&mut self, rhs: &Self) {
        assert_eq!(self.len, rhs.len, "batches of points");
        for (a, b) in self.groups.iter_mut().zip(&rhs.groups) {
            // SAFETY: the proof shows that the features are there.
            unsafe { point::combine::<NEGATE>(a, b) }
        }
    }

    /// The encodings of all points doubled: cheaper than without, since no square roots are needed.
    #[must_use]
    pub fn double_and_encode(&self) -> Vec<[u8; 32]> {
        let mut out = Vec::with_capacity(self.groups.len() * LANES);
        for groups in self.groups.chunks(encoding::BATCH) {
            // SAFETY: the proof shows that the features are there.
            unsafe { encoding::double_and_encode(groups, &mut out) }
        }
        out.truncate(self.len);
        out
    }

    /// The proof that it was made with.
    #[must_use]
    pub fn proof(&self) -> Ifma512 {
        self.proof
    }
}

impl Drop for Points {
    fn drop(&mut self) {
        for g in &mut self.groups {
            g.0.zeroize();
        }
    }
}

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Points({})", self.len)
    }
}

/// Multiples of one public point, for products of many scalars with it. 40 KiB.
pub struct Table {
    proof: Ifma512,
    windows: Vec<Window>,
}

impl Table {
    /// Of the point with this encoding; `None` as in [`Points::decode`].
    #[must_use]
    pub fn new(proof: Ifma512, encoding: &[u8; 32]) -> Option<Self> {
        // SAFETY: the proof shows that the features are there.
        let windows = unsafe { product::windows(encoding) }?;
        Some(Self { proof, windows })
    }

    /// The point times each scalar.
    #[must_use]
    pub fn mul(&self, scalars: &[[u8; 32]]) -> Points {
        let groups = by_lanes(scalars, [0; 32])
            .map(|mut lanes| {
                // SAFETY: the proof shows that the features are there.
                let g = unsafe { product::mul_table(&self.windows, &lanes) };
                lanes.zeroize();
                g
            })
            .collect();
        Points {
            proof: self.proof,
            len: scalars.len(),
            groups,
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Table(..)")
    }
}
