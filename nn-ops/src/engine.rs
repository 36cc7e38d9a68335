//! The trait that every protocol suite implements, and the vocabulary of a layer.
//!
//! A layer is written once against [`Engine`] and never branches on an opened value, so one program has several
//! interpreters: [`crate::plain`] (the fixed-point oracle), [`crate::walk`] (shapes alone: cost before anything runs,
//! and the order in which a dealer deals), and the parties of an engine such as [`crate::rep3`].
//!
//! Tensors are `[batch][height][width][channel]` in memory, whatever their logical order, so that one output
//! position is one row of channels. Values are fixed point in Z_2^32 or Z_2^64 ([`Format`]), |raw| < 2^bound.

mod steps;

use piquet_core::linalg::ConvShape;

use crate::Error;
use crate::ledger::Phase;
use crate::model::{Format, Shape, holds};

pub use steps::{Dot, MatMul, Power, Weighed};
pub(crate) use steps::{
    check_bits, check_combination, check_dot, check_matmul, check_power, check_weighed,
    matmul_shape,
};

/// What a layer may see of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Logical dimensions.
    pub shape: Shape,
    /// Fixed-point format.
    pub format: Format,
}

impl Spec {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.elements()
    }
    /// True if there are none, which no valid shape has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How `x / 2^s` becomes an integer. The error is in units in the last place of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncation {
    /// `floor(x / 2^s)`, always.
    Exact,
    /// `floor(x / 2^s + 1/2)`, always.
    Nearest,
    /// `floor(x / 2^s)` or that plus one, for every value of the declared window, never a wrap; the coin is
    /// not hidden from one party (see the engine's page).
    Stochastic,
    /// Shift of shares: off by at most one unless it wraps, which it does with probability about
    /// |x| / 2^(k-1) per value in Z_2^k, and the result is then garbage. The report says how likely.
    Local,
}

impl Truncation {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("exact", Self::Exact),
        ("nearest", Self::Nearest),
        ("stochastic", Self::Stochastic),
        ("local", Self::Local),
    ];
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Nearest => "nearest",
            Self::Stochastic => "stochastic",
            Self::Local => "local",
        }
    }
}

impl core::str::FromStr for Truncation {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .find(|(n, _)| *n == s)
            .map(|(_, t)| *t)
            .ok_or_else(|| {
                format!("`{s}` is not a truncation: exact, nearest, stochastic or local")
            })
    }
}

/// Division by a power of two after a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescale {
    /// Fraction bits to drop.
    pub shift: u32,
    /// How.
    pub mode: Truncation,
    /// Format of the result; its bound is declared, and `plain` reports a value that leaves it.
    pub to: Format,
}

/// Largest magnitude of a value before it is rescaled, as a power of two, in a ring of `width` bits: |x| < 2^(width - 2),
/// so that no engine's truncation can wrap.
#[must_use]
pub fn product_bound(width: u32) -> u32 {
    width.saturating_sub(2)
}

/// A product with weights: convolution, fully connected layer, or per-channel scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinearOp {
    /// Name of the layer.
    pub name: String,
    /// Geometry; a matrix product is a 1x1 convolution.
    pub shape: ConvShape,
    /// Logical shape of the result.
    pub out: Shape,
    /// Fraction bits of the weights; those of the bias are the input's and these.
    pub frac: u32,
    /// Whether there is a bias.
    pub bias: bool,
}

/// Weights in the clear, for the owner of the model. Its `Debug` shows lengths only.
#[derive(Clone, Copy)]
pub struct PlainWeights<'a> {
    /// `[out][in / groups][kh][kw]`, raw fixed point.
    pub weights: &'a [i64],
    /// One per output channel, or empty.
    pub bias: &'a [i64],
}

impl core::fmt::Debug for PlainWeights<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "PlainWeights[{} + {}]",
            self.weights.len(),
            self.bias.len()
        )
    }
}

/// Rows of a view that hold zeros.
pub const ZERO_ROW: u32 = u32::MAX;

/// One protocol suite as seen from a layer.
///
/// Interactive methods take a slice of operands that share their rounds.
pub trait Engine {
    /// A (secret) fixed-point tensor.
    type Arith;
    /// A (secret) tensor of bits.
    type Bits;
    /// The weights of one linear operation as this engine keeps them.
    type Weights;

    /// Shape and format.
    fn spec<'a>(&self, x: &'a Self::Arith) -> &'a Spec;

    // ---- the owner's side comes in, the result goes out ----

    /// Set-up, once per model: the owner gives the weights, all others `None`.
    fn prepare(
        &mut self,
        op: &LinearOp,
        weights: Option<PlainWeights<'_>>,
    ) -> Result<Self::Weights, Error>;
    /// Set-up, once per model: a parameter that stands alone, such as one number per channel for [`Engine::add_bias`]. The
    /// owner of the model gives it, all others `None`.
    fn prepare_bias(&mut self, spec: &Spec, bias: Option<&[i64]>) -> Result<Self::Arith, Error>;
    /// Loads a value, memory order; its owner gives it, all others `None`.
    fn input(&mut self, spec: &Spec, value: Option<&[i64]>) -> Result<Self::Arith, Error>;
    /// The only exit: gives the value to its owner (`Some` there, `None` elsewhere), memory order.
    fn reveal(&mut self, x: &Self::Arith) -> Result<Option<Vec<i64>>, Error>;

    // ---- local ----

    /// A public value.
    fn constant(&mut self, spec: &Spec, value: &[i64]) -> Result<Self::Arith, Error>;
    /// Sum of values of equal shape and fraction bits.
    fn add(&mut self, a: &Self::Arith, b: &Self::Arith) -> Result<Self::Arith, Error>;
    /// Difference of values of equal shape and fraction bits.
    fn sub(&mut self, a: &Self::Arith, b: &Self::Arith) -> Result<Self::Arith, Error>;
    /// Sum of each row of channels with the one row `bias`, of equal fraction bits.
    fn add_bias(&mut self, x: &Self::Arith, bias: &Self::Arith) -> Result<Self::Arith, Error>;
    /// Product with public integers, one for all, or one per row of channels; `frac` of them are fraction bits.
    fn mul_public(
        &mut self,
        x: &Self::Arith,
        factors: &[i64],
        frac: u32,
    ) -> Result<Self::Arith, Error>;
    /// A sum of public multiples and a public number, `sum factor x + constant`, in one pass, and declared as `to`; `plain` checks
    /// that it holds. All operands have one shape, and a factor has the fraction bits that its operand lacks of `to`.
    fn combine(
        &mut self,
        terms: &[(&Self::Arith, i64)],
        constant: i64,
        to: Format,
    ) -> Result<Self::Arith, Error>;
    /// Runs of `run` elements of `x` by index ([`ZERO_ROW`] gives zeros), as a tensor of `shape`.
    fn gather(
        &mut self,
        x: &Self::Arith,
        run: usize,
        index: &[u32],
        shape: &Shape,
    ) -> Result<Self::Arith, Error>;
    /// Concatenation along the channels.
    fn concat(&mut self, xs: &[&Self::Arith], shape: &Shape) -> Result<Self::Arith, Error>;
    /// The same value under a narrower declared format. `plain` checks that it holds.
    fn declare(&mut self, x: Self::Arith, format: Format) -> Result<Self::Arith, Error>;
    /// Exclusive or.
    fn xor(&mut self, a: &Self::Bits, b: &Self::Bits) -> Result<Self::Bits, Error>;
    /// Negation.
    fn not(&mut self, a: &Self::Bits) -> Result<Self::Bits, Error>;

    // ---- interactive ----

    /// Products with one set of weights, plus bias, rescaled.
    fn linear(
        &mut self,
        xs: &[&Self::Arith],
        op: &LinearOp,
        weights: &Self::Weights,
        rescale: Rescale,
    ) -> Result<Vec<Self::Arith>, Error>;
    /// Elementwise products, rescaled.
    fn mul(
        &mut self,
        pairs: &[(&Self::Arith, &Self::Arith)],
        rescale: Rescale,
    ) -> Result<Vec<Self::Arith>, Error>;
    /// Sums of elementwise products, each sum rescaled once.
    fn dot(
        &mut self,
        sums: &[Dot<'_, Self::Arith>],
        rescale: Rescale,
    ) -> Result<Vec<Self::Arith>, Error>;
    /// Products of secret matrices, rescaled; the result has shape `[batch rows][columns]`.
    fn matmul(
        &mut self,
        pairs: &[(&Self::Arith, &Self::Arith)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Self::Arith>, Error>;
    /// Sums of elements next to each other, `of` products at a time, each sum rescaled once: the inner products of rows of `of`
    /// elements. The results have one element for each row.
    fn row_products(
        &mut self,
        pairs: &[(&Self::Arith, &Self::Arith)],
        of: usize,
        rescale: Rescale,
    ) -> Result<Vec<Self::Arith>, Error> {
        let Some((x, _)) = pairs.first() else {
            return Ok(Vec::new());
        };
        let op = MatMul {
            batch: self.spec(x).len() / of.max(1),
            rows: 1,
            inner: of,
            columns: 1,
            transposed: true,
        };
        self.matmul(pairs, &op, rescale)
    }
    /// Division by a power of two.
    fn rescale(&mut self, xs: &[&Self::Arith], rescale: Rescale)
    -> Result<Vec<Self::Arith>, Error>;
    /// One bit per element: is it zero or more? Exact for every |raw| < 2^bound.
    fn non_negative(&mut self, xs: &[&Self::Arith]) -> Result<Vec<Self::Bits>, Error>;
    /// Some bits of each value in two's complement, lowest first, one tensor of bits for each place. Exact for every
    /// |raw| < 2^bound; bit `bound` is the sign.
    fn bits(
        &mut self,
        xs: &[&Self::Arith],
        range: core::ops::Range<u32>,
    ) -> Result<Vec<Vec<Self::Bits>>, Error>;
    /// Linear combinations of bits as integers: for each operand, which is a list of tensors of bits and a shape, all sums.
    fn weigh(
        &mut self,
        bits: &[(&[&Self::Bits], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Self::Arith>>, Error>;
    /// Conjunction.
    fn and(&mut self, pairs: &[(&Self::Bits, &Self::Bits)]) -> Result<Vec<Self::Bits>, Error>;
    /// The value where the bit is 1, zero elsewhere.
    fn select(&mut self, pairs: &[(&Self::Bits, &Self::Arith)]) -> Result<Vec<Self::Arith>, Error>;
    /// Bits as the integers 0 and 1, in a format without fraction bits.
    fn to_arith(
        &mut self,
        bits: &[(&Self::Bits, &Shape)],
        format: Format,
    ) -> Result<Vec<Self::Arith>, Error>;

    // ---- the ledger ----

    /// Ends the running phase and begins another.
    fn begin_phase(&mut self, phase: Phase);
    /// Everything until [`Engine::end_layer`] belongs to this layer.
    fn begin_layer(&mut self, name: &str, op: &str);
    /// Closes the layer.
    fn end_layer(&mut self);
}

/// `Ok` if 64 bits hold values of this format with the headroom that sums and comparisons need.
pub(crate) fn check_format(format: Format) -> Result<(), Error> {
    if holds(format) {
        return Ok(());
    }
    Err(Error::Unheld { format })
}

/// `Ok` if both have the same shape and fraction bits; gives the format of a sum.
pub(crate) fn sum_format(op: &'static str, a: &Spec, b: &Spec) -> Result<Format, Error> {
    if a.shape != b.shape {
        return Err(Error::ShapeMismatch {
            op,
            left: a.shape.clone(),
            right: b.shape.clone(),
        });
    }
    if a.format.frac() != b.format.frac() || a.format.width() != b.format.width() {
        return Err(Error::FormatMismatch {
            op,
            left: a.format,
            right: b.format,
        });
    }
    let bound = a.format.bound().max(b.format.bound()) + 1;
    Ok(a.format.with_bound(bound)?)
}

/// Format of the sum of rows of channels with one row.
pub(crate) fn bias_format(x: &Spec, bias: &Spec) -> Result<Format, Error> {
    if bias.len() != x.shape.channels() {
        return Err(Error::ShapeMismatch {
            op: "add_bias",
            left: x.shape.clone(),
            right: bias.shape.clone(),
        });
    }
    let rows = Spec {
        shape: x.shape.clone(),
        format: bias.format,
    };
    sum_format("add_bias", x, &rows)
}

/// Checks a [`Rescale`] of a value with `frac` fraction bits, whose magnitude is below `2^bound`.
pub(crate) fn check_rescale(frac: u32, bound: u32, r: &Rescale) -> Result<(), Error> {
    if r.mode == Truncation::Local && r.shift > 0 && r.to.width() < 64 {
        return Err(Error::Unsupported {
            what: "local truncation wraps too often in less than 64 bits",
        });
    }
    let most = product_bound(r.to.width());
    if r.shift > frac || r.shift > most || r.to.frac() != frac - r.shift || bound > most {
        return Err(Error::Rescale {
            frac,
            bound,
            shift: r.shift,
            to: r.to,
        });
    }
    Ok(())
}

/// Checks the [`Rescale`] of a product with weights. Its magnitude follows from the declared bound of the result.
pub(crate) fn check_product(x: &Spec, op: &LinearOp, r: &Rescale) -> Result<(), Error> {
    if x.len() != op.shape.input_len() {
        return Err(Error::Length {
            what: "operand of a product",
            got: x.len(),
            want: op.shape.input_len(),
        });
    }
    check_rescale(x.format.frac() + op.frac, r.to.bound() + r.shift, r)
}

/// Checks operands and [`Rescale`] of an elementwise product. Its magnitude follows from those of the operands or from the
/// declared bound of the result, whichever is less.
pub(crate) fn check_mul(a: &Spec, b: &Spec, r: &Rescale) -> Result<(), Error> {
    if a.shape != b.shape {
        return Err(Error::ShapeMismatch {
            op: "mul",
            left: a.shape.clone(),
            right: b.shape.clone(),
        });
    }
    let worst = a.format.bound() + b.format.bound();
    let declared = r.to.bound() + r.shift;
    let bound = worst.min(declared);
    if bound > product_bound(64) {
        return Err(Error::Range {
            what: "elementwise product",
            bound,
        });
    }
    check_rescale(a.format.frac() + b.format.frac(), bound, r)
}

/// Format of a product with public integers.
pub(crate) fn scaled_format(x: &Spec, factors: &[i64], frac: u32) -> Result<Format, Error> {
    let rows = x.len() / x.shape.channels();
    if factors.len() != 1 && factors.len() != rows {
        return Err(Error::Length {
            what: "public factors",
            got: factors.len(),
            want: rows,
        });
    }
    let largest = factors.iter().map(|f| f.unsigned_abs()).max().unwrap_or(0);
    let bound = steps::check_multiple(x.format, largest)?;
    let frac = x.format.frac().saturating_add(frac);
    Ok(Format::new(x.format.width(), frac, bound)?)
}

/// Checks the indices of a view.
pub(crate) fn check_gather(
    x: &Spec,
    run: usize,
    index: &[u32],
    shape: &Shape,
) -> Result<(), Error> {
    if run == 0
        || !x.len().is_multiple_of(run)
        || index.len().checked_mul(run) != Some(shape.elements())
    {
        return Err(Error::Length {
            what: "view",
            got: index.len().saturating_mul(run),
            want: shape.elements(),
        });
    }
    let rows = x.len() / run;
    match index
        .iter()
        .find(|i| **i != ZERO_ROW && **i as usize >= rows)
    {
        Some(i) => Err(Error::Length {
            what: "view index",
            got: *i as usize,
            want: rows,
        }),
        None => Ok(()),
    }
}

/// Runs of `x` by index; the indices were checked by [`check_gather`].
pub(crate) fn gather_runs<T: Copy + Default>(
    x: &[T],
    run: usize,
    index: &[u32],
    mut push: impl FnMut(&[T]),
) {
    let zeros = vec![T::default(); run];
    for i in index {
        match x
            .get((*i as usize).wrapping_mul(run)..)
            .and_then(|t| t.get(..run))
        {
            Some(row) if *i != ZERO_ROW => push(row),
            _ => push(&zeros),
        }
    }
}

/// Interleaves rows of channels.
pub(crate) fn concat_rows<T: Copy>(parts: &[(&[T], usize)], mut push: impl FnMut(&[T])) {
    let mut rows: Vec<_> = parts.iter().map(|(x, c)| x.chunks_exact(*c)).collect();
    loop {
        for r in &mut rows {
            match r.next() {
                Some(row) => push(row),
                None => return,
            }
        }
        if rows.is_empty() {
            return;
        }
    }
}

/// Format and total channels of a concatenation.
pub(crate) fn concat_format(specs: &[&Spec], shape: &Shape) -> Result<Format, Error> {
    let Some(first) = specs.first() else {
        return Err(Error::Length {
            what: "concatenation operands",
            got: 0,
            want: 1,
        });
    };
    let mut format = first.format;
    for s in specs {
        if s.format.frac() != format.frac() || s.format.width() != format.width() {
            return Err(Error::FormatMismatch {
                op: "concat",
                left: first.format,
                right: s.format,
            });
        }
        format = format.with_bound(format.bound().max(s.format.bound()))?;
    }
    let total: usize = specs.iter().map(|s| s.len()).sum();
    if total != shape.elements() {
        return Err(Error::Length {
            what: "concatenation",
            got: total,
            want: shape.elements(),
        });
    }
    Ok(format)
}
