#![allow(clippy::unwrap_used, clippy::panic)]

use piquet_core::RingVec;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, masked, sum, uniform};
use crate::{P0, P1};

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
        Function::exp(bits, f),
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
