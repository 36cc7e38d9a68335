//! One peer's view of a run: who takes part, what was agreed, and the one way to move bytes.
//!
//! All peers run the same program in the same order, and every call that may move bytes takes one step, at every peer,
//! whether it has something to send in it or not. [`Session::exchange`] is the only call that waits: its receives are posted,
//! with lengths known here, before anything is sent, so that messages of any size cross without deadlock. A wait
//! is over when nothing has moved on its link for [`Limits::deadline`]. After the first failure every call returns that
//! failure, and every peer has been told.
//!
//! A client hears nothing between its input and its result, and a party that only helps hears nothing before the others say
//! goodbye, so whoever has said nothing to a peer for a quarter of the deadline tells it that it is alive. These
//! frames follow the clock and not the program; the ledger leaves them out. They count for whoever waits for a result or a
//! farewell; between parties a message that is due must come. But whoever lives and does not send it may wait for a third
//! party that has ceased to, so it is given a second deadline, in which it tells who that is: the innocent is not blamed.

mod handshake;
mod inbox;
mod outbox;
mod seeds;
mod shared;
mod step;
#[cfg(test)]
pub(crate) mod tests;
mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use piquet_core::wire::{DecodeError, SessionId};
use rand_core::CryptoRng;

pub use crate::transport::frame::wire_len;
pub use handshake::Agreement;
pub use step::StepId;

use crate::ledger::{Ledger, Phase};
use crate::transport::frame::{HEADER, MAX_DEPTH};
use crate::transport::{Cast, Links, NetError, PartyId, Peer, memory};
use inbox::{Arrival, Want};
use outbox::{Message, Outbound};
use shared::Shared;
use step::Counter;
use workers::Workers;

/// How long to wait and how much to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time in which a link that is waited for may not move at all, or twice that if there are signs of life and
    /// only the message that is due does not come; also how long a peer that has filled
    /// `early_bytes` may have to wait for this party before it counts as flooding. Longer than any local computation, and than
    /// what this party does with others, a layer or two, between two messages of a helper that runs ahead.
    pub deadline: Duration,
    /// Bytes held for each peer of what it sends before it is wanted; eight times as many while this party waits for
    /// another message of that peer, or waits to send. See [`Session`] on running ahead.
    pub early_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            early_bytes: 8 << 20,
        }
    }
}

/// A running session, or a fork of one.
///
/// # Running ahead
///
/// A party that only sends may be ahead of whoever receives by what is queued here, at most 4 MiB for each peer or one
/// longer message, and what is held there, at most [`Limits::early_bytes`]; the system's socket buffers come on top. Then
/// [`Session::send`] waits until the peer has taken something, which it must do once in every [`Limits::deadline`].
///
/// - One session without forks never deadlocks, whatever it sends: a message is received in the step in which it is
///   sent, so whoever is behind is never waited for by whoever it waits for.
/// - Forks share each link. While one waits for a message, what was sent before it on the same link to other forks is
///   held until it comes, up to eight times `early_bytes`. The same holds of everything while a party waits to send. So
///   two parties may each send the other up to `8 * early_bytes + 4 MiB` (68 MiB by default; 128 bytes count for each message, and for
///   each piece of 256 KiB of a longer one) on a fork of its own before either receives.
/// - Beyond that nothing is sure, and whoever waits gets [`NetError::Stalled`] or [`NetError::Flooding`] at the
///   deadline. The same may befall three parties that wait in a ring for messages of different forks, when one of
///   these has more than `early_bytes + 4 MiB` on its way that its peer has not asked for.
///
/// Dropping it before [`Session::finish`] tells every peer that this one is gone; dropping a fork does nothing.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    id: SessionId,
    tag: u64,
    counter: Counter,
    ledger: Ledger,
    arrivals: (Sender<Arrival>, Receiver<Arrival>),
    /// The threads, at the root only.
    workers: Option<Workers>,
}

impl Session {
    /// Starts the threads, agrees with all peers, and derives the session's identifier from everyone's randomness.
    pub fn establish<R: CryptoRng>(
        links: Links,
        agreement: &Agreement,
        limits: Limits,
        rng: &mut R,
    ) -> Result<Self, NetError> {
        let preamble = links.by_peer.values().map(|link| link.sent).sum();
        let (shared, workers) = workers::start(links, limits)?;
        let mut session = Self {
            shared,
            id: SessionId([0; 32]),
            tag: 0,
            counter: Counter::root(),
            ledger: Ledger::new(),
            arrivals: unbounded(),
            workers: Some(workers),
        };
        session.ledger.sent(preamble, 0);
        let agreed = handshake::run(&mut session, agreement, rng);
        session.id = agreed.map_err(|e| session.shared.fail(e))?;
        session.tag = session.id.tag();
        Ok(session)
    }

    /// Whose view this is.
    #[must_use]
    pub fn me(&self) -> Peer {
        self.shared.me
    }

    /// This party's number; `None` for the dealer and the client.
    #[must_use]
    pub fn party(&self) -> Option<PartyId> {
        match self.shared.me {
            Peer::Party(id) => Some(id),
            Peer::Dealer | Peer::Client => None,
        }
    }

    /// The identifier all peers have agreed on.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// How many parties compute.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.shared.cast.parties
    }

    /// Who takes part.
    #[must_use]
    pub fn cast(&self) -> Cast {
        self.shared.cast
    }

    /// Everyone else, in order.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        self.shared.lines.keys().copied().collect()
    }

    /// One step: sends all of `out`, receives all of `want`, and returns what came in the order of `want`.
    ///
    /// At most one message goes to, and one comes from, each peer in a step. An empty message is a message.
    pub fn exchange(
        &mut self,
        out: Vec<(Peer, Vec<u8>)>,
        want: &[(Peer, usize)],
    ) -> Result<Vec<Vec<u8>>, NetError> {
        let step = self.next_step()?;
        self.exchange_at(step, out, want)
    }

    /// [`Session::exchange`] in a step that was taken before, so that steps can overlap: towards each peer they must
    /// still be used in their order, each once.
    pub fn exchange_at(
        &mut self,
        step: StepId,
        out: Vec<(Peer, Vec<u8>)>,
        want: &[(Peer, usize)],
    ) -> Result<Vec<Vec<u8>>, NetError> {
        self.shared.check()?;
        self.transfer(step, out, want)
            .map_err(|e| self.shared.fail(e))
    }

    /// One step in which this peer only sends. It does not wait, unless the peer has not taken earlier messages.
    pub fn send(&mut self, to: Peer, bytes: Vec<u8>) -> Result<(), NetError> {
        self.exchange(vec![(to, bytes)], &[]).map(drop)
    }

    /// One step in which this peer only receives.
    pub fn recv(&mut self, from: Peer, len: usize) -> Result<Vec<u8>, NetError> {
        let mut got = self.exchange(Vec::new(), &[(from, len)])?;
        Ok(got.pop().unwrap_or_default())
    }

    /// One step in which the same bytes go to all of `peers` and as many come from each.
    pub(crate) fn exchange_all(
        &mut self,
        peers: &[Peer],
        bytes: &[u8],
    ) -> Result<Vec<Vec<u8>>, NetError> {
        let out = peers.iter().map(|&p| (p, bytes.to_vec())).collect();
        let want: Vec<_> = peers.iter().map(|&p| (p, bytes.len())).collect();
        self.exchange(out, &want)
    }

    /// Takes a step without moving bytes, at all parties alike: a number that no other step of this session, and of
    /// none of its forks, has or will have. Streams of common randomness are keyed by it.
    pub fn next_step(&mut self) -> Result<StepId, NetError> {
        self.counter.next()
    }

    /// `n` sessions over the same links that may run at the same time, on other threads, with the peers' forks of the
    /// same place. To be called in program order; forks may fork once more, their forks may not.
    pub fn fork(&mut self, n: usize) -> Result<Vec<Self>, NetError> {
        (0..n)
            .map(|_| {
                Ok(Self {
                    shared: self.shared.clone(),
                    id: self.id,
                    tag: self.tag,
                    counter: self.counter.fork()?,
                    ledger: self.ledger.fork(),
                    arrivals: unbounded(),
                    workers: None,
                })
            })
            .collect()
    }

    /// Takes forks back, in the order of [`Session::fork`]: their costs, and the longest of their chains of messages.
    pub fn join(&mut self, forks: Vec<Self>) -> Result<(), NetError> {
        for fork in forks {
            if fork.workers.is_some() || !Arc::ptr_eq(&fork.shared, &self.shared) {
                return Err(NetError::Usage {
                    what: "only a fork of the same session can be joined",
                });
            }
            for line in self.shared.lines.values() {
                let left = line.inbox.forget(fork.counter.lane());
                left.map_err(|e| self.shared.fail(e))?;
            }
            self.ledger.join(fork.ledger);
        }
        Ok(())
    }

    /// What was spent so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends the running phase in the ledger and begins another.
    pub fn begin_phase(&mut self, phase: Phase) {
        self.ledger.begin_phase(phase);
    }

    /// Begins a layer in the ledger; the one before it ends.
    pub fn begin_layer(&mut self, name: &str, op: &str) {
        self.ledger.begin_layer(name, op);
    }

    /// Ends the running layer in the ledger.
    pub fn end_layer(&mut self) {
        self.ledger.end_layer();
    }

    /// Gives up because of what `peer` sent, and tells every peer so.
    pub fn refuse(&self, peer: Peer, problem: DecodeError) -> NetError {
        self.shared.fail(NetError::Unreadable { peer, problem })
    }

    /// Gives up and tells every peer why; they see at most 512 bytes of `reason`, so it must hold no secret.
    pub fn abort(self, reason: &str) {
        self.shared.fail(NetError::AbortedHere {
            reason: reason.to_owned(),
        });
    }

    /// Says goodbye to all peers, waits for theirs, and closes the account.
    pub fn finish(mut self) -> Result<Ledger, NetError> {
        let Some(workers) = &self.workers else {
            return Err(NetError::Usage {
                what: "a fork is joined, not finished",
            });
        };
        self.shared.check()?;
        workers.finish().map_err(|e| self.shared.fail(e))?;
        for _ in &self.shared.lines {
            self.ledger.sent(HEADER as u64, 0);
        }
        self.ledger.close();
        Ok(self.ledger)
    }

    fn transfer(
        &mut self,
        step: StepId,
        out: Vec<(Peer, Vec<u8>)>,
        want: &[(Peer, usize)],
    ) -> Result<Vec<Vec<u8>>, NetError> {
        once_each(out.iter().map(|(peer, _)| *peer))?;
        once_each(want.iter().map(|(peer, _)| *peer))?;
        let since = Instant::now();
        for (slot, &(peer, length)) in want.iter().enumerate() {
            let (tag, done) = (self.tag, self.arrivals.0.clone());
            self.shared.line(peer)?.inbox.post(Want {
                step,
                tag,
                length,
                slot,
                done,
            })?;
        }
        let depth = self.ledger.depth().min(MAX_DEPTH);
        for (peer, payload) in out {
            self.ledger.sent(wire_len(payload.len()), 1);
            let message = Message {
                step,
                tag: self.tag,
                depth,
                payload,
            };
            self.shared.enqueue(peer, Outbound::Message(message))?;
        }
        self.collect(want, since)
    }

    fn collect(
        &mut self,
        want: &[(Peer, usize)],
        since: Instant,
    ) -> Result<Vec<Vec<u8>>, NetError> {
        let mut got: Vec<Option<Vec<u8>>> = want.iter().map(|_| None).collect();
        while got.contains(&None) {
            let arrival = match self.arrivals.1.try_recv() {
                Ok(arrival) => arrival,
                Err(_) => {
                    let mut patience = self.shared.limits.deadline;
                    for ((peer, _), got) in want.iter().zip(&got) {
                        if got.is_none() {
                            let left = self.shared.patience_for_message(*peer, since)?;
                            patience = patience.min(left);
                        }
                    }
                    select! {
                        recv(self.arrivals.1) -> arrival => match arrival {
                            Ok(arrival) => arrival,
                            Err(_) => continue,
                        },
                        recv(self.shared.stopped) -> _ => return Err(self.shared.fail(NetError::Dropped)),
                        default(patience) => continue,
                    }
                }
            };
            if let Some(place) = got.get_mut(arrival.slot) {
                *place = Some(arrival.bytes);
            }
            self.ledger.reached(arrival.depth + 1);
        }
        Ok(got.into_iter().flatten().collect())
    }
}

fn once_each(peers: impl Iterator<Item = Peer>) -> Result<(), NetError> {
    let mut seen = Vec::new();
    for peer in peers {
        if seen.contains(&peer) {
            return Err(NetError::TwiceInOneStep { peer });
        }
        seen.push(peer);
    }
    Ok(())
}

/// Runs `program` at every peer of an in-memory session, each on a thread of its own, and returns what they returned:
/// in the order of [`Cast::peers`]. The way to test a protocol.
pub fn run_in_memory<T: Send, E: Send + From<NetError>>(
    cast: Cast,
    agreement: &Agreement,
    program: impl Fn(Session) -> Result<T, E> + Sync,
) -> Vec<Result<T, E>> {
    let links = match memory::mesh(cast) {
        Ok(links) => links,
        Err(e) => return vec![Err(e.into())],
    };
    run_over(links, agreement, Limits::default(), program)
}

/// As [`run_in_memory`], over links of any kind that are all held by this process.
pub fn run_over<T: Send, E: Send + From<NetError>>(
    links: Vec<Links>,
    agreement: &Agreement,
    limits: Limits,
    program: impl Fn(Session) -> Result<T, E> + Sync,
) -> Vec<Result<T, E>> {
    let one = |links: Links| {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let session = Session::establish(links, agreement, limits, &mut rng)?;
        program(session)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = links
            .into_iter()
            .map(|links| scope.spawn(|| one(links)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

pub(crate) fn fuzz_agreement(bytes: &[u8]) {
    if let Ok(terms) = handshake::Terms::decode(bytes) {
        assert_eq!(terms.encode(), bytes);
    }
}
