//! The two messages, and the keys that both bind.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use piquet_core::Block;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use zeroize::{Zeroize, Zeroizing};

use super::popf::Item;
use crate::{Error, kinds};

/// Header and A.
pub(super) const SENDER_LEN: usize = Header::LEN + 32;

/// Header and n times T, s.
pub(super) fn receiver_len(n: usize) -> usize {
    Header::LEN + 64 * n
}

fn header(session: &SessionId, kind: u8) -> Header {
    Header {
        kind,
        session: *session,
        step: 0,
    }
}

/// What stands for a message in the transcript.
pub(super) fn digest(message: &[u8]) -> [u8; 32] {
    blake3::derive_key("piquet 2026 base OT: message", message)
}

/// A machine that wants nothing refuses what it is given.
pub(super) fn refuse_inbox(inbox: &[u8]) -> Result<(), DecodeError> {
    exact(inbox, 0)
}

/// `bytes`, if there are `want` of them.
pub(super) fn exact(bytes: &[u8], want: usize) -> Result<(), DecodeError> {
    let got = bytes.len();
    if got == want {
        Ok(())
    } else {
        Err(DecodeError::Length { got, want })
    }
}

fn point(bytes: [u8; 32]) -> Result<RistrettoPoint, DecodeError> {
    CompressedRistretto(bytes)
        .decompress()
        .filter(|p| !p.is_identity())
        .ok_or(DecodeError::Range("a point"))
}

/// Appends the sender's message; its digest.
pub(super) fn write_sender(
    session: &SessionId,
    point: &CompressedRistretto,
    out: &mut Vec<u8>,
) -> [u8; 32] {
    let start = out.len();
    header(session, kinds::BASE_SENDER).encode(out);
    out.extend_from_slice(point.as_bytes());
    digest(&out[start..])
}

/// A.
pub(super) fn read_sender(session: &SessionId, message: &[u8]) -> Result<RistrettoPoint, Error> {
    exact(message, SENDER_LEN)?;
    let mut r = Reader::new(header(session, kinds::BASE_SENDER).check(message)?);
    let a = point(r.array()?)?;
    r.end()?;
    Ok(a)
}

/// Appends the receiver's message; its digest.
pub(super) fn write_receiver(
    session: &SessionId,
    points: &[CompressedRistretto],
    masks: &[[u8; 32]],
    out: &mut Vec<u8>,
) -> [u8; 32] {
    let start = out.len();
    out.reserve(receiver_len(points.len()));
    header(session, kinds::BASE_RECEIVER).encode(out);
    for (t, s) in points.iter().zip(masks) {
        out.extend_from_slice(t.as_bytes());
        out.extend_from_slice(s);
    }
    digest(&out[start..])
}

/// The n functions (T, s).
pub(super) fn read_receiver(
    session: &SessionId,
    n: usize,
    message: &[u8],
) -> Result<Vec<Item>, Error> {
    exact(message, receiver_len(n))?;
    let mut r = Reader::new(header(session, kinds::BASE_RECEIVER).check(message)?);
    let mut items = Vec::with_capacity(n);
    for _ in 0..n {
        let encoded = r.array()?;
        items.push(Item {
            point: point(encoded)?,
            encoded: CompressedRistretto(encoded),
            mask: r.array()?,
        });
    }
    r.end()?;
    Ok(items)
}

/// All that was said.
pub(super) struct Transcript<'a> {
    pub(super) session: &'a SessionId,
    pub(super) n: usize,
    /// Digest of the sender's message.
    pub(super) sender: &'a [u8; 32],
    /// Digest of the receiver's message.
    pub(super) receiver: &'a [u8; 32],
}

impl Transcript<'_> {
    /// The derivation of strings bound to it.
    pub(super) fn keys(&self) -> Keys {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 base OT: transcript");
        h.update(&self.session.0);
        h.update(&(self.n as u64).to_le_bytes());
        h.update(self.sender);
        h.update(self.receiver);
        Keys(*h.finalize().as_bytes())
    }
}

/// From a shared point to a string.
pub(super) struct Keys([u8; 32]);

impl Keys {
    /// K(i, x, point).
    pub(super) fn derive(&self, i: usize, x: u8, point: &CompressedRistretto) -> Block {
        let mut input = Zeroizing::new([0; 41]);
        input[..8].copy_from_slice(&(i as u64).to_le_bytes());
        input[8] = x;
        input[9..].copy_from_slice(point.as_bytes());
        let mut hash: [u8; 32] = blake3::keyed_hash(&self.0, &*input).into();
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        let block = Block::from(key);
        hash.zeroize();
        key.zeroize();
        block
    }
}
