//! The frame: a header of 32 bytes and at most [`CHUNK`] bytes of payload.
//!
//! A message of n bytes is one or more `Data` frames of its step; all but the last carry exactly [`CHUNK`] bytes
//! and only the last has the flag [`LAST`]. A message has therefore one encoding; an empty one is one empty
//! frame. All integers are little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 0 | version |
//! | 1 | kind |
//! | 2..4 | flags |
//! | 4..8 | payload length |
//! | 8..16 | session tag |
//! | 16..24 | step |
//! | 24..28 | depth |
//! | 28..32 | zero |

use piquet_core::wire::{DecodeError, Reader};

/// Version of this format.
pub const VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER: usize = 32;
/// Payload of every `Data` frame but the last of a message.
pub const CHUNK: usize = 256 * 1024;
/// Flag of the last frame of a message.
pub const LAST: u16 = 1;
/// Longest reason of an `Abort`.
pub const MAX_REASON: usize = 512;
/// Greatest dependency depth that is believed.
pub const MAX_DEPTH: u32 = u32::MAX / 2;

/// Bytes on the wire, framing included, of a message of `payload` bytes: what the ledger counts.
#[must_use]
pub const fn wire_len(payload: usize) -> u64 {
    let frames = if payload == 0 {
        1
    } else {
        payload.div_ceil(CHUNK)
    };
    payload as u64 + frames as u64 * HEADER as u64
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A piece of a message.
    Data,
    /// The sender gave up; the payload says why.
    Abort,
    /// The sender is done; nothing follows.
    Bye,
    /// The sender is at work and has nothing to say yet.
    Alive,
}

/// What precedes a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// What the frame is for.
    pub kind: Kind,
    /// [`LAST`] or 0.
    pub flags: u16,
    /// Bytes that follow.
    pub length: usize,
    /// [`piquet_core::wire::SessionId::tag`], 0 during the handshake.
    pub session: u64,
    /// The step of a `Data` frame, else 0.
    pub step: u64,
    /// How many messages the sender depended upon, one on another, when it began the step.
    pub depth: u32,
}

/// How a header breaks the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Another version, or no frame at all.
    #[error("frame version {got}, expected {VERSION}")]
    Version {
        /// Version byte received.
        got: u8,
    },
    /// No such kind.
    #[error("frame kind {got} is unknown")]
    Kind {
        /// Kind byte received.
        got: u8,
    },
    /// The payload would be longer than the format allows.
    #[error("frame of {got} bytes, at most {cap} are allowed")]
    TooLong {
        /// Length received.
        got: usize,
        /// Length allowed.
        cap: usize,
    },
    /// A piece that is not the last one has not the full size.
    #[error("frame of {got} bytes inside a message, must be {CHUNK}")]
    ShortPiece {
        /// Length received.
        got: usize,
    },
    /// A dependency depth out of range.
    #[error("depth {got} is out of range")]
    Depth {
        /// Depth received.
        got: u32,
    },
    /// A bit that must be zero is not.
    #[error("reserved bits are set")]
    Reserved,
    /// Fewer bytes than a header has.
    #[error("header of {got} bytes, expected {HEADER}")]
    Short {
        /// Bytes received.
        got: usize,
    },
}

impl From<DecodeError> for FrameError {
    fn from(e: DecodeError) -> Self {
        match e {
            DecodeError::Length { got, .. } => Self::Short { got },
            _ => Self::Reserved,
        }
    }
}

impl FrameHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = [0; HEADER];
        out[0] = VERSION;
        out[1] = match self.kind {
            Kind::Data => 1,
            Kind::Abort => 2,
            Kind::Bye => 3,
            Kind::Alive => 4,
        };
        out[2..4].copy_from_slice(&self.flags.to_le_bytes());
        out[4..8].copy_from_slice(&(self.length as u32).to_le_bytes());
        out[8..16].copy_from_slice(&self.session.to_le_bytes());
        out[16..24].copy_from_slice(&self.step.to_le_bytes());
        out[24..28].copy_from_slice(&self.depth.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let mut r = Reader::new(bytes);
        let version = r.u8()?;
        if version != VERSION {
            return Err(FrameError::Version { got: version });
        }
        let kind = match r.u8()? {
            1 => Kind::Data,
            2 => Kind::Abort,
            3 => Kind::Bye,
            4 => Kind::Alive,
            got => return Err(FrameError::Kind { got }),
        };
        let flags = u16::from_le_bytes(r.array()?);
        let length = r.u32()? as usize;
        let (session, step, depth) = (r.u64()?, r.u64()?, r.u32()?);
        let reserved = r.u32()?;
        r.end()?;
        let cap = match kind {
            Kind::Data => CHUNK,
            Kind::Abort => MAX_REASON,
            Kind::Bye | Kind::Alive => 0,
        };
        if length > cap {
            return Err(FrameError::TooLong { got: length, cap });
        }
        let allowed = if kind == Kind::Data { LAST } else { 0 };
        if reserved != 0 || flags & !allowed != 0 {
            return Err(FrameError::Reserved);
        }
        if kind == Kind::Data && flags & LAST == 0 && length != CHUNK {
            return Err(FrameError::ShortPiece { got: length });
        }
        if depth > MAX_DEPTH {
            return Err(FrameError::Depth { got: depth });
        }
        Ok(Self {
            kind,
            flags,
            length,
            session,
            step,
            depth,
        })
    }

    pub(crate) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }
}

/// A reason that is fit to be shown: short, and without control characters.
pub(crate) fn sanitise(reason: &str) -> String {
    let mut out = String::new();
    for c in reason.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if out.len() + c.len_utf8() > MAX_REASON {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn data() -> FrameHeader {
        FrameHeader {
            kind: Kind::Data,
            flags: LAST,
            length: 5,
            session: 7,
            step: 9,
            depth: 3,
        }
    }

    #[test]
    fn header_round_trips_and_each_fault_has_its_name() {
        let good = data().encode();
        assert_eq!(FrameHeader::decode(&good), Ok(data()));
        let broken = |at: usize, byte: u8| {
            let mut bad = good;
            bad[at] = byte;
            FrameHeader::decode(&bad).unwrap_err()
        };
        assert_eq!(broken(0, b'G'), FrameError::Version { got: b'G' });
        assert_eq!(broken(1, 0), FrameError::Kind { got: 0 });
        assert_eq!(broken(2, 2), FrameError::Reserved);
        assert_eq!(broken(2, 0), FrameError::ShortPiece { got: 5 });
        assert!(matches!(broken(7, 1), FrameError::TooLong { .. }));
        assert!(matches!(broken(27, 0x80), FrameError::Depth { .. }));
        assert_eq!(broken(31, 1), FrameError::Reserved);
        assert_eq!(
            FrameHeader::decode(&good[..31]),
            Err(FrameError::Short { got: 31 })
        );
    }

    #[test]
    fn wire_length_counts_every_frame() {
        assert_eq!(wire_len(0), 32);
        assert_eq!(wire_len(CHUNK), CHUNK as u64 + 32);
        assert_eq!(wire_len(CHUNK + 1), CHUNK as u64 + 1 + 64);
    }

    #[test]
    fn reasons_are_cut_at_a_character_and_cleaned() {
        assert_eq!(sanitise("a\nb\u{1b}[31m"), "a b [31m");
        let long = sanitise(&"é".repeat(400));
        assert_eq!(long.len(), 512);
    }

    proptest! {
        #[test]
        fn decoding_is_exact(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(header) = FrameHeader::decode(&bytes) {
                prop_assert_eq!(&header.encode()[..], &bytes[..]);
            }
        }
    }
}
