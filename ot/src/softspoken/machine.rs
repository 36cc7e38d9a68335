//! Set-up and extension as [`Machine`]s, for drivers, tamperers and traces.

use core::fmt;

use piquet_core::BitVec;
use piquet_core::wire::{Machine, SessionId, Step};
use rand_core::CryptoRng;

use super::{
    Bits, CHALLENGE_LEN, Choices, RESPONSE_LEN, Receiver, ReceiverBatch, Sender, SenderBatch,
    SenderSetUp,
};
use crate::inbox::nothing;
use crate::{ChosenCots, Error, Malicious, ReceivedCots, Security, SemiHonest, SentCots, SentOts};

/// The OT receiver's set-up. The OT sender's is [`SenderSetUp`].
#[derive(Debug)]
pub struct ReceiverSetUp<M: Security> {
    session: SessionId,
    k: Bits,
    base: SentOts<M>,
}

/// The OT sender's half of a batch.
pub struct SenderRun<M: Security> {
    batch: SenderBatch<M>,
    state: State,
}

/// The OT receiver's half of a batch.
pub struct ReceiverRun<M: Security> {
    batch: ReceiverBatch<M>,
    state: State,
}

/// The OT receiver's half of a batch with choices of its own.
#[derive(Debug)]
pub struct ChosenRun<M: Security>(ReceiverRun<M>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Pieces,
    Check,
}

impl<M: Security> ReceiverSetUp<M> {
    /// See [`Receiver::setup`].
    #[must_use]
    pub fn new(session: SessionId, k: Bits, base: SentOts<M>) -> Self {
        Self { session, k, base }
    }
}

impl<M: Security> Machine for ReceiverSetUp<M> {
    type Output = Receiver<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        0
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        nothing(inbox)?;
        Receiver::setup(self.session, self.k, self.base, out).map(Step::Done)
    }
}

impl<M: Security> Machine for SenderSetUp<M> {
    type Output = Sender<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        Self::expects(self)
    }
    fn step(mut self, inbox: &[u8], _: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if Self::expects(&self) > 0 && !self.waiting {
            nothing(inbox)?;
            self.waiting = true;
            return Ok(Step::Recv(self));
        }
        self.finish(inbox).map(Step::Done)
    }
}

impl SenderRun<SemiHonest> {
    /// See [`Sender::begin_batch`].
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn new(sender: Sender<SemiHonest>, choices: Choices, n: usize) -> Result<Self, Error> {
        Ok(Self::of(sender.begin_batch(choices, n)?))
    }
}

impl SenderRun<Malicious> {
    /// See [`Sender::begin_batch`].
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn new<G: CryptoRng + ?Sized>(
        sender: Sender<Malicious>,
        choices: Choices,
        n: usize,
        rng: &mut G,
    ) -> Result<Self, Error> {
        Ok(Self::of(sender.begin_batch(choices, n, rng)?))
    }
}

impl<M: Security> SenderRun<M> {
    fn of(batch: SenderBatch<M>) -> Self {
        let state = State::Begin;
        Self { batch, state }
    }
}

impl<M: Security> Machine for SenderRun<M> {
    type Output = (Sender<M>, SentCots<M>);
    type Error = Error;
    fn expects(&self) -> usize {
        match self.state {
            State::Begin | State::Pieces => self.batch.expects(),
            State::Check => RESPONSE_LEN,
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.state {
            State::Begin => {
                nothing(inbox)?;
                self.state = State::Pieces;
            }
            State::Pieces => {
                self.batch = self.batch.piece(inbox)?;
                if self.batch.expects() == 0 {
                    if !M::MALICIOUS {
                        return self.batch.give().map(Step::Done);
                    }
                    self.batch.send_challenge(out)?;
                    self.state = State::Check;
                }
            }
            State::Check => return self.batch.verify(inbox).map(Step::Done),
        }
        Ok(Step::Recv(self))
    }
}

impl<M: Security> ReceiverRun<M> {
    /// See [`Receiver::begin_batch`].
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn new(receiver: Receiver<M>, n: usize) -> Result<Self, Error> {
        Ok(Self::of(receiver.begin_batch(n)?))
    }
    fn of(batch: ReceiverBatch<M>) -> Self {
        let state = State::Pieces;
        Self { batch, state }
    }
}

impl<M: Security> ChosenRun<M> {
    /// With these choices.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn new(receiver: Receiver<M>, choices: &BitVec) -> Result<Self, Error> {
        Ok(Self(ReceiverRun::of(receiver.begin_chosen(choices)?)))
    }
}

impl<M: Security> Machine for ChosenRun<M> {
    type Output = (Receiver<M>, ChosenCots<M>);
    type Error = Error;
    fn expects(&self) -> usize {
        self.0.expects()
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        Ok(match self.0.step(inbox, out)? {
            Step::Send(run) => Step::Send(Self(run)),
            Step::Recv(run) => Step::Recv(Self(run)),
            Step::Done((receiver, cots)) => Step::Done((receiver, ChosenCots(cots))),
        })
    }
}

impl<M: Security> Machine for ReceiverRun<M> {
    type Output = (Receiver<M>, ReceivedCots<M>);
    type Error = Error;
    fn expects(&self) -> usize {
        if self.state == State::Check {
            CHALLENGE_LEN
        } else {
            0
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if self.state == State::Check {
            return self.batch.answer(inbox, out).map(Step::Done);
        }
        nothing(inbox)?;
        self.batch = self.batch.piece(out)?;
        if self.batch.has_more() {
            return Ok(Step::Send(self));
        }
        if M::MALICIOUS {
            self.state = State::Check;
            return Ok(Step::Recv(self));
        }
        self.batch.give().map(Step::Done)
    }
}

impl<M: Security> fmt::Debug for SenderRun<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderRun({:?}, {:?})", self.batch, self.state)
    }
}

impl<M: Security> fmt::Debug for ReceiverRun<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiverRun({:?}, {:?})", self.batch, self.state)
    }
}
