#![allow(clippy::unwrap_used)]

use piquet_core::{Prg, Ring};

use super::*;
use crate::Shape;
use crate::evaluator::{Comparisons, Cpu, Evaluator};

/// Has no way of its own for several points.
struct Plain(Cpu);

impl Evaluator for Plain {
    type Error = Error;

    fn points(&self, keys: View<'_>, paths: &[Block], out: Walked<'_>) -> Result<(), Error> {
        self.0.points(keys, paths, out)
    }
    fn comparisons<R: Ring>(
        &self,
        keys: Comparisons<'_, R>,
        paths: &[Block],
        sums: &mut [R],
    ) -> Result<(), Error> {
        self.0.comparisons(keys, paths, sums)
    }
}

/// Any corrections are a key, as far as the walk is concerned.
fn run<E: Evaluator<Error = Error>>(
    e: &E,
    shape: Shape,
    n: usize,
    points: usize,
    paths: &[Block],
) -> (Vec<Block>, Vec<u8>) {
    let mut prg = Prg::new(Block::from_u128(8));
    let mut roots = vec![Block::ZERO; n];
    let mut corrections = vec![Block::ZERO; n * shape.corrections()];
    prg.fill_blocks(&mut roots);
    prg.fill_blocks(&mut corrections);
    let keys = View {
        hash: Block::from_u128(7),
        shape,
        roots: &roots,
        corrections: &corrections,
    };
    let mut values = vec![Block::ZERO; paths.len()];
    let mut marks = vec![0; paths.len()];
    let out = Walked {
        values: &mut values,
        marks: &mut marks,
    };
    e.several(keys, points, paths, out).unwrap();
    (values, marks)
}

#[test]
fn common_beginnings_change_nothing() {
    let mut prg = Prg::new(Block::from_u128(1));
    for (bits, n, points) in [
        (1, 1, 1),
        (7, 3, 4),
        (8, 65, 5),
        (20, 130, 9),
        (38, 33, 70),
        (128, 17, 3),
    ] {
        let shape = Shape::new(bits, 1).unwrap();
        let mut random = vec![0u128; n * points];
        prg.fill_ring(&mut random);
        // Steps down that are short beside the domain, with a wrap in the midst; steps at random; and the same point again and again.
        let near = |(i, x): (usize, &u128)| {
            random[i / points * points].wrapping_sub((x & 0xfff) * (i % points) as u128)
        };
        let kinds: [Vec<u128>; 3] = [
            random.iter().enumerate().map(near).collect(),
            random.clone(),
            (0..n * points).map(|i| random[i / points]).collect(),
        ];
        for kind in kinds {
            let paths: Vec<_> = kind.iter().map(|x| shape.path(*x)).collect();
            let cpu = run(&Cpu::new(), shape, n, points, &paths);
            assert_eq!(cpu, run(&Plain(Cpu::new()), shape, n, points, &paths));
        }
    }
}

#[test]
fn lengths_have_to_fit() {
    let shape = Shape::new(9, 1).unwrap();
    let roots = [Block::ZERO; 2];
    let corrections = vec![Block::ZERO; 2 * shape.corrections()];
    let keys = View {
        hash: Block::ZERO,
        shape,
        roots: &roots,
        corrections: &corrections,
    };
    for (paths, values, marks) in [(5, 6, 6), (6, 5, 6), (6, 6, 7)] {
        let mut values = vec![Block::ZERO; values];
        let mut marks = vec![0; marks];
        let paths = vec![Block::ZERO; paths];
        for plain in [true, false] {
            let out = Walked {
                values: &mut values,
                marks: &mut marks,
            };
            let got = match plain {
                true => Plain(Cpu::new()).several(keys, 3, &paths, out),
                false => Cpu::new().several(keys, 3, &paths, out),
            };
            assert!(matches!(got, Err(Error::Length { .. })));
        }
    }
}
