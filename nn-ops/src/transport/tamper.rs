//! A peer that lies, for tests: its own frames are rewritten on their way out.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use super::frame::{CHUNK, FrameHeader, HEADER, Kind, LAST};
use super::{Links, Peer};

/// A `Data` frame about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intercepted {
    /// Who sends it.
    pub from: Peer,
    /// Who is to get it.
    pub to: Peer,
    /// Its step; it may be changed.
    pub step: u64,
    /// Its session tag; it may be changed.
    pub session: u64,
    /// How many `Data` frames went this way before.
    pub index: u64,
}

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes out, as changed.
    Deliver,
    /// It goes out twice.
    Duplicate,
    /// It is lost.
    Drop,
    /// It is lost, and the stream ends here.
    HangUp,
    /// The first half of it goes out, and the stream ends here.
    Tear,
    /// It goes out after the frame that follows it.
    Delay,
    /// These bytes go out in its place, whatever they are.
    Replace(Vec<u8>),
    /// It goes out, and after it `frames` messages of so many `bytes` that nobody has asked for.
    Flood {
        /// How many.
        frames: u32,
        /// Of how many bytes each, at most [`CHUNK`].
        bytes: usize,
    },
}

/// A lane that no session gets to.
const FAR: u64 = 1 << 63;

/// Passes every `Data` frame that this peer sends through `rewrite`, which may change payload, step and session.
#[must_use]
pub fn tamper(
    links: Links,
    rewrite: impl Fn(&mut Intercepted, &mut Vec<u8>) -> Fate + Send + Sync + 'static,
) -> Links {
    let rewrite: Arc<Rewrite> = Arc::new(rewrite);
    links.map_writers(|from, to, inner| {
        Box::new(Tampered {
            from,
            to,
            inner: Some(inner),
            rewrite: rewrite.clone(),
            held: Vec::new(),
            delayed: Vec::new(),
            index: 0,
        })
    })
}

type Rewrite = dyn Fn(&mut Intercepted, &mut Vec<u8>) -> Fate + Send + Sync;

struct Tampered {
    from: Peer,
    to: Peer,
    inner: Option<Box<dyn Write + Send>>,
    rewrite: Arc<Rewrite>,
    /// Bytes of a frame that is not whole yet.
    held: Vec<u8>,
    /// A frame that is to follow the next.
    delayed: Vec<u8>,
    index: u64,
}

impl Tampered {
    /// Lets the frame at the front go, if it is whole.
    fn release(&mut self) -> io::Result<bool> {
        let Some((header, rest)) = self.held.split_at_checked(HEADER) else {
            return Ok(false);
        };
        let mut header = FrameHeader::decode(header).map_err(io::Error::other)?;
        let Some((payload, rest)) = rest.split_at_checked(header.length) else {
            return Ok(false);
        };
        let (mut payload, rest) = (payload.to_vec(), rest.to_vec());
        self.held = rest;
        let mut fate = Fate::Deliver;
        if header.kind == Kind::Data {
            let mut frame = Intercepted {
                from: self.from,
                to: self.to,
                step: header.step,
                session: header.session,
                index: self.index,
            };
            self.index += 1;
            fate = (self.rewrite)(&mut frame, &mut payload);
            payload.truncate(CHUNK);
            header.length = payload.len();
            header.step = frame.step;
            header.session = frame.session;
        }
        let mut bytes = header.encode().to_vec();
        bytes.append(&mut payload);
        match fate {
            Fate::Deliver => {}
            Fate::Duplicate => bytes.extend_from_within(..),
            Fate::Drop => bytes.clear(),
            Fate::HangUp => {
                self.inner = None;
                bytes.clear();
            }
            Fate::Tear => {
                bytes.truncate(HEADER.midpoint(bytes.len()));
                self.put(&bytes)?;
                self.flush()?;
                self.inner = None;
                bytes.clear();
            }
            Fate::Delay => {
                self.delayed = bytes;
                return Ok(true);
            }
            Fate::Replace(other) => bytes = other,
            Fate::Flood { frames, bytes: n } => {
                self.put(&bytes)?;
                let n = n.min(CHUNK);
                for i in 0..u64::from(frames) {
                    let extra = FrameHeader {
                        flags: LAST,
                        length: n,
                        step: FAR | i,
                        ..header
                    };
                    self.put(&extra.encode())?;
                    self.put(&vec![0; n])?;
                }
                bytes.clear();
            }
        }
        bytes.append(&mut self.delayed);
        self.put(&bytes)?;
        Ok(true)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let inner = self.inner.as_mut().ok_or(ErrorKind::BrokenPipe)?;
        inner.write_all(bytes)
    }
}

impl Write for Tampered {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(buf);
        while self.release()? {}
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.as_mut().map_or(Ok(()), |inner| inner.flush())
    }
}
