//! One error type for everything above the network.

use crate::model::{Format, ModelError, Shape};
use crate::transport::NetError;

/// Why an inference failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network or a peer.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The model's graph, parameters or program.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The geometry of a product.
    #[error(transparent)]
    Geometry(#[from] piquet_core::linalg::ShapeError),
    /// A transpose of bit planes.
    #[error(transparent)]
    Planes(#[from] piquet_core::transpose::ShapeError),
    /// A share or a correlation.
    #[error(transparent)]
    Share(#[from] piquet_secret_sharing::Error),
    /// A value left its declared bound in the plain fixed-point run.
    #[error("layer `{layer}`: |{raw}| is not below 2^{bound}, its declared bound")]
    Overflow {
        /// Name of the layer.
        layer: String,
        /// The raw value.
        raw: i64,
        /// Logarithm of the bound.
        bound: u32,
    },
    /// Operands of different shapes.
    #[error("{op}: shapes {left} and {right} differ")]
    ShapeMismatch {
        /// Operation.
        op: &'static str,
        /// First operand.
        left: Shape,
        /// Second operand.
        right: Shape,
    },
    /// Operands of different formats.
    #[error("{op}: formats {left} and {right} do not fit together")]
    FormatMismatch {
        /// Operation.
        op: &'static str,
        /// First operand.
        left: Format,
        /// Second operand.
        right: Format,
    },
    /// A rescaling that does not fit its operand.
    #[error("cannot drop {shift} of {frac} fraction bits to reach {to}")]
    Rescale {
        /// Fraction bits of the operand.
        frac: u32,
        /// Logarithm of its magnitude.
        bound: u32,
        /// Bits to drop.
        shift: u32,
        /// Format asked for.
        to: Format,
    },
    /// A format that engines over 64 bits do not hold.
    #[error(
        "format {format}: engines hold 64 bits, a bound of 1 to 62 and at most 62 bits behind the point"
    )]
    Unheld {
        /// The format.
        format: Format,
    },
    /// Something that an engine does not do, and why.
    #[error("{what}")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// A bound that no engine can hold.
    #[error("{what} may reach 2^{bound}, past what 64 bits hold")]
    Range {
        /// What would overflow.
        what: &'static str,
        /// Logarithm of its magnitude.
        bound: u32,
    },
    /// A value of another ring than the engine computes in.
    #[error("a value modulo 2^{width} in an engine modulo 2^{engine}")]
    Ring {
        /// Bits of the value's ring.
        width: u32,
        /// Bits of the engine's ring.
        engine: u32,
    },
    /// Correlated randomness for another step than the next one of the demand.
    #[error("the correlated randomness that is due is for {due}, not for {asked}")]
    Correlation {
        /// Asked for.
        asked: String,
        /// Due.
        due: String,
    },
    /// A length other than the shapes call for.
    #[error("{what}: {got} where {want} are due")]
    Length {
        /// Of what.
        what: &'static str,
        /// Given.
        got: usize,
        /// Due.
        want: usize,
    },
    /// A value or weights that their owner did not give, or that someone else gave.
    #[error("{0}")]
    Ownership(&'static str),
    /// Something about a tool outside: a thread pool, a file.
    #[error("{what}: {reason}")]
    Environment {
        /// Of what.
        what: &'static str,
        /// Why.
        reason: String,
    },
}
