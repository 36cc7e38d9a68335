//! The network of one peer: all its connections pass through here, and may be cut, slowed or spoilt.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

const GLANCE: Duration = Duration::from_millis(5);
/// On the way of every piece when the network is slow: with 81 rounds it makes an inference last longer than a deadline.
const DELAY: Duration = Duration::from_millis(40);
/// Between two bytes when it is too slow.
const TRICKLE: Duration = Duration::from_millis(300);

/// What happens to the peer's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Connections that are there or come are reset.
    Reset,
    /// Nothing passes, in either direction, and nobody is told.
    Hole,
    Slow,
    Crawl,
    /// What the peer says is spoilt.
    Spoilt(Spoil),
}

/// What becomes of the first bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    Garbage,
    Short,
    Long,
    Flood,
    Swapped,
    Replayed,
    /// One byte is another.
    Patch(usize, u8),
}

/// All connections of one peer.
pub struct Network(Arc<State>);

struct State {
    weather: Mutex<Weather>,
    /// Connections have to wait until this is lifted.
    barrier: AtomicBool,
    seen: AtomicBool,
    over: AtomicBool,
}

impl Network {
    pub fn new(weather: Weather, barrier: bool) -> Self {
        Self(Arc::new(State {
            weather: Mutex::new(weather),
            barrier: AtomicBool::new(barrier),
            seen: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }))
    }

    /// From now on.
    pub fn change(&self, weather: Weather) {
        *self.0.weather.lock().unwrap() = weather;
    }

    /// Whether anyone has called.
    pub fn was_seen(&self) -> bool {
        self.0.seen.load(Ordering::Acquire)
    }

    pub fn lift_barrier(&self) {
        self.0.barrier.store(false, Ordering::Release);
    }

    /// An address from which calls are passed on to `target`. `from_caller` if it is the peer that calls.
    pub fn proxy(&self, target: SocketAddr, from_caller: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = self.0.clone();
        thread::spawn(move || {
            while !state.is_over() {
                match listener.accept() {
                    Ok((caller, _)) => {
                        state.seen.store(true, Ordering::Release);
                        let state = state.clone();
                        thread::spawn(move || carry(&state, caller, target, from_caller));
                    }
                    Err(_) => thread::sleep(GLANCE),
                }
            }
        });
        address
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }
}

fn carry(state: &Arc<State>, caller: TcpStream, target: SocketAddr, from_caller: bool) {
    while state.barrier.load(Ordering::Acquire) && !state.is_over() {
        thread::sleep(GLANCE);
    }
    // Whoever is not there hangs up on its caller.
    let Ok(called) = TcpStream::connect(target) else {
        return;
    };
    for socket in [&caller, &called] {
        socket.set_nonblocking(false).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(4 * GLANCE)).unwrap();
        socket
            .set_write_timeout(Some(Duration::from_secs(5)))
            .unwrap();
    }
    let (caller, called) = (Arc::new(caller), Arc::new(called));
    let (state_, caller_, called_) = (state.clone(), caller.clone(), called.clone());
    thread::spawn(move || pump(&state_, &called_, &caller_, !from_caller));
    pump(state, &caller, &called, from_caller);
}

/// Passes bytes on until either end, or the test, is over.
fn pump(state: &State, mut from: &TcpStream, to: &TcpStream, own: bool) {
    let mut buffer = [0; 16 * 1024];
    let mut first = true;
    while !state.is_over() {
        match state.weather() {
            Weather::Reset => {
                for socket in [from, to] {
                    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                }
                return;
            }
            Weather::Hole => {
                thread::sleep(GLANCE);
                continue;
            }
            _ => {}
        }
        let bytes = match from.read(&mut buffer) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(n) => &buffer[..n],
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        };
        if pass_on(state, to, bytes, own, first).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
        first = false;
    }
}

fn pass_on(
    state: &State,
    mut to: &TcpStream,
    bytes: &[u8],
    own: bool,
    first: bool,
) -> std::io::Result<()> {
    match state.weather() {
        Weather::Hole | Weather::Reset => Ok(()),
        Weather::Slow => {
            thread::sleep(DELAY);
            to.write_all(bytes)
        }
        Weather::Crawl => {
            for byte in bytes {
                if state.is_over() {
                    break;
                }
                to.write_all(&[*byte])?;
                thread::sleep(TRICKLE);
            }
            Ok(())
        }
        Weather::Spoilt(spoil) if own && (first || spoil == Spoil::Garbage) => {
            spoil_first(state, to, bytes, spoil)
        }
        Weather::Fair | Weather::Spoilt(_) => to.write_all(bytes),
    }
}

fn spoil_first(
    state: &State,
    mut to: &TcpStream,
    bytes: &[u8],
    spoil: Spoil,
) -> std::io::Result<()> {
    let garbage: Vec<u8> = (0..16_384_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    match spoil {
        Spoil::Garbage => to.write_all(&garbage[..bytes.len()]),
        Spoil::Short => {
            to.write_all(&bytes[..bytes.len() / 2])?;
            to.shutdown(Shutdown::Write)
        }
        Spoil::Long => {
            to.write_all(bytes)?;
            to.write_all(&garbage)
        }
        Spoil::Flood => {
            to.write_all(bytes)?;
            while !state.is_over() {
                to.write_all(&garbage)?;
            }
            Ok(())
        }
        Spoil::Swapped => {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            to.write_all(b)?;
            to.write_all(a)
        }
        Spoil::Replayed => {
            to.write_all(bytes)?;
            to.write_all(bytes)
        }
        Spoil::Patch(at, byte) => {
            let mut bytes = bytes.to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            to.write_all(&bytes)
        }
    }
}
