//! The three kinds of memory between plaintext and socket.

use std::io::{self, ErrorKind, Read, Write};

/// Most plaintext of one record.
pub(super) const RECORD: usize = 16 * 1024;
/// More than an encrypted record takes, and one of TLS' own beside it.
pub(super) const SEALED: usize = RECORD + 512;
/// Bytes of a write, unless it is flushed before.
const OUT: usize = 8 * SEALED;
/// Bytes of a read.
const IN: usize = 12 * SEALED;

/// Records that have come and were not opened yet.
pub(super) struct Incoming {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; IN].into(),
            start: 0,
            end: 0,
        }
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    pub(super) fn discard(&mut self, n: usize) {
        self.start = self.end.min(self.start + n);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads what the socket has, at least a byte: what is here is not a whole record.
    pub(super) fn fill(&mut self, socket: &mut impl Read) -> io::Result<()> {
        if self.bytes.len() - self.end < SEALED {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = &mut self.bytes[self.end..];
        if room.is_empty() {
            return Err(io::Error::other("a TLS message of more than a buffer"));
        }
        loop {
            match socket.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.end += n;
                    return Ok(());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// Records that are ready to be sent.
pub(super) struct Outgoing {
    bytes: Box<[u8]>,
    len: usize,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; OUT].into(),
            len: 0,
        }
    }

    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..]
    }

    /// How many whole records fit yet.
    pub(super) fn records(&self) -> usize {
        (self.bytes.len() - self.len) / SEALED
    }

    /// So many bytes were put where there was room.
    pub(super) fn grew(&mut self, n: usize) {
        self.len = self.bytes.len().min(self.len + n);
    }

    pub(super) fn send(&mut self, socket: &mut impl Write) -> io::Result<()> {
        let len = core::mem::take(&mut self.len);
        match &self.bytes[..len] {
            [] => Ok(()),
            all => socket.write_all(all),
        }
    }
}

/// At most a record of plaintext. What was taken out is overwritten: seeds pass through here.
pub(super) struct Clear {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Clear {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; RECORD].into(),
            start: 0,
            end: 0,
        }
    }

    /// One that holds nothing, ever.
    pub(super) fn empty() -> Self {
        Self {
            bytes: Box::default(),
            start: 0,
            end: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Adds as much as there is room for, and says how much that was.
    pub(super) fn push(&mut self, more: &[u8]) -> usize {
        let n = more.len().min(self.bytes.len() - self.end);
        self.bytes[self.end..self.end + n].copy_from_slice(&more[..n]);
        self.end += n;
        n
    }

    pub(super) fn consume(&mut self, n: usize) {
        let to = self.end.min(self.start.saturating_add(n));
        self.bytes[self.start..to].fill(0);
        self.start = to;
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
    }
}
