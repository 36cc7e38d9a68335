//! Answering calls: from those who are expected, once each.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread::{self, Scope};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::super::hello::{Direction, Hello, Status};
use super::super::tls::TlsFailure;
use super::{Attempt, Bare, Duplex, End, Listener, Security, calls, prepare};
use crate::transport::{NetError, Peer};

const GLANCE: Duration = Duration::from_millis(2);
/// A caller who has not said who it is by then is a stranger.
const SILENCE: Duration = Duration::from_secs(10);
/// Callers who have yet to say who they are.
const WAITING_ROOM: usize = 64;

/// Listens until the attempt is over.
pub(super) fn accept<'scope>(
    attempt: &'scope Attempt<'scope>,
    scope: &'scope Scope<'scope, '_>,
    listener: &Listener,
    due: Vec<(Peer, Direction)>,
    found: &Sender<Result<End, NetError>>,
) {
    let due = due
        .into_iter()
        .filter(|(peer, _)| !calls(attempt.me, *peer));
    let due: BTreeSet<_> = due.collect();
    let expected = due.iter().map(|(peer, _)| *peer).collect();
    let guests = std::sync::Arc::new(Guests {
        expected,
        due: Mutex::new(due),
    });
    if let Err(e) = listener.inner.set_nonblocking(true) {
        let _ = found.send(Err(NetError::Bind {
            address: listener.address.to_string(),
            cause: e.to_string(),
        }));
        return;
    }
    while !attempt.is_over() && !guests.are_complete() {
        match listener.inner.accept() {
            Ok((socket, who)) => {
                if attempt.unknown().len() >= WAITING_ROOM {
                    attempt.reject(who, &"too many callers at once");
                    continue;
                }
                let (guests, found) = (guests.clone(), found.clone());
                scope.spawn(move || match welcome(attempt, &guests, &socket) {
                    Ok((peer, direction, stream)) => {
                        let end = End {
                            peer,
                            direction,
                            stream,
                            socket,
                        };
                        let _ = found.send(Ok(end));
                    }
                    Err(why) => {
                        // Noted first: a slow farewell must not outlast the attempt that is to report it.
                        attempt.reject(who, &why);
                        dismiss(&socket);
                    }
                });
            }
            // A caller who hung up at once, or a moment without descriptors: the others still count.
            Err(e) if e.kind() != ErrorKind::WouldBlock => {
                let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
                attempt.reject(nobody, &e);
                thread::sleep(GLANCE);
            }
            Err(_) => thread::sleep(GLANCE),
        }
        for (since, socket) in attempt.unknown().values() {
            if since.elapsed() > SILENCE {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }
}

/// Who is still to come.
struct Guests {
    expected: BTreeSet<Peer>,
    due: Mutex<BTreeSet<(Peer, Direction)>>,
}

impl Guests {
    fn due(&self) -> std::sync::MutexGuard<'_, BTreeSet<(Peer, Direction)>> {
        self.due
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn are_complete(&self) -> bool {
        self.due().is_empty()
    }
}

type Welcomed = (Peer, Direction, Box<dyn Duplex>);

fn welcome(attempt: &Attempt<'_>, guests: &Guests, socket: &TcpStream) -> Result<Welcomed, String> {
    let told = |e: std::io::Error| match TlsFailure::from(e) {
        TlsFailure::Io(e) => e.to_string(),
        TlsFailure::Refused(cause) => cause,
    };
    socket.set_nonblocking(false).map_err(told)?;
    let key = attempt.watch(socket).map_err(told)?;
    let result = greet(attempt, guests, socket);
    attempt.known(key);
    result.map_err(|failure| match failure {
        TlsFailure::Io(e) => told(e),
        TlsFailure::Refused(cause) => cause,
    })
}

/// Hangs up so that the answer, which says what was wrong, is not overtaken by a reset.
fn dismiss(mut socket: &TcpStream) {
    let _ = socket.shutdown(Shutdown::Write);
    let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
    let mut rest = [0; 4096];
    for _ in 0..16 {
        match socket.read(&mut rest) {
            Ok(1..) => {}
            _ => break,
        }
    }
}

fn greet(
    attempt: &Attempt<'_>,
    guests: &Guests,
    socket: &TcpStream,
) -> Result<Welcomed, TlsFailure> {
    let socket = prepare(socket, attempt.left().min(SILENCE))?;
    let mut hello = [0; Hello::LEN];
    let read = |stream: &mut dyn Read, hello: &mut [u8; Hello::LEN]| {
        stream.read_exact(hello)?;
        Hello::decode(hello).map_err(|e| TlsFailure::Refused(e.to_string()))
    };
    let (call, mut stream): (_, Box<dyn Duplex>) = match attempt.security {
        Security::InsecurePlaintext => {
            let mut stream = Bare::new(socket)?;
            (read(&mut stream, &mut hello)?, Box::new(stream))
        }
        Security::Tls(credentials) => {
            let mut stream = credentials.answer(socket)?;
            let call = read(&mut stream, &mut hello)?;
            if let Err(TlsFailure::Refused(why)) =
                credentials.check(call.from, stream.state().peer_certificates())
            {
                let _ = answer(&mut stream, attempt.me, &call, Status::NotExpected);
                let why = format!("calls itself {}, but {why}", call.from);
                return Err(TlsFailure::Refused(why));
            }
            (call, Box::new(stream))
        }
    };
    let status = if call.to != attempt.me
        || call.status != Status::Call
        || !guests.expected.contains(&call.from)
    {
        Status::NotExpected
    } else if guests.due().remove(&(call.from, call.direction)) {
        Status::Accepted
    } else {
        Status::Duplicate
    };
    let answered = answer(&mut stream, attempt.me, &call, status);
    match (status, answered) {
        (Status::Accepted, Ok(())) => Ok((call.from, call.direction, stream)),
        (Status::Accepted, Err(e)) => {
            guests.due().insert((call.from, call.direction));
            Err(e.into())
        }
        (Status::Duplicate, _) => Err(TlsFailure::Refused(format!("{} called twice", call.from))),
        _ => Err(TlsFailure::Refused(format!(
            "{} called for {}",
            call.from, call.to
        ))),
    }
}

fn answer(stream: &mut dyn Write, me: Peer, call: &Hello, status: Status) -> std::io::Result<()> {
    let answer = Hello {
        from: me,
        to: call.from,
        direction: call.direction,
        status,
    };
    stream.write_all(&answer.encode())?;
    stream.flush()
}
