//! Encoding with lengths known to both sides.

use core::fmt;
use rand_core::CryptoRng;

use crate::Ring;

/// Why bytes from a peer were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The message has another length than this party's own state calls for.
    #[error("message is {got} bytes, expected {want}")]
    Length {
        /// Bytes received.
        got: usize,
        /// Bytes that local state calls for.
        want: usize,
    },
    /// The peer speaks another version of the format.
    #[error("wire version {got}, expected {want}")]
    Version {
        /// Version byte received.
        got: u8,
        /// Version byte of this build.
        want: u8,
    },
    /// Another kind of message than the one due.
    #[error("message kind {got}, expected {want}")]
    Kind {
        /// Kind byte received.
        got: u8,
        /// Kind byte due.
        want: u8,
    },
    /// The message was made for another session or step.
    #[error("message belongs to another session or step")]
    Context,
    /// A field holds a value outside its domain.
    #[error("{0} out of range")]
    Range(&'static str),
}

/// A value with one encoding.
pub trait Encode {
    /// Exact number of bytes that [`Encode::encode`] appends.
    fn encoded_len(&self) -> usize;
    /// Appends the encoding.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A value that is decoded against a shape from the receiver's own state.
pub trait Decode<Shape: ?Sized>: Sized {
    /// Decodes all of `bytes`; too short, too long or out of range is an error, never a panic.
    fn decode(shape: &Shape, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// 32 bytes agreed by all parties, bound into every derived key and every message header.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 32]);

impl SessionId {
    /// A fresh identifier; unique with overwhelming probability.
    pub fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        let mut id = [0; 32];
        rng.fill_bytes(&mut id);
        Self(id)
    }
    /// The identifier of a sub-protocol: distinct labels give independent identifiers.
    #[must_use]
    pub fn child(&self, label: &str) -> Self {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 session child");
        h.update(&self.0);
        h.update(label.as_bytes());
        Self(*h.finalize().as_bytes())
    }
    /// A key for `purpose` from a secret `seed`, separated by session and purpose.
    #[must_use]
    pub fn derive_key(&self, purpose: &str, seed: &[u8; 32]) -> [u8; 32] {
        let mut h = blake3::Hasher::new_keyed(seed);
        h.update(&self.0);
        h.update(purpose.as_bytes());
        *h.finalize().as_bytes()
    }
    /// Eight bytes that stand for the session in a header. They detect mix-ups; they authenticate nothing.
    #[must_use]
    pub fn tag(&self) -> u64 {
        let mut t = [0; 8];
        t.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(t)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:016x}..)", self.tag())
    }
}

/// What precedes every message of a primitive: version, kind, session tag, step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which message of which protocol.
    pub kind: u8,
    /// Session in which it was made.
    pub session: SessionId,
    /// Index of the instance within the session.
    pub step: u64,
}

impl Header {
    /// Version of the format.
    pub const VERSION: u8 = 1;
    /// Encoded length.
    pub const LEN: usize = 18;

    /// Checks the header at the front of `bytes` against this expected one and returns the rest.
    pub fn check<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != Self::VERSION {
            return Err(DecodeError::Version {
                got: version,
                want: Self::VERSION,
            });
        }
        let kind = r.u8()?;
        if kind != self.kind {
            return Err(DecodeError::Kind {
                got: kind,
                want: self.kind,
            });
        }
        if r.u64()? != self.session.tag() || r.u64()? != self.step {
            return Err(DecodeError::Context);
        }
        Ok(r.rest())
    }
}

impl Encode for Header {
    fn encoded_len(&self) -> usize {
        Self::LEN
    }
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        out.push(self.kind);
        out.extend_from_slice(&self.session.tag().to_le_bytes());
        out.extend_from_slice(&self.step.to_le_bytes());
    }
}

/// A cursor over received bytes; every read is checked.
#[derive(Debug)]
pub struct Reader<'a> {
    all: usize,
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            all: bytes.len(),
            left: bytes,
        }
    }
    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.left.split_at_checked(n).ok_or(DecodeError::Length {
            got: self.all,
            want: (self.all - self.left.len()).saturating_add(n),
        })?;
        self.left = tail;
        Ok(head)
    }
    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut a = [0; N];
        a.copy_from_slice(self.bytes(N)?);
        Ok(a)
    }
    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }
    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    /// Fills `out` with ring elements, little-endian.
    pub fn ring<R: Ring>(&mut self, out: &mut [R]) -> Result<(), DecodeError> {
        let raw = self.bytes(core::mem::size_of_val(out))?;
        bytemuck::cast_slice_mut::<R, u8>(out).copy_from_slice(raw);
        Ok(())
    }
    /// What is left, unread.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.left
    }
    /// Refuses trailing bytes.
    pub fn end(self) -> Result<(), DecodeError> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Length {
                got: self.all,
                want: self.all - self.left.len(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const H: Header = Header {
        kind: 3,
        session: SessionId([7; 32]),
        step: 9,
    };

    #[test]
    fn header_round_trips_and_names_the_mismatch() {
        let mut b = Vec::new();
        H.encode(&mut b);
        assert_eq!(b.len(), Header::LEN);
        b.push(42);
        assert_eq!(H.check(&b), Ok(&[42][..]));
        assert_eq!(
            Header { kind: 4, ..H }.check(&b),
            Err(DecodeError::Kind { got: 3, want: 4 })
        );
        assert_eq!(Header { step: 1, ..H }.check(&b), Err(DecodeError::Context));
        assert_eq!(
            Header {
                session: SessionId([8; 32]),
                ..H
            }
            .check(&b),
            Err(DecodeError::Context)
        );
        b[0] = 2;
        assert_eq!(H.check(&b), Err(DecodeError::Version { got: 2, want: 1 }));
        assert!(matches!(
            H.check(&[1, 3]),
            Err(DecodeError::Length { got: 2, want: 10 })
        ));
    }

    #[test]
    fn children_and_keys_are_separated() {
        let s = SessionId([1; 32]);
        assert_ne!(s.child("a"), s.child("b"));
        assert_ne!(s.derive_key("a", &[0; 32]), s.derive_key("b", &[0; 32]));
        assert_ne!(
            s.derive_key("a", &[0; 32]),
            s.child("x").derive_key("a", &[0; 32])
        );
    }

    proptest! {
        #[test]
        fn reader_never_panics(bytes: Vec<u8>, n: usize) {
            let mut r = Reader::new(&bytes);
            let _ = r.u8();
            let _ = r.bytes(n);
            let _ = r.u64();
            let _ = r.ring(&mut [0u128; 2]);
            let _ = H.check(&bytes);
            let _ = r.end();
        }
    }
}
