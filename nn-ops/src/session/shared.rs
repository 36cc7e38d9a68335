//! What a session, its forks and its threads have in common: one line to each peer, and the first failure.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Limits;
use super::inbox::Inbox;
use super::outbox::{Outbound, Outbox};
use crate::transport::{Cast, NetError, Peer};

/// When a direction last moved, in milliseconds since the session began.
#[derive(Debug, Default)]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    pub(super) fn beat(&self, began: Instant) {
        let now = began.elapsed().as_millis() as u64;
        self.0.store(now, Ordering::Relaxed);
    }
    fn last(&self, began: Instant) -> Instant {
        began + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// This party's end of a link.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Anything of its program came.
    pub(super) heard: Pulse,
    /// Anything came.
    pub(super) alive: Pulse,
    pub(super) wrote: Pulse,
    /// This party's farewell is on its way.
    pub(super) sent_all: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) me: Peer,
    pub(super) cast: Cast,
    pub(super) limits: Limits,
    pub(super) lines: BTreeMap<Peer, Line>,
    pub(super) began: Instant,
    failure: OnceLock<NetError>,
    /// Dropped at the first failure, which wakes everyone who listens at `stopped`.
    stop: Mutex<Option<Sender<Infallible>>>,
    pub(super) stopped: Receiver<Infallible>,
}

impl Shared {
    pub(super) fn new(me: Peer, cast: Cast, limits: Limits, lines: BTreeMap<Peer, Line>) -> Self {
        let (stop, stopped) = crossbeam_channel::bounded(0);
        Self {
            me,
            cast,
            limits,
            lines,
            began: Instant::now(),
            failure: OnceLock::new(),
            stop: Mutex::new(Some(stop)),
            stopped,
        }
    }

    pub(super) fn line(&self, peer: Peer) -> Result<&Line, NetError> {
        self.lines.get(&peer).ok_or(NetError::NoSuchPeer { peer })
    }

    /// Ends the session for everyone: the first failure is the one that counts, and is returned.
    pub(super) fn fail(&self, error: NetError) -> NetError {
        let first = self.failure.get_or_init(|| error).clone();
        self.stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        for line in self.lines.values() {
            line.inbox.close();
            line.outbox.close();
        }
        first
    }

    pub(super) fn failure(&self) -> Option<&NetError> {
        self.failure.get()
    }

    pub(super) fn check(&self) -> Result<(), NetError> {
        self.failure.get().map_or(Ok(()), |e| Err(e.clone()))
    }

    /// How much longer a wait that began at `since` may last, given when the peer last moved; an error if no longer.
    pub(super) fn patience(
        &self,
        peer: Peer,
        since: Instant,
        pulse: &Pulse,
        doing: &'static str,
    ) -> Result<Duration, NetError> {
        let idle = pulse.last(self.began).max(since).elapsed();
        match self.limits.deadline.checked_sub(idle) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(NetError::Stalled {
                peer,
                doing,
                waited: self.limits.deadline,
            }),
        }
    }

    /// How much longer a message that is due since `since` may be waited for. A peer that shows signs of life may itself wait
    /// for one that does not: it is given up to twice the time, in which it can tell who that is, so that the innocent is not
    /// blamed.
    pub(super) fn patience_for_message(
        &self,
        peer: Peer,
        since: Instant,
    ) -> Result<Duration, NetError> {
        let line = self.line(peer)?;
        let deadline = self.limits.deadline;
        let idle = line.heard.last(self.began).max(since).elapsed();
        let lives = line.alive.last(self.began).elapsed() < deadline / 2;
        // Parties may wait for dealer and client, which wait for hardly anyone: so these are judged before those.
        let more = match peer {
            Peer::Party(_) => deadline,
            Peer::Dealer | Peer::Client => deadline / 2,
        };
        if idle >= deadline && idle < deadline + more && lives {
            // It may cease to live.
            return Ok(deadline / 8);
        }
        self.patience(peer, since, &line.heard, "receiving")
    }

    /// Queues something for a peer; waits, within the deadline, while its queue is full.
    pub(super) fn enqueue(&self, peer: Peer, what: Outbound) -> Result<(), NetError> {
        let line = self.line(peer)?;
        self.check()?;
        let Err(mut what) = line.outbox.offer(what, Duration::ZERO) else {
            return Ok(());
        };
        // The peer may be waiting to send as well, to this party or around a ring of them.
        let _relief = Relief::new(self);
        let since = Instant::now();
        loop {
            self.check()?;
            const GLANCE: Duration = Duration::from_millis(20);
            what = match line.outbox.offer(what, GLANCE) {
                Ok(()) => return Ok(()),
                Err(back) => back,
            };
            self.patience(peer, since, &line.wrote, "sending")?;
        }
    }
}

/// While it is there this party takes more than it has asked for, because it waits to send.
struct Relief<'a>(&'a Shared);

impl<'a> Relief<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.lines.values().for_each(|l| l.inbox.relieve(true));
        Self(shared)
    }
}

impl Drop for Relief<'_> {
    fn drop(&mut self) {
        self.0.lines.values().for_each(|l| l.inbox.relieve(false));
    }
}
