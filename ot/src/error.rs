//! Why a step was refused.

use piquet_core::wire::DecodeError;

/// Why a step was refused. What it took by value is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's message is not the one that is due.
    #[error("message of the peer: {0}")]
    Decode(#[from] DecodeError),
    /// The peer deviated from the protocol, now or in another run under the same [`crate::Delta`]. One text for all causes,
    /// and nothing of the state is left: more would tell a cheater which of its guesses were right. What else is held under
    /// that Delta refuses to go on with the same error.
    #[error("the consistency check failed: the peer deviated from the protocol")]
    Check,
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
    /// More correlations asked for than are left.
    #[error("{want} correlations needed, {have} left")]
    Exhausted {
        /// Asked for.
        want: usize,
        /// Left.
        have: usize,
    },
    /// The set-up has made as many correlations as one Delta and one hash key may (see [`crate::MAX_COTS`]).
    #[error("the set-up is used up: no more than 2^40 correlations under one Delta")]
    Spent,
}
