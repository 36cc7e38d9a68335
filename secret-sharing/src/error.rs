//! Everything that can go wrong in this crate.

use piquet_core::{linalg::ShapeError, wire::DecodeError};

use crate::{Party, Rep3Party, dealer::Item, fixed::Format, prss::StepPath};

/// Why an operation was refused. No variant holds share material.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two operands differ in length.
    #[error("length mismatch: {left} and {right}")]
    Length {
        /// Length of the first operand.
        left: usize,
        /// Length of the second operand.
        right: usize,
    },
    /// A batch of nothing: an empty message would pass every check vacuously.
    #[error("a batch needs at least one element")]
    Empty,
    /// The element count of a shape overflows the address space.
    #[error("the shape has too many elements")]
    TooLarge,
    /// A party index or count outside what the scheme supports.
    #[error("party {index} of {count} does not exist (2 to 10 parties)")]
    NoSuchParty {
        /// Index asked for.
        index: usize,
        /// Number of parties asked for.
        count: usize,
    },
    /// Shares of two different holders were combined.
    #[error("shares of {left} and {right} were combined")]
    Holder {
        /// Holder of the first operand.
        left: Party,
        /// Holder of the second operand.
        right: Party,
    },
    /// Replicated shares of two different holders were combined.
    #[error("replicated shares of party {} and party {} were combined", left.index(), right.index())]
    Rep3Holder {
        /// Holder of the first operand.
        left: Rep3Party,
        /// Holder of the second operand.
        right: Rep3Party,
    },
    /// An opening got another set of shares than one of each party that it needs.
    #[error("opening needs one share each of {want} parties, got {got} distinct ones")]
    ShareSet {
        /// Distinct holders needed.
        want: usize,
        /// Distinct holders present.
        got: usize,
    },
    /// A redundant part of a sharing disagrees with the rest.
    #[error("shares are inconsistent")]
    Inconsistent,
    /// A pool of one-time material is used up.
    #[error("needed {want} triples, {have} left")]
    Exhausted {
        /// How many were asked for.
        want: usize,
        /// How many are left.
        have: usize,
    },
    /// The program asked for other material than the item that is next in the demand.
    #[error("program asked for {asked}; dealt next: {}", OrNothing(due))]
    WrongItem {
        /// Item asked for.
        asked: Box<Item>,
        /// Item due, if any is left.
        due: Option<Box<Item>>,
    },
    /// A ring that does not exist.
    #[error("there is no ring modulo 2^{0} (8, 16, 32, 64, 128 exist)")]
    NoSuchRing(u32),
    /// A matrix product or convolution of impossible sizes.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Shared randomness of one step was drawn twice.
    #[error("randomness of step {0:?} was already drawn")]
    StepReused(StepPath),
    /// The numbers of a fixed-point format contradict each other or the ring.
    #[error("format {format} does not fit: {why}")]
    Format {
        /// The format.
        format: Format,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// Two fixed-point formats cannot be combined.
    #[error("formats {left} and {right} cannot be combined: {why}")]
    Formats {
        /// Format of the first operand.
        left: Format,
        /// Format of the second operand.
        right: Format,
        /// Which rule the pair breaks.
        why: &'static str,
    },
    /// A real number has no representation in the format. The number itself is not repeated: it may be secret.
    #[error("element {index} is not representable in {format}")]
    NotRepresentable {
        /// Position of the element.
        index: usize,
        /// The format.
        format: Format,
    },
    /// A message was refused.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

struct OrNothing<'a>(&'a Option<Box<Item>>);

impl core::fmt::Display for OrNothing<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Some(item) => item.fmt(f),
            None => f.write_str("nothing"),
        }
    }
}

/// `Ok` if the lengths are equal.
pub(crate) fn same_length(left: usize, right: usize) -> Result<(), Error> {
    if left == right {
        Ok(())
    } else {
        Err(Error::Length { left, right })
    }
}
