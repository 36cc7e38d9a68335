//! What one peer sends, sorted to whoever waits for it.
//!
//! A receive is posted with its step and length before it is waited for, and the link's reader fills it in place. What
//! arrives before it is posted is held, up to a bound; beyond it the reader stops reading, which the peer feels as
//! back-pressure. Forks share a link, so that what one of them waits for may be behind what another has yet to ask for;
//! and two parties may wait to send to each other. While this party waits in either way the bound is wider. Each lane's steps arrive in order, so a wrong one is known at once, not after a deadline.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::outbox::OVERHEAD;
use super::step::{Lane, StepId};
use crate::transport::frame::FrameHeader;
use crate::transport::{NetError, Peer, Source};

/// How many times the bound may be held while this party can only go on if its reader does.
pub(super) const RELIEF: usize = 8;

/// A complete message for whoever posted its receive.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Its place among the receives of the exchange.
    pub(super) slot: usize,
    pub(super) bytes: Vec<u8>,
    /// Depth of the sender.
    pub(super) depth: u32,
}

/// A receive before anything has come.
#[derive(Debug)]
pub(super) struct Want {
    pub(super) step: StepId,
    /// Tag of the session that the message must carry.
    pub(super) tag: u64,
    pub(super) length: usize,
    pub(super) slot: usize,
    pub(super) done: Sender<Arrival>,
}

/// Why the reader cannot go on.
#[derive(Debug)]
pub(super) enum Broken {
    /// The peer is at fault.
    Net(NetError),
    /// The stream is.
    Io(io::Error),
    /// The session failed for another reason.
    Closed,
}

impl From<io::Error> for Broken {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<NetError> for Broken {
    fn from(e: NetError) -> Self {
        Self::Net(e)
    }
}

pub(super) struct Inbox {
    peer: Peer,
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// Without what it holds: seeds pass through here.
impl core::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (peer, most) = (self.peer, self.lock().most);
        write!(f, "Inbox from {peer} that held at most {most} bytes")
    }
}

#[derive(Default)]
struct State {
    lanes: HashMap<Lane, LaneState>,
    /// Cost of all pieces held, and the most that it was.
    held: usize,
    most: usize,
    /// So many wait to send, to this peer or to another.
    sending: usize,
    /// The reader waits for room.
    blocked: bool,
    /// The peer has said goodbye.
    ended: bool,
    closed: bool,
}

#[derive(Default)]
struct LaneState {
    posted: Option<Posted>,
    early: VecDeque<Early>,
    /// Step of the newest message that has arrived whole.
    newest: Option<StepId>,
}

/// A receive, partly filled.
struct Posted {
    want: Want,
    bytes: Vec<u8>,
}

/// A message that nobody has asked for yet, perhaps not whole.
struct Early {
    step: StepId,
    pieces: Vec<(FrameHeader, Vec<u8>)>,
}

impl Early {
    fn is_whole(&self) -> bool {
        self.pieces.last().is_some_and(|(h, _)| h.is_last())
    }
}

impl Inbox {
    pub(super) fn new(peer: Peer, capacity: usize) -> Self {
        Self {
            peer,
            capacity,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces a receive. If the message is here already it is delivered at once.
    pub(super) fn post(&self, want: Want) -> Result<(), NetError> {
        let step = want.step;
        let mut state = self.lock();
        let lane = state.lanes.entry(step.lane()).or_default();
        let early = match lane.early.front() {
            None => None,
            Some(front) if front.step == step => lane.early.pop_front(),
            Some(front) => {
                return Err(NetError::WrongStep {
                    peer: self.peer,
                    got: front.step,
                    want: step,
                });
            }
        };
        let mut posted = Posted::new(want);
        for (header, piece) in early.into_iter().flat_map(|e| e.pieces) {
            state.held -= piece.len() + OVERHEAD;
            posted.put(self.peer, &header, piece)?;
            match posted.advance(&header) {
                Some(unfinished) => posted = unfinished,
                None => {
                    self.wake(state);
                    return Ok(());
                }
            }
        }
        if state.ended {
            return Err(NetError::Ended { peer: self.peer });
        }
        state.lanes.entry(step.lane()).or_default().posted = Some(posted);
        self.wake(state);
        Ok(())
    }

    /// One more, or one less, waits to send.
    pub(super) fn relieve(&self, more: bool) {
        let mut state = self.lock();
        if more {
            state.sending += 1;
        } else {
            state.sending = state.sending.saturating_sub(1);
        }
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if core::mem::take(&mut state.blocked) {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Reads the payload of a `Data` frame from `source` to where it belongs.
    pub(super) fn receive(
        &self,
        header: &FrameHeader,
        source: &mut dyn Source,
        patience: Duration,
    ) -> Result<(), Broken> {
        let step = StepId::from_u64(header.step);
        let cost = header.length + OVERHEAD;
        let mut until = None;
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(Broken::Closed);
            }
            let lane = state.lanes.entry(step.lane()).or_default();
            if let Some(mut posted) = lane.posted.take() {
                drop(state);
                posted.check(self.peer, header)?;
                source.append(posted.space(), header.length)?;
                self.lock().settle(posted, header);
                return Ok(());
            }
            lane.check_order(self.peer, step)?;
            if state.held == 0 || state.held + cost <= state.bound(self.capacity) {
                break;
            }
            state.blocked = true;
            let now = Instant::now();
            let left = until
                .get_or_insert(now + patience)
                .saturating_duration_since(now);
            if left.is_zero() {
                return Err(Broken::Net(NetError::Flooding {
                    peer: self.peer,
                    held: state.held,
                }));
            }
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.held += cost;
        state.most = state.most.max(state.held);
        drop(state);
        let mut piece = Vec::with_capacity(header.length);
        source.append(&mut piece, header.length)?;
        let mut state = self.lock();
        let lane = state.lanes.entry(step.lane()).or_default();
        if let Some(mut posted) = lane.posted.take() {
            // Posted in the meantime.
            state.held -= cost;
            posted.put(self.peer, header, piece)?;
            state.settle(posted, header);
        } else {
            lane.hold(step, *header, piece);
        }
        Ok(())
    }

    /// The peer said goodbye; an error if something from it is still due.
    pub(super) fn end(&self) -> Result<(), NetError> {
        let mut state = self.lock();
        state.ended = true;
        if state.lanes.values().any(|lane| lane.posted.is_some()) {
            return Err(NetError::Ended { peer: self.peer });
        }
        Ok(())
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> usize {
        self.lock().most
    }

    /// The session failed: the reader must not wait any longer.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// A fork is over; an error if the peer sent it more than it asked for.
    pub(super) fn forget(&self, lane: Lane) -> Result<(), NetError> {
        match self.lock().lanes.remove(&lane) {
            Some(state) => state.check_empty(self.peer),
            None => Ok(()),
        }
    }

    /// The session is over; an error if anything was never asked for.
    pub(super) fn check_empty(&self) -> Result<(), NetError> {
        let state = self.lock();
        state
            .lanes
            .values()
            .try_for_each(|lane| lane.check_empty(self.peer))
    }
}

impl State {
    /// How much may be held now.
    fn bound(&self, capacity: usize) -> usize {
        let waiting = self.sending > 0 || self.lanes.values().any(|lane| lane.posted.is_some());
        if waiting {
            capacity.saturating_mul(RELIEF)
        } else {
            capacity
        }
    }

    /// Puts a receive back after a frame, or delivers it after its last. Both happen under the lock, because the receiver
    /// may post its next step as soon as it has this one.
    fn settle(&mut self, posted: Posted, header: &FrameHeader) {
        let step = posted.want.step;
        let lane = self.lanes.entry(step.lane()).or_default();
        lane.posted = posted.advance(header);
        if lane.posted.is_none() {
            lane.newest = Some(step);
        }
    }
}

impl LaneState {
    /// A message nobody waits for must follow the ones before it.
    fn check_order(&self, peer: Peer, step: StepId) -> Result<(), NetError> {
        let fine = match self.early.back() {
            Some(open) if !open.is_whole() => {
                if open.step != step {
                    return Err(NetError::WrongStep {
                        peer,
                        got: step,
                        want: open.step,
                    });
                }
                true
            }
            _ => self.newest.is_none_or(|newest| newest < step),
        };
        if fine {
            Ok(())
        } else {
            Err(NetError::Unexpected { peer, step })
        }
    }

    fn hold(&mut self, step: StepId, header: FrameHeader, piece: Vec<u8>) {
        match self.early.back_mut() {
            Some(open) if !open.is_whole() => open.pieces.push((header, piece)),
            _ => self.early.push_back(Early {
                step,
                pieces: vec![(header, piece)],
            }),
        }
        if header.is_last() {
            self.newest = Some(step);
        }
    }

    fn check_empty(&self, peer: Peer) -> Result<(), NetError> {
        match self.early.front() {
            Some(front) => Err(NetError::Unexpected {
                peer,
                step: front.step,
            }),
            None => Ok(()),
        }
    }
}

impl Posted {
    fn new(want: Want) -> Self {
        Self {
            want,
            bytes: Vec::new(),
        }
    }

    /// Checks a frame against what is due.
    fn check(&self, peer: Peer, header: &FrameHeader) -> Result<(), NetError> {
        let (step, want) = (self.want.step, self.want.length);
        let got_step = StepId::from_u64(header.step);
        if got_step != step {
            return Err(NetError::WrongStep {
                peer,
                got: got_step,
                want: step,
            });
        }
        if header.session != self.want.tag {
            return Err(NetError::WrongSession { peer, step });
        }
        let got = self.bytes.len() + header.length;
        if got > want || (header.is_last() && got != want) {
            return Err(NetError::WrongLength {
                peer,
                step,
                got,
                want,
            });
        }
        Ok(())
    }

    /// Where the payload of a frame goes; the whole message has room.
    fn space(&mut self) -> &mut Vec<u8> {
        if self.bytes.is_empty() {
            self.bytes = Vec::with_capacity(self.want.length);
        }
        &mut self.bytes
    }

    /// Moves on; delivers, and returns nothing, if it was the last frame.
    fn advance(self, header: &FrameHeader) -> Option<Self> {
        if !header.is_last() {
            return Some(self);
        }
        let arrival = Arrival {
            slot: self.want.slot,
            bytes: self.bytes,
            depth: header.depth,
        };
        // Whoever posted it may have given up; then nobody needs it.
        let _ = self.want.done.send(arrival);
        None
    }

    /// Takes a payload that was read already, without a copy if it is the whole message.
    fn put(&mut self, peer: Peer, header: &FrameHeader, piece: Vec<u8>) -> Result<(), NetError> {
        self.check(peer, header)?;
        if self.bytes.is_empty() && header.is_last() {
            self.bytes = piece;
        } else {
            self.space().extend_from_slice(&piece);
        }
        Ok(())
    }
}
