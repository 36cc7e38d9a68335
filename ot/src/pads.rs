//! From correlated OTs to one-time pads, in pieces that stay in the first-level cache; and the framing of the messages
//! that pads go into.
//!
//! A message of up to 16 bytes is masked by the hash K of its OT itself. A longer one, of s blocks, is masked by
//! ρ(K ⊕ c) ⊕ K ⊕ c for c in 0..s, with ρ the permutation of another label: the correlation-robust hash at the public,
//! distinct points c under the secret offset K, which is its definition (eprint 2019/074, in the random permutation
//! model). One AES block for each block of pad and no key schedule. K serves as a pad or as an offset, never as both, as
//! the OT is spent by either. Over s blocks in all, q of them hashed, the advantage is about (p s + s²) / 2^128 with p
//! evaluations of AES: below 2^-40 for 2^43 blocks and p = 2^44.

use piquet_core::wire::{DecodeError, Encode, Header, SessionId};
use piquet_core::{Block, FixedKeyHash, Ring, lanes, wipe};

use crate::{Error, ReceivedCots, Security, SentCots};

/// OTs whose keys, pads and messages are worked on at a time.
pub(crate) const CHUNK: usize = 256;
/// The longest message of one OT, in bytes: more than anybody needs, and no length overflows.
pub(crate) const MAX_MESSAGE: usize = 1 << 30;

/// Where a message belongs.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) session: SessionId,
    pub(crate) first: u64,
}

impl Place {
    fn header(&self, kind: u8) -> Header {
        Header {
            kind,
            session: self.session,
            step: self.first,
        }
    }
    /// Appends the header and makes room for `body` bytes.
    pub(crate) fn begin(&self, kind: u8, body: usize, out: &mut Vec<u8>) {
        out.reserve(Header::LEN + body);
        self.header(kind).encode(out);
    }
    /// The body of a message, of `body` bytes.
    pub(crate) fn open<'a>(
        &self,
        kind: u8,
        body: usize,
        message: &'a [u8],
    ) -> Result<&'a [u8], Error> {
        let rest = self.header(kind).check(message)?;
        if rest.len() != body {
            return Err(Error::Decode(DecodeError::Length {
                got: message.len(),
                want: Header::LEN.saturating_add(body),
            }));
        }
        Ok(rest)
    }
}

/// `Ok` if there are exactly as many correlations as a protocol spends: what is left over must not be lost unnoticed.
pub(crate) fn exactly(have: usize, want: usize) -> Result<(), Error> {
    match have.cmp(&want) {
        _ if want == 0 => Err(Error::Empty),
        core::cmp::Ordering::Less => Err(Error::Exhausted { want, have }),
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Greater => Err(Error::Length {
            what: "correlations",
            got: have,
            want,
        }),
    }
}

/// `Ok` if an argument has as many items as the others call for.
pub(crate) fn length(what: &'static str, got: usize, want: usize) -> Result<(), Error> {
    if got == want {
        Ok(())
    } else {
        Err(Error::Length { what, got, want })
    }
}

/// `Ok` if elements of `bits` bits exist and fit into words of type `R`.
pub(crate) fn width<R: Ring>(bits: u32, most: u32) -> Result<(), Error> {
    if (1..=most.min(R::BITS)).contains(&bits) {
        Ok(())
    } else {
        Err(Error::Parameter {
            what: "bits of an element",
            got: bits.into(),
            domain: "1 to the width of the word, 64 in a ring, 128 in a message",
        })
    }
}

impl<M: Security> SentCots<M> {
    pub(crate) fn place(&self) -> Place {
        Place {
            session: self.context.session,
            first: self.first,
        }
    }
    /// Both pads of the OTs from `at` on, as many as `zero` and `one` hold.
    pub(crate) fn pads(&self, at: usize, zero: &mut [Block], one: &mut [Block]) {
        let context = &self.context;
        let (first, keys) = (self.first + at as u64, &self.keys[at..][..zero.len()]);
        let delta = context.delta.block();
        context.hash.hash_into(first, keys, zero);
        lanes::xor_blocks(one, keys, delta);
        context.hash.hash(first, one);
    }
}

impl<M: Security> ReceivedCots<M> {
    pub(crate) fn place(&self) -> Place {
        Place {
            session: self.context.session,
            first: self.first,
        }
    }
    /// The pad of each OT from `at` on, as many as `out` holds.
    pub(crate) fn pads(&self, at: usize, out: &mut [Block]) {
        let macs = &self.macs[at..][..out.len()];
        let first = self.first + at as u64;
        self.context.hash.hash_into(first, macs, out);
    }
}

/// Makes long pads of blocks.
pub(crate) struct Stretch {
    hash: FixedKeyHash,
    /// Blocks of one pad.
    per: usize,
}

impl Stretch {
    /// For pads of `bytes` bytes, at least 1.
    pub(crate) fn new(session: &SessionId, bytes: usize) -> Self {
        Self {
            hash: FixedKeyHash::new(session, "correlated OT, long pads"),
            per: bytes.div_ceil(16).max(1),
        }
    }
    /// OTs to be worked on at a time.
    pub(crate) fn chunk(&self) -> usize {
        (CHUNK / self.per).max(1)
    }
    /// Blocks of the pads of a chunk.
    pub(crate) fn scratch(&self) -> Scratch {
        Scratch::new(self.per * self.chunk())
    }
    /// Turns the hashed blocks at the front of `pads`, `n` of them, into `n` pads, one after another; gives them.
    pub(crate) fn stretch<'a>(&self, pads: &'a mut [Block], n: usize) -> &'a [Block] {
        let per = self.per;
        let pads = &mut pads[..n * per];
        if per > 1 {
            // From the back, so that no key is written over before it was read.
            for j in (0..n).rev() {
                let [low, high]: [u64; 2] = bytemuck::must_cast(pads[j]);
                let pad = bytemuck::must_cast_slice_mut(&mut pads[j * per..][..per]);
                for (c, b) in pad.iter_mut().enumerate() {
                    *b = [low ^ c as u64, high];
                }
            }
            self.hash.cr(pads);
        }
        pads
    }
    /// The first `out.len() / n` words of each of `n` pads.
    pub(crate) fn words<R: Ring>(&self, pads: &[Block], n: usize, out: &mut [R]) {
        let width = out.len() / n;
        if width == 1 {
            lanes::low_words(out, pads);
            return;
        }
        for (out, pad) in out.chunks_exact_mut(width).zip(pads.chunks_exact(self.per)) {
            out.copy_from_slice(&bytemuck::cast_slice(pad)[..width]);
        }
    }
}

/// Blocks that are wiped when dropped.
pub(crate) struct Scratch(Vec<Block>);

impl Scratch {
    pub(crate) fn new(n: usize) -> Self {
        Self(vec![Block::ZERO; n])
    }
    pub(crate) fn get(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}
