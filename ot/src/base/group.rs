//! What the two parties compute in the group, batch by batch: by the kernels of `piquet_core::ristretto` where the processor
//! has the instructions, else by `curve25519-dalek`. Both give the same bytes.
//!
//! Everything is computed in halves, since an encoding of 2 P is cheaper than one of P.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use piquet_core::cpu::Ifma512;
#[cfg(target_arch = "x86_64")]
use piquet_core::ristretto::{Points, Table};
use zeroize::{Zeroize, Zeroizing};

/// Encoding of a point, or what is to be mapped to one.
pub(super) type Bytes = [u8; 32];

/// From so many points on vectors of eight pay.
const VECTORS_PAY: usize = 3;
/// From so many products on a table of multiples pays, without vectors.
const TABLE_PAYS: usize = 64;

/// Who computes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Group {
    Dalek,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Ifma(Ifma512),
}

fn decode(bytes: &Bytes) -> Option<RistrettoPoint> {
    CompressedRistretto(*bytes)
        .decompress()
        .filter(|p| !p.is_identity())
}

fn encode_doubled(mut halves: Vec<RistrettoPoint>) -> Vec<Bytes> {
    let mut encoded = RistrettoPoint::double_and_compress_batch(&halves);
    halves.zeroize();
    let bytes = encoded.iter().map(CompressedRistretto::to_bytes).collect();
    encoded.zeroize();
    bytes
}

#[cfg(target_arch = "x86_64")]
fn scalar_bytes(scalars: &[Scalar]) -> Zeroizing<Vec<Bytes>> {
    Zeroizing::new(scalars.iter().map(Scalar::to_bytes).collect())
}

impl Group {
    /// The fastest of this processor for `n` points.
    pub(super) fn new(n: usize) -> Self {
        match Ifma512::new() {
            Some(proof) if n >= VECTORS_PAY => Self::Ifma(proof),
            _ => Self::Dalek,
        }
    }

    /// The receiver's points 2 (b_i G - MAP(h_i)).
    pub(super) fn blind(self, scalars: &[Scalar], hashes: &[Bytes]) -> Vec<Bytes> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(proof) => {
                let mut points = Points::mul_base(proof, &scalar_bytes(scalars));
                points.sub(&Points::map(proof, hashes));
                points.double_and_encode()
            }
            _ => {
                let one = |(b, h): (&Scalar, &Bytes)| {
                    RistrettoPoint::mul_base(b) - RistrettoPoint::map_to_curve(*h)
                };
                encode_doubled(scalars.iter().zip(hashes).map(one).collect())
            }
        }
    }

    /// The sender's 2 a (T_i + 2 MAP(h_{x,i})), for x = 0 and 1; `None` unless all T_i are points and not the identity.
    pub(super) fn share(
        self,
        scalar: &Scalar,
        points: &[Bytes],
        hashes: [&[Bytes]; 2],
    ) -> Option<[Vec<Bytes>; 2]> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(proof) => {
                let scalar = Zeroizing::new(scalar.to_bytes());
                let points = Points::decode(proof, points)?;
                Some(hashes.map(|h| {
                    let mut sum = Points::map(proof, h);
                    sum.double();
                    sum.add(&points);
                    sum.mul(&scalar);
                    sum.double_and_encode()
                }))
            }
            _ => {
                let points = points.iter().map(decode).collect::<Option<Vec<_>>>()?;
                let one = |(p, h): (&RistrettoPoint, &Bytes)| {
                    let half = RistrettoPoint::map_to_curve(*h);
                    (p + half + half) * scalar
                };
                Some(hashes.map(|h| encode_doubled(points.iter().zip(h).map(one).collect())))
            }
        }
    }

    /// The receiver's 2 b_i A; `None` if these bytes are no point, or the identity.
    pub(super) fn answer(self, point: &Bytes, scalars: &[Scalar]) -> Option<Vec<Bytes>> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(proof) => {
                let table = Table::new(proof, point)?;
                Some(table.mul(&scalar_bytes(scalars)).double_and_encode())
            }
            _ => {
                let point = decode(point)?;
                Some(encode_doubled(if scalars.len() < TABLE_PAYS {
                    scalars.iter().map(|b| point * b).collect()
                } else {
                    let table = RistrettoBasepointTable::create(&point);
                    scalars.iter().map(|b| &table * b).collect()
                }))
            }
        }
    }
}
