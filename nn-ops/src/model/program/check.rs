//! What makes a program one that parties can run: formats that follow from each other, and functions that exist.

use std::sync::Arc;

use super::{Arithmetic, Step, mean, refuse};
use crate::layer::{Applied, is_function};
use crate::model::format::{self, max_bound};
use crate::model::{Format, Graph, ModelError, Node, Op, Shape, Slope};

/// Most functions of a program that differ: a transformer of sixty layers has as many if no two of them have a format
/// in common.
const MAX_FUNCTIONS: usize = 256;

/// What a function follows from.
#[derive(PartialEq)]
struct Key<'a> {
    op: &'a Op,
    from: Vec<Format>,
    /// Elements of a row, if it is one of rows; 0 otherwise.
    n: usize,
    step: &'a Step,
}

/// For each node its function, with constants that are derived once for all nodes alike.
pub(super) fn applied(
    graph: &Graph,
    steps: &[Step],
) -> Result<Vec<Option<Arc<Applied>>>, ModelError> {
    // Deriving constants takes milliseconds, up to fifty: whether they are too many is known before any are derived.
    let mut known: Vec<(Key<'_>, &Node)> = Vec::new();
    let mut places = Vec::with_capacity(steps.len());
    for (node, step) in graph.nodes().iter().zip(steps) {
        if !is_function(&node.op) {
            places.push(None);
            continue;
        }
        let inputs = node.inputs.iter().filter_map(|id| steps.get(id.index()));
        let n = match (&node.op, node.inputs.first()) {
            (Op::Softmax(_) | Op::LayerNorm(_), Some(id)) => graph.shape(*id)?.last(),
            _ => 0,
        };
        let key = Key {
            op: &node.op,
            from: inputs.map(|s| s.format).collect(),
            n,
            step,
        };
        let place = known.iter().position(|(k, _)| *k == key);
        places.push(Some(place.unwrap_or(known.len())));
        if place.is_none() {
            known.push((key, node));
        }
        if known.len() > MAX_FUNCTIONS {
            let reason = format!("more than {MAX_FUNCTIONS} functions that differ");
            return Err(ModelError::graph(graph.name(), reason));
        }
    }
    let made = known.iter().map(|(key, node)| {
        let made = Applied::new(key.op, &key.from, key.n, key.step);
        made.map(Arc::new).map_err(refuse(node))
    });
    let made = made.collect::<Result<Vec<_>, _>>()?;
    let of = |place: Option<usize>| made.get(place?).cloned();
    Ok(places.into_iter().map(of).collect())
}

pub(super) fn check(
    graph: &Graph,
    steps: &[Step],
    node: &Node,
    step: &Step,
    shape: &Shape,
) -> Result<(), String> {
    check_format(step.format)?;
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for id in &node.inputs {
        let s = steps
            .get(id.index())
            .ok_or("takes a step that is missing")?;
        inputs.push(s.format);
    }
    let Some(x) = inputs.first().copied() else {
        return match step.arithmetic {
            Arithmetic::Exact => Ok(()),
            _ => Err("the input has no arithmetic".to_owned()),
        };
    };
    let y = step.format;
    if !matches!(node.op, Op::MatMul(_)) && inputs.iter().any(|f| f.frac() != x.frac()) {
        return Err("its inputs differ in their bits behind the point".to_owned());
    }
    if inputs.iter().any(|f| f.width() != y.width()) {
        return Err("its inputs are in another ring than its value".to_owned());
    }
    let largest = inputs.iter().map(|f| f.bound()).max().unwrap_or(x.bound());
    match (&node.op, step.arithmetic) {
        (Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine, Arithmetic::Product(p)) => {
            check_format(p.accumulator)?;
            let sum = p.accumulator.frac();
            if p.weight_frac == 0
                || x.frac().checked_add(p.weight_frac) != Some(sum)
                || y.frac() > sum
            {
                return Err(format!(
                    "{} and {} bits behind the point do not give {}, to be rescaled to {}",
                    x.frac(),
                    p.weight_frac,
                    sum,
                    y.frac()
                ));
            }
            let declared = y.bound() + step.shift();
            if p.worst_bound > max_bound(64) || p.accumulator.bound() != p.worst_bound.min(declared)
            {
                return Err(format!(
                    "an accumulator of 2^{} at worst and 2^{declared} as declared is not one of 2^{}",
                    p.worst_bound,
                    p.accumulator.bound()
                ));
            }
            Ok(())
        }
        (Op::AvgPool(_) | Op::GlobalAvgPool, Arithmetic::Mean(m)) => {
            let inner = node.inputs.first().map(|id| graph.shape(*id));
            let inner = inner.ok_or("has no input")?.map_err(|e| e.to_string())?;
            let (want, divisors) = mean(&node.op, inner, shape, x.width())?;
            let fits = x
                .with_bound(want.sum_bound(x.bound()))
                .is_ok_and(|sum| want.limbs(sum, &divisors).is_some());
            if !fits {
                return Err(format!("its sums do not fit into {} bits", x.width()));
            }
            if m != want || y.frac() != x.frac() || y.bound() > x.bound() + 1 {
                return Err("its constant or its format is not that of its window".to_owned());
            }
            Ok(())
        }
        (Op::ChannelShift | Op::Offset, Arithmetic::Shift(s)) => {
            let worst = s.worst_bound(x.bound());
            if y.frac() == x.frac() && y.bound() <= worst && worst <= max_bound(y.width()) {
                Ok(())
            } else {
                Err(format!("a sum of 2^{worst} at worst is not {y}"))
            }
        }
        // A maximum is the one value and what the other exceeds it by: the sum has two bits more, and a sign.
        (Op::MaxPool(_) | Op::Argmax, _) if largest + 2 >= y.width() => Err(format!(
            "differences of values of 2^{largest} do not fit into {} bits",
            y.width()
        )),
        (Op::Clip(a), Arithmetic::Exact) => {
            let (widest, bound) = (a.widest(x), a.bound(x));
            if widest + 2 >= y.width() {
                return Err(format!(
                    "differences of values of 2^{widest} do not fit into {} bits",
                    y.width()
                ));
            }
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!(
                    "values between its bounds are below 2^{bound}, not {y}"
                ))
            }
        }
        (Op::LeakyRelu(a), Arithmetic::Slope(slope)) => {
            let bound = slope.bound(x.bound()).max(x.bound());
            if Slope::new(a.slope, x) != Some(slope) || bound + 1 > max_bound(y.width()) {
                return Err("its constant is not that of its slope, or does not fit".to_owned());
            }
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!("values of 2^{bound} at most are not {y}"))
            }
        }
        (Op::Mul | Op::MatMul(_), Arithmetic::Elementwise(product)) => {
            check_format(product)?;
            let one: u32 = inputs.iter().map(|f| f.bound()).sum();
            let worst = one + terms(graph, node)?;
            let declared = y.bound() + step.shift();
            let frac: u32 = inputs.iter().map(|f| f.frac()).sum();
            if product.frac() != frac
                || y.frac() > product.frac()
                || worst > max_bound(64)
                || product.bound() != worst.min(declared)
            {
                return Err(format!(
                    "{inputs:?} do not give a product of {product}, to be rescaled to {y}"
                ));
            }
            Ok(())
        }
        (Op::Scale(factor), Arithmetic::Slope(slope)) => {
            if Slope::new(*factor, x) != Some(slope) {
                return Err("its constant is not that of its factor, or does not fit".to_owned());
            }
            let bound = slope.bound(x.bound());
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!("values of 2^{bound} at most are not {y}"))
            }
        }
        (Op::Scale(factor), Arithmetic::Exact) => {
            let more = y.frac().checked_sub(x.frac());
            if y.bound() <= x.bound() && more.is_some() && more == halvings(*factor) {
                Ok(())
            } else {
                Err(format!("{x} divided by a power of two is not {y}"))
            }
        }
        (Op::Fill(fill), Arithmetic::Exact) => {
            let bound = fill_bound(fill.value, x);
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!("values of 2^{bound} at most are not {y}"))
            }
        }
        (Op::LayerNorm(_), Arithmetic::Norm(norm)) => {
            check_format(norm.gamma)?;
            check_format(norm.beta)?;
            let width = y.width();
            if norm.gamma.width() == width && norm.beta.width() == width {
                Ok(())
            } else {
                Err("its parameters are in another ring than its value".to_owned())
            }
        }
        // Which formats a function takes it says itself.
        (Op::Softmax(_) | Op::Function(_) | Op::Div, Arithmetic::Function) => Ok(()),
        (Op::Argmax, Arithmetic::Exact) if y.frac() == 0 => Ok(()),
        (
            Op::Relu | Op::MaxPool(_) | Op::Concat | Op::Flatten | Op::View(_) | Op::Pad(_),
            Arithmetic::Exact,
        ) if y.frac() == x.frac() && y.bound() <= largest => Ok(()),
        (Op::Add | Op::Sub, Arithmetic::Exact)
            if y.frac() == x.frac() && y.bound() <= largest + 1 =>
        {
            Ok(())
        }
        (Op::BatchNorm(_), _) => Err("a program has no batch norms".to_owned()),
        _ => Err(format!(
            "{:?} does not take {inputs:?} to {y:?}",
            step.arithmetic
        )),
    }
}

fn check_format(f: Format) -> Result<(), String> {
    if format::holds(f) {
        Ok(())
    } else {
        Err(format!(
            "{f} is refused: 32 or 64 bits, a bound of at least 1, and two bits more than the bound and than those behind the point"
        ))
    }
}

/// Logarithm of the number of products that are added up for one element, rounded up.
pub(in crate::model) fn terms(graph: &Graph, node: &Node) -> Result<u32, String> {
    let inner = match (&node.op, node.inputs.first()) {
        (Op::MatMul(_), Some(id)) => graph.shape(*id).map_err(|e| e.to_string())?.last(),
        _ => 1,
    };
    Ok(inner.next_power_of_two().trailing_zeros())
}

/// `k` if this is `2^-k`: a value times it is the same raw number with `k` more bits behind the point.
pub(in crate::model) fn halvings(factor: f32) -> Option<u32> {
    let power = f64::from(factor).recip();
    let k = (0..31u32).find(|k| power == format::exp2(*k))?;
    Some(k)
}

/// The constant of a [`Fill`](crate::model::Fill) in fixed point: the nearest number below `2^bound`.
pub(crate) fn fill_raw(value: f32, frac: u32, bound: u32) -> i64 {
    let end = (1i64 << bound.min(62)) - 1;
    // A conversion to integers saturates.
    let raw = (f64::from(value) * format::exp2(frac)).round() as i64;
    raw.clamp(-end, end)
}

/// Bound of a value or of the constant that stands for it.
///
/// A constant that is further away than 64 from all values is as good as minus or plus infinity, and saturates.
pub(in crate::model) fn fill_bound(value: f32, x: Format) -> u32 {
    let raw = fill_raw(value, x.frac(), 62).unsigned_abs();
    let bits = u64::BITS - raw.leading_zeros();
    bits.min(x.bound().max(x.frac() + 6) + 1).max(x.bound())
}
