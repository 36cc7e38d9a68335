//! A peer that lies, for tests: its own frames are rewritten on their way out.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use super::frame::{CHUNK, FrameHeader, HEADER, Kind};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes out, as changed.
    Deliver,
    /// It goes out twice.
    Duplicate,
    /// It is lost.
    Drop,
    /// It is lost, and the stream ends here.
    HangUp,
}

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
        let times = match fate {
            Fate::Deliver => 1,
            Fate::Duplicate => 2,
            Fate::Drop => 0,
            Fate::HangUp => {
                self.inner = None;
                0
            }
        };
        for _ in 0..times {
            let inner = self.inner.as_mut().ok_or(ErrorKind::BrokenPipe)?;
            inner.write_all(&header.encode())?;
            inner.write_all(&payload)?;
        }
        Ok(true)
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
