//! Bytes through TLS, with as few copies and calls as rustls allows.
//!
//! Its unbuffered interface works on our own buffers: many records are encrypted one behind another and leave in one
//! write, and one read brings many records, which are decrypted where they lie. What is written is collected to whole
//! records, so that a short message shares its record with its neighbours; nothing leaves before a record is whole or
//! the stream is flushed.

use std::io::{self, ErrorKind, Read, Write};

use rustls::CommonState;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use super::buffers::{Clear, Incoming, Outgoing, RECORD};
use crate::transport::Source;

/// A client's or a server's end of TLS: their data types differ, what they do from here on does not.
pub(in crate::transport) trait Side: Send {
    type Data;
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;
    fn state(&self) -> &CommonState;
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
    fn state(&self) -> &CommonState {
        self
    }
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;
    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }
    fn state(&self) -> &CommonState {
        self
    }
}

/// A connection over a socket, its handshake done.
pub(in crate::transport) struct TlsStream<C, S> {
    side: C,
    socket: S,
    incoming: Incoming,
    outgoing: Outgoing,
    /// Plaintext that is not a whole record yet.
    staged: Clear,
    /// Plaintext that has arrived and was not read yet.
    arrived: Clear,
}

/// What came of a step of the TLS state.
enum Turn {
    /// It has more to do.
    Again,
    /// There are records to be sent.
    Send,
    /// It has nothing to do before the peer says more.
    Wait,
    /// What was to be sealed is.
    Sealed,
    /// Plaintext came, of which so many bytes were taken.
    Data(usize),
    /// The peer said that no more comes.
    Closed,
}

impl<C: Side, S: Read + Write> TlsStream<C, S> {
    /// Runs the handshake to its end.
    pub(in crate::transport) fn handshake(side: C, socket: S) -> io::Result<Self> {
        let mut stream = Self {
            side,
            socket,
            incoming: Incoming::new(),
            outgoing: Outgoing::new(),
            staged: Clear::new(),
            arrived: Clear::new(),
        };
        loop {
            match stream.turn(None, |_| 0)? {
                Turn::Again | Turn::Send => {}
                Turn::Wait if stream.side.state().is_handshaking() => {
                    stream.outgoing.send(&mut stream.socket)?;
                    stream.incoming.fill(&mut stream.socket)?;
                }
                Turn::Closed => return Err(ErrorKind::UnexpectedEof.into()),
                // The peer's first bytes may come on the heels of its last of the handshake.
                Turn::Wait | Turn::Data(_) | Turn::Sealed => break,
            }
        }
        stream.outgoing.send(&mut stream.socket)?;
        Ok(stream)
    }

    /// What is known of the peer.
    pub(in crate::transport) fn state(&self) -> &CommonState {
        self.side.state()
    }

    /// Lets the TLS state take one step. If it gets to sealing, `plain` is sealed; plaintext that comes is shown to
    /// `take`, which says how much of it it took, and the rest is kept.
    fn turn(
        &mut self,
        plain: Option<&[u8]>,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> io::Result<Turn> {
        let UnbufferedStatus { discard, state } = self.side.process(self.incoming.bytes());
        let turn = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => match traffic.next_record() {
                Some(Ok(record)) => {
                    let taken = take(record.payload).min(record.payload.len());
                    let kept = self.arrived.push(&record.payload[taken..]);
                    if kept < record.payload.len() - taken {
                        return Err(wrong("data that nobody waits for"));
                    }
                    Turn::Data(taken)
                }
                Some(Err(e)) => return Err(broken(e)),
                None => Turn::Again,
            },
            Ok(ConnectionState::EncodeTlsData(mut record)) => {
                match record.encode(self.outgoing.room()) {
                    Ok(n) => self.outgoing.grew(n),
                    Err(EncodeError::InsufficientSize(_)) => {
                        return Err(wrong("too long a flight"));
                    }
                    Err(e) => return Err(io::Error::other(e)),
                }
                Turn::Again
            }
            Ok(ConnectionState::TransmitTlsData(flight)) => {
                // Sent from our buffer before we wait for an answer.
                flight.done();
                Turn::Send
            }
            Ok(ConnectionState::WriteTraffic(mut traffic)) => match plain {
                Some(plain) => match traffic.encrypt(plain, self.outgoing.room()) {
                    Ok(n) => {
                        self.outgoing.grew(n);
                        Turn::Sealed
                    }
                    Err(EncryptError::InsufficientSize(_)) => return Err(wrong("no room")),
                    Err(e) => return Err(io::Error::other(e)),
                },
                None => Turn::Wait,
            },
            Ok(ConnectionState::BlockedHandshake) => Turn::Wait,
            Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Turn::Closed,
            Ok(_) => return Err(wrong("early data")),
            Err(e) => {
                self.incoming.discard(discard);
                self.complain();
                return Err(broken(e));
            }
        };
        self.incoming.discard(discard);
        Ok(turn)
    }

    /// Tells the peer what was wrong, if it can be told.
    fn complain(&mut self) {
        let UnbufferedStatus { state, .. } = self.side.process(&mut []);
        if let Ok(ConnectionState::EncodeTlsData(mut alert)) = state
            && let Ok(n) = alert.encode(self.outgoing.room())
        {
            self.outgoing.grew(n);
            let _ = self.outgoing.send(&mut self.socket);
        }
    }

    /// Shows the next plaintext to `take`, which says how much of it it took. Returns that, or 0 at the end.
    fn next(&mut self, mut take: impl FnMut(&[u8]) -> usize) -> io::Result<usize> {
        if !self.arrived.is_empty() {
            let taken = take(self.arrived.bytes());
            self.arrived.consume(taken);
            return Ok(taken);
        }
        loop {
            match self.turn(None, &mut take)? {
                Turn::Data(taken) => return Ok(taken),
                Turn::Again | Turn::Sealed => {}
                Turn::Send => self.outgoing.send(&mut self.socket)?,
                Turn::Wait => self.incoming.fill(&mut self.socket)?,
                Turn::Closed => return Ok(0),
            }
        }
    }

    /// Puts whole records, or the last one that is not, into the outgoing buffer.
    fn seal(&mut self, mut plain: &[u8]) -> io::Result<()> {
        while !plain.is_empty() {
            if self.outgoing.records() == 0 {
                self.outgoing.send(&mut self.socket)?;
            }
            let (now, later) = plain.split_at(plain.len().min(self.outgoing.records() * RECORD));
            loop {
                match self.turn(Some(now), |_| 0)? {
                    Turn::Sealed => break,
                    Turn::Again | Turn::Send | Turn::Data(_) => {}
                    Turn::Wait | Turn::Closed => return Err(ErrorKind::BrokenPipe.into()),
                }
            }
            plain = later;
        }
        Ok(())
    }

    fn seal_staged(&mut self) -> io::Result<()> {
        // Out of the way while the rest of the stream is at work.
        let mut staged = core::mem::replace(&mut self.staged, Clear::empty());
        let sealed = self.seal(staged.bytes());
        staged.consume(usize::MAX);
        self.staged = staged;
        sealed
    }
}

impl<C: Side, S: Read + Write> Write for TlsStream<C, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let whole = buf.len() - buf.len() % RECORD;
        if whole > 0 {
            // A short record before a long message costs less than copying its bytes to fill the record.
            self.seal_staged()?;
            self.seal(&buf[..whole])?;
            return Ok(whole);
        }
        let taken = self.staged.push(buf);
        if self.staged.is_full() {
            self.seal_staged()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.seal_staged()?;
        self.outgoing.send(&mut self.socket)
    }
}

impl<C: Side, S: Read + Write> Read for TlsStream<C, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.next(|plain| {
            let n = plain.len().min(buf.len());
            buf[..n].copy_from_slice(&plain[..n]);
            n
        })
    }
}

impl<C: Side, S: Read + Write + Send> Source for TlsStream<C, S> {
    /// From the record to its place, which need not be cleared before.
    fn append(&mut self, to: &mut Vec<u8>, len: usize) -> io::Result<()> {
        let mut left = len;
        while left > 0 {
            let taken = self.next(|plain| {
                let n = plain.len().min(left);
                to.extend_from_slice(&plain[..n]);
                n
            })?;
            if taken == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            left -= taken;
        }
        Ok(())
    }
}

/// As the buffered interface reports it, with the TLS error inside.
fn broken(e: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, e)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
