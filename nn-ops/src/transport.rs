//! Ordered bytes between parties.
//!
//! A [`Link`] joins two peers by two byte streams, one for each direction; [`Links`] is all that one peer holds.
//! They come from [`memory::mesh`] or [`tcp::connect`] and may be [slowed](shaped) or, in tests, [falsified](tamper). Nothing here
//! knows what the bytes mean, except the [frame] codec that the session above shares with the wrappers.

mod error;
pub mod frame;
mod hello;
pub mod memory;
pub mod shaped;
pub mod tamper;
pub mod tcp;
pub mod tls;

use core::fmt;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

pub use error::NetError;
pub use hello::HelloError;

/// Most parties in one session; a [`Peer::Dealer`] and a [`Peer::Client`] come on top.
pub const MAX_PARTIES: usize = 10;

/// One of the computing parties, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId(pub u8);

impl PartyId {
    /// Its place in arrays that are indexed by party.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {}", self.0)
    }
}

/// Whoever sits at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A computing party.
    Party(PartyId),
    /// Whoever hands out correlated randomness and learns nothing else.
    Dealer,
    /// The owner of inputs and results that computes nothing.
    Client,
}

impl Peer {
    const DEALER_BYTE: u8 = 0xfe;
    const CLIENT_BYTE: u8 = 0xff;

    /// Party `id`.
    #[must_use]
    pub fn party(id: u8) -> Self {
        Self::Party(PartyId(id))
    }

    pub(crate) fn to_byte(self) -> u8 {
        match self {
            Self::Party(PartyId(id)) => id,
            Self::Dealer => Self::DEALER_BYTE,
            Self::Client => Self::CLIENT_BYTE,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            Self::DEALER_BYTE => Some(Self::Dealer),
            Self::CLIENT_BYTE => Some(Self::Client),
            id if usize::from(id) < MAX_PARTIES => Some(Self::party(id)),
            _ => None,
        }
    }
}

impl From<PartyId> for Peer {
    fn from(id: PartyId) -> Self {
        Self::Party(id)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(id) => id.fmt(f),
            Self::Dealer => f.write_str("the dealer"),
            Self::Client => f.write_str("the client"),
        }
    }
}

/// Who takes part in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// How many parties compute.
    pub parties: usize,
    /// Whether a dealer hands out correlated randomness.
    pub dealer: bool,
    /// Whether a client owns input and result.
    pub client: bool,
}

impl Cast {
    /// Parties and nobody else.
    #[must_use]
    pub fn parties(parties: usize) -> Self {
        Self {
            parties,
            dealer: false,
            client: false,
        }
    }
    /// A dealer beside them.
    #[must_use]
    pub fn with_dealer(self) -> Self {
        Self {
            dealer: true,
            ..self
        }
    }
    /// A client beside them.
    #[must_use]
    pub fn with_client(self) -> Self {
        Self {
            client: true,
            ..self
        }
    }
    /// Everyone: the parties in order, the dealer, the client.
    pub fn peers(self) -> impl Iterator<Item = Peer> {
        (0..MAX_PARTIES as u8)
            .take(self.parties)
            .map(Peer::party)
            .chain(self.dealer.then_some(Peer::Dealer))
            .chain(self.client.then_some(Peer::Client))
    }
    /// Everyone that `me` has a link to.
    pub(crate) fn peers_of(self, me: Peer) -> Result<Vec<Peer>, NetError> {
        let parties = self.parties;
        if parties == 0 || parties > MAX_PARTIES {
            return Err(NetError::PartyCount { parties });
        }
        let all: Vec<_> = self.peers().collect();
        if !all.contains(&me) {
            return Err(NetError::NoSuchPeer { peer: me });
        }
        Ok(all.into_iter().filter(|&peer| peer != me).collect())
    }
}

/// Two ordered byte streams to and from one peer, and the means to break both from another thread.
pub struct Link {
    pub(crate) writer: Box<dyn Write + Send>,
    pub(crate) reader: Box<dyn Source>,
    pub(crate) closer: Box<dyn Fn() + Send + Sync>,
    pub(crate) sent: u64,
}

impl Link {
    /// Joins two streams. Dropping `writer` must end its direction after what was written; `closer` must make pending
    /// and later reads and writes on both return at once.
    pub fn new(
        writer: impl Write + Send + 'static,
        reader: impl Read + Send + 'static,
        closer: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self::over(writer, Plain(reader), closer)
    }

    pub(crate) fn over(
        writer: impl Write + Send + 'static,
        reader: impl Source + 'static,
        closer: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            writer: Box::new(writer),
            reader: Box::new(reader),
            closer: Box::new(closer),
            sent: 0,
        }
    }

    /// Puts `wrap` around the outgoing stream.
    #[must_use]
    pub(crate) fn map_writer(
        self,
        wrap: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Write + Send>,
    ) -> Self {
        Self {
            writer: wrap(self.writer),
            ..self
        }
    }
}

/// A stream that can put what it reads where nothing is yet, if possible without clearing the place first.
pub(crate) trait Source: Read + Send {
    /// Reads exactly `len` bytes to the end of `to`.
    fn append(&mut self, to: &mut Vec<u8>, len: usize) -> io::Result<()> {
        let start = to.len();
        to.resize(start + len, 0);
        self.read_exact(&mut to[start..])
    }
}

/// A stream that can only fill what is there.
struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<R: Read + Send> Source for Plain<R> {}

impl<S: Source + ?Sized> Source for Box<S> {
    fn append(&mut self, to: &mut Vec<u8>, len: usize) -> io::Result<()> {
        (**self).append(to, len)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// All links of one peer: to everyone else of the cast.
#[derive(Debug)]
pub struct Links {
    pub(crate) me: Peer,
    pub(crate) cast: Cast,
    pub(crate) by_peer: BTreeMap<Peer, Link>,
}

impl Links {
    /// Checks that there is exactly one link for everyone that `me` talks to.
    pub fn new(me: Peer, cast: Cast, by_peer: BTreeMap<Peer, Link>) -> Result<Self, NetError> {
        let expected = cast.peers_of(me)?;
        if let Some(&peer) = by_peer.keys().find(|peer| !expected.contains(peer)) {
            return Err(NetError::NoSuchPeer { peer });
        }
        if let Some(&peer) = expected.iter().find(|peer| !by_peer.contains_key(peer)) {
            return Err(NetError::NoSuchPeer { peer });
        }
        Ok(Self { me, cast, by_peer })
    }

    /// Whose links these are.
    #[must_use]
    pub fn me(&self) -> Peer {
        self.me
    }

    /// Puts `wrap` around every outgoing stream.
    #[must_use]
    pub(crate) fn map_writers(
        self,
        mut wrap: impl FnMut(Peer, Peer, Box<dyn Write + Send>) -> Box<dyn Write + Send>,
    ) -> Self {
        let me = self.me;
        let by_peer = self
            .by_peer
            .into_iter()
            .map(|(peer, link)| (peer, link.map_writer(|w| wrap(me, peer, w))))
            .collect();
        Self { by_peer, ..self }
    }
}

pub(crate) fn fuzz_hello(bytes: &[u8]) {
    if let Ok(hello) = hello::Hello::decode(bytes) {
        assert_eq!(hello.encode(), bytes);
    }
}
