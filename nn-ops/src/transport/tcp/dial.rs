//! Calling a peer until it answers.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use super::super::hello::{Direction, Hello, Status};
use super::super::tls::TlsFailure;
use super::{Attempt, Bare, Duplex, End, Security, prepare};
use crate::transport::{NetError, Peer};

const PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for one address to take a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Why one call failed.
enum Failure {
    /// Worth another try.
    Again(String),
    Fatal(NetError),
}

/// Opens one connection; gives up at once if the peer is not whom it should be.
pub(super) fn dial(
    attempt: &Attempt<'_>,
    peer: Peer,
    direction: Direction,
    address: &str,
) -> Result<End, NetError> {
    loop {
        match call(attempt, peer, direction, address) {
            Ok(end) => return Ok(end),
            Err(Failure::Fatal(e)) => return Err(e),
            Err(Failure::Again(why)) => {
                attempt.notes().last.insert(peer, why);
            }
        }
        if attempt.is_over() || attempt.left() <= PAUSE {
            return Err(attempt.missing(peer, address.to_owned()));
        }
        thread::sleep(PAUSE);
    }
}

fn call(
    attempt: &Attempt<'_>,
    peer: Peer,
    direction: Direction,
    address: &str,
) -> Result<End, Failure> {
    let again = |e: std::io::Error| Failure::Again(e.to_string());
    let mut last = Failure::Again("the name has no address".to_owned());
    for resolved in address.to_socket_addrs().map_err(again)? {
        let patience = attempt.left().clamp(Duration::from_millis(1), CONNECT);
        match TcpStream::connect_timeout(&resolved, patience) {
            Ok(socket) => {
                let key = attempt.watch(&socket).map_err(again)?;
                let end = greet(attempt, peer, direction, socket);
                attempt.known(key);
                return end;
            }
            Err(e) => last = again(e),
        }
    }
    Err(last)
}

fn greet(
    attempt: &Attempt<'_>,
    peer: Peer,
    direction: Direction,
    socket: TcpStream,
) -> Result<End, Failure> {
    let again = |e: std::io::Error| match TlsFailure::from(e) {
        TlsFailure::Io(e) if e.kind() == ErrorKind::UnexpectedEof => {
            Failure::Again("it hung up before it answered".to_owned())
        }
        TlsFailure::Io(e) => Failure::Again(e.to_string()),
        TlsFailure::Refused(cause) => Failure::Fatal(NetError::Untrusted { peer, cause }),
    };
    let raw = prepare(&socket, attempt.left()).map_err(again)?;
    let mut stream: Box<dyn Duplex> = match attempt.security {
        Security::InsecurePlaintext => Box::new(Bare::new(raw).map_err(again)?),
        Security::Tls(credentials) => match credentials.call(peer, raw) {
            Ok(tls) => Box::new(tls),
            Err(TlsFailure::Io(e)) => return Err(again(e)),
            Err(TlsFailure::Refused(cause)) => {
                return Err(Failure::Fatal(NetError::Untrusted { peer, cause }));
            }
        },
    };
    let hello = Hello {
        from: attempt.me,
        to: peer,
        direction,
        status: Status::Call,
    };
    stream.write_all(&hello.encode()).map_err(again)?;
    stream.flush().map_err(again)?;
    let mut answer = [0; Hello::LEN];
    stream.read_exact(&mut answer).map_err(again)?;
    let answer = Hello::decode(&answer)
        .map_err(|problem| Failure::Fatal(NetError::NotPiquet { peer, problem }))?;
    let refused = |why| Err(Failure::Fatal(NetError::Refused { peer, why }));
    if answer.from != peer || answer.to != attempt.me || answer.direction != direction {
        return refused("another party answers at its address");
    }
    match answer.status {
        Status::Accepted => Ok(End {
            peer,
            direction,
            stream,
            socket,
        }),
        Status::NotExpected => refused("it does not expect this peer"),
        Status::Duplicate => refused("it is connected to this peer already"),
        Status::Call => refused("it calls instead of answering"),
    }
}
