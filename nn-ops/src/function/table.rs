//! Tables by secret index, and secret tables by secret index.
//!
//! **A public table**: the bits of the index ([`Engine::bits`]), the unit vector that they make (`one_hot`), and for each
//! column of the table the sum of its numbers weighed by that vector ([`Engine::weigh`]): the known way with one unit vector
//! for all columns, in which nothing is opened. Since the places of a unit vector add up to 1, one row needs no bit of its
//! own: the others hold what they differ from it. Rows that are equal share a bit, the exclusive or of theirs, and the row
//! that occurs most often is the one without.
//!
//! **Domain**: an index `0 <= x < rows`; of a value with fraction bits its whole part, rounded down. Outside, the index is
//! taken modulo `2^m`, `m = ceil(log2 rows)`, and gives 0 where the table has no such row. No error: the numbers come out
//! as they are in the table.
//!
//! **Cost**: the bits `0..m` behind the point; `ceil(log2 m)` rounds and `2^m - m - 1` conjunctions; one step of weighed
//! bits, as many for each sum as there are different rows less one. A table has at most [`MAX_ROWS`] rows: the work
//! grows with the rows, and a product with one row of a long table is cheaper for a client that knows the index.
//!
//! **A secret table**, such as the embedding of a model, by secret index is the product of unit vectors as integers
//! ([`Layers::one_hot_rows`]) with the table as weights ([`Layers::embed`]). That is for short tables. A client that knows
//! its tokens gives the unit vectors itself, and pays nothing for finding them.

use std::collections::BTreeMap;

use super::bits::{MAX_INDEX_BITS, one_hot};
use crate::Error;
#[allow(unused_imports, reason = "named in the documentation")]
use crate::engine::Engine;
use crate::engine::{LinearOp, Rescale, Spec, Truncation, Weighed, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};

/// Most rows of a table.
pub const MAX_ROWS: usize = 1 << MAX_INDEX_BITS;

/// A public table: rows by index, one number of each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// For each column its numbers, raw, one for each index.
    columns: Vec<Vec<i64>>,
    /// Format of a column.
    to: Format,
}

impl Table {
    /// A table of some columns of raw numbers, all of one format and of one length of at most [`MAX_ROWS`].
    pub fn new(columns: Vec<Vec<i64>>, to: Format) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, Vec::len);
        if rows == 0 || rows > MAX_ROWS {
            return Err(Error::Length {
                what: "rows of a table",
                got: rows,
                want: rows.clamp(1, MAX_ROWS),
            });
        }
        for column in &columns {
            if column.len() != rows {
                return Err(Error::Length {
                    what: "column of a table",
                    got: column.len(),
                    want: rows,
                });
            }
        }
        // Differences of rows have a bit more.
        check_format(difference(to)?)?;
        let reach = columns.iter().flatten().map(|v| bits_of(*v)).max();
        match reach {
            Some(bound) if bound > to.bound() => Err(Error::Range {
                what: "number in a table",
                bound,
            }),
            _ => Ok(Self { columns, to }),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// The numbers of each column.
    #[must_use]
    pub fn columns(&self) -> &[Vec<i64>] {
        &self.columns
    }

    /// Format of the numbers.
    #[must_use]
    pub fn format(&self) -> Format {
        self.to
    }

    /// Row `i`, of zeros past the end.
    fn row(&self, i: usize) -> Vec<i64> {
        let at = |c: &Vec<i64>| c.get(i).copied().unwrap_or(0);
        self.columns.iter().map(at).collect()
    }

    /// The different rows among the first `places`, the one that occurs most often first.
    fn distinct(&self, places: usize) -> Vec<Row> {
        let mut rows: BTreeMap<Vec<i64>, Vec<usize>> = BTreeMap::new();
        for i in 0..places {
            rows.entry(self.row(i)).or_default().push(i);
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(_, at)| core::cmp::Reverse(at.len()));
        rows
    }
}

/// The numbers of a row, and where it is.
type Row = (Vec<i64>, Vec<usize>);

/// Format of a difference.
fn difference(f: Format) -> Result<Format, Error> {
    Ok(f.with_bound(f.bound() + 1)?)
}

fn bits_of(v: i64) -> u32 {
    u64::BITS - v.unsigned_abs().leading_zeros()
}

/// Bits of an index below `rows` in a value of this format.
fn index_bits(x: Format, rows: usize) -> u32 {
    let whole = x.bound().saturating_sub(x.frac());
    rows.next_power_of_two().ilog2().min(whole)
}

/// The unit vectors of the whole part of `x` below `2^m`, `m > 0`.
fn unit<E: Layers + ?Sized>(engine: &mut E, x: &E::Arith, m: u32) -> Result<Vec<E::Bits>, Error> {
    let first = engine.spec(x).format.frac();
    let bits = only(engine.bits(&[x], first..first + m)?)?;
    one_hot(engine, &bits)
}

/// See [`Layers::look_up`].
pub(crate) fn look_up<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    table: &Table,
) -> Result<Vec<E::Arith>, Error> {
    let shape = engine.spec(x).shape.clone();
    let m = index_bits(engine.spec(x).format, table.rows());
    let rows = table.distinct(1 << m);
    let Some(((usual, _), others)) = rows.split_first() else {
        return Ok(Vec::new());
    };
    let spec = Spec {
        shape,
        format: table.to,
    };
    let usual_rows = usual
        .iter()
        .map(|v| engine.constant(&spec, &vec![*v; spec.len()]))
        .collect::<Result<Vec<_>, _>>()?;
    if others.is_empty() {
        return Ok(usual_rows);
    }
    let places = unit(engine, x, m)?;
    // Whether x is one of the places of each of the other rows.
    let here = others
        .iter()
        .map(|(_, at)| any(engine, &places, at))
        .collect::<Result<Vec<_>, _>>()?;
    let factors: Vec<Vec<i64>> = usual
        .iter()
        .enumerate()
        .map(|(c, usual)| {
            let apart = |(row, _): &Row| row.get(c).map_or(0, |v| v - usual);
            others.iter().map(apart).collect()
        })
        .collect();
    let format = difference(table.to)?;
    let sums: Vec<_> = factors
        .iter()
        .map(|factors| Weighed { factors, format })
        .collect();
    let bits: Vec<&E::Bits> = here.iter().collect();
    let apart = only(engine.weigh(&[(&bits, &spec.shape)], &sums)?)?;
    apart
        .iter()
        .zip(&usual_rows)
        .map(|(d, usual)| {
            let y = engine.add(usual, d)?;
            engine.declare(y, table.to)
        })
        .collect()
}

/// Whether one of some places of a unit vector is set.
fn any<E: Layers + ?Sized>(
    engine: &mut E,
    places: &[E::Bits],
    at: &[usize],
) -> Result<E::Bits, Error> {
    let mut here = at.iter().filter_map(|i| places.get(*i));
    let first = here.next().ok_or(Error::Unsupported {
        what: "a row that is nowhere in a table",
    })?;
    // A copy, by two complements.
    let mut sum = engine.not(first)?;
    for b in here {
        sum = engine.xor(&sum, b)?;
    }
    engine.not(&sum)
}

/// See [`Layers::one_hot_rows`].
pub(crate) fn one_hot_rows<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    width: usize,
) -> Result<E::Arith, Error> {
    let spec = engine.spec(x).clone();
    if !(2..=MAX_ROWS).contains(&width) {
        return Err(Error::Length {
            what: "places of a unit vector",
            got: width,
            want: width.clamp(2, MAX_ROWS),
        });
    }
    let m = index_bits(spec.format, width);
    let format = Format::new(spec.format.width(), 0, 1)?;
    let column = Shape::new(&[spec.len(), 1])?;
    let places = match m {
        0 => Vec::new(),
        _ => unit(engine, x, m)?,
    };
    let bits: Vec<_> = places.iter().take(width).map(|b| (b, &column)).collect();
    let mut columns = engine.to_arith(&bits, format)?;
    let one = Spec {
        shape: column.clone(),
        format,
    };
    // An index that has fewer bits leaves places that are never set.
    while columns.len() < width {
        let value = i64::from(columns.is_empty());
        columns.push(engine.constant(&one, &vec![value; spec.len()])?);
    }
    let columns: Vec<&E::Arith> = columns.iter().collect();
    engine.concat(&columns, &Shape::new(&[spec.len(), width])?)
}

/// See [`Layers::embed`].
pub(crate) fn embed<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    op: &LinearOp,
    table: &E::Weights,
    to: Format,
) -> Result<E::Arith, Error> {
    let rows = one_hot_rows(engine, x, op.shape.in_channels)?;
    // A product with integers of which one is 1 has nothing to round.
    let as_it_is = Rescale {
        shift: 0,
        mode: Truncation::Exact,
        to,
    };
    only(engine.linear(&[&rows], op, table, as_it_is)?)
}
