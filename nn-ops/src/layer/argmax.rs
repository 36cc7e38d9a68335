//! Index of the largest feature, by a tournament of (value, index) pairs.

use super::{Layers, only};
use crate::Error;
use crate::engine::{Engine, Spec};
use crate::model::{Format, Shape};

pub(super) fn argmax<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    out: &Shape,
) -> Result<E::Arith, Error> {
    let [rows, mut width, ..] = engine.spec(x).shape.as_nchw();
    let bits = usize::BITS - width.leading_zeros();
    let format = Format::new(engine.spec(x).format.width(), 0, bits)?;
    let spec = Spec {
        shape: engine.spec(x).shape.clone(),
        format,
    };
    let numbers: Vec<i64> = (0..rows).flat_map(|_| 0..width as i64).collect();
    let mut index = engine.constant(&spec, &numbers)?;
    let mut value = columns(engine, x, width, |_| true)?;
    while width > 1 {
        // Neighbours meet and an odd last column passes, so columns stay in order and a tie goes to the first.
        let half = width / 2;
        let (va, vb) = (
            columns(engine, &value, width, |c| c % 2 == 0 && c + 1 < width)?,
            columns(engine, &value, width, |c| c % 2 == 1)?,
        );
        let (ia, ib) = (
            columns(engine, &index, width, |c| c % 2 == 0 && c + 1 < width)?,
            columns(engine, &index, width, |c| c % 2 == 1)?,
        );
        let (dv, di) = (engine.sub(&va, &vb)?, engine.sub(&ia, &ib)?);
        let left = only(engine.non_negative(&[&dv])?)?;
        let mut chosen = engine.select(&[(&left, &dv), (&left, &di)])?.into_iter();
        let (Some(sv), Some(si)) = (chosen.next(), chosen.next()) else {
            return Err(Error::Length {
                what: "selections",
                got: 0,
                want: 2,
            });
        };
        let winners = [(vb, sv, &value), (ib, si, &index)]
            .into_iter()
            .map(|(b, s, before)| {
                let format = engine.spec(before).format;
                let w = engine.add(&b, &s)?;
                let w = engine.declare(w, format)?;
                if width % 2 == 0 {
                    return Ok(w);
                }
                let last = columns(engine, before, width, |c| c + 1 == width)?;
                let shape = Shape::new(&[rows, half + 1])?;
                engine.concat(&[&w, &last], &shape)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut winners = winners.into_iter();
        if let (Some(v), Some(i)) = (winners.next(), winners.next()) {
            (value, index) = (v, i);
        }
        width = half + width % 2;
    }
    let picks: Vec<u32> = (0..rows as u32).collect();
    engine.gather(&index, 1, &picks, out)
}

/// Some columns of a matrix of `width` columns.
fn columns<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    width: usize,
    keep: impl Fn(usize) -> bool,
) -> Result<E::Arith, Error> {
    let rows = engine.spec(x).len() / width;
    let kept: Vec<usize> = (0..width).filter(|c| keep(*c)).collect();
    let mut index = Vec::with_capacity(rows * kept.len());
    for r in 0..rows {
        index.extend(kept.iter().map(|c| (r * width + c) as u32));
    }
    let shape = Shape::new(&[rows, kept.len()])?;
    engine.gather(x, 1, &index, &shape)
}
