//! Functions of bits: which places come after a set one, the highest set place, the unit vector of a number.
//!
//! Everything is made of [`Engine::and`] and of exclusive ors, which are local, so each is as secure as the engine's
//! conjunction, and costs what that costs.
//!
//! * Disjunctions of prefixes, by De Morgan the complements of conjunctions of complements, in the tree of Sklansky
//!   ("Conditional-sum addition logic", 1960): in round `r` the upper half of each block of `2^(r+1)` bits takes in
//!   the last of the lower half. `n` bits take `ceil(log2 n)` rounds and `sum_r |{i < n : bit r of i is set}|`
//!   conjunctions, `n/2 log2 n` where n is a power of two (80 for 32, 192 for 64).
//! * The highest set place is where the disjunctions from above change.
//! * A unit vector of `2^m` places (Launchbury et al., Efficient lookup-table protocol in secure multiparty
//!   computation, ICFP 2012) is the product of two shorter ones. Since the places of a unit vector add up to 1, the
//!   last row and the last column of that product are sums of other places: vectors of `a` and `b` places take
//!   `(a - 1)(b - 1)` conjunctions. So `m` bits take `ceil(log2 m)` rounds and `2^m - m - 1` conjunctions, one for
//!   each monomial of two bits or more.
//!
//! A conjunction of an element is 3 bits in `rep3`, and in `semi2k` 2 bits from each party to each other one; a round
//! in both. So 32 bits take 240 bits and 5 rounds to their prefixes in `rep3`, 320 between two parties of `semi2k`.
//! Results are exact, for all bits.

use crate::Error;
use crate::layer::Layers;

#[allow(unused_imports, reason = "named in the documentation")]
use crate::engine::Engine;

/// Most bits of a number whose unit vector is made.
pub const MAX_INDEX_BITS: u32 = 12;

/// See [`Layers::prefix_or`].
pub(crate) fn prefix_or<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    let none = none_so_far(engine, bits.iter())?;
    none.iter().map(|b| engine.not(b)).collect()
}

/// See [`Layers::most_significant_one`].
pub(crate) fn most_significant_one<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    // Highest first: no place above is set until one is.
    let none = none_so_far(engine, bits.iter().rev())?;
    let mut highest = Vec::with_capacity(bits.len());
    for (i, here) in none.iter().enumerate().rev() {
        highest.push(match i.checked_sub(1).and_then(|i| none.get(i)) {
            Some(above) => engine.xor(above, here)?,
            None => engine.not(here)?,
        });
    }
    Ok(highest)
}

/// Conjunctions of the complements of the first bit, the first two, ... and all.
fn none_so_far<'a, E: Layers + ?Sized>(
    engine: &mut E,
    bits: impl Iterator<Item = &'a E::Bits>,
) -> Result<Vec<E::Bits>, Error>
where
    E::Bits: 'a,
{
    let mut none = bits.map(|b| engine.not(b)).collect::<Result<Vec<_>, _>>()?;
    let mut half = 1;
    while half < none.len() {
        let upper: Vec<usize> = (0..none.len()).filter(|i| i & half != 0).collect();
        let pairs: Vec<_> = upper
            .iter()
            // The last of the lower half of the block of i.
            .filter_map(|i| Some((none.get(*i)?, none.get((i & !(half - 1)) - 1)?)))
            .collect();
        let joined = engine.and(&pairs)?;
        for (i, b) in upper.into_iter().zip(joined) {
            if let Some(place) = none.get_mut(i) {
                *place = b;
            }
        }
        half *= 2;
    }
    Ok(none)
}

/// See [`Layers::one_hot`].
pub(crate) fn one_hot<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    let most = MAX_INDEX_BITS as usize;
    if bits.is_empty() || bits.len() > most {
        return Err(Error::Length {
            what: "bits of an index",
            got: bits.len(),
            want: bits.len().clamp(1, most),
        });
    }
    let mut vectors = bits
        .iter()
        .map(|b| {
            let complement = engine.not(b)?;
            Ok(vec![engine.not(&complement)?, complement])
        })
        .collect::<Result<Vec<Vec<E::Bits>>, Error>>()?;
    // The highest place comes first in each vector; it is left out of the products.
    while vectors.len() > 1 {
        let mut pairs = Vec::new();
        for pair in vectors.chunks_exact(2) {
            if let [low, high] = pair {
                for h in high.iter().skip(1) {
                    pairs.extend(low.iter().skip(1).map(|l| (h, l)));
                }
            }
        }
        let mut products = engine.and(&pairs)?.into_iter();
        let mut joined = Vec::with_capacity(vectors.len().div_ceil(2));
        let mut rest = vectors.into_iter();
        while let Some(low) = rest.next() {
            joined.push(match rest.next() {
                Some(high) => outer(engine, &low, &high, &mut products)?,
                None => low,
            });
        }
        vectors = joined;
    }
    let mut vector = vectors.pop().unwrap_or_default();
    vector.reverse();
    Ok(vector)
}

/// The product of two unit vectors from the products of all places but the first of each.
fn outer<E: Layers + ?Sized>(
    engine: &mut E,
    low: &[E::Bits],
    high: &[E::Bits],
    products: &mut impl Iterator<Item = E::Bits>,
) -> Result<Vec<E::Bits>, Error> {
    let mut rows: Vec<Vec<E::Bits>> = Vec::with_capacity(high.len());
    for h in high.iter().skip(1) {
        let row: Vec<E::Bits> = products.by_ref().take(low.len() - 1).collect();
        let first = less(engine, h, row.iter())?;
        rows.push(core::iter::once(first).chain(row).collect());
    }
    // What is left of each place of the lower vector is in the first row.
    let mut first = Vec::with_capacity(low.len());
    for (i, l) in low.iter().enumerate() {
        first.push(less(engine, l, rows.iter().filter_map(|row| row.get(i)))?);
    }
    Ok(core::iter::once(first).chain(rows).flatten().collect())
}

/// A bit less others of which at most it alone is set.
fn less<'a, E: Layers + ?Sized>(
    engine: &mut E,
    whole: &'a E::Bits,
    parts: impl Iterator<Item = &'a E::Bits>,
) -> Result<E::Bits, Error> {
    let mut left: Option<E::Bits> = None;
    for part in parts {
        left = Some(engine.xor(left.as_ref().unwrap_or(whole), part)?);
    }
    left.map_or_else(
        || {
            Err(Error::Length {
                what: "places of a unit vector",
                got: 1,
                want: 2,
            })
        },
        Ok,
    )
}
