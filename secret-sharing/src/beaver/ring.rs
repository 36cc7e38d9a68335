//! Triples over a ring, from the pool to the product.

use core::fmt;

use piquet_core::{
    Ring, RingVec,
    correlation::{ConvTriple, MatrixShape, MatrixTriple, RingTriples, Security},
    wire::{Decode, DecodeError, Encode, Header, Reader, SessionId},
};

use super::{Product, each_peer_once, one_of_two};
use crate::{AdditiveVec, Error, Party, error::same_length, kinds};

/// One party's pool of elementwise triples; hands each out once. Not `Clone`, no encoding.
pub struct Triples<R: Ring> {
    party: Party,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
    used: usize,
}

/// One party's share of the triple of one product, to be spent by [`TripleBatch::start`].
#[must_use = "a triple taken and not used is lost"]
pub struct TripleBatch<R: Ring> {
    party: Party,
    product: Product,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
}

/// One party's shares of `x - a` and `y - b`: what it sends to every peer. Safe to send, as the triple that masks it is
/// gone.
#[must_use = "an opening that is not sent leaves the peers waiting"]
pub struct Opening<R: Ring> {
    shape: OpeningShape,
    d: RingVec<R>,
    e: RingVec<R>,
}

/// What a party knows of the opening that is due from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningShape {
    /// Session of the product.
    pub session: SessionId,
    /// Index of the product within the session.
    pub step: u64,
    /// Who sends it.
    pub from: Party,
    /// Sizes; valid ([`Product::validate`]).
    pub product: Product,
}

/// A product that waits for the peers' openings.
#[must_use = "a product that is not finished is lost"]
pub struct Pending<R: Ring> {
    batch: TripleBatch<R>,
    session: SessionId,
    step: u64,
    d: RingVec<R>,
    e: RingVec<R>,
}

impl<R: Ring> Triples<R> {
    /// Takes three vectors to be this party's shares of triples. Only their lengths are checked.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn from_raw_shares(
        party: Party,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Result<Self, Error> {
        same_length(a.len(), b.len())?;
        same_length(a.len(), c.len())?;
        Ok(Self {
            party,
            a,
            b,
            c,
            used: 0,
        })
    }
    /// The share of one of two parties that made their triples between them, by oblivious transfer say. Products are
    /// secure against semi-honest parties, whatever the triples were.
    ///
    /// # Errors
    /// [`Error::ShareSet`] unless there are two parties; [`Error::NoSuchRing`] if the modulus is not that of `R`.
    pub fn from_two_party<M: Security>(
        party: Party,
        triples: RingTriples<R, M>,
    ) -> Result<Self, Error> {
        one_of_two(party)?;
        whole_word::<R>(triples.bits())?;
        let [a, b, c] = triples.into_parts();
        Self::from_raw_shares(party, a, b, c)
    }
    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.a.len() - self.used
    }
    /// The next `n` triples. All parties must take the same numbers in the same order.
    ///
    /// # Errors
    /// [`Error::Empty`] for 0; [`Error::Exhausted`], and nothing is taken.
    pub fn take(&mut self, n: usize) -> Result<TripleBatch<R>, Error> {
        if n == 0 {
            return Err(Error::Empty);
        }
        let have = self.left();
        let cut = |v: &RingVec<R>| {
            let rest = v.as_slice().get(self.used..)?;
            Some(RingVec::from(rest.get(..n)?.to_vec()))
        };
        let (Some(a), Some(b), Some(c)) = (cut(&self.a), cut(&self.b), cut(&self.c)) else {
            return Err(Error::Exhausted { want: n, have });
        };
        self.used += n;
        TripleBatch::from_raw_shares(self.party, Product::Elements { len: n }, a, b, c)
    }
}

/// `Ok` if Z_2^bits is all of `R`: a product of shares wraps there and nowhere else.
fn whole_word<R: Ring>(bits: u32) -> Result<(), Error> {
    if bits == R::BITS {
        Ok(())
    } else {
        Err(Error::NoSuchRing(bits))
    }
}

impl<R: Ring> TripleBatch<R> {
    /// Takes three vectors to be this party's share of the triple of one product. Only their lengths are checked.
    ///
    /// # Errors
    /// Those of [`Product::validate`]; [`Error::Length`].
    pub fn from_raw_shares(
        party: Party,
        product: Product,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Result<Self, Error> {
        product.validate()?;
        same_length(a.len(), product.left_len())?;
        same_length(b.len(), product.right_len())?;
        same_length(c.len(), product.output_len())?;
        Ok(Self {
            party,
            product,
            a,
            b,
            c,
        })
    }
    /// The triple of a matrix product that two parties made between them. See [`Triples::from_two_party`].
    ///
    /// # Errors
    /// As [`Triples::from_two_party`]; those of [`Product::validate`].
    pub fn from_two_party<M: Security>(
        party: Party,
        triple: MatrixTriple<R, M>,
    ) -> Result<Self, Error> {
        one_of_two(party)?;
        whole_word::<R>(triple.bits())?;
        let MatrixShape { m, k, n } = triple.shape();
        let [a, b, c] = triple.into_parts();
        Self::from_raw_shares(party, Product::MatMul { m, k, n }, a, b, c)
    }
    /// The triple of a convolution that two parties made between them. See [`Triples::from_two_party`].
    ///
    /// # Errors
    /// As [`Triples::from_two_party`]; those of [`Product::validate`].
    pub fn from_two_party_conv<M: Security>(
        party: Party,
        triple: ConvTriple<R, M>,
    ) -> Result<Self, Error> {
        one_of_two(party)?;
        whole_word::<R>(triple.bits())?;
        let product = Product::Conv(*triple.shape());
        let [a, b, c] = triple.into_parts();
        Self::from_raw_shares(party, product, a, b, c)
    }
    /// The product that it is for.
    #[must_use]
    pub fn product(&self) -> &Product {
        &self.product
    }
    /// Masks the factors. `step` numbers the products of a session: equal at all parties, never repeated.
    ///
    /// # Errors
    /// [`Error::Holder`], [`Error::Length`]; the triple is gone.
    pub fn start(
        self,
        session: SessionId,
        step: u64,
        x: &AdditiveVec<R>,
        y: &AdditiveVec<R>,
    ) -> Result<(Opening<R>, Pending<R>), Error> {
        self.party.same(x.party())?;
        self.party.same(y.party())?;
        same_length(x.len(), self.a.len())?;
        same_length(y.len(), self.b.len())?;
        let minus = |x: &AdditiveVec<R>, mask: &RingVec<R>| {
            let mut d = RingVec::from(x.raw_share().to_vec());
            d.sub_assign(mask.as_slice());
            d
        };
        let (d, e) = (minus(x, &self.a), minus(y, &self.b));
        let opening = Opening {
            shape: OpeningShape {
                session,
                step,
                from: self.party,
                product: self.product,
            },
            d: d.duplicate(),
            e: e.duplicate(),
        };
        let pending = Pending {
            batch: self,
            session,
            step,
            d,
            e,
        };
        Ok((opening, pending))
    }
}

impl<R: Ring> Pending<R> {
    /// Who waits.
    #[must_use]
    pub fn party(&self) -> Party {
        self.batch.party
    }
    /// The shape of the message that is due from a peer.
    #[must_use]
    pub fn expect(&self, from: Party) -> OpeningShape {
        OpeningShape {
            session: self.session,
            step: self.step,
            from,
            product: self.batch.product,
        }
    }
    /// This party's share of the product, from one opening of every peer, in any order.
    ///
    /// # Errors
    /// [`Error::ShareSet`] unless each peer is there exactly once; [`DecodeError::Context`] for an opening of another
    /// product.
    pub fn finish(self, peers: &[Opening<R>]) -> Result<AdditiveVec<R>, Error> {
        each_peer_once(self.party(), peers.iter().map(|o| o.shape.from))?;
        if peers.iter().any(|o| o.shape != self.expect(o.shape.from)) {
            return Err(DecodeError::Context.into());
        }
        let Self {
            batch:
                TripleBatch {
                    party,
                    product,
                    a,
                    mut b,
                    mut c,
                },
            mut d,
            mut e,
            ..
        } = self;
        for o in peers {
            d.add_assign(o.d.as_slice());
            e.add_assign(o.e.as_slice());
        }
        if party.adds_constants() {
            b.add_assign(e.as_slice()); // d * b + d * e as one product
        }
        let cross = [(d.as_slice(), b.as_slice()), (a.as_slice(), e.as_slice())];
        product.accumulate(&cross, &mut c)?;
        Ok(AdditiveVec::from_raw_share(party, c))
    }
}

impl OpeningShape {
    fn header(&self) -> Header {
        Header {
            kind: kinds::OPENING,
            session: self.session,
            step: self.step,
        }
    }
    /// Length of the message: 20 bytes and the masked factors.
    #[must_use]
    pub fn encoded_len<R: Ring>(&self) -> usize {
        Header::LEN + 2 + (self.product.left_len() + self.product.right_len()) * R::BYTES
    }
}

impl<R: Ring> Encode for Opening<R> {
    fn encoded_len(&self) -> usize {
        self.shape.encoded_len::<R>()
    }
    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        self.shape.header().encode(out);
        out.extend([self.shape.from.index() as u8, R::BYTES as u8]);
        out.extend_from_slice(self.d.as_bytes());
        out.extend_from_slice(self.e.as_bytes());
    }
}

impl<R: Ring> Decode<OpeningShape> for Opening<R> {
    fn decode(shape: &OpeningShape, bytes: &[u8]) -> Result<Self, DecodeError> {
        shape
            .product
            .validate()
            .map_err(|_| DecodeError::Range("product"))?;
        let want = shape.encoded_len::<R>();
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let mut r = Reader::new(shape.header().check(bytes)?);
        if usize::from(r.u8()?) != shape.from.index() {
            return Err(DecodeError::Range("sender"));
        }
        if usize::from(r.u8()?) != R::BYTES {
            return Err(DecodeError::Range("ring"));
        }
        let mut d = RingVec::zeros(shape.product.left_len());
        let mut e = RingVec::zeros(shape.product.right_len());
        r.ring(d.as_mut_slice())?;
        r.ring(e.as_mut_slice())?;
        r.end()?;
        Ok(Self {
            shape: *shape,
            d,
            e,
        })
    }
}

impl<R: Ring> fmt::Debug for Triples<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.left();
        write!(f, "Triples<Z_2^{}>[{left}] of {}", R::BITS, self.party)
    }
}
impl<R: Ring> fmt::Debug for TripleBatch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { product, party, .. } = self;
        write!(f, "TripleBatch<Z_2^{}> for {product} of {party}", R::BITS)
    }
}
impl<R: Ring> fmt::Debug for Opening<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OpeningShape { product, from, .. } = &self.shape;
        write!(f, "Opening<Z_2^{}> for {product} of {from}", R::BITS)
    }
}
impl<R: Ring> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TripleBatch { product, party, .. } = &self.batch;
        write!(f, "Pending<Z_2^{}> for {product} of {party}", R::BITS)
    }
}
