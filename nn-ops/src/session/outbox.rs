//! What waits to be written to one peer.
//!
//! It is bounded by bytes and not by messages, so that a party which runs ahead holds a few MiB for each peer whatever
//! the size of its messages, and a writer that falls behind finds many short ones to write at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroize;

use super::step::StepId;

/// Messages up to this length are wiped when they are dropped, written or not.
const WIPED: usize = 4096;

/// Bytes that wait for a writer before whoever sends has to wait itself; a longer message waits alone.
pub(super) const AHEAD: usize = 4 << 20;
/// What holding a message costs beside its bytes, so that empty messages are bounded too.
pub(super) const OVERHEAD: usize = 128;

/// What a writer thread is told to do.
#[derive(Debug)]
pub(super) enum Outbound {
    /// Send a message.
    Message(Message),
    /// Say that there will be something to say.
    Alive,
    /// Say goodbye and end.
    Bye,
}

/// A message with its place in the program.
pub(super) struct Message {
    pub(super) step: StepId,
    pub(super) tag: u64,
    pub(super) depth: u32,
    pub(super) payload: Vec<u8>,
}

impl Drop for Message {
    fn drop(&mut self) {
        // Seeds are short, and are all that a later reader of this memory could use; long messages are masked.
        if self.payload.len() <= WIPED {
            self.payload.as_mut_slice().zeroize();
        }
    }
}

/// Without the payload: seeds pass through here.
impl core::fmt::Debug for Message {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Message of {} bytes in {}",
            self.payload.len(),
            self.step
        )
    }
}

impl Outbound {
    fn cost(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len() + OVERHEAD,
            Self::Alive | Self::Bye => 0,
        }
    }
}

#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// There is something to write, or nothing will be any more.
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Outbound>,
    /// Cost of what is queued or being written, and the most that it was.
    held: usize,
    most: usize,
    /// The writer has nothing to do.
    idle: bool,
    /// So many wait for room.
    waiting: usize,
    closed: bool,
}

impl core::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Outbox that held at most {} bytes", self.lock().most)
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues something; gives it back if there is no room within `patience`.
    pub(super) fn offer(&self, what: Outbound, patience: Duration) -> Result<(), Outbound> {
        let cost = what.cost();
        let mut state = self.lock();
        if !state.has_room(cost) && !patience.is_zero() {
            let until = Instant::now() + patience;
            state.waiting += 1;
            while !state.has_room(cost) && !state.closed {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let woken = self.drained.wait_timeout(state, left);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.waiting -= 1;
        }
        if state.closed || !state.has_room(cost) {
            return Err(what);
        }
        state.held += cost;
        state.most = state.most.max(state.held);
        state.queue.push_back(what);
        let wake = core::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// What is to be written next, if it is there already.
    pub(super) fn try_next(&self) -> Option<Outbound> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.queue.pop_front()
    }

    /// Waits for what is to be written next: nothing any more if the session has failed, and a sign of life if nothing
    /// comes for `quiet`.
    pub(super) fn next(&self, quiet: Duration) -> Option<Outbound> {
        let until = Instant::now() + quiet;
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(next) = state.queue.pop_front() {
                return Some(next);
            }
            state.idle = true;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.idle = false;
                return Some(Outbound::Alive);
            }
            let woken = self.filled.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A message of so many bytes is written and gone.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.lock();
        state.held = state.held.saturating_sub(bytes + OVERHEAD);
        // Whoever waits is woken for a batch and not for each message.
        let wake = state.waiting > 0 && state.held <= AHEAD / 2;
        drop(state);
        if wake {
            self.drained.notify_all();
        }
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> usize {
        self.lock().most
    }

    /// The session failed: nobody must wait any longer.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }
}

impl State {
    fn has_room(&self, cost: usize) -> bool {
        cost == 0 || self.held == 0 || self.held + cost <= AHEAD
    }
}
