//! The shape of every interactive primitive.

/// What a machine did in one step.
#[derive(Debug)]
pub enum Step<M: Machine> {
    /// It wrote to `out` and has more to say before it wants a message.
    Send(M),
    /// It wants the next message, of [`Machine::expects`] bytes, after what it wrote was sent.
    Recv(M),
    /// It is finished; what it wrote is still to be sent.
    Done(M::Output),
}

/// A two-party protocol as a chain of states. It owns no socket, clock or thread.
///
/// The caller sends whatever `step` appended to `out`, then feeds exactly [`Machine::expects`] bytes
/// (none if it is 0) to the next `step`. Long messages are several steps, so that memory stays bounded.
pub trait Machine: Sized {
    /// What the protocol computes.
    type Output;
    /// Why it failed. A failed machine is gone: nothing can be read from it.
    type Error;
    /// Length of the next message from the peer, known from local state; 0 if none is wanted.
    fn expects(&self) -> usize;
    /// Takes the peer's message (empty if none was expected), appends what is to be sent.
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Self::Error>;
}
