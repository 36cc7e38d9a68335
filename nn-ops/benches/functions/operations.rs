//! The functions, as data: each with its formats and the shapes of its operands. The bench measures them, and a test
//! holds what they cost to the figures that the page of `function` has.

use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Engine, LinearOp, PlainWeights, Rescale, Spec, Truncation, Weighed};
use piquet_nn_ops::function::{
    BatchNorm, Division, Exp, LayerNorm, Log, MomentFormats, Moments, Piecewise, Reciprocal, Rsqrt,
    Softmax, Sqrt, Table,
};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{Format, Shape};
use piquet_nn_ops::plan::{Plan, PlanRow};

/// Fraction bits.
pub(crate) const FRAC: u32 = 16;
/// Elements of most.
pub(crate) const N: usize = 100_000;
/// As users run them.
const MODE: Truncation = Truncation::Stochastic;
/// Places of the index of a table.
const INDEX: u32 = 8;
/// The largest secret shift.
pub(crate) const SHIFT: u32 = 16;
/// Tokens, words and features of an embedding.
const EMBEDDING: [usize; 3] = [128, 1000, 768];

/// What is done with the operands.
pub(crate) enum Kind {
    Exp(Exp),
    Log(Log),
    Reciprocal(Reciprocal),
    Division(Division),
    Rsqrt(Rsqrt),
    Sqrt(Sqrt),
    Piecewise(Piecewise),
    Softmax(Softmax),
    /// With gamma and beta if they are among the operands.
    LayerNorm(LayerNorm),
    BatchNorm(BatchNorm),
    LookUp(Table),
    /// The rows of a secret table, in this format.
    Embedding(LinearOp, Format),
    Rescale(Rescale),
    /// To the left, by at most so many bits, into this format.
    ShiftLeft(u32, Format),
    /// To the right.
    ShiftRight(u32),
    /// So many bits of a value.
    Bits(u32),
    /// Of so many bits, which are there before.
    PrefixOr(u32),
    HighestOne(u32),
    OneHot(u32),
}

/// One function on some operands.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// What the id says of the size.
    pub(crate) size: &'static str,
    pub(crate) kind: Kind,
    pub(crate) operands: Vec<Spec>,
}

/// Operands as an engine has them.
pub(crate) struct Given<E: Engine> {
    values: Vec<E::Arith>,
    bits: Vec<E::Bits>,
    table: Option<E::Weights>,
}

/// A result.
pub(crate) enum Made<E: Engine> {
    Value(E::Arith),
    /// Lowest first.
    Bits(Vec<E::Bits>),
}

/// Operands in the clear.
#[derive(Default)]
pub(crate) struct Inputs {
    /// One for each operand.
    pub(crate) values: Vec<Vec<i64>>,
    /// The secret table, if there is one.
    pub(crate) table: Vec<i64>,
}

impl Inputs {
    pub(crate) fn plain_table(&self) -> PlainWeights<'_> {
        PlainWeights {
            weights: &self.table,
            bias: &[],
        }
    }
}

impl Operation {
    fn new(
        name: &'static str,
        size: &'static str,
        kind: Kind,
        operands: &[([usize; 2], Format)],
    ) -> Result<Self, Error> {
        let spec = |(dims, format): &([usize; 2], Format)| -> Result<Spec, Error> {
            Ok(Spec {
                shape: Shape::new(dims)?,
                format: *format,
            })
        };
        Ok(Self {
            name,
            size,
            kind,
            operands: operands.iter().map(spec).collect::<Result<_, _>>()?,
        })
    }

    /// The shape of the secret table, if there is one.
    pub(crate) fn table(&self) -> Option<&LinearOp> {
        match &self.kind {
            Kind::Embedding(op, _) => Some(op),
            _ => None,
        }
    }

    /// What is there before the function is run, in the phases where engines have it; the owner gives the numbers.
    pub(crate) fn take<E: Layers>(
        &self,
        e: &mut E,
        own: Option<&Inputs>,
    ) -> Result<Given<E>, Error> {
        e.begin_phase(Phase::Setup);
        let table = match self.table() {
            Some(op) => Some(e.prepare(op, own.map(Inputs::plain_table))?),
            None => None,
        };
        e.begin_phase(Phase::Online);
        let mut values = Vec::with_capacity(self.operands.len());
        for (i, spec) in self.operands.iter().enumerate() {
            let value = own.and_then(|o| o.values.get(i));
            values.push(e.input(spec, value.map(Vec::as_slice))?);
        }
        let bits = match (&self.kind, &values[..]) {
            (Kind::PrefixOr(n) | Kind::HighestOne(n) | Kind::OneHot(n), [x]) => {
                e.bits(&[x], 0..*n)?.pop().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Ok(Given {
            values,
            bits,
            table,
        })
    }

    /// The function, as a layer of its name.
    pub(crate) fn run<E: Layers>(&self, e: &mut E, given: &Given<E>) -> Result<Made<E>, Error> {
        e.begin_layer(self.name, "function");
        let made = self.made(e, given)?;
        e.end_layer();
        Ok(made)
    }

    fn made<E: Layers>(&self, e: &mut E, given: &Given<E>) -> Result<Made<E>, Error> {
        let Given {
            values,
            bits,
            table,
        } = given;
        let first = |all: Result<Vec<E::Arith>, Error>| -> Result<E::Arith, Error> {
            all?.pop().ok_or(Error::Ownership("there is no result"))
        };
        let value = match (&self.kind, &values[..]) {
            (Kind::Exp(f), [x]) => first(e.exp(&[x], f, MODE)),
            (Kind::Log(f), [x]) => first(e.log(&[x], f, MODE)),
            (Kind::Reciprocal(f), [x]) => first(e.reciprocal(&[x], f, MODE)),
            (Kind::Division(f), [x, y]) => e.divide(x, y, f, MODE),
            (Kind::Rsqrt(f), [x]) => first(e.rsqrt(&[x], f, MODE)),
            (Kind::Sqrt(f), [x]) => first(e.sqrt(&[x], f, MODE)),
            (Kind::Piecewise(f), [x]) => first(e.piecewise(&[x], f, MODE)),
            (Kind::Softmax(f), [x]) => e.softmax(x, f, MODE),
            (Kind::LayerNorm(f), [x]) => e.layer_norm(x, None, f, MODE),
            (Kind::LayerNorm(f), [x, gamma, beta]) => e.layer_norm(x, Some((gamma, beta)), f, MODE),
            (Kind::BatchNorm(f), [x, mean, variance, gamma, beta]) => {
                let moments = Moments {
                    mean,
                    variance,
                    affine: Some((gamma, beta)),
                };
                e.batch_norm(x, &moments, f, MODE)
            }
            (Kind::LookUp(t), [x]) => first(e.look_up(x, t)),
            (Kind::Embedding(op, to), [x]) => {
                let table = table.as_ref().ok_or(Error::Ownership("no table"))?;
                e.embed(x, op, table, *to)
            }
            (Kind::Rescale(r), [x]) => first(e.rescale(&[x], *r)),
            (Kind::ShiftLeft(most, to), [x, s]) => e.shift_left(x, s, *most, *to),
            (Kind::ShiftRight(most), [x, s]) => e.shift_right(x, s, *most, MODE),
            (Kind::Bits(n), [x]) => {
                let bits = e.bits(&[x], 0..*n)?.pop();
                return Ok(Made::Bits(bits.unwrap_or_default()));
            }
            (Kind::PrefixOr(_), _) => return Ok(Made::Bits(e.prefix_or(bits)?)),
            (Kind::HighestOne(_), _) => return Ok(Made::Bits(e.most_significant_one(bits)?)),
            (Kind::OneHot(_), _) => return Ok(Made::Bits(e.one_hot(bits)?)),
            _ => Err(Error::Ownership("an operand is missing")),
        };
        Ok(Made::Value(value?))
    }

    /// What it costs, from a plan of it.
    pub(crate) fn cost<'a>(&self, plan: &'a Plan) -> Result<&'a PlanRow, Error> {
        let online = |r: &&PlanRow| r.name == self.name && r.phase == Phase::Online;
        let row = plan.rows().iter().find(online);
        row.ok_or(Error::Ownership("the function is not in its plan"))
    }

    /// What can be opened: of bits the numbers that they are.
    pub(crate) fn number<E: Layers>(&self, e: &mut E, made: Made<E>) -> Result<E::Arith, Error> {
        let (bits, of) = match (made, self.operands.first()) {
            (Made::Value(y), _) => return Ok(y),
            (Made::Bits(bits), Some(of)) => (bits, of),
            (Made::Bits(_), None) => return Err(Error::Ownership("bits of nothing")),
        };
        let bits: Vec<&E::Bits> = bits.iter().collect();
        let sum = Weighed {
            factors: &(0..bits.len()).map(|j| 1 << j).collect::<Vec<_>>(),
            format: Format::z64(0, bits.len() as u32)?,
        };
        let mut numbers = e.weigh(&[(&bits, &of.shape)], &[sum])?;
        let number = numbers.pop().and_then(|mut sums| sums.pop());
        number.ok_or(Error::Ownership("there is no result"))
    }
}

/// Format with the usual fraction bits.
pub(crate) fn z64(bound: u32) -> Result<Format, Error> {
    Ok(Format::z64(FRAC, bound)?)
}

/// The numbers of the public table.
pub(crate) fn column() -> Vec<i64> {
    (0..1i64 << INDEX)
        .map(|i| (i * 40_503 + 77) % 65_536)
        .collect()
}

/// All of them.
pub(crate) fn operations() -> Result<Vec<Operation>, Error> {
    Ok([of_one()?, of_rows()?, of_places()?]
        .into_iter()
        .flatten()
        .collect())
}

/// Functions of one value.
fn of_one() -> Result<Vec<Operation>, Error> {
    // |x| < 16 and what a logarithmic scale of 10^-3 .. 10^3 and more needs.
    let (small, wide) = (z64(20)?, z64(30)?);
    let one = |name, kind, from| Operation::new(name, "1e5", kind, &[([1, N], from)]);
    let piecewise = |name, f: Result<Piecewise, Error>| one(name, Kind::Piecewise(f?), small);
    let rescale = |name, mode| {
        let to = z64(24)?;
        let shift = SHIFT;
        let r = Kind::Rescale(Rescale { shift, mode, to });
        one(name, r, Format::z64(FRAC + shift, 24 + shift)?)
    };
    Ok(vec![
        one("exp", Kind::Exp(Exp::natural(small, z64(36)?)?), small)?,
        one("exp2", Kind::Exp(Exp::base2(small, z64(33)?)?), small)?,
        one("log", Kind::Log(Log::new(wide, z64(21)?)?), wide)?,
        one(
            "reciprocal",
            Kind::Reciprocal(Reciprocal::new(wide, z64(33)?)?),
            wide,
        )?,
        Operation::new(
            "division",
            "1e5",
            Kind::Division(Division::new(small, wide, z64(31)?)?),
            &[([1, N], small), ([1, N], wide)],
        )?,
        one("rsqrt", Kind::Rsqrt(Rsqrt::new(wide, z64(25)?)?), wide)?,
        one("sqrt", Kind::Sqrt(Sqrt::new(wide, z64(24)?)?), wide)?,
        piecewise("sigmoid", Piecewise::sigmoid(small, z64(17)?))?,
        piecewise("tanh", Piecewise::tanh(small, z64(17)?))?,
        piecewise("gelu", Piecewise::gelu(small, z64(21)?))?,
        piecewise("gelu-tanh", Piecewise::gelu_tanh(small, z64(21)?))?,
        piecewise("silu", Piecewise::silu(small, z64(21)?))?,
        rescale("truncation-exact", Truncation::Exact)?,
        rescale("truncation-nearest", Truncation::Nearest)?,
        rescale("truncation-stochastic", Truncation::Stochastic)?,
    ])
}

/// Functions of rows.
fn of_rows() -> Result<Vec<Operation>, Error> {
    let small = z64(20)?;
    let softmax = Softmax::new(small, z64(17)?, 1000)?;
    let causal = Softmax::new(small, z64(17)?, 128)?.causal(128)?;
    let affine = [z64(16)?, z64(18)?];
    let norm = LayerNorm::new(small, z64(21)?, 800, 1e-5)?;
    let scaled = LayerNorm::with_affine(small, z64(22)?, 800, 1e-5, affine)?;
    let fine = [20, 21, 22, 24].map(|bound| Format::z64(20, bound));
    let [gamma, beta, to, from] = fine;
    let (gamma, beta, to, from) = (gamma?, beta?, to?, from?);
    let wide = LayerNorm::with_affine(from, to, 1024, 1e-5, [gamma, beta])?;
    let moments = MomentFormats {
        mean: small,
        variance: z64(24)?,
        affine: Some(affine),
    };
    let batch = BatchNorm::new(small, z64(24)?, moments, 1e-5, 2)?;
    let [tokens, words, features] = EMBEDDING;
    let op = LinearOp {
        name: "table".into(),
        shape: ConvShape::matmul(tokens, words, features),
        out: Shape::new(&[tokens, features])?,
        frac: FRAC,
        bias: false,
    };
    let index = Format::z64(0, words.next_power_of_two().ilog2())?;
    Ok(vec![
        Operation::new(
            "softmax",
            "100x1000",
            Kind::Softmax(softmax),
            &[([100, 1000], small)],
        )?,
        Operation::new(
            "log-softmax",
            "100x1000",
            Kind::Softmax(Softmax::log(small, z64(27)?, 1000)?),
            &[([100, 1000], small)],
        )?,
        Operation::new(
            "causal-softmax",
            "768x128",
            Kind::Softmax(causal),
            &[([768, 128], small)],
        )?,
        Operation::new(
            "layer-norm",
            "125x800",
            Kind::LayerNorm(norm),
            &[([125, 800], small)],
        )?,
        Operation::new(
            "layer-norm-affine",
            "125x800",
            Kind::LayerNorm(scaled),
            &[
                ([125, 800], small),
                ([1, 800], affine[0]),
                ([1, 800], affine[1]),
            ],
        )?,
        Operation::new(
            "layer-norm-wide",
            "96x1024",
            Kind::LayerNorm(wide),
            &[([96, 1024], from), ([1, 1024], gamma), ([1, 1024], beta)],
        )?,
        Operation::new(
            "batch-norm",
            "1000x100",
            Kind::BatchNorm(batch),
            &[
                ([1000, 100], small),
                ([1, 100], moments.mean),
                ([1, 100], moments.variance),
                ([1, 100], affine[0]),
                ([1, 100], affine[1]),
            ],
        )?,
        Operation::new(
            "embedding",
            "128x768",
            Kind::Embedding(op, z64(20)?),
            &[([tokens, 1], index)],
        )?,
    ])
}

/// Functions of places: tables, shifts, bits.
fn of_places() -> Result<Vec<Operation>, Error> {
    let small = z64(20)?;
    let by = Format::z64(0, 5)?;
    let one = |name, kind, from| Operation::new(name, "1e5", kind, &[([1, N], from)]);
    let shift = |name, kind| Operation::new(name, "1e5", kind, &[([1, N], small), ([1, N], by)]);
    let table = Table::new(vec![column()], z64(16)?)?;
    Ok(vec![
        one("look-up", Kind::LookUp(table), Format::z64(0, INDEX)?)?,
        shift("shift-left", Kind::ShiftLeft(SHIFT, z64(20 + SHIFT)?))?,
        shift("shift-right", Kind::ShiftRight(SHIFT))?,
        one("bits", Kind::Bits(21), small)?,
        one("prefix-or", Kind::PrefixOr(32), z64(32)?)?,
        one("highest-one", Kind::HighestOne(32), z64(32)?)?,
        one("one-hot", Kind::OneHot(5), small)?,
    ])
}
