//! Known-answer vectors: the reference, the crate and the files in `vectors/` say the same bytes.
//!
//! With `PIQUET_BLESS=1` the reference writes the files anew, and the crate has to agree with them all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod reference;
mod support {
    pub(crate) mod show;
    pub(crate) mod vectors;
}

use piquet_core::Block;
use piquet_core::ggm::GgmHash;
use piquet_fss::evaluator::{View, Walked};
use piquet_fss::{Cpu, Evaluator};
use reference::tree::{self, Shape};
use reference::{Pi, derive};
use serde_json::{Value, json};
use support::show;
use support::vectors::hold;

const GENERATOR: &str =
    "fss/tests/reference, written by fss/tests/known_answers.rs under PIQUET_BLESS=1";

/// `n` blocks that depend on a label.
fn inputs(label: &str, n: usize) -> Vec<u128> {
    let bytes = derive("piquet 2026 known answers", &[label.as_bytes()], 16 * n);
    let block = |b: &[u8]| u128::from_le_bytes(b.try_into().unwrap());
    bytes.chunks(16).map(block).collect()
}

/// The ends of the domain, what is next to α, and a few more.
fn points(domain: u32, alpha: u128, more: &[u128]) -> Vec<u128> {
    let mut x = vec![0, 1, u128::MAX, alpha, alpha ^ 1];
    x.extend([
        alpha.wrapping_sub(1),
        alpha.wrapping_add(1),
        1 << (domain - 1),
    ]);
    x.extend(more);
    x.iter().map(|x| reference::low(*x, domain)).collect()
}

#[test]
fn trees() {
    let mut cases = Vec::new();
    let shapes = [
        (1, 1),
        (6, 1),
        (7, 1),
        (8, 1),
        (37, 1),
        (63, 1),
        (128, 1),
        (1, 128),
        (5, 3),
        (9, 7),
        (16, 33),
        (20, 64),
        (32, 65),
        (128, 128),
    ];
    for (domain, value) in shapes {
        let shape = Shape { domain, value };
        let random = inputs(&format!("tree of {domain} bits to {value}"), 8);
        let [key, r0, r1, alpha, beta] = random[..5].try_into().unwrap();
        let all = u128::MAX;
        for (which, alpha) in [("random", alpha), ("0", 0), ("all ones", all)] {
            let alpha = reference::low(alpha, domain);
            let beta = if value == 1 {
                1
            } else {
                reference::low(beta, value)
            };
            let roots = [r0 & !1, r1 | 1];
            let x = points(domain, alpha, &random[5..]);
            let common = json!({
                "domain": domain, "value": value, "key": show::blocks(&[key])[0], "alpha": alpha.to_string(),
                "beta": beta.to_string(), "roots": show::blocks(&roots), "points": show::words(&x),
            });
            let said = by_reference(shape, key, alpha, beta, roots, &x);
            let got = by_crate(shape, key, alpha, &said, roots, &x);
            let name = format!("{domain} bits to {value}, alpha {which}");
            cases.push((name, merged(&common, said.shown()), merged(&common, got)));
        }
    }
    hold("trees", GENERATOR, &cases);
}

fn merged(a: &Value, b: Value) -> Value {
    let mut a = a.clone();
    a.as_object_mut()
        .unwrap()
        .extend(b.as_object().unwrap().clone());
    a
}

struct Tree {
    key: tree::Corrections,
    values: [Vec<u128>; 2],
    prefixes: Option<[Vec<bool>; 2]>,
}

impl Tree {
    fn shown(&self) -> Value {
        shown(
            &self.key.levels,
            self.key.leaf,
            &self.values,
            self.prefixes.as_ref(),
        )
    }
}

fn shown(
    levels: &[u128],
    leaf: u128,
    values: &[Vec<u128>; 2],
    prefixes: Option<&[Vec<bool>; 2]>,
) -> Value {
    let bits = |b: &Vec<bool>| -> String { b.iter().map(|b| if *b { '1' } else { '0' }).collect() };
    let prefixes = prefixes.map(|p| p.each_ref().map(bits));
    json!({
        "levels": show::blocks(levels), "leaf": show::blocks(&[leaf])[0],
        "shares of party 0": show::words(&values[0]), "shares of party 1": show::words(&values[1]),
        "shares of alpha <= x": prefixes.map(Vec::from),
    })
}

fn by_reference(
    shape: Shape,
    key: u128,
    alpha: u128,
    beta: u128,
    roots: [u128; 2],
    x: &[u128],
) -> Tree {
    let pi = Pi::new(key.to_le_bytes());
    let key = tree::generate(&pi, shape, alpha, beta, roots);
    let values = [0, 1].map(|p: usize| {
        let of = |x: &u128| tree::evaluate(&pi, shape, p, roots[p], &key, *x);
        x.iter().map(of).collect::<Vec<_>>()
    });
    for (i, x) in x.iter().enumerate() {
        let sum = reference::low(values[0][i].wrapping_add(values[1][i]), shape.value);
        assert_eq!(sum, if *x == alpha { beta } else { 0 });
    }
    let prefixes = (shape.value == 1).then(|| {
        [0, 1].map(|p| {
            let of = |x: &u128| tree::prefix(&pi, shape, roots[p], &key, *x);
            x.iter().map(of).collect::<Vec<_>>()
        })
    });
    if let Some([a, b]) = &prefixes {
        for (i, x) in x.iter().enumerate() {
            assert_eq!(a[i] ^ b[i], alpha <= *x);
        }
    }
    Tree {
        key,
        values,
        prefixes,
    }
}

/// The crate's corrections of levels, and what its evaluator makes of a key at every point. The leaf's correction is taken from
/// the reference, and applied here.
fn by_crate(
    shape: Shape,
    key: u128,
    alpha: u128,
    said: &Tree,
    roots: [u128; 2],
    x: &[u128],
) -> Value {
    let hash = Block::from_u128(key);
    let path = |x: u128| Block::from_u128(x << (128 - shape.domain));
    let [mut x0, mut x1] = roots.map(|r| [Block::from_u128(r)]);
    let mut levels = vec![Block::ZERO; shape.levels() as usize];
    GgmHash::new(hash).deal(0, &[path(alpha)], [&mut x0, &mut x1], &mut levels);
    let mut corrections = levels.clone();
    corrections.push(Block::from_u128(said.key.leaf));
    let k = shape.value;
    let mut values = [Vec::new(), Vec::new()];
    let mut prefixes = [Vec::new(), Vec::new()];
    for p in 0..2 {
        for x in x {
            let keys = View {
                hash,
                shape: piquet_fss::Shape::new(shape.domain, k).unwrap(),
                roots: &[Block::from_u128(roots[p])],
                corrections: &corrections,
            };
            let (mut w, mut mark) = ([Block::ZERO], [0]);
            let out = Walked {
                values: &mut w,
                marks: &mut mark,
            };
            Cpu::new().points(keys, &[path(*x)], out).unwrap();
            let t = if mark[0] & 1 == 1 { said.key.leaf } else { 0 };
            let entry = shape.entry(*x);
            let v = (w[0].to_u128() >> (entry * k)).wrapping_add(t >> (entry * k));
            let v = if p == 1 { v.wrapping_neg() } else { v };
            values[p].push(reference::low(v, k));
            let bits = reference::low(w[0].to_u128() ^ t, (entry + 1).min(128));
            prefixes[p].push((bits.count_ones() & 1 == 1) ^ (mark[0] & 2 == 2));
        }
    }
    let levels: Vec<_> = levels.iter().map(|b| b.to_u128()).collect();
    shown(
        &levels,
        said.key.leaf,
        &values,
        (k == 1).then_some(&prefixes),
    )
}
