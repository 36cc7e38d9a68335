//! The two messages, and the keys that both bind.

use piquet_core::Block;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use zeroize::{Zeroize, Zeroizing};

use super::group::Bytes;
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

/// `bytes`, if there are `want` of them.
pub(super) fn exact(bytes: &[u8], want: usize) -> Result<(), DecodeError> {
    let got = bytes.len();
    if got == want {
        Ok(())
    } else {
        Err(DecodeError::Length { got, want })
    }
}

/// Bytes that are not the canonical encoding of a point, or that of the identity.
pub(super) const BAD_POINT: Error = Error::Decode(DecodeError::Range("a point"));

/// Appends the sender's message; its digest.
pub(super) fn write_sender(session: &SessionId, point: &Bytes, out: &mut Vec<u8>) -> [u8; 32] {
    let start = out.len();
    header(session, kinds::BASE_SENDER).encode(out);
    out.extend_from_slice(point);
    digest(&out[start..])
}

/// A, not decoded.
pub(super) fn read_sender(session: &SessionId, message: &[u8]) -> Result<Bytes, Error> {
    exact(message, SENDER_LEN)?;
    let body = header(session, kinds::BASE_SENDER).check(message)?;
    Ok(Reader::new(body).array()?)
}

/// Appends the receiver's message; its digest.
pub(super) fn write_receiver(
    session: &SessionId,
    points: &[Bytes],
    masks: &[Bytes],
    out: &mut Vec<u8>,
) -> [u8; 32] {
    let start = out.len();
    out.reserve(receiver_len(points.len()));
    header(session, kinds::BASE_RECEIVER).encode(out);
    for (t, s) in points.iter().zip(masks) {
        out.extend_from_slice(t);
        out.extend_from_slice(s);
    }
    digest(&out[start..])
}

/// The n points T, not decoded, and the n masks s.
pub(super) fn read_receiver(
    session: &SessionId,
    n: usize,
    message: &[u8],
) -> Result<(Vec<Bytes>, Vec<Bytes>), Error> {
    exact(message, receiver_len(n))?;
    let mut r = Reader::new(header(session, kinds::BASE_RECEIVER).check(message)?);
    let (mut points, mut masks) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for _ in 0..n {
        points.push(r.array()?);
        masks.push(r.array()?);
    }
    r.end()?;
    Ok((points, masks))
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
    pub(super) fn derive(&self, i: usize, x: u8, point: &Bytes) -> Block {
        let mut input = Zeroizing::new([0; 41]);
        input[..8].copy_from_slice(&(i as u64).to_le_bytes());
        input[8] = x;
        input[9..].copy_from_slice(point);
        let mut hash: [u8; 32] = blake3::keyed_hash(&self.0, &*input).into();
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        let block = Block::from(key);
        hash.zeroize();
        key.zeroize();
        block
    }
}
