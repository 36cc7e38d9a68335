//! Errors against functions that are computed in other ways than those of the tables.

use super::*;

/// The part of a standard normal distribution above x >= 0: a series with alternating signs, and a continued fraction.
fn normal_tail(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x > 3.0 {
        let fraction = (1..200).rev().fold(x, |t, k| x + f64::from(k) / t);
        return density / fraction;
    }
    let (mut power, mut sum) = (x, x);
    for k in 1..60 {
        let k = f64::from(k);
        power *= -x * x / (2.0 * k);
        sum += power / (2.0 * k + 1.0);
    }
    0.5 - sum / (2.0 * std::f64::consts::PI).sqrt()
}

fn gelu(x: f64) -> f64 {
    if x < 0.0 {
        x * normal_tail(-x)
    } else {
        x - x * normal_tail(x)
    }
}

/// Points where the gate is compared with the function: all between the first and the last joint if they are few enough, else some of
/// all pieces; and what lies outside, up to the ends of the domain.
fn points(gate: &Function<u64>, domain: [i64; 2]) -> Vec<i64> {
    let list = &gate.pieces.list;
    let joints: Vec<i64> = list.iter().skip(1).map(|p| p.from).collect();
    let (first, last) = (joints[0], joints[joints.len() - 1]);
    let mut x: Vec<i64> = if last - first <= 1 << 21 {
        (first - 2..last + 2).collect()
    } else {
        let inside = joints.windows(2).flat_map(|j| {
            let all = j[1] - j[0];
            let even = (0..=64).map(move |i| j[0] + (i128::from(all) * i / 64) as i64);
            let ends = [-2, -1, 1, 2].map(|d| j[0] + d);
            even.chain(ends)
        });
        inside.collect()
    };
    x.extend((0..62).flat_map(|b| [-1i64 << b, 1 << b, (1 << b) + 1, 3 << b >> 1]));
    x.extend(uniform::<u64>(64, 1000, 4).iter().map(|x| *x as i64));
    x.extend([i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1]);
    x.retain(|x| *x >= domain[0] && *x <= domain[1]);
    x
}

fn worst(gate: &Function<u64>, domain: [i64; 2], exact: &dyn Fn(f64) -> f64) -> f64 {
    let one = (1u64 << gate.fraction) as f64;
    let mut worst = 0.0f64;
    for x in points(gate, domain) {
        let y = gate.plain(x as u64) as i64;
        // What is linear far away is compared without losing its low bits.
        let line = if gate.pieces.identity && x > 1 << 40 {
            x
        } else {
            0
        };
        let exact = exact(x as f64 / one) * one - line as f64;
        worst = worst.max(((y - line) as f64 - exact).abs());
    }
    worst
}

type Case<'a> = (
    &'a str,
    &'a str,
    fn(u32) -> Function<u64>,
    fn(u32) -> i64,
    &'a dyn Fn(f64) -> f64,
);

#[test]
fn errors_are_those_of_the_table() {
    let all = |_| i64::MIN;
    let cases: [Case<'_>; 9] = [
        (
            "GeLU",
            "all x",
            |f| Function::gelu(64, f).unwrap(),
            all,
            &gelu,
        ),
        (
            "SiLU",
            "all x",
            |f| Function::silu(64, f).unwrap(),
            all,
            &|x| x / (1.0 + (-x).exp()),
        ),
        (
            "sigmoid",
            "all x",
            |f| Function::sigmoid(64, f).unwrap(),
            all,
            &|x| 1.0 / (1.0 + (-x).exp()),
        ),
        (
            "tanh",
            "all x",
            |f| Function::tanh(64, f).unwrap(),
            all,
            &f64::tanh,
        ),
        (
            "e^-x",
            "x >= 0",
            |f| Function::nexp(64, f).unwrap(),
            |_| 0,
            &|x| (-x).exp(),
        ),
        (
            "1/x, l = 0",
            "x >= 1",
            |f| Function::reciprocal(64, f, 0).unwrap(),
            |f| 1 << f,
            &|x| 1.0 / x,
        ),
        (
            "1/x, l = 4",
            "x >= 1/16",
            |f| Function::reciprocal(64, f, 4).unwrap(),
            |f| 1 << (f - 4),
            &|x| 1.0 / x,
        ),
        (
            "1/x, l = f",
            "x > 0",
            |f| Function::reciprocal(64, f, f).unwrap(),
            |_| 1,
            &|x| 1.0 / x,
        ),
        (
            "1/√x",
            "x > 0",
            |f| Function::rsqrt(64, f).unwrap(),
            |_| 1,
            &|x| 1.0 / x.sqrt(),
        ),
    ];
    let mut rows = Vec::new();
    for (name, domain, gate, first, exact) in cases {
        let mut row = format!("//! | {name} | {domain} |");
        for f in 8..=16 {
            let worst = worst(&gate(f), [first(f), i64::MAX], exact);
            assert!(worst < 1.0, "{name} is off by {worst} at f = {f}");
            if f % 4 == 0 {
                row += &format!(" {:.2} |", (worst * 100.0).ceil() / 100.0);
            }
        }
        rows.push(row);
    }
    documented(&rows);
}

#[test]
fn costs_are_those_of_the_table() {
    type Case<'a> = (&'a str, fn(u32) -> Function<u64>);
    let cases: [Case<'_>; 9] = [
        ("GeLU", |n| Function::gelu(n, 12).unwrap()),
        ("SiLU", |n| Function::silu(n, 12).unwrap()),
        ("sigmoid", |n| Function::sigmoid(n, 12).unwrap()),
        ("tanh", |n| Function::tanh(n, 12).unwrap()),
        ("e^-x", |n| Function::nexp(n, 12).unwrap()),
        ("1/x, l = 0", |n| Function::reciprocal(n, 12, 0).unwrap()),
        ("1/x, l = 4", |n| Function::reciprocal(n, 12, 4).unwrap()),
        ("1/x, l = 10", |n| Function::reciprocal(n, 12, 10).unwrap()),
        ("1/√x", |n| Function::rsqrt(n, 12).unwrap()),
    ];
    let rows: Vec<_> = cases
        .iter()
        .map(|(name, gate)| {
            let [a, b] = [38, 64].map(gate);
            let bytes = [&a, &b].map(|g| g.key_bytes(1 << 10).div_ceil(1 << 10));
            let [w, m, c] = a.opened_bits();
            assert_eq!(a.opened_bits(), b.opened_bits());
            format!(
                "//! | {name} | {} | {} | {} | {} | {} | {w} + {m} + {c} |",
                a.pieces(),
                bytes[0],
                bytes[1],
                a.aes(),
                b.aes()
            )
        })
        .collect();
    documented(&rows);
}

fn documented(rows: &[String]) {
    let docs: Vec<_> = include_str!("../../functions.rs").lines().collect();
    let table = rows.join("\n");
    for row in rows {
        assert!(docs.contains(&row.as_str()), "the table has to be\n{table}");
    }
}

#[test]
fn keys_are_as_long_as_the_formula_says() {
    for n in [38usize, 64] {
        for gate in all::<u64>(n as u32, 12) {
            let p = &gate.pieces;
            let (m, g, beta) = (p.sum as usize, p.guard as usize, p.slope as usize);
            let bytes = 16 * (n - 6) + 16 * (g - 6).max(1);
            let bits = m + m * (m + 1) / 2 + beta * (2 * m - beta + 1) + 3 * n - (m - g);
            let bits = bits + if p.identity { 3 * n } else { 0 };
            assert_eq!(gate.key_bytes(64), 64 * bytes + 8 * bits, "{gate:?}");
        }
    }
}
