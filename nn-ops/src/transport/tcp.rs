//! Links over TCP, by default inside mutual TLS.
//!
//! Of two parties the one with the higher number calls; the dealer calls all parties; the client calls everyone and is called by
//! nobody. Each pair opens two
//! connections, one for each direction of data. Whoever calls tries again until its patience ends, so the order in which
//! processes start does not matter; whoever is called turns strangers away and goes on listening.

mod accept;
mod dial;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::hello::{Direction, Hello};
use super::tls::Credentials;
use super::{Cast, Link, Links, NetError, Peer, Source};

/// What protects the bytes.
#[derive(Debug, Clone)]
pub enum Security {
    /// Mutual TLS with pinned certificates.
    Tls(Credentials),
    /// Nothing: whoever is on the path reads and changes everything, and anyone may call itself a party.
    InsecurePlaintext,
}

/// Where everyone is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// `host:port` of each party, in order.
    pub parties: Vec<String>,
    /// `host:port` of the dealer, if there is one.
    pub dealer: Option<String>,
    /// Whether a client will call them.
    pub client: bool,
}

impl Addresses {
    /// Who takes part.
    #[must_use]
    pub fn cast(&self) -> Cast {
        Cast {
            parties: self.parties.len(),
            dealer: self.dealer.is_some(),
            client: self.client,
        }
    }
}

/// A port that this party listens at.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes `host:port`; port 0 is any free one.
    pub fn bind(address: &str) -> Result<Self, NetError> {
        let failed = |e: io::Error| NetError::Bind {
            address: address.to_owned(),
            cause: e.to_string(),
        };
        let inner = TcpListener::bind(address).map_err(failed)?;
        let address = inner.local_addr().map_err(failed)?;
        Ok(Self { inner, address })
    }

    /// The address it has taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Connects to everyone, or says within `patience` who is missing and why.
///
/// `listener` is this party's own, already bound; the client has none.
pub fn connect(
    me: Peer,
    listener: Option<Listener>,
    addresses: &Addresses,
    security: &Security,
    patience: Duration,
) -> Result<Links, NetError> {
    let cast = addresses.cast();
    let peers = cast.peers_of(me)?;
    let attempt = Attempt::new(me, security, patience);
    let mut ends = BTreeMap::new();
    thread::scope(|scope| {
        let (found, arrivals) = crossbeam_channel::unbounded();
        let mut due = Vec::new();
        for &peer in &peers {
            for direction in [Direction::CallerSends, Direction::CalledSends] {
                due.push((peer, direction));
                if let (true, Some(address)) = (calls(me, peer), address_of(addresses, peer)) {
                    let (attempt, found) = (&attempt, found.clone());
                    scope.spawn(move || {
                        let _ = found.send(dial::dial(attempt, peer, direction, address));
                    });
                }
            }
        }
        if let Some(listener) = &listener {
            let (attempt, found, due) = (&attempt, found.clone(), due.clone());
            scope.spawn(move || accept::accept(attempt, scope, listener, due, &found));
        } else if due.iter().any(|(peer, _)| !calls(me, *peer)) {
            return Err(NetError::Usage {
                what: "a party that is called needs a listener",
            });
        }
        drop(found);
        let result = loop {
            let Some(&(missing, _)) = due.iter().find(|key| !ends.contains_key(*key)) else {
                break Ok(());
            };
            match arrivals.recv_timeout(attempt.left()) {
                Ok(Ok(end)) => {
                    ends.insert((end.peer, end.direction), end);
                }
                Ok(Err(e)) => break Err(e),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let address = match (address_of(addresses, missing), &listener) {
                        (Some(address), _) if calls(me, missing) => address.to_owned(),
                        (_, Some(listener)) => format!("our {}", listener.address),
                        _ => "nowhere".to_owned(),
                    };
                    break Err(attempt.missing(missing, address));
                }
            }
        };
        // Ends the accepting thread and whoever still waits for a stranger's greeting.
        attempt.end();
        result
    })?;
    let mut by_peer = BTreeMap::new();
    for peer in peers {
        let (out, back) = match calls(me, peer) {
            true => (Direction::CallerSends, Direction::CalledSends),
            false => (Direction::CalledSends, Direction::CallerSends),
        };
        if let (Some(out), Some(back)) = (ends.remove(&(peer, out)), ends.remove(&(peer, back))) {
            by_peer.insert(peer, link(peer, out, back)?);
        }
    }
    Links::new(me, cast, by_peer)
}

/// Whether `me` calls `peer`, rather than being called.
fn calls(me: Peer, peer: Peer) -> bool {
    me > peer
}

fn address_of(addresses: &Addresses, peer: Peer) -> Option<&str> {
    match peer {
        Peer::Party(id) => addresses.parties.get(id.index()).map(String::as_str),
        Peer::Dealer => addresses.dealer.as_deref(),
        Peer::Client => None,
    }
}

/// One connection that is up and known to be with `peer`.
struct End {
    peer: Peer,
    direction: Direction,
    stream: Box<dyn Duplex>,
    socket: TcpStream,
}

/// A socket, or TLS over one.
trait Duplex: Source + Write {}
impl<T: Source + Write> Duplex for T {}

fn link(peer: Peer, out: End, back: End) -> Result<Link, NetError> {
    let failed = |e: io::Error| NetError::Io {
        peer,
        cause: e.to_string(),
    };
    for socket in [&out.socket, &back.socket] {
        socket.set_read_timeout(None).map_err(failed)?;
        socket.set_write_timeout(None).map_err(failed)?;
    }
    let writer = Writer {
        stream: out.stream,
        socket: out.socket.try_clone().map_err(failed)?,
    };
    let sockets = [out.socket, back.socket];
    let mut link = Link::over(writer, back.stream, move || {
        for socket in &sockets {
            let _ = socket.shutdown(Shutdown::Both);
        }
    });
    link.sent = 2 * Hello::LEN as u64;
    Ok(link)
}

/// The sending end; dropping it tells the peer that nothing follows. That nothing is missing is for the frames to say.
struct Writer {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
}

impl Write for Writer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.write(buf)
    }
    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(bufs)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.stream.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// Waits for no longer than `patience` on a socket that is to carry messages.
fn prepare(socket: &TcpStream, patience: Duration) -> io::Result<TcpStream> {
    socket.set_nodelay(true)?;
    let patience = patience.max(Duration::from_millis(1));
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    socket.try_clone()
}

/// A socket without TLS, which puts short reads and writes together.
struct Bare {
    reader: BufReader<TcpStream>,
    writer: BufWriter<TcpStream>,
}

impl Bare {
    /// Longer pieces pass by the buffers.
    const BUFFER: usize = 32 * 1024;

    fn new(socket: TcpStream) -> io::Result<Self> {
        Ok(Self {
            reader: BufReader::with_capacity(Self::BUFFER, socket.try_clone()?),
            writer: BufWriter::with_capacity(Self::BUFFER, socket),
        })
    }
}

impl Read for Bare {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

impl Source for Bare {}

impl Write for Bare {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.writer.write(buf)
    }
    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.writer.write_vectored(bufs)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// What the threads of one [`connect`] share.
struct Attempt<'a> {
    me: Peer,
    security: &'a Security,
    patience: Duration,
    until: Instant,
    over: AtomicBool,
    /// Sockets whose other end has not yet shown who it is, with when they came.
    unknown: Mutex<BTreeMap<u64, (Instant, TcpStream)>>,
    notes: Mutex<Notes>,
}

/// What to tell if it comes to nothing.
#[derive(Default)]
struct Notes {
    last: BTreeMap<Peer, String>,
    rejected: Vec<String>,
    sockets: u64,
}

impl<'a> Attempt<'a> {
    const MAX_REJECTED: usize = 8;

    fn new(me: Peer, security: &'a Security, patience: Duration) -> Self {
        Self {
            me,
            security,
            patience,
            until: Instant::now() + patience,
            over: AtomicBool::new(false),
            unknown: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.left().is_zero()
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unknown(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, (Instant, TcpStream)>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches over a socket until [`Attempt::known`], so that its thread cannot hang.
    fn watch(&self, socket: &TcpStream) -> io::Result<u64> {
        let mut notes = self.notes();
        notes.sockets += 1;
        let key = notes.sockets;
        drop(notes);
        self.unknown()
            .insert(key, (Instant::now(), socket.try_clone()?));
        if self.is_over() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        Ok(key)
    }

    fn known(&self, key: u64) {
        self.unknown().remove(&key);
    }

    fn end(&self) {
        self.over.store(true, Ordering::Release);
        for (_, socket) in self.unknown().values() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn reject(&self, who: SocketAddr, why: &dyn core::fmt::Display) {
        let mut notes = self.notes();
        if notes.rejected.len() < Self::MAX_REJECTED {
            notes.rejected.push(format!("{who}: {why}"));
        }
    }

    fn missing(&self, peer: Peer, address: String) -> NetError {
        // Several callers may report the same peer: each needs the reason.
        let notes = self.notes();
        NetError::NotConnected {
            peer,
            address,
            waited: self.patience,
            last: notes
                .last
                .get(&peer)
                .cloned()
                .unwrap_or_else(|| "no call".into()),
            rejected: notes.rejected.clone(),
        }
    }
}
