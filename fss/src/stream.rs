//! A party's stream of keys: read in the order of use, block by block, none before it has been authenticated.
//!
//! A block is
//!
//! | bytes | what |
//! |---|---|
//! | 18 | header: version, kind, session, position |
//! | 1, 8 | party, set |
//! | 13, 4 | the gate and its parameters, the number of gates |
//! | [`Gate::key_bytes`] | corrections |
//! | 16 | tag |
//!
//! Its length is known to the party, which runs the same program as the dealer. The **tag** is a polynomial over
//! GF(2^128) in all that precedes it, at a secret point, under a one-time pad for each position (M. N. Wegman, J. L. Carter,
//! "New hash functions and their use in authentication and set equality", JCSS 1981; the construction of GMAC): a block of n
//! blocks of 16 bytes is forged with probability (n + 1) / 2^128. Point and pads come from the party's seed.
//!
//! A truncated, lengthened, swapped, replayed or altered block, and one of another session, set, party, gate or position, is
//! an error that says so, and the stream gives nothing after it.

use core::marker::PhantomData;

use piquet_core::aes::Aes128;
use piquet_core::ggm::GgmHash;
use piquet_core::pack::Unpacker;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use piquet_core::{BitVec, Block, Prg, Ring, RingVec};
use zeroize::Zeroize;

use crate::dealer::{Seed, check_count, draw, low_bits, roots, share_bytes};
use crate::gates::{Gate, GateId};
use crate::trees::Trees;
use crate::{Error, Role, Shape, kinds};

mod mac;

use mac::Mac;

/// Bytes of a block besides the keys.
pub const OVERHEAD: usize = Header::LEN + 1 + 8 + GateId::LEN + 4 + 16;

/// What a party and the dealer derive from the party's seed.
#[derive(Debug)]
pub(crate) struct Side {
    party: u8,
    prg: Prg,
    mac: Mac,
}

impl Side {
    pub(crate) fn new(seed: &Seed, session: &SessionId, set: u64, party: u8) -> Self {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 key stream");
        let mut own = seed.to_bytes();
        h.update(&own);
        h.update(&session.0);
        h.update(&set.to_le_bytes());
        h.update(&[party]);
        own.zeroize();
        let mut keys = [Block::ZERO; 3];
        h.finalize_xof()
            .fill(bytemuck::must_cast_slice_mut(&mut keys));
        h.zeroize();
        let side = Self {
            party,
            prg: Prg::new(keys[0]),
            mac: Mac::new(keys[1], Aes128::new(keys[2])),
        };
        keys.zeroize();
        side
    }
    /// The party's randomness for the block at `position`.
    pub(crate) fn block(&self, position: u64) -> Prg {
        self.prg.fork(position)
    }
}

/// The key of the trees of a block.
pub(crate) fn block_hash(session: &SessionId, set: u64, position: u64) -> Block {
    GgmHash::key(session, &format!("key set {set}, block {position}"))
}

/// Appends a block.
#[allow(clippy::too_many_arguments, reason = "the fields of a block")]
pub(crate) fn encode(
    side: &Side,
    session: &SessionId,
    set: u64,
    position: u64,
    gate: &GateId,
    count: usize,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let begin = out.len();
    out.reserve(OVERHEAD + payload.len());
    header(session, position).encode(out);
    out.push(side.party);
    out.extend_from_slice(&set.to_le_bytes());
    gate.encode(out);
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out.extend_from_slice(payload);
    let tag = side.mac.tag(position, &out[begin..]);
    out.extend_from_slice(&<[u8; 16]>::from(tag));
}

fn header(session: &SessionId, position: u64) -> Header {
    Header {
        kind: kinds::BLOCK,
        session: *session,
        step: position,
    }
}

/// Party P's stream.
#[derive(Debug)]
pub struct KeyStream<P: Role> {
    session: SessionId,
    set: u64,
    side: Side,
    position: u64,
    poisoned: bool,
    role: PhantomData<P>,
}

impl<P: Role> KeyStream<P> {
    /// The stream of set `set` of `session`, from the seed that the dealer gave to P.
    #[must_use]
    pub fn new(session: SessionId, set: u64, seed: &Seed) -> Self {
        Self {
            session,
            set,
            side: Side::new(seed, &session, set, P::INDEX),
            position: 0,
            poisoned: false,
            role: PhantomData,
        }
    }
    /// Blocks read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
    /// Length of the block that holds the keys of `count` gates.
    #[must_use]
    pub fn block_len<G: Gate>(gate: &G, count: usize) -> usize {
        OVERHEAD + gate.key_bytes(count)
    }
    /// Reads the next block, which holds the keys of `count` gates.
    ///
    /// # Errors
    /// Any reason for which it is not exactly that block. The stream is of no use afterwards.
    pub fn take<G: Gate>(
        &mut self,
        gate: &G,
        count: usize,
        block: &[u8],
    ) -> Result<G::Keys<P>, Error> {
        check_count(count)?;
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        self.poisoned = true;
        let payload = self.open(gate, count, block)?;
        let mut from = Taken {
            hash: block_hash(&self.session, self.set, self.position),
            prg: self.side.block(self.position),
            payload: Reader::new(payload),
            session: self.session.child(&format!("key set {}", self.set)),
            step: self.position << 8,
            role: PhantomData,
        };
        let keys = gate.take(count, &mut from)?;
        from.payload.end().map_err(Error::Stream)?;
        self.position += 1;
        self.poisoned = false;
        Ok(keys)
    }
    fn open<'a, G: Gate>(
        &self,
        gate: &G,
        count: usize,
        block: &'a [u8],
    ) -> Result<&'a [u8], Error> {
        let want = Self::block_len(gate, count);
        if block.len() != want {
            let got = block.len();
            return Err(Error::Stream(DecodeError::Length { got, want }));
        }
        let (signed, tag) = block.split_at(want - 16);
        let rest = header(&self.session, self.position)
            .check(signed)
            .or_else(|e| self.explain(signed, e))?;
        let mut r = Reader::new(rest);
        let mut read = || -> Result<_, DecodeError> {
            Ok((r.u8()?, r.u64()?, GateId::decode(&mut r)?, r.u32()?))
        };
        let (party, set, id, n) = read().map_err(Error::Stream)?;
        place("party", party.into(), P::INDEX.into())?;
        place("set", set, self.set)?;
        if id != gate.id() {
            return Err(Error::Stream(DecodeError::Range("gate or its parameters")));
        }
        place("number of gates", n.into(), count as u64)?;
        let tag: [u8; 16] = Reader::new(tag).array().map_err(Error::Stream)?;
        if self.side.mac.tag(self.position, signed) != Block::from(tag) {
            return Err(Error::Corrupt {
                position: self.position,
            });
        }
        Ok(r.rest())
    }
    /// A block of this session but another position is said to be that.
    fn explain<'a>(&self, signed: &'a [u8], e: DecodeError) -> Result<&'a [u8], Error> {
        if e == DecodeError::Context {
            let mut r = Reader::new(signed);
            let got = (|| {
                r.bytes(2)?;
                Ok::<_, DecodeError>((r.u64()?, r.u64()?))
            })();
            if let Ok((tag, position)) = got
                && tag == self.session.tag()
            {
                place("position", position, self.position)?;
            }
        }
        Err(Error::Stream(e))
    }
}

fn place(what: &'static str, got: u64, want: u64) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(Error::Place { what, got, want })
}

/// An authenticated block, read in the order in which it was dealt.
pub struct Taken<'a, P: Role> {
    pub(crate) hash: Block,
    pub(crate) prg: Prg,
    pub(crate) payload: Reader<'a>,
    session: SessionId,
    step: u64,
    role: PhantomData<P>,
}

impl<P: Role> core::fmt::Debug for Taken<'_, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Taken(..)")
    }
}

impl<P: Role> Taken<'_, P> {
    /// This party's shares of `n` uniform elements of `bits` bits.
    pub fn random<R: Ring>(&mut self, bits: u32, n: usize) -> RingVec<R> {
        draw(&mut self.prg, bits, n)
    }
    /// This party's shares of `n` uniform bits.
    pub fn random_bits(&mut self, n: usize) -> BitVec {
        let mut v = BitVec::zeros(n);
        self.prg.fill_bits(&mut v);
        v
    }
    /// This party's shares of what the dealer shared modulo 2^`bits`.
    ///
    /// # Errors
    /// If the block ends before.
    pub fn share<R: Ring>(&mut self, bits: u32, n: usize) -> Result<RingVec<R>, Error> {
        let mut v = self.random(bits, n);
        let bytes = self
            .payload
            .bytes(share_bytes(bits, n))
            .map_err(Error::Stream)?;
        if P::INDEX == 0 {
            return Ok(v);
        }
        let mut c = vec![R::ZERO; n];
        if bits <= 64 {
            let mut run = Unpacker::new(bytes, n, bits).map_err(Error::Stream)?;
            run.pull(&mut c);
        } else {
            for (c, b) in c.iter_mut().zip(bytes.chunks(bits.div_ceil(8) as usize)) {
                let mut word = [0; 16];
                word[..b.len()].copy_from_slice(b);
                *c = R::from_i128(i128::from_le_bytes(word));
            }
        }
        v.add_assign(&c);
        low_bits(&mut v, bits);
        Ok(v)
    }
    /// This party's shares of bits that the dealer shared.
    ///
    /// # Errors
    /// If the block ends before.
    pub fn share_bits(&mut self, n: usize) -> Result<BitVec, Error> {
        let mut v = self.random_bits(n);
        let bytes = self.payload.bytes(n.div_ceil(8)).map_err(Error::Stream)?;
        let c = BitVec::from_bytes(n, bytes).map_err(Error::Stream)?;
        if P::INDEX == 1 {
            v.xor_assign(&c);
        }
        Ok(v)
    }
    /// Keys of `n` point functions.
    ///
    /// # Errors
    /// If the block ends before.
    pub(crate) fn trees(&mut self, shape: Shape, n: usize) -> Result<Trees, Error> {
        let mut corrections = vec![Block::ZERO; n * shape.corrections()];
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(&mut corrections);
        bytes.copy_from_slice(self.payload.bytes(bytes.len()).map_err(Error::Stream)?);
        Ok(Trees {
            hash: self.hash,
            shape,
            roots: roots(&mut self.prg, P::INDEX, n),
            corrections,
        })
    }
    /// Session and step of a message between the parties: another one with every call.
    pub(crate) fn message(&mut self, kind: u8) -> Header {
        let step = self.step;
        self.step += 1;
        Header {
            kind,
            session: self.session,
            step,
        }
    }
}
