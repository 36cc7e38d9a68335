//! Why a step was refused.

use piquet_core::linalg::ShapeError;
use piquet_core::wire::DecodeError;

/// Why a step was refused. What it took by value is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's message is not the one that is due.
    #[error("message of the peer: {0}")]
    Message(#[from] DecodeError),
    /// The peer uses other parameters or another layer than this party.
    #[error("message of the peer: made for other {0}")]
    Mismatch(&'static str),
    /// An argument that was made for other parameters, or for another layer, than it is used with.
    #[error("{0}: made for other parameters or another layer")]
    Foreign(&'static str),
    /// The layer's shape is none.
    #[error("shape: {0}")]
    Shape(#[from] ShapeError),
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
    /// A weight that is larger, in absolute value, than the server declared. Which one, and how large it is, is its secret.
    #[error("a weight is beyond the declared bound of {bound}")]
    Weight {
        /// What was declared.
        bound: u64,
    },
    /// A ciphertext modulus beyond what the guidelines allow at this degree.
    #[error(
        "a ciphertext modulus of {bits} bits at degree {degree} is insecure: at most {most} bits"
    )]
    Insecure {
        /// log2 of the modulus, rounded up.
        bits: u32,
        /// Degree of the polynomials.
        degree: usize,
        /// What the guidelines allow.
        most: u32,
    },
    /// The noise that the declared bounds allow does not fit below the message.
    #[error("noise of up to {noise:.1} bits leaves no room below messages at {room:.1} bits")]
    Noise {
        /// log2 of the noise in its largest place, flooding included.
        noise: OrderedBits,
        /// log2 of the room: half a unit of the message.
        room: OrderedBits,
    },
}

/// A number of bits in an error: comparable, unlike a plain `f64`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderedBits(pub f64);

impl Eq for OrderedBits {}

impl core::fmt::Display for OrderedBits {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
