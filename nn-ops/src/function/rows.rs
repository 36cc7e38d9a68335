//! Rows of a tensor, of equal or of different lengths: what is folded over each, and what each row gives to its elements.
//!
//! Elements of all rows stand behind each other in one tensor. A fold pairs neighbours of each row, all rows in the same
//! rounds; one that has no neighbour passes. A row of `n` takes `n - 1` steps of two elements in `ceil(log2 n)` levels.

use crate::Error;
use crate::engine::{Engine, Spec, ZERO_ROW};
use crate::layer::{Layers, only};
use crate::model::Shape;

/// Lengths of rows, none of them zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    lens: Vec<usize>,
}

impl Rows {
    /// So many rows of `n` elements.
    pub(crate) fn equal(rows: usize, n: usize) -> Self {
        Self {
            lens: vec![n; rows],
        }
    }
    /// Blocks of `block` rows of up to `n` elements, of which row `i` has all but the last `block - 1 - i`.
    pub(crate) fn causal(rows: usize, n: usize, block: usize) -> Self {
        let len = |i: usize| n - (block - 1 - i % block);
        Self {
            lens: (0..rows).map(len).collect(),
        }
    }
    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.lens.len()
    }
    /// Elements of all rows.
    pub(crate) fn len(&self) -> usize {
        self.lens.iter().sum()
    }
    /// Places of the elements in rows of `n`.
    pub(crate) fn places(&self, n: usize) -> Vec<u32> {
        let starts = (0..).step_by(n);
        let each = starts.zip(&self.lens);
        each.flat_map(|(start, len)| start as u32..(start + len) as u32)
            .collect()
    }
    /// For each place of rows of `n` the element there, or none.
    pub(crate) fn spots(&self, n: usize) -> Vec<u32> {
        let mut next = 0;
        let mut spots = Vec::with_capacity(n * self.lens.len());
        for len in &self.lens {
            spots.extend((0..n).map(|j| if j < *len { next + j as u32 } else { ZERO_ROW }));
            next += *len as u32;
        }
        spots
    }
    /// For each element its row.
    fn owners(&self) -> Vec<u32> {
        let rows = self.lens.iter().enumerate();
        rows.flat_map(|(row, len)| core::iter::repeat_n(row as u32, *len))
            .collect()
    }

    /// Each row folded, as `[rows][1]`.
    fn fold<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        join: impl Fn(&mut E, &E::Arith, &E::Arith) -> Result<E::Arith, Error>,
    ) -> Result<E::Arith, Error> {
        let mut next = 0;
        let mut rows: Vec<Vec<u32>> = Vec::with_capacity(self.lens.len());
        for len in &self.lens {
            rows.push((next..next + *len as u32).collect());
            next += *len as u32;
        }
        let mut folded: Option<E::Arith> = None;
        while rows.iter().any(|r| r.len() > 1) {
            let values = folded.as_ref().unwrap_or(x);
            let pairs: usize = rows.iter().map(|r| r.len() / 2).sum();
            let (mut left, mut right, mut alone) = (Vec::new(), Vec::new(), Vec::new());
            for row in &mut rows {
                let mut after = Vec::with_capacity(row.len().div_ceil(2));
                for pair in row.chunks(2) {
                    match pair {
                        [a, b] => {
                            after.push(left.len() as u32);
                            left.push(*a);
                            right.push(*b);
                        }
                        _ => {
                            after.push((pairs + alone.len()) as u32);
                            alone.extend(pair);
                        }
                    }
                }
                *row = after;
            }
            let left = pick(engine, values, &left)?;
            let right = pick(engine, values, &right)?;
            let joined = join(engine, &left, &right)?;
            folded = Some(match alone.is_empty() {
                true => joined,
                false => {
                    let passing = pick(engine, values, &alone)?;
                    let shape = Shape::new(&[1, pairs + alone.len()])?;
                    engine.concat(&[&joined, &passing], &shape)?
                }
            });
        }
        let last: Vec<u32> = rows.iter().flatten().copied().collect();
        let shape = Shape::new(&[self.lens.len(), 1])?;
        engine.gather(folded.as_ref().unwrap_or(x), 1, &last, &shape)
    }

    /// Sum of each row; without a message.
    pub(crate) fn sum<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<E::Arith, Error> {
        let levels = self
            .lens
            .iter()
            .max()
            .map_or(0, |n| n.next_power_of_two().ilog2());
        let format = engine.spec(x).format;
        let sum = self.fold(engine, x, |e, a, b| e.add(a, b))?;
        engine.declare(sum, format.with_bound(format.bound() + levels)?)
    }

    /// Maximum of each row, a tournament.
    pub(crate) fn max<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<E::Arith, Error> {
        self.fold(engine, x, |e, a, b| only(e.max(&[(a, b)])?))
    }

    /// What belongs to the row of each element, as one row.
    pub(crate) fn spread<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<E::Arith, Error> {
        let shape = Shape::new(&[1, self.len()])?;
        engine.gather(x, 1, &self.owners(), &shape)
    }
}

/// Elements by place, as one row.
fn pick<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    places: &[u32],
) -> Result<E::Arith, Error> {
    engine.gather(x, 1, places, &Shape::new(&[1, places.len()])?)
}

/// How many rows of `n` a value has, all of them full; a shape has at most 2^31 elements, so places are 32 bits.
pub(crate) fn count(x: &Spec, n: usize) -> Result<usize, Error> {
    let elements = x.len();
    if n == 0 || !elements.is_multiple_of(n) {
        return Err(Error::Length {
            what: "rows of features",
            got: elements,
            want: elements.div_ceil(n.max(1)) * n,
        });
    }
    Ok(elements / n)
}
