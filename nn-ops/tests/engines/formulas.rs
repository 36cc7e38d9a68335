//! The formulas on the pages of bits, tables, shifts, polynomials and what is made of these, in both engines.

use piquet_core::linalg::ConvShape;
use piquet_nn_ops::engine::{Engine, LinearOp, Rescale, Spec, Truncation, Weighed};
use piquet_nn_ops::function::polynomial::Polynomial;
use piquet_nn_ops::function::{Piecewise, Table};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{Format, Shape};
use piquet_nn_ops::plan::Plan;
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::Semi2kCost;
use piquet_nn_ops::transport::frame::wire_len;
use piquet_nn_ops::walk::{Visitor, Walk};

/// Elements.
const N: usize = 64;
/// Bits of the ring.
const K: u64 = 64;
/// Links between the parties of `semi2k`, in both directions.
const LINKS: u64 = 2;

/// Payload bits for an element, sent by all, and rounds.
type Cost = (u64, u32);

fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

fn column(format: Format) -> Spec {
    Spec {
        shape: Shape::new(&[N, 1]).unwrap(),
        format,
    }
}

fn measured<V: Visitor>(
    visitor: V,
    plan: impl Fn(&V) -> &Plan,
    format: Format,
    weights: &[LinearOp],
    run: impl FnOnce(&mut Walk<V>, &Spec),
) -> Cost {
    let mut e = Walk::new(visitor);
    for op in weights {
        e.prepare(op, None).unwrap();
    }
    e.begin_phase(Phase::Online);
    let x = e.input(&column(format), None).unwrap();
    // The parties have heard from one another before.
    e.non_negative(&[&x]).unwrap();
    e.begin_layer("function", "function");
    run(&mut e, &x);
    e.end_layer();
    let visitor = e.into_visitor();
    let rows = plan(&visitor).rows();
    let online = rows.iter().filter(|r| r.phase == Phase::Online);
    let Some(row) = online.into_iter().find(|r| r.name == "function") else {
        return (0, 0);
    };
    let payload = row.bytes - row.messages * wire_len(0);
    (payload * 8 / N as u64, row.rounds)
}

/// What both engines take for the same: `rep3`, then two parties of `semi2k`.
macro_rules! costs {
    ($format:expr, $run:expr) => {
        costs!($format, &[], $run)
    };
    ($format:expr, $weights:expr, $run:expr) => {
        [
            measured(Rep3Cost::new(64), Rep3Cost::plan, $format, $weights, $run),
            measured(
                Semi2kCost::new(2, 64),
                Semi2kCost::plan,
                $format,
                $weights,
                $run,
            ),
        ]
    };
}

/// One after the other.
fn sum<const M: usize>(parts: [[Cost; 2]; M]) -> [Cost; 2] {
    let one = |i: usize| {
        let parts = parts.iter().map(|p| p[i]);
        parts.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    [one(0), one(1)]
}

/// So many conjunctions in so many rounds.
fn conjunctions(many: u64, rounds: u32) -> [Cost; 2] {
    [(3 * many, rounds), (2 * many * LINKS, rounds)]
}

/// `ceil(log2 n)`
fn log2(n: u32) -> u32 {
    n.next_power_of_two().ilog2()
}

/// The unit vector of m bits of a value, from the first on.
fn unit(format: Format, first: u32, m: u32) -> [Cost; 2] {
    let places = costs!(format, |e, x| drop(e.bits(&[x], first..first + m).unwrap()));
    let many = (1u64 << m) - u64::from(m) - 1;
    sum([places, conjunctions(many, log2(m))])
}

/// So many weighed bits to so many sums.
fn weighed(bits: u64, sums: u64) -> [Cost; 2] {
    [((bits + 2 * sums) * K, 1), (bits * LINKS, 1)]
}

#[test]
fn bits() {
    for n in [2, 3, 8, 13, 32, 64u32] {
        let tree = |r: u32| (0..n).filter(|i| i >> r & 1 == 1).count() as u64;
        let want = conjunctions((0..log2(n)).map(tree).sum(), log2(n));
        let bits = vec![N; n as usize];
        let or = costs!(z64(0, 8), |e, _| drop(e.prefix_or(&bits).unwrap()));
        assert_eq!(or, want, "{n} bits");
        let highest = costs!(z64(0, 8), |e, _| drop(
            e.most_significant_one(&bits).unwrap()
        ));
        assert_eq!(highest, want, "{n} bits");
    }
    for m in [1, 2, 3, 5, 8, 12u32] {
        let bits = vec![N; m as usize];
        let many = (1u64 << m) - u64::from(m) - 1;
        let got = costs!(z64(0, 8), |e, _| drop(e.one_hot(&bits).unwrap()));
        assert_eq!(got, conjunctions(many, log2(m)), "{m} bits");
    }
}

#[test]
fn tables() {
    // Rows, columns, and bits of the numbers: few rows are weighed by row, many by digit.
    for (rows, columns, digits, bits) in [
        (16, 1, 40, 15),
        (16, 3, 4, 12),
        (256, 1, 16, 16),
        (1000, 2, 9, 18),
    ] {
        let m = log2(rows);
        let column = |c: u64| -> Vec<i64> {
            let any = (0..u64::from(rows)).map(|i| 2 * (97 * i + c) + 1);
            any.map(|v| (v.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - digits)) as i64)
                .collect()
        };
        let table = Table::new((0..columns).map(column).collect(), z64(3, digits)).unwrap();
        for frac in [0, 5] {
            let format = z64(frac, frac + 20);
            let got = costs!(format, |e, x| drop(e.look_up(x, &table).unwrap()));
            let want = sum([unit(format, frac, m), weighed(bits, columns)]);
            assert_eq!(got, want, "{rows} rows of {columns}");
        }
    }
}

#[test]
fn embeddings() {
    for (words, features) in [(11usize, 3), (16, 4), (300, 2)] {
        let m = log2(words as u32);
        let format = z64(0, 9);
        let op = LinearOp {
            name: "table".into(),
            shape: ConvShape::matmul(N, words, features),
            out: Shape::new(&[N, features]).unwrap(),
            frac: 6,
            bias: false,
        };
        let rows = costs!(format, |e, x| drop(e.one_hot_rows(x, words).unwrap()));
        let places = words as u64;
        // Every 33 tensors take a round.
        let rounds = words.div_ceil(33) as u32;
        let integers = [(3 * K * places, rounds), (places * LINKS, rounds)];
        assert_eq!(rows, sum([unit(format, 0, m), integers]), "{words} words");
        let weights = core::slice::from_ref(&op);
        let got = costs!(format, weights, |e, x| drop(
            e.embed(x, &op, &(), z64(6, 12)).unwrap()
        ));
        let product = [(3 * K * features as u64, 1), (K * places * LINKS, 1)];
        assert_eq!(got, sum([rows, product]), "{words} words");
    }
}

#[test]
fn shifts() {
    let format = z64(5, 20);
    for most in [1u32, 7, 20] {
        let m = log2(most + 1);
        let amount = |shift: &mut dyn FnMut(&Spec)| shift(&column(z64(0, 6)));
        // A power for each amount but one, and nothing past them.
        let power = sum([
            unit(z64(0, 6), 0, m),
            weighed(u64::from(most) + u64::from(most + 1 < 1 << m), 1),
        ]);
        let product = [(3 * K, 1), (2 * K * LINKS, 1)];
        let left = costs!(format, |e, x| amount(&mut |s| {
            drop(e.shift_left(x, s, most, z64(5, 20 + most)).unwrap());
        }));
        assert_eq!(left, sum([power, product]), "by {most}");
        for mode in [Truncation::Stochastic, Truncation::Exact] {
            let right = costs!(format, |e, x| amount(&mut |s| {
                drop(e.shift_right(x, s, most, mode).unwrap());
            }));
            let r = Rescale {
                shift: most,
                mode,
                to: z64(5, 20),
            };
            let product = costs!(format, |e, x| {
                let y = column(z64(most, most + 1));
                drop(e.mul(&[(x, &y)], r).unwrap());
            });
            assert_eq!(right, sum([power, product]), "by {most}");
        }
    }
}

#[test]
fn polynomials() {
    // Degree, products, levels; payload bytes of `rep3`, and of two parties of `semi2k`.
    let page = [
        (1, 1, 1, 30, 16),
        (2, 1, 1, 48, 48),
        (4, 2, 2, 84, 96),
        (6, 3, 3, 120, 176),
        (9, 4, 4, 156, 224),
        (12, 5, 4, 192, 256),
        (16, 6, 4, 252, 288),
    ];
    let mut got = Vec::new();
    for (degree, ..) in page {
        let coefficients: Vec<f64> = (0..=degree).map(|k| 0.5 / f64::from(1 + k * k)).collect();
        let range = [-(1 << 16), 1 << 16];
        let p = Polynomial::new(&coefficients, range, z64(16, 17), z64(16, 18)).unwrap();
        let mode = Truncation::Stochastic;
        let [rep3, semi2k] = costs!(z64(16, 17), |e, x| drop(p.run(e, &[x], mode).unwrap()));
        assert_eq!(rep3.0, 8 * u64::from(p.rep3_bytes()), "degree {degree}");
        let rounds = 2 * p.levels() as u32;
        assert!(rep3.1 == rounds && semi2k.1 <= rounds, "degree {degree}");
        got.push((degree, p.products(), p.levels(), rep3.0 / 8, semi2k.0 / 8));
    }
    assert_eq!(got, page);
}

#[test]
fn piecewise() {
    type Make = fn(Format, Format) -> Result<Piecewise, piquet_nn_ops::Error>;
    let all: [(Make, bool); 5] = [
        (Piecewise::sigmoid, true),
        (Piecewise::tanh, true),
        (Piecewise::gelu, false),
        (Piecewise::gelu_tanh, false),
        (Piecewise::silu, false),
    ];
    let mode = Truncation::Stochastic;
    for frac in [12, 16, 20] {
        for (make, step) in all {
            let (from, wider) = (z64(frac, frac + 9), z64(frac, frac + 10));
            let f = make(from, wider).unwrap();
            let got = costs!(from, |e, x| drop(e.piecewise(&[x], &f, mode).unwrap()));
            let sign = costs!(from, |e, x| drop(e.non_negative(&[x]).unwrap()));
            let select = costs!(from, |e, x| drop(e.select(&[(&N, x)]).unwrap()));
            let first = match step {
                true => sum([sign, select]),
                false => costs!(from, |e, x| drop(e.relu(&[x]).unwrap())),
            };
            let second = costs!(wider, |e, x| drop(e.relu(&[x]).unwrap()));
            let p = costs!(from, |e, x| drop(
                f.polynomial().run(e, &[x], mode).unwrap()
            ));
            let last = if step { select } else { [(0, 0); 2] };
            assert_eq!(got, sum([first, second, p, last]), "{frac}");
        }
    }
}

#[test]
fn weighed_bits_are_as_the_engines_say() {
    for (bits, sums) in [(1, 1), (16, 1), (40, 3)] {
        let factors = vec![1; bits];
        let format = z64(0, 20);
        let sum = Weighed {
            factors: &factors,
            format,
        };
        let planes = vec![&N; bits];
        let got = costs!(format, |e, x| {
            drop(e.weigh(&[(&planes, &x.shape)], &vec![sum; sums]).unwrap());
        });
        assert_eq!(got, weighed(bits as u64, sums as u64));
    }
}
