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
//! **Memory.** The length of the next block is known to the party, which runs the same program as the dealer:
//! [`KeyStream::block_len`]. So a file or a socket is read by one buffer that is filled to that length and handed to
//! [`KeyStream::take`], block after block; no more than a block and its keys is in memory. Blocks that fit the second
//! cache are the fastest: they are read twice, once for the tag.
//!
//! **Tag.** π_k(h(z, head and corrections)): a polynomial h over GF(2^128) at a secret point z of the stream (M. N.
//! Wegman, J. L. Carter, "New hash functions and their use in authentication and set equality", JCSS 1981), encrypted
//! by AES under a key k of this very block. Point and keys come from the party's seed; k depends on position, gate,
//! parameters and number, so there is one honest message for each k. A message of n blocks of 16 bytes that is not
//! that one has the same h with probability at most (n + 1) / 2^128; otherwise its tag is one of the other values of
//! a permutation that is used for the first time, guessed with probability 1 / (2^128 - 1). With AES as a
//! pseudorandom permutation and BLAKE3 as a pseudorandom function: forged with (n + 2) / 2^128 an attempt, and there
//! is one attempt, as the stream ends with it. No pad is ever used, so that a dealer who wrongly deals a set twice
//! does not give z away: all that is seen of h is a permutation of it.
//!
//! A truncated, lengthened, swapped, replayed or altered block, and one of another session, set, party, gate or
//! position, is an error that says so, and the stream gives nothing after it. Fields of the head are compared before
//! the tag: they are public, and what they say helps against mix-ups. An altered block is one error for all its
//! causes, found in constant time. A whole stream that is read a second time, by a second [`KeyStream`], is not
//! noticed here: whoever keeps streams keeps a journal.

use core::marker::PhantomData;

use piquet_core::aes::Aes128;
use piquet_core::ggm::GgmHash;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use piquet_core::{BitVec, Block, Prg, Ring, RingVec};
use zeroize::Zeroize;

use crate::dealer::{Seed, check_count, check_position, draw, get, low_bits, roots, share_bytes};
use crate::gates::{Gate, GateId};
use crate::trees::Trees;
use crate::{Error, Role, Shape, kinds};

mod mac;

use mac::Mac;

/// Bytes of a block besides the keys.
pub const OVERHEAD: usize = Head::LEN + 16;

/// Most messages between the parties that the keys of one block call for.
const MAX_MESSAGES: u64 = 1 << 16;

/// What a party and the dealer derive from the party's seed.
pub(crate) struct Side {
    key: [u8; 32],
    mac: Mac,
}

impl core::fmt::Debug for Side {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Side(..)")
    }
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
        let mut out = h.finalize_xof();
        h.zeroize();
        let mut side = Self {
            key: [0; 32],
            mac: Mac::empty(),
        };
        out.fill(&mut side.key);
        let mut point = [0; 16];
        out.fill(&mut point);
        out.zeroize();
        side.mac.set(Block::from(point));
        point.zeroize();
        side
    }
    /// The party's randomness for the block under this head, and the key of its tag.
    pub(crate) fn block(&self, head: &Head) -> (Prg, Aes128) {
        let mut bytes = Vec::with_capacity(Head::LEN);
        head.encode(&mut bytes);
        let mut h = blake3::Hasher::new_keyed(&self.key);
        h.update(&bytes);
        let mut keys = [Block::ZERO; 2];
        h.finalize_xof()
            .fill(bytemuck::must_cast_slice_mut(&mut keys));
        h.zeroize();
        let out = (Prg::new(keys[0]), Aes128::new(keys[1]));
        keys.zeroize();
        out
    }
    /// Appends the tag of what begins at `begin`.
    pub(crate) fn sign(&self, key: &Aes128, out: &mut Vec<u8>, begin: usize) {
        let tag = self.mac.tag(key, &out[begin..]);
        out.extend_from_slice(&<[u8; 16]>::from(tag));
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// What a block begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) session: SessionId,
    pub(crate) position: u64,
    pub(crate) party: u8,
    pub(crate) set: u64,
    pub(crate) gate: GateId,
    pub(crate) count: u32,
}

impl Head {
    pub(crate) const LEN: usize = Header::LEN + 1 + 8 + GateId::LEN + 4;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.header().encode(out);
        out.push(self.party);
        out.extend_from_slice(&self.set.to_le_bytes());
        self.gate.encode(out);
        out.extend_from_slice(&self.count.to_le_bytes());
    }
    fn header(&self) -> Header {
        Header {
            kind: kinds::BLOCK,
            session: self.session,
            step: self.position,
        }
    }
    /// Checks that `bytes` begin with this head; what follows it.
    fn check<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let header = self.header();
        let rest = header
            .check(bytes)
            .map_err(|e| explain(bytes, &header, e))?;
        let mut r = Reader::new(rest);
        let mut read = || -> Result<_, DecodeError> {
            Ok((r.u8()?, r.u64()?, GateId::decode(&mut r)?, r.u32()?))
        };
        let (party, set, gate, count) = read().map_err(Error::Stream)?;
        place("party", party.into(), self.party.into())?;
        place("set", set, self.set)?;
        place("gate", gate.gate.into(), self.gate.gate.into())?;
        for (got, want) in gate.parameters.into_iter().zip(self.gate.parameters) {
            place("parameter of the gate", got.into(), want.into())?;
        }
        place("number of gates", count.into(), self.count.into())?;
        Ok(r.rest())
    }
}

/// A block of this session but another position is said to be that.
fn explain(bytes: &[u8], header: &Header, e: DecodeError) -> Error {
    let mut r = Reader::new(bytes);
    let mut read = || -> Result<_, DecodeError> {
        r.bytes(2)?;
        Ok((r.u64()?, r.u64()?))
    };
    match (&e, read()) {
        (DecodeError::Context, Ok((tag, got))) if tag == header.session.tag() => Error::Place {
            what: "position",
            got,
            want: header.step,
        },
        _ => Error::Stream(e),
    }
}

fn place(what: &'static str, got: u64, want: u64) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(Error::Place { what, got, want })
}

/// The key of the trees of a block.
pub(crate) fn block_hash(session: &SessionId, set: u64, position: u64) -> Block {
    GgmHash::key(session, &format!("key set {set}, block {position}"))
}

/// Party P's stream.
#[derive(Debug)]
pub struct KeyStream<P: Role> {
    session: SessionId,
    /// Of the messages between the parties.
    messages: SessionId,
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
            messages: session.child(&format!("key set {set}")),
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
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        self.poisoned = true;
        check_count(count)?;
        check_position(self.position)?;
        let head = Head {
            session: self.session,
            position: self.position,
            party: P::INDEX,
            set: self.set,
            gate: gate.id(),
            count: count as u32,
        };
        let (prg, tag) = self.side.block(&head);
        let payload = self.open(&head, &tag, Self::block_len(gate, count), block)?;
        let mut from = Taken {
            hash: block_hash(&self.session, self.set, self.position),
            prg,
            payload: Reader::new(payload),
            session: self.messages,
            first: self.position * MAX_MESSAGES,
            messages: 0,
            role: PhantomData,
        };
        let keys = gate.take(count, &mut from)?;
        if from.messages > MAX_MESSAGES {
            return Err(Error::Parameter {
                what: "messages of a gate",
                got: from.messages,
                domain: "at most 65536",
            });
        }
        from.payload.end().map_err(Error::Stream)?;
        self.position += 1;
        self.poisoned = false;
        Ok(keys)
    }
    /// The corrections, once they are known to be the dealer's.
    fn open<'a>(
        &self,
        head: &Head,
        key: &Aes128,
        want: usize,
        block: &'a [u8],
    ) -> Result<&'a [u8], Error> {
        if block.len() != want {
            let got = block.len();
            return Err(Error::Stream(DecodeError::Length { got, want }));
        }
        let (signed, tag) = block.split_at(want - 16);
        let payload = head.check(signed)?;
        let tag: [u8; 16] = Reader::new(tag).array().map_err(Error::Stream)?;
        // Blocks compare in constant time.
        if self.side.mac.tag(key, signed) != Block::from(tag) {
            return Err(Error::Corrupt {
                position: self.position,
            });
        }
        Ok(payload)
    }
}

/// An authenticated block, read in the order in which it was dealt.
pub struct Taken<'a, P: Role> {
    pub(crate) hash: Block,
    pub(crate) prg: Prg,
    pub(crate) payload: Reader<'a>,
    session: SessionId,
    /// Steps of messages, counted from that of the block.
    first: u64,
    messages: u64,
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
        let c = get(bytes, bits, n).map_err(Error::Stream)?;
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
        let bytes = self
            .payload
            .bytes(16 * n * shape.corrections())
            .map_err(Error::Stream)?;
        let corrections = bytes.as_chunks::<16>().0.iter().map(|b| Block::from(*b));
        Ok(Trees {
            hash: self.hash,
            shape,
            roots: roots(&mut self.prg, P::INDEX, n),
            corrections: corrections.collect(),
        })
    }
    /// Session and step of a message between the parties: another one with every call.
    pub(crate) fn message(&mut self, kind: u8) -> Header {
        let step = self.first.wrapping_add(self.messages);
        self.messages += 1;
        Header {
            kind,
            session: self.session,
            step,
        }
    }
}

#[cfg(test)]
mod tests;
