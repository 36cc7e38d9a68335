//! Three runners for a [`Machine`]: over a blocking channel, in memory, and in memory under a tamperer.

use super::{Machine, Step};

/// The only thing that a transport has to provide.
pub trait Channel {
    /// Why a transfer failed.
    type Error;
    /// Sends all of `bytes`.
    fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Fills `bytes`.
    fn recv(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error>;
    /// Everything sent so far is on its way when this returns.
    fn flush(&mut self) -> Result<(), Self::Error>;
}

/// Why a run failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError<P, C> {
    /// The protocol refused a message.
    #[error("protocol: {0}")]
    Protocol(P),
    /// The channel failed.
    #[error("channel: {0}")]
    Channel(C),
    /// Both parties wait for a message, or the peer is gone while one is due.
    #[error("the peer has ended and a message is still due")]
    PeerGone,
}

/// Runs a machine to its end over a blocking channel.
pub fn drive<M: Machine, C: Channel>(
    mut machine: M,
    channel: &mut C,
) -> Result<M::Output, RunError<M::Error, C::Error>> {
    let mut out = Vec::new();
    let mut inbox = Vec::new();
    let mut due = 0; // bytes of the inbox that are the message; the others are left from longer ones
    loop {
        out.clear();
        let step = machine
            .step(&inbox[..due], &mut out)
            .map_err(RunError::Protocol)?;
        if !out.is_empty() {
            channel.send(&out).map_err(RunError::Channel)?;
        }
        due = 0;
        match step {
            Step::Send(m) => machine = m,
            Step::Recv(m) => {
                channel.flush().map_err(RunError::Channel)?;
                due = m.expects();
                if inbox.len() < due {
                    inbox.resize(due, 0);
                }
                channel.recv(&mut inbox[..due]).map_err(RunError::Channel)?;
                machine = m;
            }
            Step::Done(output) => {
                channel.flush().map_err(RunError::Channel)?;
                return Ok(output);
            }
        }
    }
}

/// What crossed the wire: `(from party, bytes)` in the order of sending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Each message with its sender, 0 or 1.
    pub messages: Vec<(u8, Vec<u8>)>,
}

impl Trace {
    /// Bytes sent by `party`.
    #[must_use]
    pub fn sent_by(&self, party: u8) -> usize {
        self.messages
            .iter()
            .filter(|(p, _)| *p == party)
            .map(|(_, m)| m.len())
            .sum()
    }
}

/// Rewrites messages on their way: called with the sender, the index of the message in the run, and its bytes.
pub trait Tamper {
    /// May change, shorten or lengthen the message.
    fn message(&mut self, from: u8, index: usize, bytes: &mut Vec<u8>);
}

impl<F: FnMut(u8, usize, &mut Vec<u8>)> Tamper for F {
    fn message(&mut self, from: u8, index: usize, bytes: &mut Vec<u8>) {
        self(from, index, bytes);
    }
}

/// Result of one party in an in-memory run.
type PartyResult<M> =
    Result<<M as Machine>::Output, RunError<<M as Machine>::Error, core::convert::Infallible>>;

/// Runs both parties in memory, without threads, and records the wire.
pub fn run_pair<A: Machine, B: Machine>(a: A, b: B) -> (PartyResult<A>, PartyResult<B>, Trace) {
    run_pair_tampered(a, b, |_: u8, _: usize, _: &mut Vec<u8>| {})
}

/// As [`run_pair`], with every message passed through `tamper` first.
///
/// A party that is handed fewer bytes than it expects gets them as one short message, so that its own length
/// check is exercised; a run in which both wait ends with [`RunError::PeerGone`].
pub fn run_pair_tampered<A: Machine, B: Machine>(
    a: A,
    b: B,
    mut tamper: impl Tamper,
) -> (PartyResult<A>, PartyResult<B>, Trace) {
    let mut trace = Trace::default();
    let mut pipes = [Vec::new(), Vec::new()]; // pipes[p]: bytes on their way to party p
    let mut pa = Party::Ready(a);
    let mut pb = Party::Ready(b);
    loop {
        let moved_a = pa.advance(0, &mut pipes, &mut trace, &mut tamper, pb.is_done());
        let moved_b = pb.advance(1, &mut pipes, &mut trace, &mut tamper, pa.is_done());
        match (pa, pb) {
            (Party::Done(ra), Party::Done(rb)) => return (ra, rb, trace),
            (x, y) => (pa, pb) = (x, y),
        }
        if !moved_a && !moved_b {
            pa.starve(0, &mut pipes);
            pb.starve(1, &mut pipes);
        }
    }
}

enum Party<M: Machine> {
    Ready(M),
    Waiting(M),
    Done(PartyResult<M>),
    Moved,
}

impl<M: Machine> Party<M> {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Steps until it waits or ends; returns whether anything happened.
    fn advance(
        &mut self,
        me: u8,
        pipes: &mut [Vec<u8>; 2],
        trace: &mut Trace,
        tamper: &mut impl Tamper,
        peer_done: bool,
    ) -> bool {
        let mut moved = false;
        loop {
            let (m, inbox) = match core::mem::replace(self, Self::Moved) {
                Self::Ready(m) => (m, Vec::new()),
                Self::Waiting(m) => {
                    let pipe = &mut pipes[usize::from(me)];
                    let want = m.expects();
                    if pipe.len() >= want {
                        (m, pipe.drain(..want).collect())
                    } else if peer_done && !pipe.is_empty() {
                        (m, core::mem::take(pipe))
                    } else if peer_done {
                        *self = Self::Done(Err(RunError::PeerGone));
                        return true;
                    } else {
                        *self = Self::Waiting(m);
                        return moved;
                    }
                }
                other => {
                    *self = other;
                    return moved;
                }
            };
            moved = true;
            let mut out = Vec::new();
            let stepped = m.step(&inbox, &mut out);
            if !out.is_empty() {
                tamper.message(me, trace.messages.len(), &mut out);
                pipes[usize::from(1 - me)].extend_from_slice(&out);
                trace.messages.push((me, out));
            }
            *self = match stepped {
                Ok(Step::Send(m)) => Self::Ready(m),
                Ok(Step::Recv(m)) => Self::Waiting(m),
                Ok(Step::Done(o)) => Self::Done(Ok(o)),
                Err(e) => Self::Done(Err(RunError::Protocol(e))),
            };
        }
    }

    /// Both wait: hand over the short message if there is one, else report the peer gone.
    fn starve(&mut self, me: u8, pipes: &mut [Vec<u8>; 2]) {
        if let Self::Waiting(m) = core::mem::replace(self, Self::Moved) {
            let short = core::mem::take(&mut pipes[usize::from(me)]);
            *self = if short.is_empty() {
                Self::Done(Err(RunError::PeerGone))
            } else {
                match m.step(&short, &mut Vec::new()) {
                    Err(e) => Self::Done(Err(RunError::Protocol(e))),
                    Ok(_) => Self::Done(Err(RunError::PeerGone)),
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{DecodeError, Reader};

    /// Both send their number and learn the sum, twice over.
    #[derive(Debug)]
    struct Sum {
        mine: u32,
        total: u32,
        rounds: u32,
        waiting: bool,
    }

    impl Sum {
        fn new(mine: u32) -> Self {
            Self {
                mine,
                total: mine,
                rounds: 2,
                waiting: false,
            }
        }
    }

    impl Machine for Sum {
        type Output = u32;
        type Error = DecodeError;
        fn expects(&self) -> usize {
            if self.waiting { 4 } else { 0 }
        }
        fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, DecodeError> {
            if self.waiting {
                let mut r = Reader::new(inbox);
                self.total = self.total.wrapping_add(r.u32()?);
                r.end()?;
                self.rounds -= 1;
                if self.rounds == 0 {
                    return Ok(Step::Done(self.total));
                }
            }
            out.extend_from_slice(&self.mine.to_le_bytes());
            self.waiting = true;
            Ok(Step::Recv(self))
        }
    }

    #[test]
    fn in_memory_run_records_the_wire() {
        let (a, b, trace) = run_pair(Sum::new(1), Sum::new(10));
        assert_eq!(a, Ok(21));
        assert_eq!(b, Ok(12));
        assert_eq!(trace.messages.len(), 4);
        assert_eq!(trace.sent_by(0), 8);
    }

    #[test]
    fn short_and_lost_messages_are_errors_at_both() {
        let (a, b, _) = run_pair_tampered(
            Sum::new(1),
            Sum::new(2),
            |from: u8, _: usize, m: &mut Vec<u8>| {
                if from == 0 {
                    m.truncate(3);
                }
            },
        );
        assert_eq!(a, Ok(5)); // it heard all that was due to it
        assert_eq!(
            b,
            Err(RunError::Protocol(DecodeError::Length { got: 2, want: 4 }))
        );
        let (a, b, _) = run_pair_tampered(
            Sum::new(1),
            Sum::new(2),
            |_: u8, _: usize, m: &mut Vec<u8>| m.clear(),
        );
        assert_eq!(a, Err(RunError::PeerGone));
        assert_eq!(b, Err(RunError::PeerGone));
    }

    struct Pipe(std::sync::mpsc::Sender<u8>, std::sync::mpsc::Receiver<u8>);
    impl Channel for Pipe {
        type Error = &'static str;
        fn send(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
            bytes
                .iter()
                .try_for_each(|b| self.0.send(*b))
                .map_err(|_| "gone")
        }
        fn recv(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            for b in bytes {
                *b = self.1.recv().map_err(|_| "gone")?;
            }
            Ok(())
        }
        fn flush(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
    }

    #[test]
    fn blocking_driver_agrees() {
        let (s0, r0) = std::sync::mpsc::channel();
        let (s1, r1) = std::sync::mpsc::channel();
        let t = std::thread::spawn(move || drive(Sum::new(5), &mut Pipe(s0, r1)));
        assert_eq!(drive(Sum::new(7), &mut Pipe(s1, r0)), Ok(17));
        assert_eq!(t.join().unwrap(), Ok(19));
        let (s, r) = std::sync::mpsc::channel();
        drop(r);
        let (_s2, r2) = std::sync::mpsc::channel();
        assert_eq!(
            drive(Sum::new(7), &mut Pipe(s, r2)),
            Err(RunError::Channel("gone"))
        );
    }
}
