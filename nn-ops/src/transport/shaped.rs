//! Slower links: a stated bandwidth and delay for each direction of each link, to measure on one machine what a network would do.

use std::io::{self, IoSlice, Write};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{Links, NetError};

/// What a link can do, in each direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Bytes per second.
    pub bandwidth: f64,
    /// Time from one end to the other.
    pub delay: Duration,
}

/// Bytes that may leave at once after a pause.
const BURST: f64 = 64.0 * 1024.0;
/// Bytes that a sender may be ahead of the wire, like a socket's buffer.
const AHEAD: f64 = 256.0 * 1024.0;

/// Slows all that this peer sends.
pub fn shape(links: Links, shape: Shape) -> Result<Links, NetError> {
    if !(shape.bandwidth >= 1.0 && shape.bandwidth.is_finite()) {
        return Err(NetError::Usage {
            what: "bandwidth must be at least one byte per second",
        });
    }
    let mut failed = None;
    let links = links.map_writers(|_, _, inner| match Shaped::new(inner, shape) {
        Ok(shaped) => Box::new(shaped),
        Err(e) => {
            failed = Some(e.to_string());
            Box::new(io::sink())
        }
    });
    match failed {
        Some(cause) => Err(NetError::Thread { cause }),
        None => Ok(links),
    }
}

/// A piece with the moment at which it reaches the other end.
type Piece = (Instant, Vec<u8>);

struct Shaped {
    shape: Shape,
    /// When all that was sent will have left.
    clear: Instant,
    queue: Option<Sender<Piece>>,
    wire: Option<JoinHandle<()>>,
}

impl Shaped {
    fn new(inner: Box<dyn Write + Send>, shape: Shape) -> io::Result<Self> {
        let (queue, pieces) = unbounded();
        let wire = thread::Builder::new()
            .name("wire".to_owned())
            .spawn(move || carry(inner, &pieces))?;
        Ok(Self {
            shape,
            clear: Instant::now(),
            queue: Some(queue),
            wire: Some(wire),
        })
    }

    fn seconds(&self, bytes: f64) -> Duration {
        Duration::from_secs_f64((bytes / self.shape.bandwidth).min(1e9))
    }
}

fn carry(mut inner: Box<dyn Write + Send>, pieces: &Receiver<Piece>) {
    for (at, bytes) in pieces {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let sent = inner.write_all(&bytes);
        if sent.is_err() || (pieces.is_empty() && inner.flush().is_err()) {
            return;
        }
    }
}

impl Write for Shaped {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // Small enough pieces that the far end sees a flow and not gusts.
        const PIECE: usize = 16 * 1024;
        let mut piece = Vec::new();
        for buf in bufs {
            let room = PIECE - piece.len();
            piece.extend_from_slice(&buf[..buf.len().min(room)]);
        }
        let now = Instant::now();
        let burst = self.seconds(BURST);
        self.clear = self.clear.max(now.checked_sub(burst).unwrap_or(now))
            + self.seconds(piece.len() as f64);
        let ahead = self
            .clear
            .saturating_duration_since(now + self.seconds(AHEAD));
        thread::sleep(ahead);
        let len = piece.len();
        let at = self.clear.max(now) + self.shape.delay;
        let queue = self.queue.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        match queue.send((at, piece)) {
            Ok(()) => Ok(len),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// What was written arrives by itself.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Shaped {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(wire) = self.wire.take() {
            let _ = wire.join();
        }
    }
}
