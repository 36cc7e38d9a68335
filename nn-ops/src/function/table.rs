//! Tables by secret index, and secret tables by secret index.
//!
//! **A public table** (as Launchbury et al. look up: ICFP 2012): the bits of the index ([`Engine::bits`]) and the
//! unit vector that they make (`one_hot`). Each column of the table is a sum of bits times public numbers
//! ([`Engine::weigh`]), where each bit is the exclusive or, which is local, of some places of that vector. Of two
//! ways the one with fewer bits is taken:
//!
//! * by row: a bit for each different row but the one that occurs most often, with what it differs from that one;
//! * by digit: the binary digits of what each column is above its least number. Columns share digits that are equal.
//!
//! Nothing is opened, so it is as secure as these steps.
//!
//! **Domain**: an index `0 <= x < rows`; of a value with fraction bits its whole part, rounded down. Outside, the
//! index is taken modulo `2^m`, `m = ceil(log2 rows)` or the whole bits of the index's format if these are fewer, and
//! gives 0 where the table has no such row. No error: the numbers come out as they are in the table.
//!
//! **Cost** for each element, beside the bits `0..m` behind the point, for c columns and w weighed bits: at most the
//! different rows less one, the zeros past the end among them, and at most the digits of all columns (w = 16 for an
//! index of 8 bits in a table of 16-bit numbers):
//!
//! | | bits | rounds |
//! |---|---|---|
//! | `rep3` | 3 (2^m - m - 1) + (w + 2 c) k | ceil(log2 m) + 1 |
//! | `semi2k`, from each to each | 2 (2^m - m - 1) + w | ceil(log2 m) + 1 |
//!
//! A table has at most [`MAX_ROWS`] rows: the work grows with them.
//!
//! **A secret table**, such as the embedding of a model, by secret index is the product of unit vectors as integers
//! ([`Layers::one_hot_rows`]) with the table as weights ([`Layers::embed`]). That is for short tables: of v rows and
//! d columns, beside the unit vector of bits, `rep3` takes 3 k v + 3 k d bits, `semi2k` v + k v from each to each, and
//! both v / 33, rounded up, and 1 rounds. A client that knows its tokens gives the unit vectors itself, and pays
//! nothing for finding them.

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

    /// The first `places` rows with the fewest bits to weigh.
    fn sums(&self, places: usize) -> Sums {
        let rows: Vec<Vec<i64>> = (0..places).map(|i| self.row(i)).collect();
        let (by_row, by_digit) = (Sums::by_row(&rows), Sums::by_digit(&rows));
        match by_digit.bits.len() < by_row.bits.len() {
            true => by_digit,
            false => by_row,
        }
    }
}

/// Columns as sums of bits, each of which is set at some places.
struct Sums {
    /// The places, in ascending order.
    bits: Vec<Vec<usize>>,
    /// Of each column a summand, and a factor for each bit.
    columns: Vec<(i64, Vec<i64>)>,
}

impl Sums {
    /// A bit for each different row but the one that occurs most often.
    fn by_row(rows: &[Vec<i64>]) -> Self {
        let mut different: BTreeMap<&[i64], Vec<usize>> = BTreeMap::new();
        for (i, row) in rows.iter().enumerate() {
            different.entry(row).or_default().push(i);
        }
        let mut different: Vec<_> = different.into_iter().collect();
        different.sort_by_key(|(_, at)| core::cmp::Reverse(at.len()));
        let mut rest = different.into_iter();
        let usual = rest.next().map_or(&[][..], |(row, _)| row);
        let (others, bits): (Vec<_>, Vec<_>) = rest.unzip();
        let column = |(c, usual): (usize, &i64)| {
            let apart = |row: &&[i64]| row.get(c).map_or(0, |v| v - usual);
            (*usual, others.iter().map(apart).collect())
        };
        Self {
            columns: usual.iter().enumerate().map(column).collect(),
            bits,
        }
    }

    /// The binary digits of what each column is above its least number; columns share those that are equal.
    fn by_digit(rows: &[Vec<i64>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut columns: Vec<(i64, BTreeMap<usize, i64>)> = Vec::with_capacity(width);
        for c in 0..width {
            let column = || rows.iter().filter_map(|row| row.get(c));
            let least = column().min().copied().unwrap_or(0);
            let most = column().max().copied().unwrap_or(0);
            let mut factors = BTreeMap::new();
            for j in 0..bits_of(most - least) {
                let set = column()
                    .enumerate()
                    .filter(|(_, v)| (*v - least) >> j & 1 == 1);
                let places: Vec<usize> = set.map(|(i, _)| i).collect();
                if !places.is_empty() {
                    let next = known.len();
                    let bit = *known.entry(places).or_insert(next);
                    *factors.entry(bit).or_insert(0) += 1 << j;
                }
            }
            columns.push((least, factors));
        }
        let mut bits = vec![Vec::new(); known.len()];
        for (places, i) in known {
            if let Some(bit) = bits.get_mut(i) {
                *bit = places;
            }
        }
        let dense = |(least, factors): (i64, BTreeMap<usize, i64>)| {
            let factor = |i| factors.get(&i).copied().unwrap_or(0);
            (least, (0..bits.len()).map(factor).collect())
        };
        Self {
            columns: columns.into_iter().map(dense).collect(),
            bits,
        }
    }
}

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
    let Sums { bits, columns } = table.sums(1 << m);
    let spec = Spec {
        shape,
        format: table.to,
    };
    let summands = columns
        .iter()
        .map(|(v, _)| engine.constant(&spec, &vec![*v; spec.len()]))
        .collect::<Result<Vec<_>, _>>()?;
    if bits.is_empty() {
        return Ok(summands);
    }
    let places = unit(engine, x, m)?;
    let bits = bits
        .iter()
        .map(|at| any(engine, &places, at))
        .collect::<Result<Vec<_>, _>>()?;
    let format = difference(table.to)?;
    let sums: Vec<_> = columns
        .iter()
        .map(|(_, factors)| Weighed { factors, format })
        .collect();
    let bits: Vec<&E::Bits> = bits.iter().collect();
    let apart = only(engine.weigh(&[(&bits, &spec.shape)], &sums)?)?;
    apart
        .iter()
        .zip(&summands)
        .map(|(d, v)| {
            let y = engine.add(v, d)?;
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
