#![allow(clippy::unwrap_used, clippy::panic)]

use piquet_core::RingVec;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, masked, sum, uniform};
use crate::{P0, P1};

mod error;
mod misuse;

fn finish<R: Ring>(
    k0: FunctionKeys<R, P0>,
    k1: FunctionKeys<R, P1>,
    masked: &[R],
) -> [RingVec<R>; 2] {
    let e = Cpu::new();
    let (mut run0, mut m0) = k0.start(masked, &e).unwrap();
    let (mut run1, mut m1) = k1.start(masked, &e).unwrap();
    loop {
        assert_eq!((run0.expects(), run1.expects()), (m1.len(), m0.len()));
        match (run0.step(&m1, &e).unwrap(), run1.step(&m0, &e).unwrap()) {
            (Step::Send(r0, n0), Step::Send(r1, n1)) => (run0, run1, m0, m1) = (r0, r1, n0, n1),
            (Step::Done(y0), Step::Done(y1)) => return [y0, y1],
            _ => panic!("the parties disagree about the end"),
        }
    }
}

fn agrees<R: Ring>(gate: &Function<R>, x: &[R], r: &[R]) {
    let ((), k0, k1) = deal(gate, x.len(), r);
    let [y0, y1] = finish(k0, k1, &masked(gate.bits, x, r));
    let y = sum(gate.bits, y0.as_slice(), y1.as_slice());
    for (i, (x, y)) in x.iter().zip(&y).enumerate() {
        assert_eq!(
            *y,
            gate.plain(*x),
            "{:?} of {x:?} under {:?}",
            gate.id(),
            r[i]
        );
    }
}

fn all<R: Ring>(bits: u32, f: u32) -> Vec<Function<R>> {
    let gates = [
        Function::gelu(bits, f),
        Function::silu(bits, f),
        Function::sigmoid(bits, f),
        Function::tanh(bits, f),
        Function::nexp(bits, f),
        Function::reciprocal(bits, f, 0),
        Function::reciprocal(bits, f, f / 2),
        Function::rsqrt(bits, f),
    ];
    gates.into_iter().map(Result::unwrap).collect()
}

#[test]
fn joints_of_all_pieces_under_all_kinds_of_masks() {
    for (bits, f) in [(38, 12), (64, 12), (47, 8)] {
        for gate in all::<u64>(bits, f) {
            let low = u64::MAX >> (64 - bits);
            let mut x = Vec::new();
            for p in &gate.pieces.list {
                let at = p.from as u64;
                x.extend([at, at.wrapping_sub(1), at.wrapping_add(1)].map(|x| x & low));
            }
            let half = 1u64 << (bits - 1);
            x.extend([0, 1, low, half, half - 1, half + 1]);
            let random = uniform::<u64>(bits, x.len(), 9);
            let kinds = [0, 1, low, half, half - 1];
            let r: Vec<u64> = (0..x.len())
                .map(|i| match i % 8 {
                    k @ 0..5 => kinds[k],
                    5 => x[i].wrapping_neg() & low,
                    _ => random[i],
                })
                .collect();
            agrees(&gate, &x, &r);
            let r: Vec<u64> = random.iter().rev().copied().collect();
            agrees(&gate, &x, &r);
        }
    }
}

#[test]
fn all_numbers_of_gates_and_words() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000] {
        for gate in all::<u64>(38, 12) {
            let x: Vec<u64> = uniform::<u64>(17, n, 1)
                .iter()
                .map(|x| x.wrapping_sub(1 << 16) & ((1 << 38) - 1))
                .collect();
            agrees(&gate, &x, &uniform(38, n, 2));
        }
    }
    let x = uniform::<u32>(17, 100, 1);
    agrees(
        &Function::<u32>::gelu(32, 12).unwrap(),
        &x,
        &uniform(32, 100, 2),
    );
    let x = uniform::<u128>(17, 100, 1);
    agrees(
        &Function::<u128>::silu(64, 16).unwrap(),
        &x,
        &uniform(64, 100, 2),
    );
}

#[test]
fn all_numbers_of_the_least_width() {
    for f in [8, 9] {
        let gates = [
            Function::<u32>::gelu,
            Function::silu,
            Function::sigmoid,
            Function::tanh,
            Function::nexp,
        ];
        for gate in gates {
            let bits = (8..32).find(|n| gate(*n, f).is_ok()).unwrap();
            let gate = gate(bits, f).unwrap();
            let x: Vec<u32> = (0..1 << bits)
                .step_by(if bits > 16 { 17 } else { 1 })
                .collect();
            for x in x.chunks(1 << 13) {
                agrees(&gate, x, &uniform(bits, x.len(), 3));
            }
        }
    }
}

#[test]
fn bits_above_are_ignored() {
    let gate = Function::<u64>::gelu(38, 12).unwrap();
    let x = uniform::<u64>(38, 50, 1);
    let high: Vec<u64> = x.iter().map(|x| x | 0x5555 << 40).collect();
    let results = [&x, &high].map(|x| {
        let ((), k0, k1) = deal(&gate, 50, &uniform(38, 50, 2));
        finish(k0, k1, x).map(|y| y.as_slice().to_vec())
    });
    assert_eq!(results[0], results[1]);
    assert!(results[0].iter().flatten().all(|y| y >> 38 == 0));
    for (x, high) in x.iter().zip(&high) {
        assert_eq!(gate.plain(*x), gate.plain(*high));
    }
}
