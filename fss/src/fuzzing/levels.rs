//! All levels of the processor give the same bits.

use piquet_core::cpu::Level;
use piquet_core::{BitVec, Block, Prg, RingVec};

use super::{SESSION, parameters};
use crate::evaluator::{Comparisons, Cpu, Evaluator, View, Walked};
use crate::gates::lookup::{Fold, Table};
use crate::{Error, P0, Shape, bgi, dcf, dpf};

/// The first bytes say domain, bits of values and number of keys; the rest are roots, corrections and paths, and more of them is drawn
/// from a generator under the first block of it.
pub fn levels(data: &[u8]) {
    let Some(([domain, value, n], data)) = parameters(data) else {
        return;
    };
    let Ok(shape) = Shape::new(domain as u32 % 128 + 1, value as u32 % 128 + 1) else {
        unreachable!("{domain} {value}")
    };
    let n = n % 200 + 1;
    let mut seed = [0; 16];
    let first = data.len().min(16);
    seed[..first].copy_from_slice(&data[..first]);
    let mut rng = Prg::new(Block::from(seed));
    let mut given = data.as_chunks::<16>().0.iter();
    let mut blocks = |n: usize| -> Vec<Block> {
        let mut v = vec![Block::ZERO; n];
        rng.fill_blocks(&mut v);
        for (v, g) in v.iter_mut().zip(given.by_ref()) {
            *v = Block::from(*g);
        }
        v
    };
    let (hash, roots, paths) = (blocks(1)[0], blocks(n), blocks(n));
    let corrections = blocks(n * shape.corrections());
    let keys = View {
        hash,
        shape,
        roots: &roots,
        corrections: &corrections,
    };
    agree("points", |cpu| {
        let (mut values, mut marks) = (vec![Block::ZERO; n], vec![0; n]);
        let out = Walked {
            values: &mut values,
            marks: &mut marks,
        };
        cpu.points(keys, &paths, out)?;
        let values = values.iter().map(|b| b.to_u128());
        Ok((values.collect::<Vec<_>>(), marks))
    });
    let d = dcf::levels(shape) as usize;
    let (corrections, words) = (blocks(n * (d + 1)), blocks(n * d));
    let words: Vec<u128> = words.iter().map(|w| w.to_u128()).collect();
    let keys = Comparisons {
        hash,
        shape,
        roots: &roots,
        corrections: &corrections,
        values: &words,
    };
    agree("comparisons", |cpu| {
        let mut sums = vec![0; n];
        cpu.comparisons(keys, &paths, &mut sums)?;
        Ok(sums)
    });
    fold(shape, n.min(9), hash, &roots, &mut blocks);
    domains(shape, n.min(5), &paths);
}

/// Whole small domains, many points of one key, on both trees.
fn domains(shape: Shape, n: usize, paths: &[Block]) {
    let bits = shape.domain() % 10 + 1;
    let Ok(shape) = Shape::new(bits, shape.value()) else {
        unreachable!("{bits} bits")
    };
    let mut rng = Prg::new(paths[0]);
    let points: Vec<_> = paths.iter().map(|p| p.to_u128()).collect();
    let alphas = &points[..n.min(points.len())];
    let made = (
        dpf::generate(&SESSION, 0, shape, alphas, alphas, &mut rng),
        bgi::generate(&SESSION, 0, shape, alphas, alphas, &mut rng),
    );
    let (Ok((half, _)), Ok((seeds, _))) = made else {
        unreachable!("{bits} bits")
    };
    both(&half, &points);
    both(&seeds, &points);
}

fn both<T: dpf::Tree>(keys: &dpf::Keys<P0, T>, points: &[u128]) {
    agree("all of a key", |cpu| Ok(vec(keys.expand::<u128>(0, &cpu)?)));
    agree("all of all", |cpu| Ok(vec(keys.expand_keys::<u128>(&cpu)?)));
    agree("points of one", |cpu| {
        Ok(vec(keys.evaluate_one::<_, u128>(0, points, &cpu)?))
    });
    if keys.shape().value() == 1 {
        let bits = |b: BitVec| b.as_bytes().to_vec();
        agree("bits of one", |cpu| Ok(bits(keys.expand_bits(0, &cpu)?)));
        agree("bits of all", |cpu| Ok(bits(keys.expand_keys_bits(&cpu)?)));
    }
}

fn vec(v: RingVec<u128>) -> Vec<u128> {
    v.as_slice().to_vec()
}

/// Small domains with a table.
fn fold(
    shape: Shape,
    n: usize,
    hash: Block,
    roots: &[Block],
    blocks: &mut impl FnMut(usize) -> Vec<Block>,
) {
    let bits = shape.domain() % 10 + 1;
    for (how, value) in [(Fold::Xor, 1), (Fold::Sum, 40)] {
        let (Ok(shape), Ok(table)) = (
            Shape::new(bits, value),
            Table::<u64>::new(bits, &(7..7 + (1 << bits)).collect::<Vec<_>>()),
        ) else {
            unreachable!("{bits} bits")
        };
        let corrections = blocks(n * shape.corrections());
        let starts: Vec<_> = blocks(n)
            .iter()
            .map(|b| b.to_u128() as u32 >> (32 - bits))
            .collect();
        let keys = View {
            hash,
            shape,
            roots: &roots[..n],
            corrections: &corrections,
        };
        agree("fold", |cpu| {
            let mut out = RingVec::<u64>::zeros(n);
            cpu.fold(keys, how, &starts, &[&table], out.as_mut_slice())?;
            Ok(out.as_slice().to_vec())
        });
    }
}

fn agree<T: PartialEq>(what: &str, run: impl Fn(Cpu) -> Result<T, Error>) {
    let run = |level| run(Cpu::with_level(level)).unwrap_or_else(|e| unreachable!("{what}: {e}"));
    let want = run(Level::Portable);
    for level in Level::all() {
        assert!(run(level) == want, "{what} at {level:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::levels(&data);
        }
        #[test]
        fn nor_are_odd_batches(domain: u8, value: u8, n in prop::sample::select(vec![0u8, 30, 31, 32, 62, 63, 64, 126, 127, 128]), seed: [u8; 16]) {
            super::levels(&[&[domain, value, n][..], &seed].concat());
        }
    }
}
