#![allow(clippy::unwrap_used, reason = "a test may panic")]

//! Functions of positive numbers against `f64`, over whole domains.

use super::*;
use crate::engine::{Engine, Spec};
use crate::ledger::Phase;
use crate::plain::{Plain, PlainTensor};
use crate::plan::Plan;
use crate::pool::Pool;
use crate::rep3::Rep3Cost;
use crate::semi2k::Semi2kCost;
use crate::transport::frame::wire_len;
use crate::walk::Walk;

/// Modes of which the oracle knows the result.
pub(crate) const MODES: [Truncation; 3] = [
    Truncation::Stochastic,
    Truncation::Nearest,
    Truncation::Exact,
];

pub(crate) fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

/// Numbers of `2^from` to `2^to` - 1: for each power of two the ends, all numbers of 2^bits steps, and others between
/// them.
pub(crate) fn numbers(from: u32, to: u32, bits: u32) -> Vec<i64> {
    let mut all = Vec::new();
    let mut noise = 0x9e37_79b9_7f4a_7c15u64;
    for e in from..to {
        let step = 1i64 << e.saturating_sub(bits);
        let mut x = 1i64 << e;
        all.push((2 << e) - 1);
        while x < 2 << e {
            all.push(x);
            noise = noise.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            all.push(x + ((noise >> 32) as i64 & (step - 1)));
            x += step;
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What the oracle says of a function.
pub(crate) fn oracle(
    values: &[i64],
    format: Format,
    f: impl Fn(&mut Plain, &PlainTensor) -> Result<PlainTensor, Error>,
) -> Vec<i64> {
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let spec = Spec {
        shape: Shape::new(&[1, values.len()]).unwrap(),
        format,
    };
    let x = engine.input(&spec, Some(values)).unwrap();
    f(&mut engine, &x).unwrap().raw().to_vec()
}

/// Largest error in units from the correctly rounded value, where it is at most 2^16 units, and largest relative
/// error where it is larger. Before they are rounded, results are as close as `bound` says, in units of the exact
/// one.
pub(crate) fn errors(
    got: &[i64],
    exact: impl Iterator<Item = f64>,
    bound: impl Fn(f64) -> f64,
) -> (i64, f64) {
    let (mut units, mut relative) = (0, 0.0f64);
    for (y, exact) in got.iter().zip(exact) {
        let want = exact.round_ties_even();
        let off = (*y as f64 - want).abs();
        let before = bound(exact.abs());
        assert!(
            (*y as f64 - exact).abs() <= before + 1.0,
            "{y} for {exact}, {before} before it is rounded"
        );
        if exact.abs() <= 65536.0 || off <= 1.0 {
            units = units.max(off as i64);
        } else {
            relative = relative.max(off / exact.abs());
        }
    }
    (units, relative)
}

/// Where a result has just more than `2^bits` units, `2^-bits` of it is no more than one unit.
#[test]
fn results_of_little_more_than_the_precision_are_a_unit_off() {
    use crate::function::{Division, Reciprocal, Rsqrt};
    let from = z64(16, 18);
    let values: Vec<i64> = (1 << 14..1 << 18).collect();
    for bits in 14..=24 {
        let normal = Normal::new(from).unwrap().above(14).unwrap();
        let to = z64(bits, bits + 4);
        let reciprocal = Reciprocal::with(normal, to, bits).unwrap();
        let rsqrt = Rsqrt::with(normal, to, bits).unwrap();
        let division = Division::with(z64(16, 17), normal, to, bits).unwrap();
        let ones = Spec {
            shape: Shape::new(&[1, values.len()]).unwrap(),
            format: z64(16, 17),
        };
        for mode in MODES {
            let unit = f64::from(bits).exp2();
            let hold = |name: &str, got: Vec<i64>, real: &dyn Fn(f64) -> f64| {
                for (x, y) in values.iter().zip(got) {
                    let want = (real(*x as f64 / 65536.0) * unit).round_ties_even();
                    let off = (y as f64 - want).abs();
                    let most = (want / unit).max(1.0);
                    assert!(off <= most, "{name} {bits} {mode:?} {x}: {y} for {want}");
                }
            };
            let got = oracle(&values, from, |e, x| only(reciprocal.run(e, &[x], mode)?));
            hold("reciprocal", got, &|x| 1.0 / x);
            let got = oracle(&values, from, |e, x| only(rsqrt.run(e, &[x], mode)?));
            hold("rsqrt", got, &|x| 1.0 / x.sqrt());
            let got = oracle(&values, from, |e, y| {
                let x = e.constant(&ones, &vec![1 << 16; values.len()])?;
                division.run(e, &x, y, mode)
            });
            hold("division", got, &|x| 1.0 / x);
        }
    }
}

/// What is done with a number.
pub(crate) trait Steps {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error>;
}

/// Bits of an element and rounds, rounded stochastically: in `rep3` of all parties, in `semi2k` of each of two to the
/// other.
pub(crate) type Cost = [(u32, u32); 2];

/// By the plan.
pub(crate) fn planned(from: Format, steps: &impl Steps) -> Cost {
    let spec = Spec {
        shape: Shape::new(&[1, 64]).unwrap(),
        format: from,
    };
    let bits = |plan: &Plan, links: u64| {
        let total = plan.total(Phase::Online);
        let payload = total.bytes - total.messages * wire_len(0);
        (
            u32::try_from(payload * 8 / 64 / links).unwrap(),
            total.rounds,
        )
    };
    let mut rep3 = Walk::new(Rep3Cost::new(64));
    rep3.begin_phase(Phase::Online);
    steps.run(&mut rep3, &spec).unwrap();
    let mut semi2k = Walk::new(Semi2kCost::new(2, 64));
    semi2k.begin_phase(Phase::Online);
    steps.run(&mut semi2k, &spec).unwrap();
    [
        bits(rep3.into_visitor().plan(), 1),
        bits(semi2k.into_visitor().plan(), 2),
    ]
}

/// Bits of numbers, for which the engines have tables.
struct Planes(core::ops::Range<u32>);
impl Steps for Planes {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        e.bits(&[x], self.0.clone()).map(|_| ())
    }
}

/// A rescaling, for which the engines have formulas.
struct Dropped(u32, Truncation);
impl Steps for Dropped {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        let rescale = Rescale {
            shift: self.0,
            mode: self.1,
            to: z64(62 - self.0, 61 - self.0),
        };
        e.rescale(&[x], rescale).map(|_| ())
    }
}

/// Products of so many operands with so many bits dropped, by the formula of the page.
pub(crate) fn of_products(products: &[(u32, u32)], mode: Truncation) -> Cost {
    let mut all = [(0, 0); 2];
    for (operands, shift) in products {
        let mut one = planned(z64(62, 61), &Dropped(*shift, mode));
        // The operands of a product are opened first.
        one[1].0 += 64 * operands;
        one[1].1 += operands.min(&1);
        all = plus(all, one);
    }
    all
}

pub(crate) fn plus(a: Cost, b: Cost) -> Cost {
    [0, 1].map(|i| (a[i].0 + b[i].0, a[i].1 + b[i].1))
}

/// Conjunctions, then one step that weighs bits into sums.
pub(crate) fn weighed((ands, levels): (u32, u32), bits: u32, sums: u32) -> Cost {
    let rep3 = 3 * ands + 64 * (bits + 2 * sums);
    [(rep3, levels + 1), (2 * ands + bits, levels + 1)]
}

/// Bits of a number of this format, for which the engines have tables.
pub(crate) fn planes(from: Format, range: core::ops::Range<u32>) -> Cost {
    planned(from, &Planes(range))
}

/// Places and products of so many operands with so many bits dropped, by the formula of the page.
pub(crate) fn formula(places: &Places, products: &[(u32, u32)], mode: Truncation) -> Cost {
    let (n, d) = (places.normal, places.digit);
    let [declared, signed] = [n.declared, n.signed].map(u32::from);
    let first = n.low + declared;
    let end = n.from.bound() + u32::from(n.signed || !n.declared);
    let m = end - first - signed;
    let levels = (m - 1).checked_ilog2().map_or(0, |l| l + 1);
    let tree: u32 = (0..m).map(u32::count_ones).sum();
    let all_negative = u32::from(n.signed && !n.declared && n.low == 0);
    let ands = tree + signed * (n.blocks(d) - declared) + all_negative;
    let (q, t) = (places.scales.len() as u32, places.terms.len() as u32);
    let digits = u32::from(d > 0);
    let ands = (ands, levels + signed + all_negative);
    let bits = n.weighed(d) as u32;
    [
        planes(n.from, first..end),
        weighed(ands, bits, q + digits * q + t),
        [(192 * digits * q, digits), (128 * digits * q, digits)],
        of_products(products, mode),
    ]
    .into_iter()
    .fold([(0, 0); 2], plus)
}

#[test]
fn a_place_is_found_whatever_the_digits() {
    let from = z64(8, 20);
    for (low, declared) in [(0, false), (0, true), (3, false), (3, true)] {
        let mut normal = Normal::new(from).unwrap().above(low).unwrap();
        if declared {
            normal = normal.declared();
        }
        let outside = [-1, 0, -(1 << 19), (1 << low) - 1, -(1 << low)];
        let mut values = numbers(low, 20, 3);
        if !declared {
            values.extend(outside);
        }
        for digit in 0..=3 {
            let product = (low + normal.room(digit)).max(20);
            let first = 2 * (product as i32 - 1 - low as i32);
            let places = Places {
                normal,
                digit,
                scales: vec![
                    Scale::new(normal, digit, first, -2, 0).unwrap(),
                    Scale::new(normal, digit, 60, -1, 5).unwrap(),
                    Scale::new(normal, digit, 30, 1, 5).unwrap(),
                ],
                terms: vec![Term {
                    first: 100,
                    step: -7,
                    outside: 1234,
                    format: z64(9, 20),
                }],
            };
            for k in 0..4 {
                let got = oracle(&values, from, |e, x| {
                    let mut all = places.run(e, x)?;
                    assert_eq!(all.len(), 4);
                    Ok(all.swap_remove(k))
                });
                for (x, y) in values.iter().zip(got) {
                    let inside = *x >= 1 << low;
                    let p = inside.then(|| x.ilog2() as i32 - low as i32);
                    let near = |want: f64| assert!((y as f64 / want - 1.0).abs() < 1e-4);
                    match (k, p) {
                        (3, p) => assert_eq!(y, p.map_or(1234, |p| 100 - 7 * i64::from(p))),
                        (_, None) => assert_eq!(y, 0),
                        (0, Some(p)) => assert_eq!(y, 1 << (product as i32 - 1 - low as i32 - p)),
                        (1, Some(p)) => near(half_power(60 - p)),
                        (_, Some(p)) => near(half_power(30 + p)),
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_normalised_is_refused() {
    assert!(Normal::new(Format::new(32, 8, 20).unwrap()).is_err());
    assert!(Normal::new(z64(8, 1)).is_err());
    for low in [19, 20, u32::MAX - 1, u32::MAX] {
        assert!(Normal::new(z64(8, 20)).unwrap().above(low).is_err());
    }
    use crate::function::{Division, Reciprocal, Rsqrt};
    let wide = Normal::new(z64(8, 20)).unwrap();
    for bits in [40, 62, 1 << 31, u32::MAX] {
        assert!(Reciprocal::with(wide, z64(40, 50), bits).is_err());
        assert!(Rsqrt::with(wide, z64(40, 50), bits).is_err());
        assert!(Division::with(z64(8, 20), wide, z64(8, 29), bits).is_err());
    }
    let normal = Normal::new(z64(8, 20)).unwrap().above(4).unwrap();
    assert_eq!(normal.domain(), (1.0 / 16.0, 4096.0));
}
