//! Arithmetic on constants: shapes that an exporter left to be computed, and weights that it left to be put together.
//!
//! All who import a file must arrive at the same constants, since they end up in the one program that they agree on:
//! functions are those of [`real`](crate::function::real), rounded.

mod mask;

use super::item::{Item, axes, axis};
use super::layout::{Layout, broadcast};
use super::tensor::{Budget, Const, Data, Type, elements};
use crate::function::real;

/// The result of an operator that takes nothing but constants; nothing if it is not one that is computed here.
pub(super) fn fold(
    item: &Item<'_>,
    args: &[Option<&Const>],
    budget: &mut Budget,
) -> Result<Option<Const>, String> {
    let need = |i: usize| {
        let arg = args.get(i).copied().flatten();
        arg.ok_or_else(|| format!("its input {i} is missing"))
    };
    let all = || -> Result<Vec<&Const>, String> { (0..args.len()).map(need).collect() };
    let result = match item.op() {
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" => {
            if item.op() == "Mod" && item.flag("fmod", false)? {
                return Err("constants are not divided with `fmod`".to_owned());
            }
            binary(item.op(), need(0)?, need(1)?, budget)
        }
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor" => {
            binary(item.op(), need(0)?, need(1)?, budget)
        }
        "Min" | "Max" | "Sum" => {
            let op = if item.op() == "Sum" { "Add" } else { item.op() };
            let mut sum = need(0)?.clone();
            for other in all()?.into_iter().skip(1) {
                sum = binary(op, &sum, other, budget)?;
            }
            Ok(sum)
        }
        "Neg" | "Abs" | "Sign" | "Floor" | "Ceil" | "Round" | "Sqrt" | "Exp" | "Log"
        | "Reciprocal" | "Not" | "Relu" | "Sin" | "Cos" | "Tanh" | "Sigmoid" | "IsNaN" => {
            unary(item.op(), need(0)?, budget)
        }
        "Cast" => cast(need(0)?, Type::new(item.int("to", 1)?)?, budget),
        "CastLike" => {
            let like = match need(1)?.data() {
                Data::F32(_) => Type::F32,
                Data::I64(_) => Type::I64,
            };
            cast(need(0)?, like, budget)
        }
        "Where" => choose(need(0)?, need(1)?, need(2)?, budget),
        "Range" => range(need(0)?, need(1)?, need(2)?, budget),
        "Concat" => concat(&all()?, item.int("axis", 1)?, budget),
        "Gather" => gather(need(0)?, need(1)?, item.int("axis", 0)?, budget),
        "ReduceSum" | "ReduceProd" | "ReduceMax" | "ReduceMin" | "ReduceMean" => {
            let x = need(0)?;
            let listed = match (item.ints("axes")?, args.get(1).copied().flatten()) {
                (Some(list), _) => list.to_vec(),
                (None, Some(list)) => list.integers()?.to_vec(),
                (None, None) => Vec::new(),
            };
            if listed.is_empty() && item.flag("noop_with_empty_axes", false)? {
                return Ok(Some(x.clone()));
            }
            let axes = match listed.as_slice() {
                [] => (0..x.dims().len()).collect(),
                list => axes(list, x.dims().len())?,
            };
            reduce(item.op(), x, &axes, item.flag("keepdims", true)?, budget)
        }
        "CumSum" => mask::sums(item, need(0)?, need(1)?, budget),
        "GatherND" => mask::gather(item, need(0)?, need(1)?, budget),
        "ScatterND" => mask::scatter(item, need(0)?, need(1)?, need(2)?, budget),
        "Trilu" => mask::triangle(item, need(0)?, args.get(1).copied().flatten(), budget),
        _ => return Ok(None),
    };
    // Made of shapes and masks, with single numbers at most: nothing that was learned.
    let given = || args.iter().flatten();
    let open = |c: &&&Const| c.is_public() && c.elements() != 1;
    let harmless = |c: &&Const| c.is_public() || c.elements() == 1;
    let public = given().any(|c| open(&c)) && given().all(harmless);
    result.map(|c| Some(if public { c.public() } else { c }))
}

/// Many copies of one number.
pub(super) fn filled(dims: &[usize], value: &Const, budget: &mut Budget) -> Result<Const, String> {
    let n = elements(dims)?;
    budget.spend(n)?;
    match (value.data(), value.scalar()) {
        (Data::F32(_), Some(v)) => Const::f32(dims, vec![v; n]),
        (Data::I64(v), Some(_)) => Const::i64(dims, vec![v.first().copied().unwrap_or(0); n]),
        _ => Err("its value is not a single number".to_owned()),
    }
}

pub(super) fn binary(op: &str, a: &Const, b: &Const, budget: &mut Budget) -> Result<Const, String> {
    let dims = broadcast(&[a.dims(), b.dims()])
        .ok_or_else(|| format!("cannot broadcast {:?} and {:?}", a.dims(), b.dims()))?;
    let n = elements(&dims)?;
    budget.spend(n)?;
    let spread = |x: &Const, budget: &mut Budget| {
        let layout = Layout::row_major(x.dims()).expand(&dims);
        x.arranged(&layout.ok_or("cannot broadcast")?, budget)
    };
    let (a, b) = (spread(a, budget)?, spread(b, budget)?);
    let compare = matches!(
        op,
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor"
    );
    if let (Data::I64(a), Data::I64(b)) = (a.data(), b.data()) {
        let each = a.iter().zip(b.iter());
        let done: Option<Vec<i64>> = each.map(|(a, b)| integer(op, *a, *b)).collect();
        let done = done.ok_or("integers overflow, or are divided by zero")?;
        return Const::i64(&dims, done);
    }
    let (a, b) = (a.reals(), b.reals());
    let each = a.iter().zip(b.iter());
    if compare {
        Const::i64(&dims, each.map(|(a, b)| holds(op, *a, *b).into()).collect())
    } else {
        Const::f32(&dims, each.map(|(a, b)| reals(op, *a, *b)).collect())
    }
}

fn holds<T: PartialOrd + Default>(op: &str, a: T, b: T) -> bool {
    let zero = T::default();
    match op {
        "Equal" => a == b,
        "Less" => a < b,
        "LessOrEqual" => a <= b,
        "Greater" => a > b,
        "GreaterOrEqual" => a >= b,
        "And" => a != zero && b != zero,
        "Xor" => (a != zero) != (b != zero),
        _ => a != zero || b != zero,
    }
}

fn integer(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        // The sign is the divisor's.
        "Mod" => a.checked_rem(b).map(|r| {
            if r != 0 && (r < 0) != (b < 0) {
                r + b
            } else {
                r
            }
        }),
        "Pow" => a.checked_pow(u32::try_from(b).ok()?),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        _ => Some(holds(op, a, b).into()),
    }
}

fn reals(op: &str, a: f32, b: f32) -> f32 {
    match op {
        "Add" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Mod" => a - b * (a / b).floor(),
        "Pow" => real::pow(a.into(), b.into()) as f32,
        // Comparisons, as `f32::max` may choose between zeros.
        "Min" if a < b => a,
        "Max" if a > b => a,
        _ => b,
    }
}

fn unary(op: &str, x: &Const, budget: &mut Budget) -> Result<Const, String> {
    budget.spend(x.elements())?;
    if let Data::I64(v) = x.data() {
        let whole = |f: fn(i64) -> Option<i64>| v.iter().map(|v| f(*v)).collect::<Option<Vec<_>>>();
        let done = match op {
            "Neg" => whole(i64::checked_neg),
            "Abs" => whole(i64::checked_abs),
            "Sign" => whole(|v| Some(v.signum())),
            "Not" => whole(|v| Some(i64::from(v == 0))),
            "Relu" => whole(|v| Some(v.max(0))),
            _ => return Err("takes real numbers, not integers".to_owned()),
        };
        return Const::i64(x.dims(), done.ok_or("integers overflow")?);
    }
    if op == "IsNaN" {
        let done = x.reals().iter().map(|v| i64::from(v.is_nan())).collect();
        return Const::i64(x.dims(), done);
    }
    let far = |v: &f32| v.is_finite() && f64::from(v.abs()) > real::MAX_ANGLE;
    if matches!(op, "Sin" | "Cos") && x.reals().iter().any(far) {
        return Err("takes angles of 2^48 at most".to_owned());
    }
    let f: fn(f32) -> f32 = match op {
        "Neg" => |v| -v,
        "Abs" => f32::abs,
        "Sign" => |v| if v == 0.0 { 0.0 } else { v.signum() },
        "Floor" => f32::floor,
        "Ceil" => f32::ceil,
        "Round" => f32::round_ties_even,
        "Sqrt" => f32::sqrt,
        "Exp" => |v| real::exp(v.into()) as f32,
        "Log" => |v| real::ln(v.into()) as f32,
        "Reciprocal" => f32::recip,
        "Relu" => |v| if v > 0.0 { v } else { 0.0 },
        "Sin" => |v| real::sin(v.into()) as f32,
        "Cos" => |v| real::cos(v.into()) as f32,
        "Tanh" => |v| real::tanh(v.into()) as f32,
        "Sigmoid" => |v| real::sigmoid(v.into()) as f32,
        _ => return Err("takes truth values, not real numbers".to_owned()),
    };
    Const::f32(x.dims(), x.reals().iter().map(|v| f(*v)).collect())
}

fn cast(x: &Const, to: Type, budget: &mut Budget) -> Result<Const, String> {
    budget.spend(x.elements())?;
    match (x.data(), to) {
        (Data::F32(_), t) if t.is_real() => Ok(x.clone()),
        (Data::I64(_), t) if t.is_real() => Const::f32(x.dims(), x.reals().to_vec()),
        (Data::F32(v), Type::Bool) => {
            Const::i64(x.dims(), v.iter().map(|v| i64::from(*v != 0.0)).collect())
        }
        (Data::I64(v), Type::Bool) => {
            Const::i64(x.dims(), v.iter().map(|v| i64::from(*v != 0)).collect())
        }
        (Data::F32(v), _) => Const::i64(x.dims(), v.iter().map(|v| *v as i64).collect()),
        (Data::I64(_), _) => Ok(x.clone()),
    }
}

/// One number or another, as a constant of truth values says.
pub(super) fn choose(
    which: &Const,
    a: &Const,
    b: &Const,
    budget: &mut Budget,
) -> Result<Const, String> {
    let dims = broadcast(&[which.dims(), a.dims(), b.dims()]).ok_or("cannot broadcast")?;
    budget.spend(elements(&dims)?)?;
    let mut spread = |x: &Const| {
        let layout = Layout::row_major(x.dims()).expand(&dims);
        x.arranged(&layout.ok_or("cannot broadcast")?, budget)
    };
    let (which, a, b) = (spread(which)?, spread(a)?, spread(b)?);
    let which = which.integers()?;
    if let (Data::I64(a), Data::I64(b)) = (a.data(), b.data()) {
        let each = which.iter().zip(a.iter().zip(b.iter()));
        let done = each.map(|(w, (a, b))| if *w != 0 { *a } else { *b });
        return Const::i64(&dims, done.collect());
    }
    let (a, b) = (a.reals(), b.reals());
    let each = which.iter().zip(a.iter().zip(b.iter()));
    Const::f32(
        &dims,
        each.map(|(w, (a, b))| if *w != 0 { *a } else { *b })
            .collect(),
    )
}

fn range(
    start: &Const,
    limit: &Const,
    delta: &Const,
    budget: &mut Budget,
) -> Result<Const, String> {
    let single = "its bounds are not single numbers";
    if let (Data::I64(_), Data::I64(_), Data::I64(_)) = (start.data(), limit.data(), delta.data()) {
        let [start, limit, delta] = [start, limit, delta].map(|c| match c.integers() {
            Ok([v]) => Some(i128::from(*v)),
            _ => None,
        });
        let (start, limit) = (start.ok_or(single)?, limit.ok_or(single)?);
        let delta = delta.filter(|d| *d != 0).ok_or("its step is zero")?;
        let span = (limit - start) * delta.signum();
        let n = (span.max(0) + delta.abs() - 1) / delta.abs();
        let n = usize::try_from(n).map_err(|_| "it has no end".to_owned())?;
        budget.spend(n)?;
        let at = |i: usize| (start + i as i128 * delta) as i64;
        return Const::i64(&[n], (0..n).map(at).collect());
    }
    let [start, limit, delta] = [start, limit, delta].map(Const::scalar);
    let (start, limit) = (start.ok_or(single)?, limit.ok_or(single)?);
    let delta = delta.ok_or(single)?;
    let n = ((limit - start) / delta).ceil();
    if !n.is_finite() || n > 1e9 {
        return Err("it has no end".to_owned());
    }
    let n = n.max(0.0) as usize;
    budget.spend(n)?;
    Const::f32(&[n], (0..n).map(|i| start + i as f32 * delta).collect())
}

fn concat(all: &[&Const], at: i64, budget: &mut Budget) -> Result<Const, String> {
    let first = all.first().ok_or("it has no inputs")?;
    let at = axis(at, first.dims().len())?;
    let mut dims = first.dims().to_vec();
    for other in all.iter().skip(1) {
        let alike = other.dims().len() == dims.len()
            && (0..dims.len()).all(|i| i == at || dims.get(i) == other.dims().get(i));
        if !alike {
            return Err(format!("cannot join {dims:?} and {:?}", other.dims()));
        }
        if let (Some(d), Some(o)) = (dims.get_mut(at), other.dims().get(at)) {
            *d = d.checked_add(*o).ok_or("dimensions overflow")?;
        }
    }
    let n = elements(&dims)?;
    budget.spend(n)?;
    if n == 0 {
        return Const::f32(&dims, Vec::new());
    }
    let before: usize = dims.iter().take(at).product();
    let rows = |x: &Const| x.elements().checked_div(before).unwrap_or(0);
    if all.iter().all(|x| matches!(x.data(), Data::I64(_))) {
        let parts = all.iter().map(|x| Ok((x.integers()?, rows(x))));
        let parts = parts.collect::<Result<Vec<_>, String>>()?;
        return Const::i64(&dims, interleave(before, &parts));
    }
    let reals: Vec<_> = all.iter().map(|x| (x.reals(), rows(x))).collect();
    let parts: Vec<_> = reals.iter().map(|(v, n)| (v.as_slice(), *n)).collect();
    Const::f32(&dims, interleave(before, &parts))
}

fn interleave<T: Copy>(rounds: usize, parts: &[(&[T], usize)]) -> Vec<T> {
    let mut out = Vec::new();
    for i in 0..rounds {
        for (data, len) in parts {
            out.extend(data.iter().skip(i * len).take(*len));
        }
    }
    out
}

fn gather(x: &Const, indices: &Const, at: i64, budget: &mut Budget) -> Result<Const, String> {
    let at = axis(at, x.dims().len())?;
    let size = x.dims().get(at).copied().unwrap_or(1);
    let places = indices
        .integers()?
        .iter()
        .map(|i| axis(*i, size))
        .collect::<Result<Vec<_>, _>>()?;
    let (head, tail) = x.dims().split_at(at);
    let tail = tail.get(1..).unwrap_or(&[]);
    let dims = [head, indices.dims(), tail].concat();
    let n = elements(&dims)?;
    budget.spend(n)?;
    if n == 0 {
        return x.arranged(&Layout::row_major(&dims), budget);
    }
    let (before, after): (usize, usize) = (head.iter().product(), tail.iter().product());
    let from = (0..before).flat_map(|b| {
        let places = places.iter();
        places.flat_map(move |p| (0..after).map(move |a| (b * size + p) * after + a))
    });
    let missing = "it takes elements that are not there";
    match x.data() {
        Data::F32(v) => {
            let out: Option<Vec<f32>> = from.map(|i| v.get(i).copied()).collect();
            Const::f32(&dims, out.ok_or(missing)?)
        }
        Data::I64(v) => {
            let out: Option<Vec<i64>> = from.map(|i| v.get(i).copied()).collect();
            Const::i64(&dims, out.ok_or(missing)?)
        }
    }
}

fn reduce(
    op: &str,
    x: &Const,
    axes: &[usize],
    keep: bool,
    budget: &mut Budget,
) -> Result<Const, String> {
    let rank = x.dims().len();
    let kept: Vec<usize> = (0..rank).filter(|a| !axes.contains(a)).collect();
    let order = [kept.as_slice(), axes].concat();
    let layout = Layout::row_major(x.dims()).permute(&order);
    let x2 = x.arranged(&layout.ok_or("its axes are not a permutation")?, budget)?;
    let size = |axes: &[usize]| -> usize { axes.iter().filter_map(|a| x.dims().get(*a)).product() };
    let (rows, n) = (size(&kept), size(axes));
    if n == 0 {
        return Err("there is nothing to reduce".to_owned());
    }
    budget.spend(rows)?;
    let mut dims = Vec::new();
    for (i, d) in x.dims().iter().enumerate() {
        if !axes.contains(&i) {
            dims.push(*d);
        } else if keep {
            dims.push(1);
        }
    }
    let name = match op {
        "ReduceSum" | "ReduceMean" => "Add",
        "ReduceProd" => "Mul",
        "ReduceMax" => "Max",
        _ => "Min",
    };
    if let (Data::I64(v), true) = (x2.data(), op != "ReduceMean") {
        let row = |r: &[i64]| {
            let mut all = r.iter().copied().map(Some);
            let first = all.next().flatten();
            all.fold(first, |a, b| integer(name, a?, b?))
        };
        let out: Option<Vec<i64>> = v.chunks_exact(n).map(row).collect();
        return Const::i64(&dims, out.ok_or("integers overflow")?);
    }
    let row = |r: &[f32]| {
        let total = r
            .iter()
            .copied()
            .reduce(|a, b| reals(name, a, b))
            .unwrap_or(0.0);
        if op == "ReduceMean" {
            total / n as f32
        } else {
            total
        }
    };
    Const::f32(&dims, x2.reals().chunks_exact(n).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constants do not depend on whose machine they are folded on: results are those of exact functions, rounded.
    #[test]
    fn functions_of_constants_are_rounded_correctly() {
        let mut budget = Budget::new(1 << 20);
        let x: Vec<f32> = (1..20_000).map(|i| i as f32 * 1.234e-3).collect();
        let both: Vec<f32> = x.iter().flat_map(|v| [*v, -v]).collect();
        let of = |values: &[f32]| Const::f32(&[values.len()], values.to_vec()).unwrap();
        type Function = fn(f64) -> f64;
        let exact: [(&str, Function, &[f32]); 6] = [
            ("Exp", f64::exp, &both),
            ("Log", f64::ln, &x),
            ("Sin", f64::sin, &both),
            ("Cos", f64::cos, &both),
            ("Tanh", f64::tanh, &both),
            ("Sigmoid", |v| 1.0 / (1.0 + (-v).exp()), &both),
        ];
        for (op, exact, values) in exact {
            let got = unary(op, &of(values), &mut budget).unwrap();
            for (v, got) in values.iter().zip(got.reals().iter()) {
                assert_eq!(*got, exact((*v).into()) as f32, "{op} {v}");
            }
        }
        let third = Const::f32(&[1], vec![1.0 / 3.0]).unwrap();
        let got = binary("Pow", &of(&x), &third, &mut budget).unwrap();
        for (v, got) in x.iter().zip(got.reals().iter()) {
            assert_eq!(
                *got,
                f64::from(*v).powf(f64::from(1f32 / 3.0)) as f32,
                "{v}"
            );
        }
        assert!(unary("Sin", &of(&[1e15]), &mut budget).is_err());
    }
}
