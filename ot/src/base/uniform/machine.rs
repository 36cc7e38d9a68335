//! Both parties of the coin toss as [`Machine`]s.

use core::fmt;

use piquet_core::wire::{Machine, Step};

use super::{Answered, Receiver, Sender};
use crate::inbox::nothing;
use crate::{Error, Malicious, ReceivedOts, SentOts};

/// [`Sender`] as a [`Machine`].
pub struct SenderMachine {
    commitment: Option<Vec<u8>>,
    state: Sender,
}

impl SenderMachine {
    /// From what [`Sender::new`] gave and wrote.
    #[must_use]
    pub fn new(state: Sender, commitment: Vec<u8>) -> Self {
        Self {
            commitment: Some(commitment),
            state,
        }
    }
}

impl Machine for SenderMachine {
    type Output = SentOts<Malicious>;
    type Error = Error;

    fn expects(&self) -> usize {
        match self.commitment {
            Some(_) => 0,
            None => self.state.expects(),
        }
    }

    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.commitment.take() {
            None => Ok(Step::Done(self.state.finish(inbox, out)?)),
            Some(message) => {
                nothing(inbox)?;
                out.extend_from_slice(&message);
                Ok(Step::Recv(self))
            }
        }
    }
}

/// [`Receiver`] and [`Answered`] as a [`Machine`].
pub struct ReceiverMachine(State);

enum State {
    Start(Receiver),
    Waits(Receiver),
    Answered(Answered),
}

impl ReceiverMachine {
    /// From the state at the beginning.
    #[must_use]
    pub fn new(state: Receiver) -> Self {
        Self(State::Start(state))
    }
}

impl Machine for ReceiverMachine {
    type Output = ReceivedOts<Malicious>;
    type Error = Error;

    fn expects(&self) -> usize {
        match &self.0 {
            State::Start(_) => 0,
            State::Waits(r) => r.expects(),
            State::Answered(a) => a.expects(),
        }
    }

    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Start(r) => {
                nothing(inbox)?;
                Ok(Step::Recv(Self(State::Waits(r))))
            }
            State::Waits(r) => Ok(Step::Recv(Self(State::Answered(r.answer(inbox, out)?)))),
            State::Answered(a) => Ok(Step::Done(a.finish(inbox)?)),
        }
    }
}

impl fmt::Debug for SenderMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderMachine of {:?}", self.state)
    }
}

impl fmt::Debug for ReceiverMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Start(r) | State::Waits(r) => write!(f, "ReceiverMachine of {r:?}"),
            State::Answered(a) => write!(f, "ReceiverMachine of {a:?}"),
        }
    }
}
