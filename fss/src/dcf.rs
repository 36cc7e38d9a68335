//! Distributed comparison functions: x ↦ β if x < α, else 0, with β and the shares in Z_2^k.
//!
//! After E. Boyle, N. Chandran, N. Gilboa, D. Gupta, Y. Ishai, N. Kumar, M. Rathee, "Function Secret Sharing for
//! Mixed-Mode and Fixed-Point Secure Computation", EUROCRYPT 2021, <https://eprint.iacr.org/2020/1392>, on the
//! half-tree of [`piquet_core::ggm`]. Along the path to x, a party sums W + t v over the levels at which the path
//! turns left: t is the control bit of the node, W the low bits of H(node ⊕ 2) and v a correction such that the two
//! parties' sums grow apart by β α_i where both nodes are on the path to α, α_i being its bit of that level: x is
//! smaller than α exactly if it leaves the path to the left, where α_i = 1. Off the path both parties have the same
//! node and add the same.
//!
//! The tree ends e levels early. What is left of x selects one of 2^e entries, entry j being β if j < a for the e
//! bits a of α that are left. The last one is 0 whatever a is and needs no room, so that e = min(n, ⌊log2(⌊128 / k⌋
//! + 1)⌋) with one block for a leaf.
//!
//! **Cost**: n - e levels of two AES each, and one for the leaf: 2 (n - e) + 1, which is 2 n - 1 for values of 43
//! to 128 bits. Four and two for both keys of the dealer. **Keys**: for each level 16 bytes and k bits, and 16
//! bytes for the leaf ([`key_bytes`]); by themselves also a root of 16 bytes.
//!
//! **Security** against one semi-honest party; H is circular correlation robust. Party b knows its own nodes and
//! the corrections. On the path to α the other party's node is its own node ⊕ Δ, where 127 bits of Δ are uniform
//! and unknown to it. Each correction of a level is masked by H(own node ⊕ Δ), each correction of a value by the
//! low bits of H(own node ⊕ 2 ⊕ Δ), and the leaf's likewise: all of them are queries "own block ⊕ Δ" of the same
//! oracle, distinct unless own nodes collide, which has probability below (2 n)^2 / 2^127. So the corrections
//! can be replaced by uniform ones, one after the other from the root; a simulator of party b draws a root and
//! uniform corrections. Party b's share is a function of these, and the other party's is the result less it.
//!
//! Raw keys ([`generate`], [`Keys`]) may be evaluated at any points any number of times; whoever learns both
//! parties' shares at chosen points learns α, as with any function that is opened. Gates consume theirs.
//!
//! For x > α generate and evaluate with all bits of α and of x flipped; x ≤ α is β, as a constant of party 0, less
//! that if β is public.

use core::marker::PhantomData;

use piquet_core::ggm::GgmHash;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use piquet_core::{Block, Ring, RingVec};
use rand_core::CryptoRng;

use crate::evaluator::Evaluator;
use crate::shape::{TILE, same};
use crate::{Error, P0, P1, Role, Shape, kinds};

mod trees;

pub(crate) use trees::{Dcfs, leaf_value};
use trees::{deal, fits, get, put};
pub use trees::{key_bytes, levels, log_entries};

/// One party's keys of comparison functions of numbers of [`Shape::domain`] bits, with values of [`Shape::value`]
/// bits in words of type R. Wiped when dropped, neither cloned nor printed.
pub struct Keys<R: Ring, P: Role> {
    header: Header,
    dcfs: Dcfs<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for Keys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keys({:?}, {} keys)", self.dcfs.shape, self.len())
    }
}

/// Keys of both parties.
pub type Pair<R> = (Keys<R, P0>, Keys<R, P1>);

/// Both parties' keys, one for each α and β; bits above those of the shape are ignored.
///
/// `batch` numbers what is generated in a session: batches have AES keys of their own, so that p evaluations of AES
/// by an adversary count against one batch: an advantage of about N (2 n + 1) p / 2^127 for N keys.
///
/// # Errors
/// No keys, not as many values as points, values that are wider than R.
pub fn generate<X: Ring, R: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    shape: Shape,
    alphas: &[X],
    betas: &[R],
    rng: &mut G,
) -> Result<Pair<R>, Error> {
    let n = alphas.len();
    if n == 0 {
        return Err(Error::Empty);
    }
    let hash = hash_key(session, batch);
    let mut root = |party: u128| {
        let draw = |_| Block::from_u128((Block::random(rng).to_u128() & !1) | party);
        (0..n).map(draw).collect::<Vec<_>>()
    };
    let (r0, r1) = (root(0), root(1));
    let mut d0 = Dcfs {
        hash,
        shape,
        roots: r0,
        corrections: Vec::new(),
        values: Vec::new(),
    };
    let mut d1 = Dcfs {
        hash,
        shape,
        roots: r1,
        corrections: Vec::new(),
        values: Vec::new(),
    };
    let tree = GgmHash::new(hash);
    (d0.corrections, d0.values) = deal(&tree, shape, alphas, betas, [&d0.roots, &d1.roots])?;
    d1.corrections.clone_from(&d0.corrections);
    d1.values.clone_from(&d0.values);
    let header = header(session, batch);
    Ok((
        Keys {
            header,
            dcfs: d0,
            role: PhantomData,
        },
        Keys {
            header,
            dcfs: d1,
            role: PhantomData,
        },
    ))
}

fn hash_key(session: &SessionId, batch: u64) -> Block {
    GgmHash::key(session, &format!("comparison functions, batch {batch}"))
}

fn header(session: &SessionId, batch: u64) -> Header {
    Header {
        kind: kinds::DCF_KEYS,
        session: *session,
        step: batch,
    }
}

impl<R: Ring, P: Role> Keys<R, P> {
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dcfs.roots.len()
    }
    /// True if there are none, which does not happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dcfs.roots.is_empty()
    }
    /// Domain and range.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.dcfs.shape
    }
    /// This party's shares of the values of key j at `xs[j]`, bits of which above the domain are ignored.
    ///
    /// # Errors
    /// If there are not as many points as keys, and what the evaluator fails with.
    pub fn evaluate<X: Ring, E: Evaluator>(&self, xs: &[X], e: &E) -> Result<RingVec<R>, E::Error> {
        same("points", xs.len(), self.len())?;
        self.dcfs.values::<P, E>(e, &self.paths(xs))
    }
    /// This party's shares of the values of key `key` at all of `xs`.
    ///
    /// # Errors
    /// If there is no such key, and what the evaluator fails with.
    pub fn evaluate_one<X: Ring, E: Evaluator>(
        &self,
        key: usize,
        xs: &[X],
        e: &E,
    ) -> Result<RingVec<R>, E::Error> {
        if key >= self.len() {
            return Err(Error::Parameter {
                what: "key",
                got: key as u64,
                domain: "below the number of keys",
            }
            .into());
        }
        let mut copies = self.dcfs.copies(key, xs.len().min(TILE));
        let mut out = RingVec::with_capacity(xs.len());
        for xs in xs.chunks(TILE) {
            if xs.len() < copies.roots.len() {
                copies = self.dcfs.copies(key, xs.len());
            }
            let shares = copies.values::<P, E>(e, &self.paths(xs))?;
            out.extend_from_slice(shares.as_slice());
        }
        Ok(out)
    }
    fn paths<X: Ring>(&self, xs: &[X]) -> Vec<Block> {
        xs.iter().map(|x| self.dcfs.shape.path(*x)).collect()
    }
    /// Bytes of the encoding of `count` keys: a head, and for each key its root and what [`key_bytes`] says.
    #[must_use]
    pub fn encoded_len(shape: Shape, count: usize) -> usize {
        HEAD + 16 * count + key_bytes(shape, count)
    }
    /// Appends the encoding, which is as secret as the keys.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(Self::encoded_len(self.shape(), self.len()));
        self.header.encode(out);
        out.push(P::INDEX);
        out.push(self.shape().domain() as u8);
        out.push(self.shape().value() as u8);
        out.extend_from_slice(&(self.len() as u32).to_le_bytes());
        out.extend_from_slice(bytemuck::must_cast_slice(&self.dcfs.roots));
        out.extend_from_slice(bytemuck::must_cast_slice(&self.dcfs.corrections));
        put(out, self.shape().value(), &self.dcfs.values);
    }
    /// Party P's `count` keys of batch `batch`, which are all of `bytes`.
    ///
    /// # Errors
    /// Bytes that are anything else: keys of the other party, of another session, batch or shape, too many or too few
    /// bytes, and bits that are set where none can be.
    pub fn decode(
        session: &SessionId,
        batch: u64,
        shape: Shape,
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        fits::<R>(shape)?;
        if count == 0 {
            return Err(Error::Empty);
        }
        let (got, want) = (bytes.len(), Self::encoded_len(shape, count));
        let header = header(session, batch);
        let body = header.check(bytes).map_err(Error::Stream)?;
        let mut r = Reader::new(body);
        let mut head = || Ok([r.u8()?.into(), r.u8()?.into(), r.u8()?.into(), r.u32()?]);
        let [party, domain, value, n] = head().map_err(Error::Stream)?;
        place("party", party, P::INDEX.into())?;
        place("bits of the domain", domain, shape.domain())?;
        place("bits of the values", value, shape.value())?;
        place("number of keys", n, count as u32)?;
        if got != want {
            return Err(Error::Stream(DecodeError::Length { got, want }));
        }
        let mut read = || -> Result<_, DecodeError> {
            let mut dcfs = Dcfs {
                hash: hash_key(session, batch),
                shape,
                roots: vec![Block::ZERO; count],
                corrections: Vec::new(),
                values: Vec::new(),
            };
            let raw: &mut [u8] = bytemuck::must_cast_slice_mut(&mut dcfs.roots);
            raw.copy_from_slice(r.bytes(raw.len())?);
            (dcfs.corrections, dcfs.values) = get(shape, count, &mut r)?;
            Ok(dcfs)
        };
        let dcfs = read().map_err(Error::Stream)?;
        let party = u128::from(P::INDEX);
        if dcfs.roots.iter().any(|x| x.to_u128() & 1 != party) {
            return Err(Error::Stream(DecodeError::Range("control bit of a root")));
        }
        Ok(Self {
            header,
            dcfs,
            role: PhantomData,
        })
    }
}

/// Bytes before the keys: header, party, shape, number.
const HEAD: usize = Header::LEN + 3 + 4;

fn place(what: &'static str, got: u32, want: u32) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(Error::Place {
        what,
        got: got.into(),
        want: want.into(),
    })
}

#[cfg(test)]
mod tests;
