//! Why a step was refused.

use piquet_core::wire::DecodeError;

/// Why a step was refused. What it took by value is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's message is not the one that is due.
    #[error("message of the peer: {0}")]
    Message(#[source] DecodeError),
    /// A block of a key stream is not laid out as the one that is due.
    #[error("key stream: {0}")]
    Stream(#[source] DecodeError),
    /// The block is of another stream than this one, or of another place in it.
    #[error("key stream: {what} {got}, expected {want}")]
    Place {
        /// The party, the set, the position, ...
        what: &'static str,
        /// What the block says.
        got: u64,
        /// What is due.
        want: u64,
    },
    /// The block was altered, or made under other seeds.
    #[error("key stream: block {position} is corrupt or was made under another seed")]
    Corrupt {
        /// Position of the block in its stream.
        position: u64,
    },
    /// A block of the stream was refused before: nothing after it can be trusted.
    #[error("key stream: an earlier block was refused")]
    Poisoned,
    /// A batch of no items.
    #[error("a batch of 0")]
    Empty,
    /// Two arguments whose numbers of items have to agree.
    #[error("{what}: {got} items, expected {want}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Its items.
        got: usize,
        /// What the others call for.
        want: usize,
    },
    /// A parameter outside its domain.
    #[error("{what} is {got}, expected {domain}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// Its value.
        got: u64,
        /// Where it may lie.
        domain: &'static str,
    },
}
