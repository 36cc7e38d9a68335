//! Arithmetic by which exporters make masks and places: triangles, running sums, and elements by lists of their
//! places.

use super::super::item::{Item, axis};
use super::super::tensor::{Budget, Const, Data, elements};

/// What is on and above (or below) a diagonal, and zeros.
pub(super) fn triangle(
    item: &Item<'_>,
    x: &Const,
    diagonal: Option<&Const>,
    budget: &mut Budget,
) -> Result<Const, String> {
    let upper = item.flag("upper", true)?;
    let k = match diagonal.map(Const::integers).transpose()? {
        None => 0,
        Some([k]) => *k,
        Some(_) => return Err("its diagonal is not a single number".to_owned()),
    };
    let (&[.., rows, columns], n) = (x.dims(), x.elements()) else {
        return Err("it takes matrices".to_owned());
    };
    budget.spend(n)?;
    let kept = |i: usize| {
        let (row, column) = ((i / columns % rows) as i64, (i % columns) as i64);
        let beyond = (column - row).cmp(&k);
        if upper {
            beyond.is_ge()
        } else {
            beyond.is_le()
        }
    };
    match x.data() {
        Data::F32(v) => {
            let one = |(i, v): (usize, &f32)| if kept(i) { *v } else { 0.0 };
            Const::f32(x.dims(), v.iter().enumerate().map(one).collect())
        }
        Data::I64(v) => {
            let one = |(i, v): (usize, &i64)| if kept(i) { *v } else { 0 };
            Const::i64(x.dims(), v.iter().enumerate().map(one).collect())
        }
    }
}

/// Running sums of integers along an axis, from which exporters number the places of a text.
pub(super) fn sums(
    item: &Item<'_>,
    x: &Const,
    at: &Const,
    budget: &mut Budget,
) -> Result<Const, String> {
    if item.flag("exclusive", false)? || item.flag("reverse", false)? {
        return Err("its sums are exclusive or run backwards".to_owned());
    }
    let [at] = at.integers()? else {
        return Err("its axis is not a single number".to_owned());
    };
    let at = axis(*at, x.dims().len())?;
    budget.spend(x.elements())?;
    let after: usize = x.dims().iter().skip(at + 1).product();
    let length = x.dims().get(at).copied().unwrap_or(1);
    let mut data = x.integers()?.to_vec();
    for i in 0..data.len() {
        if (i / after.max(1)).is_multiple_of(length.max(1)) {
            continue;
        }
        let before = data.get(i - after).copied().unwrap_or(0);
        if let Some(v) = data.get_mut(i) {
            *v = v.checked_add(before).ok_or("integers overflow")?;
        }
    }
    Const::i64(x.dims(), data)
}

/// For each list of places of its indices, the first element of what is there and how many follow it.
fn blocks(dims: &[usize], indices: &Const) -> Result<(Vec<usize>, usize), String> {
    let missing = || "it takes elements that are not there".to_owned();
    let (depth, _) = indices
        .dims()
        .split_last()
        .ok_or("its indices are a number")?;
    let (head, tail) = dims.split_at_checked(*depth).ok_or_else(missing)?;
    let block: usize = tail.iter().product();
    if *depth == 0 {
        return Err("its indices are empty".to_owned());
    }
    let one = |places: &[i64]| -> Result<usize, String> {
        let mut at = 0;
        for (place, d) in places.iter().zip(head) {
            at = at * d + axis(*place, *d)?;
        }
        Ok(at * block)
    };
    let starts = indices.integers()?.chunks_exact(*depth).map(one);
    Ok((starts.collect::<Result<_, _>>()?, block))
}

/// `GatherND`
pub(super) fn gather(
    item: &Item<'_>,
    x: &Const,
    indices: &Const,
    budget: &mut Budget,
) -> Result<Const, String> {
    if item.int("batch_dims", 0)? != 0 {
        return Err("its indices are those of a batch".to_owned());
    }
    budget.spend(indices.elements())?;
    let (starts, block) = blocks(x.dims(), indices)?;
    let (depth, lists) = indices
        .dims()
        .split_last()
        .ok_or("its indices are a number")?;
    let dims = [lists, x.dims().get(*depth..).unwrap_or(&[])].concat();
    budget.spend(elements(&dims)?)?;
    let from = starts.iter().flat_map(|s| *s..s + block);
    let missing = "it takes elements that are not there";
    match x.data() {
        Data::F32(v) => {
            let out: Option<Vec<f32>> = from.map(|i| v.get(i).copied()).collect();
            Const::f32(&dims, out.ok_or(missing)?)
        }
        Data::I64(v) => {
            let out: Option<Vec<i64>> = from.map(|i| v.get(i).copied()).collect();
            Const::i64(&dims, out.ok_or(missing)?)
        }
    }
}

/// `ScatterND`: the last of several updates of one element counts.
pub(super) fn scatter(
    item: &Item<'_>,
    x: &Const,
    indices: &Const,
    updates: &Const,
    budget: &mut Budget,
) -> Result<Const, String> {
    if item.text("reduction", "none")? != "none" {
        return Err("it adds up what it scatters".to_owned());
    }
    budget.spend(indices.elements())?;
    budget.spend(x.elements())?;
    let (starts, block) = blocks(x.dims(), indices)?;
    if starts.len().checked_mul(block) != Some(updates.elements()) {
        return Err("its updates are not as many as its indices".to_owned());
    }
    let to = starts.iter().flat_map(|s| *s..s + block);
    match (x.data(), updates.data()) {
        (Data::I64(v), Data::I64(new)) => {
            let mut out = v.to_vec();
            put(&mut out, to, new);
            Const::i64(x.dims(), out)
        }
        _ => {
            let mut out = x.reals().to_vec();
            put(&mut out, to, &updates.reals());
            Const::f32(x.dims(), out)
        }
    }
}

fn put<T: Copy>(out: &mut [T], to: impl Iterator<Item = usize>, new: &[T]) {
    for (at, new) in to.zip(new) {
        if let Some(v) = out.get_mut(at) {
            *v = *new;
        }
    }
}
