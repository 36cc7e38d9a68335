//! Both parties as [`Machine`]s.

use core::fmt;

use piquet_core::wire::{Machine, Step};

use super::{Receiver, Sender};
use crate::inbox::nothing;
use crate::{Error, Malicious, ReceivedOts, SentOts};

/// [`Sender`] as a [`Machine`]: waits, answers, is done.
pub struct SenderMachine {
    started: bool,
    state: Sender,
}

impl SenderMachine {
    /// From the state at the beginning.
    #[must_use]
    pub fn new(state: Sender) -> Self {
        Self {
            started: false,
            state,
        }
    }
}

impl Machine for SenderMachine {
    type Output = SentOts<Malicious>;
    type Error = Error;

    fn expects(&self) -> usize {
        if self.started {
            self.state.expects()
        } else {
            0
        }
    }

    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if self.started {
            return Ok(Step::Done(self.state.finish(inbox, out)?));
        }
        nothing(inbox)?;
        self.started = true;
        Ok(Step::Recv(self))
    }
}

/// [`Receiver`] as a [`Machine`]: sends, waits, is done.
pub struct ReceiverMachine {
    message: Option<Vec<u8>>,
    state: Receiver,
}

impl ReceiverMachine {
    /// From what [`Receiver::new`] gave and wrote.
    #[must_use]
    pub fn new(state: Receiver, message: Vec<u8>) -> Self {
        Self {
            message: Some(message),
            state,
        }
    }
}

impl Machine for ReceiverMachine {
    type Output = ReceivedOts<Malicious>;
    type Error = Error;

    fn expects(&self) -> usize {
        match self.message {
            Some(_) => 0,
            None => self.state.expects(),
        }
    }

    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.message.take() {
            None => Ok(Step::Done(self.state.finish(inbox)?)),
            Some(message) => {
                nothing(inbox)?;
                out.extend_from_slice(&message);
                Ok(Step::Recv(self))
            }
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
        write!(f, "ReceiverMachine of {:?}", self.state)
    }
}
