//! The first 16 bytes on every connection, in both directions: who calls whom, and what the connection is for.
//!
//! | bytes | field |
//! |---|---|
//! | 0..8 | `PIQUETNN` |
//! | 8..10 | version |
//! | 10 | from |
//! | 11 | to |
//! | 12 | direction: 0 the caller sends, 1 the called one sends |
//! | 13 | 0 call, 1 accepted, 2 refused as not expected, 3 refused as a duplicate |
//! | 14..16 | zero |

use piquet_core::wire::{DecodeError, Reader};

use super::Peer;

const MAGIC: [u8; 8] = *b"PIQUETNN";
const VERSION: u16 = 1;

/// Which end of a connection sends once it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    CallerSends,
    CalledSends,
}

/// Whether this opens a connection or answers one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Call,
    Accepted,
    NotExpected,
    Duplicate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) from: Peer,
    pub(crate) to: Peer,
    pub(crate) direction: Direction,
    pub(crate) status: Status,
}

/// Why the first bytes on a connection are not a greeting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// Something else than a Piquet party.
    #[error("it does not speak this protocol")]
    Magic,
    /// Another version of this protocol.
    #[error("it speaks version {got} of the connection protocol, this is version {VERSION}")]
    Version {
        /// Version received.
        got: u16,
    },
    /// A field is out of range.
    #[error("its greeting is malformed")]
    Malformed,
}

impl From<DecodeError> for HelloError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl Hello {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10] = self.from.to_byte();
        out[11] = self.to.to_byte();
        out[12] = self.direction as u8;
        out[13] = self.status as u8;
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        let mut r = Reader::new(bytes);
        if r.array()? != MAGIC {
            return Err(HelloError::Magic);
        }
        let got = u16::from_le_bytes(r.array()?);
        if got != VERSION {
            return Err(HelloError::Version { got });
        }
        let from = Peer::from_byte(r.u8()?).ok_or(HelloError::Malformed)?;
        let to = Peer::from_byte(r.u8()?).ok_or(HelloError::Malformed)?;
        let direction = match r.u8()? {
            0 => Direction::CallerSends,
            1 => Direction::CalledSends,
            _ => return Err(HelloError::Malformed),
        };
        let status = match r.u8()? {
            0 => Status::Call,
            1 => Status::Accepted,
            2 => Status::NotExpected,
            3 => Status::Duplicate,
            _ => return Err(HelloError::Malformed),
        };
        if r.array()? != [0; 2] {
            return Err(HelloError::Malformed);
        }
        r.end()?;
        Ok(Self {
            from,
            to,
            direction,
            status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strangers_are_told_apart() {
        let hello = Hello {
            from: Peer::Client,
            to: Peer::Dealer,
            direction: Direction::CalledSends,
            status: Status::Accepted,
        };
        let mut bytes = hello.encode();
        assert_eq!(Hello::decode(&bytes), Ok(hello));
        assert_eq!(Hello::decode(b"GET / HTTP/1.1\r\n"), Err(HelloError::Magic));
        assert_eq!(Hello::decode(&bytes[..15]), Err(HelloError::Malformed));
        bytes[8] = 9;
        assert_eq!(Hello::decode(&bytes), Err(HelloError::Version { got: 9 }));
    }

    proptest! {
        #[test]
        fn decoding_is_exact(tail: [u8; 8]) {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&MAGIC);
            bytes[8..].copy_from_slice(&tail);
            if let Ok(hello) = Hello::decode(&bytes) {
                prop_assert_eq!(hello.encode(), bytes);
            }
        }
    }
}
