//! Links between threads of one process.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Cast, Link, Links, NetError, Peer};

/// Bytes that one direction holds before its writer has to wait, like a socket's buffer.
const CAPACITY: usize = 1 << 20;

/// The links of everyone, in the order of [`Cast::peers`].
pub fn mesh(cast: Cast) -> Result<Vec<Links>, NetError> {
    let everyone: Vec<_> = cast.peers().collect();
    let mut pipes = BTreeMap::new();
    for &from in &everyone {
        for to in cast.peers_of(from)? {
            pipes.insert((from, to), Arc::new(Pipe::default()));
        }
    }
    let pipe = |from: Peer, to: Peer| {
        pipes
            .get(&(from, to))
            .cloned()
            .ok_or(NetError::NoSuchPeer { peer: to })
    };
    everyone
        .iter()
        .map(|&me| {
            let mut by_peer = BTreeMap::new();
            for peer in cast.peers_of(me)? {
                by_peer.insert(peer, link(pipe(me, peer)?, pipe(peer, me)?));
            }
            Links::new(me, cast, by_peer)
        })
        .collect()
}

fn link(out: Arc<Pipe>, into: Arc<Pipe>) -> Link {
    let (ending, leaving) = (out.clone(), into.clone());
    Link::new(Sink(out), Source(into), move || {
        ending.end();
        leaving.leave();
    })
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk that were read already.
    read: usize,
    held: usize,
    /// No more is written; what is held can still be read.
    ended: bool,
    /// Nothing more is read.
    deaf: bool,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn wait<'a>(&self, guard: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(guard)
            .unwrap_or_else(PoisonError::into_inner)
    }
    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }
    fn leave(&self) {
        self.lock().deaf = true;
        self.changed.notify_all();
    }
}

struct Sink(Arc<Pipe>);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.held >= CAPACITY && !state.deaf && !state.ended {
            state = self.0.wait(state);
        }
        if state.deaf || state.ended {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let chunk = concat(bufs);
        let written = chunk.len();
        if written > 0 {
            state.held += written;
            state.chunks.push_back(chunk);
        }
        drop(state);
        self.0.changed.notify_all();
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn concat(bufs: &[IoSlice<'_>]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bufs.iter().map(|s| s.len()).sum());
    bufs.iter().for_each(|s| all.extend_from_slice(s));
    all
}

struct Source(Arc<Pipe>);

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.chunks.is_empty() && !state.ended && !state.deaf {
            state = self.0.wait(state);
        }
        if state.deaf {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let start = state.read;
        let Some(chunk) = state.chunks.front() else {
            return Ok(0);
        };
        let left = chunk.get(start..).unwrap_or_default();
        let n = left.len().min(buf.len());
        buf[..n].copy_from_slice(&left[..n]);
        if n == left.len() {
            state.chunks.pop_front();
            state.read = 0;
        } else {
            state.read += n;
        }
        state.held -= n;
        drop(state);
        self.0.changed.notify_all();
        Ok(n)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.leave();
    }
}
