//! Triples of elements of Z_2^k: c = a b, a, b and c shared by addition. Semi-honest only.
//!
//! **Protocol.** N. Gilboa (CRYPTO 1999), with the correlated OTs of [`crate::additive`]. a b = a_0 b_0 + a_0 b_1 +
//! a_1 b_0 + a_1 b_1; for the cross terms each party is receiver with its share of a, bit by bit, and sender with its
//! share of b: bit j selects b or 0 in Z_2^(k-j), as the j bits above are shifted out, and the sum of the 2^j-fold shares
//! is the product. The bits of a are the random choices of the correlated OTs, so that nothing chooses and both
//! messages cross: one round.
//!
//! **Bytes.** Bit j of triple g belongs to correlated OT j n + g. A message has, for one j after another, a run of n
//! corrections of k - j bits, which ends at a byte. Each party draws its b, in words.
//!
//! **Cost** for each triple: k correlated OTs in either direction; k (k + 1) / 2 bits each way, for n triples
//! Σ_j ceil(n (k - j) / 8) bytes and a header; each party 3 k AES blocks.
//!
//! **Security**: perfect masks given the ideal additive correlation, so that of the semi-honest correlated OTs. Not
//! against a party that deviates; see [`crate::triples`]. Constant time.

use core::fmt;

use piquet_core::correlation::{RingTriples, SemiHonest};
use piquet_core::wire::Header;
use piquet_core::{Ring, RingVec, lanes};
use rand_core::CryptoRng;

use crate::additive::{Receiver, Sender, reduce};
use crate::pads::{exactly, width};
use crate::{Error, ReceivedCots, SentCots, kinds};

/// How many triples, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of triples, at least 1.
    pub triples: usize,
    /// k: log2 of the modulus, 1 to 64 and no more than the word has.
    pub bits: u32,
}

impl Shape {
    /// Correlated OTs in either direction.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn cots(&self) -> Result<usize, Error> {
        width::<u64>(self.bits, 64)?;
        let all = self.triples.checked_mul(self.bits as usize);
        let all = all.filter(|n| *n <= isize::MAX as usize / 64);
        match all.ok_or(Error::Parameter {
            what: "number of triples",
            got: self.triples as u64,
            domain: "what fits in memory",
        })? {
            0 => Err(Error::Empty),
            n => Ok(n),
        }
    }
    /// Bytes of either party's message.
    ///
    /// # Errors
    /// As [`Shape::cots`].
    pub fn message_len(&self) -> Result<usize, Error> {
        self.cots()?;
        let bytes = |bits| (self.triples * bits as usize).div_ceil(8);
        Ok(Header::LEN + (1..=self.bits).map(bytes).sum::<usize>())
    }
}

/// Triples that wait for the peer's message.
#[must_use = "triples that are not finished are lost"]
pub struct Pending<R: Ring> {
    shape: Shape,
    received: ReceivedCots<SemiHonest>,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
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
    let Shape { triples: n, bits } = shape;
    width::<R>(bits, 64)?;
    exactly(sent.len(), shape.cots()?)?;
    exactly(received.len(), shape.cots()?)?;
    let body = shape.message_len()? - Header::LEN;
    sent.place().begin(kinds::RING_TRIPLES, body, out);
    let mut b = RingVec::random(n, rng);
    reduce(b.as_mut_slice(), bits);
    let mut c = RingVec::<R>::zeros(n);
    let mut sender = Sender::new(&sent, 1);
    for j in 0..bits {
        sender.section(j as usize * n, b.as_slice(), bits - j, out, |at, pads| {
            let c = &mut c.as_mut_slice()[at..];
            lanes::zip(c, pads, move |c, p: R| c.sub(p.shl(j)));
        });
    }
    let a = words_of_planes(&received, n, bits);
    lanes::zip2(
        c.as_mut_slice(),
        a.as_slice(),
        b.as_slice(),
        |c, a: R, b: R| c.add(a.mul(b)),
    );
    Ok(Pending {
        shape,
        received,
        a,
        b,
        c,
    })
}

impl<R: Ring> Pending<R> {
    /// Bytes of the peer's message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.shape.message_len().unwrap_or(usize::MAX)
    }
    /// The triples, from the peer's message.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn finish(self, message: &[u8]) -> Result<RingTriples<R, SemiHonest>, Error> {
        let Self {
            shape: Shape { triples: n, bits },
            ref received,
            a,
            b,
            mut c,
        } = self;
        let body = self.shape.message_len()? - Header::LEN;
        let mut body = received.place().open(kinds::RING_TRIPLES, body, message)?;
        let mut receiver = Receiver::new(received, 1);
        for j in 0..bits {
            receiver.section(j as usize * n, n, bits - j, &mut body, |at, share| {
                let c = &mut c.as_mut_slice()[at..];
                lanes::zip(c, share, move |c, r: R| c.add(r.shl(j)));
            })?;
        }
        reduce(c.as_mut_slice(), bits);
        RingTriples::from_raw(bits, a, b, c).ok_or(Error::Empty)
    }
}

/// Element g has the choices `j n + g` as its bits j.
pub(super) fn words_of_planes<R: Ring>(
    received: &ReceivedCots<SemiHonest>,
    n: usize,
    bits: u32,
) -> RingVec<R> {
    let mut words = RingVec::<R>::zeros(n);
    let mut bit = RingVec::<R>::zeros(n);
    for j in 0..bits {
        let at = j as usize * n;
        lanes::masks(
            bit.as_mut_slice(),
            received.choices.slice(at..at + n).words(),
        );
        let value = R::ONE.shl(j);
        lanes::zip(words.as_mut_slice(), bit.as_slice(), move |w, m: R| {
            w.xor(m.and(value))
        });
    }
    words
}

impl<R: Ring> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { triples, bits } = self.shape;
        write!(f, "Pending<Z_2^{bits}>({triples} triples)")
    }
}

#[cfg(test)]
mod tests;
