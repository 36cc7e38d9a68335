//! Known-answer vectors of keys by themselves: point functions on both trees, incremental ones, comparison functions. The messages
//! that give them to their parties, shares at some points, and messages that have to be refused. As `known_answers.rs`, under
//! `PIQUET_BLESS=1` the reference writes the files.
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

use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg};
use piquet_fss::idpf::Levels;
use piquet_fss::{Cpu, P0, P1, Shape, bgi, dcf, dpf, idpf};
use reference::keys::{self, Made, Range};
use reference::{derive, low};
use serde_json::{Value, json};
use support::show;
use support::vectors::hold;

const GENERATOR: &str =
    "fss/tests/reference, written by fss/tests/known_keys.rs under PIQUET_BLESS=1";
const SESSION: [u8; 32] = *b"known answers, session number 1.";
const SEED: [u8; 16] = *b"whoever deals it";
const BATCH: u64 = 5;

fn inputs(label: &str, bits: u32, n: usize) -> Vec<u128> {
    let bytes = derive("piquet 2026 known answers", &[label.as_bytes()], 16 * n);
    let word = |b: &[u8]| low(u128::from_le_bytes(b.try_into().unwrap()), bits);
    let mut out: Vec<_> = bytes.chunks(16).map(word).collect();
    // The ends of the domain come first.
    for (o, e) in out.iter_mut().zip([0, low(u128::MAX, bits)]) {
        *o = e;
    }
    out
}

/// What is spoilt in the message to party 0, and the error.
fn edits(good: &[u8], other: &[u8], kind: u8) -> Vec<(String, Vec<u8>, String)> {
    let len = good.len();
    let [domain, value] = [good[19], good[20]];
    let count = u32::from_le_bytes(good[21..25].try_into().unwrap());
    let xor = |at: usize, with: u8| {
        let mut m = good.to_vec();
        m[at] ^= with;
        (format!("bad_xor {with:02x} at {at}"), m)
    };
    let context = "key stream: message belongs to another session or step".to_string();
    let place =
        |what: &str, got: u32, want: u32| format!("key stream: {what} {got}, expected {want}");
    let mut out = vec![
        (xor(0, 3), "key stream: wire version 2, expected 1".into()),
        (
            xor(1, 0x40),
            format!("key stream: message kind {}, expected {kind}", kind ^ 0x40),
        ),
        (xor(2, 1), context.clone()),
        (xor(10, 1), context),
        (
            xor(19, 1),
            place("bits of the domain", (domain ^ 1).into(), domain.into()),
        ),
        (
            xor(20, 1),
            place("bits of the values", (value ^ 1).into(), value.into()),
        ),
        (xor(21, 1), place("number of keys", count ^ 1, count)),
        (
            xor(25, 1),
            "key stream: control bit of a root out of range".into(),
        ),
        (
            ("bad_party".to_string(), other.to_vec()),
            place("party", 1, 0),
        ),
    ];
    for n in [1, len] {
        let m = good[..len - n].to_vec();
        // Whether a message that is too short for its header is short or no header is for each to say.
        if n == 1 {
            let error = format!("key stream: message is {} bytes, expected {len}", len - n);
            out.push(((format!("bad_cut {n}"), m), error));
        }
    }
    let mut m = good.to_vec();
    m.push(0);
    let error = format!("key stream: message is {} bytes, expected {len}", len + 1);
    out.push((("bad_append".into(), m), error));
    out.into_iter().map(|((what, m), e)| (what, m, e)).collect()
}

type Case = (String, Value, Value);

fn case(
    name: String,
    inputs: &Value,
    said: &Made,
    got: &Made,
    refuse: &dyn Fn(&[u8]) -> String,
) -> Case {
    let good = &said.messages[0];
    let edits = edits(good, &said.messages[1], good[1]);
    let shown = |made: &Made, error: &dyn Fn(&[u8], &str) -> String| {
        let refused: Vec<_> = edits
            .iter()
            .map(|(what, m, e)| json!({"what": what, "error": error(m, e)}))
            .collect();
        json!({
            "session": show::hex(&SESSION), "seed of AES in counter mode": show::hex(&SEED), "batch": BATCH,
            "inputs": inputs,
            "message to party 0": show::bytes(&made.messages[0]), "message to party 1": show::bytes(&made.messages[1]),
            "shares of party 0": show::words(&made.shares[0]), "shares of party 1": show::words(&made.shares[1]),
            "refused by party 0": refused,
        })
    };
    let said = shown(said, &|_, e| e.to_string());
    (name, said, shown(got, &|m, _| refuse(m)))
}

fn rng() -> Prg {
    Prg::new(Block::from(SEED))
}

fn sums(made: &Made, add: impl Fn(u128, u128) -> u128) -> Vec<u128> {
    let [a, b] = &made.shares;
    a.iter().zip(b).map(|(a, b)| add(*a, *b)).collect()
}

/// Both keys, encoded and decoded, and what `$share` makes of each.
macro_rules! by_crate {
    ($keys:expr, $decode:ident, |$k:ident| $share:expr) => {{
        let (k0, k1) = $keys;
        let [mut m0, mut m1] = [Vec::new(), Vec::new()];
        k0.encode(&mut m0);
        k1.encode(&mut m1);
        let $k = $decode!(P0, &m0).unwrap();
        let a: Vec<u128> = $share;
        let $k = $decode!(P1, &m1).unwrap();
        let b: Vec<u128> = $share;
        Made {
            messages: [m0, m1],
            shares: [a, b],
        }
    }};
}

/// Point functions on a tree: `$tree` is the module, `$reference` the function.
macro_rules! point_functions {
    ($name:literal, $tree:ident, $reference:expr) => {{
        let session = SessionId(SESSION);
        let mut cases = Vec::new();
        for (domain, k, n) in [(3, 1, 2), (9, 1, 65), (32, 64, 3), (20, 13, 130), (128, 128, 2)] {
            let name = format!("{n} keys of {domain} bits to {k}");
            let alphas = inputs(&format!("points, {name}"), domain, n);
            let betas = inputs(&format!("values, {name}"), k, n);
            let x = [inputs(&name, domain, 3), alphas[..2].to_vec()].concat();
            let pairs: Vec<_> = alphas.iter().copied().zip(betas.iter().copied()).collect();
            let mut prg = reference::Prg::new(SEED);
            let said = $reference(&SESSION, BATCH, domain, Range::Ring(k), &pairs, &x, &mut prg);
            for (i, sum) in sums(&said, |a, b| low(a.wrapping_add(b), k)).iter().enumerate() {
                let (alpha, beta) = pairs[i / x.len()];
                assert_eq!(*sum, if x[i % x.len()] == alpha { beta } else { 0 });
            }
            let shape = Shape::new(domain, k).unwrap();
            macro_rules! decode {
                ($p:ty, $m:expr) => {
                    $tree::Keys::<$p>::decode(&session, BATCH, shape, n, $m)
                };
            }
            let made = $tree::generate(&session, BATCH, shape, &alphas, &betas, &mut rng()).unwrap();
            let got = by_crate!(made, decode, |k| (0..n)
                .flat_map(|j| k.evaluate_one(j, &x, &Cpu::new()).unwrap().into_vec())
                .collect());
            let said_inputs = json!({
                "domain": domain, "bits": k, "points": show::words(&alphas), "values": show::words(&betas), "x": show::words(&x),
            });
            cases.push(case(name, &said_inputs, &said, &got, &|m| {
                decode!(P0, m).unwrap_err().to_string()
            }));
        }
        let (domain, n) = (9, 66);
        let name = format!("{n} keys of {domain} bits to blocks");
        let alphas = inputs(&format!("points, {name}"), domain, n);
        let betas = inputs(&format!("values, {name}"), 128, n);
        let x = [inputs(&name, domain, 3), alphas[..2].to_vec()].concat();
        let pairs: Vec<_> = alphas.iter().copied().zip(betas.iter().copied()).collect();
        let mut prg = reference::Prg::new(SEED);
        let said = $reference(&SESSION, BATCH, domain, Range::Block, &pairs, &x, &mut prg);
        for (i, sum) in sums(&said, |a, b| a ^ b).iter().enumerate() {
            let (alpha, beta) = pairs[i / x.len()];
            assert_eq!(*sum, if x[i % x.len()] == alpha { beta } else { 0 });
        }
        macro_rules! decode_blocks {
            ($p:ty, $m:expr) => {
                $tree::BlockKeys::<$p>::decode(&session, BATCH, domain, n, $m)
            };
        }
        let blocks: Vec<_> = betas.iter().map(|b| Block::from_u128(*b)).collect();
        let made = $tree::generate_blocks(&session, BATCH, domain, &alphas, &blocks, &mut rng()).unwrap();
        let got = by_crate!(made, decode_blocks, |k| (0..n)
            .flat_map(|j| k.evaluate_one(j, &x, &Cpu::new()).unwrap())
            .map(Block::to_u128)
            .collect());
        let said_inputs = json!({
            "domain": domain, "points": show::words(&alphas), "values": show::words(&betas), "x": show::words(&x),
        });
        cases.push(case(name, &said_inputs, &said, &got, &|m| {
            decode_blocks!(P0, m).unwrap_err().to_string()
        }));
        hold($name, GENERATOR, &cases);
    }};
}

#[test]
fn point_functions_on_the_half_tree() {
    point_functions!("point-functions", dpf, keys::dpf);
}

#[test]
fn point_functions_on_the_tree_of_seeds() {
    point_functions!("point-functions-of-seeds", bgi, keys::bgi);
}

#[test]
fn incremental_point_functions() {
    let session = SessionId(SESSION);
    let mut cases = Vec::new();
    for (domain, k, n) in [(1, 1, 1), (8, 13, 65), (32, 64, 3), (128, 128, 2)] {
        let name = format!("{n} keys of {domain} bits to {k}");
        let alphas = inputs(&format!("points, {name}"), domain, n);
        let betas = inputs(&format!("values, {name}"), k, n * domain as usize);
        let rows: Vec<_> = betas
            .chunks(domain as usize)
            .map(<[u128]>::to_vec)
            .collect();
        let pairs: Vec<_> = alphas.iter().copied().zip(rows).collect();
        let x = vec![alphas[0], low(alphas[0] ^ 1, domain)];
        let mut prg = reference::Prg::new(SEED);
        let said = keys::idpf(&SESSION, BATCH, [domain, k], &pairs, &x, &mut prg);
        for (i, sum) in sums(&said, |a, b| low(a.wrapping_add(b), k))
            .iter()
            .enumerate()
        {
            let (level, at) = (i % domain as usize, i / domain as usize);
            let (alpha, row) = &pairs[at / x.len()];
            let rest = domain as usize - 1 - level;
            let same = x[at % x.len()] >> rest == alpha >> rest;
            assert_eq!(*sum, if same { row[level] } else { 0 });
        }
        let levels = Levels::new(domain, k).unwrap();
        macro_rules! decode {
            ($p:ty, $m:expr) => {
                idpf::Keys::<$p>::decode(&session, BATCH, levels, n, $m)
            };
        }
        let made = idpf::generate(&session, BATCH, levels, &alphas, &betas, &mut rng()).unwrap();
        let got = by_crate!(made, decode, |keys| {
            let at = |j: usize, x: u128, level: u32| {
                let prefix = [x >> (domain - level)];
                let out = keys.evaluate_one::<u128, u128>(j, level, &prefix, &Cpu::new());
                out.unwrap().as_slice()[0]
            };
            let point = |j: usize, x: u128| (1..=domain).map(move |level| (j, x, level));
            let all = (0..n).flat_map(|j| x.iter().flat_map(move |x| point(j, *x)));
            all.map(|(j, x, level)| at(j, x, level)).collect()
        });
        let said_inputs = json!({
            "domain": domain, "bits": k, "points": show::words(&alphas), "values": show::words(&betas), "x": show::words(&x),
        });
        cases.push(case(name, &said_inputs, &said, &got, &|m| {
            decode!(P0, m).unwrap_err().to_string()
        }));
    }
    hold("incremental-point-functions", GENERATOR, &cases);
}

#[test]
fn comparison_functions() {
    let session = SessionId(SESSION);
    let mut cases = Vec::new();
    for (domain, k, n) in [
        (1, 1, 1),
        (5, 3, 3),
        (9, 7, 65),
        (38, 42, 2),
        (64, 64, 3),
        (31, 65, 67),
        (128, 128, 2),
    ] {
        let name = format!("{n} keys of {domain} bits to {k}");
        let alphas = inputs(&format!("points, {name}"), domain, n);
        let betas = inputs(&format!("values, {name}"), k, n);
        let near = low(alphas[n - 1].wrapping_sub(1), domain);
        let x = [
            inputs(&name, domain, 3),
            vec![alphas[0], alphas[n - 1], near],
        ]
        .concat();
        let pairs: Vec<_> = alphas.iter().copied().zip(betas.iter().copied()).collect();
        let mut prg = reference::Prg::new(SEED);
        let said = keys::dcf(&SESSION, BATCH, [domain, k], &pairs, &x, &mut prg);
        for (i, sum) in sums(&said, |a, b| low(a.wrapping_add(b), k))
            .iter()
            .enumerate()
        {
            let (alpha, beta) = pairs[i / x.len()];
            assert_eq!(*sum, if x[i % x.len()] < alpha { beta } else { 0 });
        }
        let shape = Shape::new(domain, k).unwrap();
        macro_rules! decode {
            ($p:ty, $m:expr) => {
                dcf::Keys::<u128, $p>::decode(&session, BATCH, shape, n, $m)
            };
        }
        let made = dcf::generate(&session, BATCH, shape, &alphas, &betas, &mut rng()).unwrap();
        let got = by_crate!(made, decode, |k| (0..n)
            .flat_map(|j| k.evaluate_one(j, &x, &Cpu::new()).unwrap().into_vec())
            .collect());
        let said_inputs = json!({
            "domain": domain, "bits": k, "points": show::words(&alphas), "values": show::words(&betas), "x": show::words(&x),
        });
        cases.push(case(name, &said_inputs, &said, &got, &|m| {
            decode!(P0, m).unwrap_err().to_string()
        }));
    }
    hold("comparison-functions", GENERATOR, &cases);
}
