//! The messages: their shapes, and nothing that is secret to their receiver.
//!
//! | kind | from | body |
//! |---|---|---|
//! | 0x50 | sender | commitment to a share of the seed of the codes |
//! | 0x51 | receiver | its share |
//! | 0x52 | sender | the share committed to, and what opens it |
//! | 0x53 | sender | of at most [`TREES`] trees, the corrections of all levels but the first; a salt before the first ones of a stage |
//! | 0x54 | receiver | malicious only: the masked sum of the weights of the noise |
//! | 0x55 | sender | malicious only: hash of the value that the receiver has to know |
//!
//! Of each tree: for one level after another, from the second on, the sum of its even nodes (leaves with bit 0 cleared) plus
//! the sender's key of that level. The sender draws 32 bytes, of which all salts are made, then the 64 that open its
//! commitment; the receiver draws 32.

use piquet_core::Block;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};

use crate::kinds;

/// Trees of one message.
pub(super) const TREES: usize = 64;
/// Bytes of a salt.
pub(super) const SALT: usize = 32;
/// Bytes of the receiver's message in the check.
pub(super) const REQUEST: usize = 16;
/// Bytes of the sender's message in the check.
pub(super) const ANSWER: usize = 32;
/// Bytes of the coin toss: from the sender, and from the receiver.
pub(super) const TOSS: [usize; 2] = [2 * Header::LEN + 32 + 64, Header::LEN + 32];

/// Bytes of the corrections of one tree.
pub(super) const fn tree(depth: usize) -> usize {
    16 * (depth - 1)
}

/// A message of stage or expansion `round`, the `part`th of its kind.
pub(super) fn header(kind: u8, session: &SessionId, round: u64, part: usize) -> Header {
    Header {
        kind,
        session: *session,
        step: (round << 24) | part as u64,
    }
}

/// Body bytes of message `part` of the trees of a stage.
pub(super) fn trees_len(trees: usize, depth: usize, part: usize) -> usize {
    let salt = if part == 0 { SALT } else { 0 };
    salt + tree(depth) * (trees - part * TREES).min(TREES)
}

/// The trees of message `part`: salt, if it is the first, and corrections.
pub(super) struct Trees<'a> {
    pub(super) salt: Option<[u8; SALT]>,
    pub(super) corrections: &'a [u8],
}

/// Decodes message `part` of the trees of a stage.
pub(super) fn decode_trees<'a>(
    header: &Header,
    trees: usize,
    depth: usize,
    part: usize,
    bytes: &'a [u8],
) -> Result<Trees<'a>, DecodeError> {
    let body = exact(header, trees_len(trees, depth, part), bytes)?;
    let mut r = Reader::new(body);
    let salt = if part == 0 { Some(r.array()?) } else { None };
    Ok(Trees {
        salt,
        corrections: r.rest(),
    })
}

/// The body of a message of `len` bytes after its header.
pub(super) fn exact<'a>(
    header: &Header,
    len: usize,
    bytes: &'a [u8],
) -> Result<&'a [u8], DecodeError> {
    let want = Header::LEN + len;
    if bytes.len() != want {
        return Err(DecodeError::Length {
            got: bytes.len(),
            want,
        });
    }
    header.check(bytes)
}

/// The body of a message of exactly `N` bytes.
pub(super) fn array<const N: usize>(header: &Header, bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    let mut r = Reader::new(exact(header, N, bytes)?);
    r.array()
}

/// Blocks as they lie on the wire.
pub(super) fn blocks(bytes: &[u8]) -> impl ExactSizeIterator<Item = Block> + '_ {
    bytes.as_chunks::<16>().0.iter().map(|b| Block::from(*b))
}

/// Appends a whole message.
pub(super) fn send(header: &Header, body: &[u8], out: &mut Vec<u8>) {
    header.encode(out);
    out.extend_from_slice(body);
}

/// Header of the corrections.
pub(super) fn trees_header(session: &SessionId, round: u64, part: usize) -> Header {
    header(kinds::FERRET_TREES, session, round, part)
}
