//! Triples of matrices over Z_2^bits: C = A B, all shared by addition. Semi-honest only.
//!
//! **Protocol.** As [`crate::triples::gilboa`], with vectors: for a cross term A_i B_(1-i) of an m x k by a k x n matrix, bit j
//! of element (r, t) of A_i selects row t of B_(1-i), n elements of Z_2^(bits-j), by one additive correlation of vectors
//! ([`crate::additive`]), and row r of the product is the sum of the 2^j-fold shares (P. Mohassel, Y. Zhang, SecureML,
//! IEEE S&P 2017, multiply matrices so). That takes m k bits of them; with the roles of the factors exchanged, B bit by
//! bit against columns of A, k n. The smaller side is taken: choices come from A if m <= n, else from B. The bytes are the
//! same either way, up to rounding.
//!
//! **Bytes.** Of r rows and i columns of choices (of A, or of the transpose of B), bit j of element (a, t) belongs to
//! correlated OT (j r + a) i + t. A message has, for one j after another and one row after another, a run of corrections of
//! bits - j bits, which ends at a byte. Each party draws its other factor, in words.
//!
//! **Cost**: min(m, n) k bits correlated OTs in either direction, to n m bits of matrix product k m n elements: each way
//! Σ_j min(m, n) ceil(k max(m, n) (bits - j) / 8) bytes and a header, about k m n bits (bits + 1) / 16; with s =
//! ceil(max(m, n) BYTES / 16) blocks of a pad, each party 3 AES blocks for each correlated OT, and 3 s more if s > 1.
//! One round.
//!
//! **Security**: as [`crate::triples::gilboa`]. Constant time.

use core::fmt;

use piquet_core::correlation::{MatrixShape, MatrixTriple, SemiHonest};
use piquet_core::wire::Header;
use piquet_core::{Ring, RingVec, lanes, linalg};
use rand_core::CryptoRng;

use super::gilboa::words_of_planes;
use crate::additive::{Receiver, Sender, reduce};
use crate::pads::{MAX_MESSAGE, exactly, width};
use crate::{Error, ReceivedCots, SentCots, kinds};

/// Which product, and over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Sizes, none 0.
    pub matrices: MatrixShape,
    /// log2 of the modulus, 1 to 64 and no more than the word has.
    pub bits: u32,
}

/// The product as the protocol sees it: `rows` x `inner` choices against `inner` x `columns` vectors.
#[derive(Clone, Copy)]
struct Plan {
    rows: usize,
    inner: usize,
    columns: usize,
    /// Whether that is B^T A^T in place of A B.
    transposed: bool,
}

impl Shape {
    fn plan(&self) -> Result<Plan, Error> {
        width::<u64>(self.bits, 64)?;
        let MatrixShape { m, k, n } = self.matrices;
        let transposed = m > n;
        let (rows, columns) = (m.min(n), m.max(n));
        let all = rows.checked_mul(k).and_then(|x| x.checked_mul(columns));
        match all.filter(|n| *n <= isize::MAX as usize / 4096 && columns <= MAX_MESSAGE / 16) {
            Some(0) => Err(Error::Empty),
            Some(_) => Ok(Plan {
                rows,
                inner: k,
                columns,
                transposed,
            }),
            None => Err(Error::Parameter {
                what: "a dimension",
                got: m.max(k).max(n) as u64,
                domain: "what fits in memory",
            }),
        }
    }
    /// Correlated OTs in either direction.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn cots(&self) -> Result<usize, Error> {
        let plan = self.plan()?;
        Ok(plan.rows * plan.inner * self.bits as usize)
    }
    /// Bytes of either party's message.
    ///
    /// # Errors
    /// As [`Shape::cots`].
    pub fn message_len(&self) -> Result<usize, Error> {
        let plan = self.plan()?;
        let row = |bits| (plan.inner * plan.columns * bits as usize).div_ceil(8);
        Ok(Header::LEN + plan.rows * (1..=self.bits).map(row).sum::<usize>())
    }
}

/// A triple that waits for the peer's message.
#[must_use = "a triple that is not finished is lost"]
pub struct Pending<R: Ring> {
    shape: Shape,
    received: ReceivedCots<SemiHonest>,
    left: RingVec<R>,
    right: RingVec<R>,
    product: RingVec<R>,
}

/// Appends this party's message to `out`. Both parties do this, each with correlated OTs of both kinds.
///
/// # Errors
/// As [`Shape::cots`]; [`Error::Parameter`] if an element does not fit into `R`; [`Error::Exhausted`],
/// [`Error::Length`] unless there are as many correlated OTs of either kind as the shape says.
pub fn start<R: Ring, G: CryptoRng + ?Sized>(
    shape: Shape,
    sent: SentCots<SemiHonest>,
    received: ReceivedCots<SemiHonest>,
    rng: &mut G,
    out: &mut Vec<u8>,
) -> Result<Pending<R>, Error> {
    let bits = shape.bits;
    width::<R>(bits, 64)?;
    let plan = shape.plan()?;
    exactly(sent.len(), shape.cots()?)?;
    exactly(received.len(), shape.cots()?)?;
    let body = shape.message_len()? - Header::LEN;
    sent.place().begin(kinds::MATRIX_TRIPLE, body, out);
    let mut right = RingVec::random(plan.inner * plan.columns, rng);
    reduce(right.as_mut_slice(), bits);
    let left = words_of_planes::<R>(&received, plan.rows * plan.inner, bits);
    let mut product = RingVec::<R>::zeros(plan.rows * plan.columns);
    linalg::matmul(
        [plan.rows, plan.inner, plan.columns],
        left.as_slice(),
        right.as_slice(),
        product.as_mut_slice(),
    )
    .map_err(too_large)?;
    let mut sender = Sender::new(&sent, plan.columns);
    for j in 0..bits {
        for (r, row) in product
            .as_mut_slice()
            .chunks_exact_mut(plan.columns)
            .enumerate()
        {
            let first = (j as usize * plan.rows + r) * plan.inner;
            sender.section(first, right.as_slice(), bits - j, out, |_, pads| {
                for pad in pads.chunks_exact(plan.columns) {
                    lanes::zip(row, pad, move |c, p: R| c.sub(p.shl(j)));
                }
            });
        }
    }
    Ok(Pending {
        shape,
        received,
        left,
        right,
        product,
    })
}

fn too_large(_: linalg::ShapeError) -> Error {
    Error::Parameter {
        what: "a dimension",
        got: u64::MAX,
        domain: "what a matrix product takes",
    }
}

impl<R: Ring> Pending<R> {
    /// Bytes of the peer's message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.shape.message_len().unwrap_or(usize::MAX)
    }
    /// The triple, from the peer's message.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn finish(self, message: &[u8]) -> Result<MatrixTriple<R, SemiHonest>, Error> {
        let Self {
            shape,
            received,
            left,
            right,
            mut product,
        } = self;
        let (bits, plan) = (shape.bits, shape.plan()?);
        let body = shape.message_len()? - Header::LEN;
        let mut body = received.place().open(kinds::MATRIX_TRIPLE, body, message)?;
        let mut receiver = Receiver::new(&received, plan.columns);
        for j in 0..bits {
            for (r, row) in product
                .as_mut_slice()
                .chunks_exact_mut(plan.columns)
                .enumerate()
            {
                let first = (j as usize * plan.rows + r) * plan.inner;
                let elements = plan.inner * plan.columns;
                receiver.section(first, elements, bits - j, &mut body, |_, shares| {
                    for share in shares.chunks_exact(plan.columns) {
                        lanes::zip(row, share, move |c, r: R| c.add(r.shl(j)));
                    }
                })?;
            }
        }
        reduce(product.as_mut_slice(), bits);
        let (a, b, c) = if plan.transposed {
            (
                transpose(&right, plan.inner, plan.columns),
                transpose(&left, plan.rows, plan.inner),
                transpose(&product, plan.rows, plan.columns),
            )
        } else {
            (left, right, product)
        };
        MatrixTriple::from_raw(shape.matrices, bits, a, b, c).ok_or(Error::Empty)
    }
}

/// The transpose of a `rows` x `columns` matrix.
fn transpose<R: Ring>(x: &RingVec<R>, rows: usize, columns: usize) -> RingVec<R> {
    let mut out = RingVec::zeros(x.len());
    for (r, row) in x.as_slice().chunks_exact(columns).enumerate() {
        for (c, v) in row.iter().enumerate() {
            out.as_mut_slice()[c * rows + r] = *v;
        }
    }
    out
}

impl<R: Ring> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, MatrixShape { m, k, n }) = (self.shape.bits, self.shape.matrices);
        write!(f, "Pending<Z_2^{bits}>({m}x{k} by {k}x{n})")
    }
}

#[cfg(test)]
mod tests;
