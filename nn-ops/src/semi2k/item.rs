//! What one step spends, and how it is laid out: an item names a step's correlated randomness, and says for each of its
//! pieces how much of it follows from the rest.
//!
//! Per element of a piece, k bits to a word of the ring; everything is shared additively, or by exclusive or for bits.
//! *Free* vectors are uniform; *dependent* ones are functions of them, in the order of use. `adder` is the shape of
//! a carry (`parts::adder`), `[s]` is s rounded up to 8, 16, 32 or 64.
//!
//! | item | free | dependent |
//! |---|---|---|
//! | product with weights, `B` their mask | `A`; on output `R` | rescaled: those of a rescaling of `r = R - A * B`; else `A * B` |
//! | sum of products, of elements or of matrices | a mask for each operand; on output `R` | rescaled: those of a rescaling of `r = R - sum a b`; else `sum a b` |
//! | rescaling, stochastic | `r` | `-(r >> s)`: k, top bit of r: \[s\] |
//! | rescaling, exact or nearest | `r`, masks of a carry, bit `sigma` | as before, carry of `r mod 2^s`, `sigma` as integer: k |
//! | sign | `r`, masks of a carry | carry of `r mod 2^(w-1)`, bit w - 1 of r |
//! | bits | `r`, masks of an adder | tables of r, products of masks and of tables with masks (`parts::prefix`) |
//! | rectification | `r`, masks of a carry, bit `sigma` | those of a sign, `sigma`: k, `sigma r`: k |
//! | selection | `r`, bit `sigma` | `sigma`: k, `sigma r`: k |
//! | bits to integers | bit `sigma` | `sigma`: k |
//! | m weighed bits | m bits `sigma` | each `sigma`: k |
//! | conjunction | bits `a`, `b` | `a b` |
//! | power of two, H digits | `r`; for the rescaling `R` | H vectors that follow from r: k each, those of a rescaling of `R` |

use core::ops::Range;

use piquet_core::linalg::ConvShape;

use super::bits::adder;
use super::power::cut_of;
use crate::Error;
use crate::engine::{MatMul, Power, Rescale, Truncation};
use crate::parts::adder::Adder;
use crate::parts::pieces::{PIECE, ranges_of};
use crate::walk::Products;

/// How a value is rescaled, as far as what is dealt for it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cut {
    /// Nothing is dealt: there is nothing to drop, or each party shifts its share.
    Local,
    /// By a pair of a mask and its quotient.
    Stochastic {
        /// Bits to drop.
        shift: u32,
    },
    /// Also with the carry out of the bits that are dropped.
    Exact {
        /// Bits to drop.
        shift: u32,
    },
}

impl Cut {
    /// For a rescaling among so many parties.
    pub fn of(r: &Rescale, parties: usize) -> Result<Self, Error> {
        let shift = r.shift;
        match r.mode {
            _ if shift == 0 => Ok(Self::Local),
            Truncation::Stochastic => Ok(Self::Stochastic { shift }),
            Truncation::Exact | Truncation::Nearest => Ok(Self::Exact { shift }),
            Truncation::Local if parties == 2 => Ok(Self::Local),
            Truncation::Local => Err(Error::Unsupported {
                what: "local truncation of three or more additive shares is wrong with constant probability",
            }),
        }
    }

    /// Bytes of what depends on the mask of n elements.
    fn bytes(self, word: usize, n: usize) -> usize {
        match self {
            Self::Local => 0,
            Self::Stochastic { shift } => (word + narrow(shift)) * n,
            Self::Exact { shift } => {
                let carry = Adder::new(shift as usize).handed_planes();
                (2 * word + narrow(shift)) * n + 8 * carry * n.div_ceil(64)
            }
        }
    }

    /// Bytes of what depends on the masks of a product of n elements, its rescaling included.
    fn product_bytes(self, word: usize, n: usize) -> usize {
        match self {
            Self::Local => word * n,
            _ => self.bytes(word, n),
        }
    }
}

/// Bytes of a word that holds numbers modulo 2^s.
pub(super) fn narrow(shift: u32) -> usize {
    match shift {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

/// How the operands of a product lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Element by element.
    Elements,
    /// Matrices.
    Matrices(MatMul),
}

/// The correlated randomness of one step; lengths are those of its operands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// Products with one set of weights.
    Linear {
        /// Which weights, counted in the order in which they were handed over.
        weights: usize,
        /// Geometry.
        shape: ConvShape,
        /// How many products.
        operands: usize,
        /// What follows.
        cut: Cut,
    },
    /// Sums of products of operands that are all secret.
    Products {
        /// Which operands meet.
        products: Products,
        /// How they lie.
        form: Form,
        /// What follows.
        cut: Cut,
    },
    /// Division by a power of two.
    Rescale {
        /// Lengths.
        lens: Vec<usize>,
        /// How; not local, which spends nothing.
        cut: Cut,
    },
    /// Comparison with zero.
    Sign {
        /// Lengths.
        lens: Vec<usize>,
        /// Bits that are looked at.
        window: usize,
    },
    /// Bits in two's complement.
    Bits {
        /// Lengths.
        lens: Vec<usize>,
        /// Places.
        range: Range<u32>,
    },
    /// Comparison with zero, and selection by its result.
    Relu {
        /// Lengths.
        lens: Vec<usize>,
        /// Bits that are looked at.
        window: usize,
    },
    /// Conjunction.
    And {
        /// Bits.
        lens: Vec<usize>,
    },
    /// Selection by bits.
    Select {
        /// Lengths.
        lens: Vec<usize>,
    },
    /// Bits to integers.
    Integers {
        /// Bits.
        lens: Vec<usize>,
    },
    /// Weighed bits.
    Weigh {
        /// Lengths.
        lens: Vec<usize>,
        /// Bits of each element.
        bits: usize,
    },
    /// Powers of two, not for a deterministic rounding.
    Power {
        /// Lengths.
        lens: Vec<usize>,
        /// Which.
        power: Power,
    },
}

/// Bits of a piece of a step that works on bits alone.
const BITS: usize = 8 * PIECE;

impl Item {
    /// Elements of each operand's result.
    pub(super) fn lens(&self) -> Vec<usize> {
        match self {
            Self::Linear {
                shape, operands, ..
            } => vec![shape.output_len(); *operands],
            Self::Products { products, form, .. } => match form {
                Form::Elements => products.lens(),
                Form::Matrices(op) => vec![op.lens()[2]; products.sums().len()],
            },
            // Whole words of all operands, one after the other.
            Self::And { lens } => vec![lens.iter().map(|n| n.next_multiple_of(64)).sum()],
            Self::Rescale { lens, .. }
            | Self::Sign { lens, .. }
            | Self::Bits { lens, .. }
            | Self::Relu { lens, .. }
            | Self::Select { lens }
            | Self::Integers { lens }
            | Self::Weigh { lens, .. }
            | Self::Power { lens, .. } => lens.clone(),
        }
    }

    /// Most elements of a piece of a result.
    fn piece(&self) -> usize {
        match self {
            Self::And { .. } => BITS,
            Self::Weigh { bits, .. } => (BITS / bits.max(&1) / 64).max(1) * 64,
            _ => PIECE,
        }
    }

    /// The pieces of the results.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
        ranges_of(self.piece(), self.lens())
    }

    /// Elements of the vectors that are masked before there is any result: of each operand, or of all operands joined.
    pub(super) fn masked(&self) -> Vec<usize> {
        match self {
            Self::Linear {
                shape, operands, ..
            } => vec![shape.input_len(); *operands],
            Self::Products { products, .. } => vec![products.operands().iter().sum()],
            _ => Vec::new(),
        }
    }

    /// Bytes of the dependent vectors of a piece of n elements, in a ring of words of so many bytes.
    pub(super) fn bytes(&self, word: usize, n: usize) -> usize {
        let plane = 8 * n.div_ceil(64);
        match self {
            Self::Linear { cut, .. } | Self::Products { cut, .. } => cut.product_bytes(word, n),
            Self::Rescale { cut, .. } => cut.bytes(word, n),
            Self::Sign { window, .. } => plane * sign_planes(*window),
            Self::Bits { range, .. } => {
                let adder = adder(range);
                let planes: usize = (0..adder.steps()).map(|i| adder.dealt(i)).sum();
                plane * planes
            }
            Self::Relu { window, .. } => plane * sign_planes(*window) + 2 * word * n,
            Self::And { .. } => plane,
            Self::Select { .. } => 2 * word * n,
            Self::Integers { .. } => word * n,
            Self::Weigh { bits, .. } => bits * word * n,
            Self::Power { power, .. } => power.words() * word * n + cut_of(power).bytes(word, n),
        }
    }

    /// Bytes of the dependent vectors of each piece.
    pub(super) fn corrections(&self, word: usize) -> impl Iterator<Item = usize> {
        let pieces = self.ranges();
        pieces.map(move |(_, range)| self.bytes(word, range.len()))
    }
}

/// Planes that are dealt for a comparison: those of the carry, and the top bit.
fn sign_planes(window: usize) -> usize {
    sign_adder(window).handed_planes() + 1
}

/// The carry into the top bit of a window.
pub(super) fn sign_adder(window: usize) -> Adder {
    Adder::new(window.saturating_sub(1).max(1))
}
