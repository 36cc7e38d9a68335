//! Products of points: a server's matrix of sparse polynomials times encrypted ones, modulo primes.
//!
//! Points of a transform come in blocks of S = 2^s neighbours, on each of which a polynomial in X^S is constant (see
//! [`super::ntt`]). So the polynomials are cut by the exponents' residues modulo S, the taps: sum over taps r of X^r
//! times a polynomial in X^S, of which a transform of length N/S gives all that there is to know. One tap (1 x 1
//! convolutions and matrices whose channels lie a power of two apart): the product is a matrix product for each
//! block, weights the same for its S points; X^r comes in once, at the end. A few taps (small kernels): the weight of
//! a point is put together in registers, from the values of its block and a table of X^r that all weights share,
//! which costs less than a transform. Otherwise weights are transformed whole: beforehand, if they fit in [`CACHE`]
//! bytes, or else when they are used, a few polynomials at a time.
//!
//! Sums of products are kept unreduced in two words. The residue is taken once for each output.
//! Nothing depends on the values of weights: zeros are multiplied as all others are.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;

use core::fmt;
use core::ops::Range;

use piquet_core::cpu::Ifma512;
use piquet_core::wipe_vec;

use super::ntt::Ntt;
use super::prime::Prime;
use crate::map::Map;

/// Bytes of transforms of weights that one prepared matrix keeps at most.
pub const CACHE: usize = 256 << 20;
/// Most taps of weights that are put together at use: then sums of their products are below 2^52 (see [`ifma`]).
const TAPS: usize = 11;
/// Points of a block are at least those of a vector.
const BLOCK: usize = 8;
/// Points of a panel: of all inputs, copied together, so that they stay in near caches for all outputs.
const PANEL: usize = 16;
/// Inputs whose weights are transformed together.
const CHUNK: usize = 16;
/// Outputs that share a panel.
const OUTS: usize = 32;

/// Both halves of a polynomial, points prime by prime.
pub type Halves<'a> = [&'a [u64]; 2];

/// A server's polynomials as they multiply: secret, wiped on drop.
pub struct Dense {
    ins: usize,
    outs: usize,
    form: Form,
}

enum Form {
    /// Values of blocks, `[prime][block][out][in][tap]`.
    Blocks {
        /// S.
        points: usize,
        values: Vec<u64>,
        /// Points of X^r, `[prime][tap][N]`; of a single tap none if r is 0.
        taps: Vec<u64>,
        count: usize,
    },
    /// Points, `[prime][out][in][N]`.
    Whole(Vec<u64>),
    /// Terms, `[out][in][exponent]`.
    Terms {
        values: Vec<i64>,
        exponents: Vec<u32>,
    },
}

impl Drop for Dense {
    fn drop(&mut self) {
        match &mut self.form {
            Form::Blocks { values, .. } | Form::Whole(values) => wipe_vec(values),
            Form::Terms { values, .. } => wipe_vec(values),
        }
    }
}

impl fmt::Debug for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dense")
    }
}

/// Points of a block and the taps that make products cheapest, unless whole polynomials are cheaper: exponents alone
/// decide.
///
/// Counted are instructions for each vector of points, about as many for a transform as were measured, and reading
/// values from memory at four bytes for each.
fn blocks(exponents: &[u32], degree: usize) -> Option<(usize, Vec<usize>)> {
    let mut best = None;
    let mut least = 4 + 4 * degree.ilog2() as usize;
    let mut points = degree;
    while points >= BLOCK {
        let mut taps: Vec<usize> = exponents.iter().map(|e| *e as usize % points).collect();
        taps.sort_unstable();
        taps.dedup();
        let products = if taps.len() == 1 {
            4
        } else {
            2 * taps.len() + 7
        };
        let cost = products + 16 * taps.len() / points;
        // Several taps are for memory's sake too: at most a sixteenth of whole polynomials' points.
        let compact = taps.len() == 1 || 16 * taps.len() <= points;
        if taps.len() <= TAPS && compact && cost < least {
            least = cost;
            best = Some((points, taps));
        }
        points /= 2;
    }
    best
}

impl Dense {
    /// Whether weight polynomials are transformed anew for every product.
    pub(crate) fn anew(&self) -> bool {
        matches!(self.form, Form::Terms { .. })
    }
    /// Prepares the terms `[outs][ins][exponents]` of a valid map for products modulo the primes of `ntts`,
    /// transforms of one degree from 64 up.
    ///
    /// Memory: blocks 8 bytes for each term and prime; whole polynomials 8 N bytes for each pair and prime, up to
    /// [`CACHE`] bytes; else the terms.
    #[must_use]
    pub fn prepare(ntts: &[Ntt], map: &Map, values: &[i64]) -> Self {
        Self::prepare_within(ntts, map, values, CACHE)
    }
    /// [`Dense::prepare`] with a limit in bytes on transforms that are kept.
    #[must_use]
    pub fn prepare_within(ntts: &[Ntt], map: &Map, values: &[i64], cache: usize) -> Self {
        let degree = ntts.first().map_or(BLOCK, Ntt::degree);
        let form = match blocks(&map.exponents, degree) {
            Some((points, taps)) => Form::blocks(ntts, map, values, points, &taps),
            None => {
                let bytes = [map.outs, map.ins, degree, 8]
                    .into_iter()
                    .try_fold(ntts.len(), |a, b| a.checked_mul(b));
                let terms = Form::Terms {
                    values: values.to_vec(),
                    exponents: map.exponents.clone(),
                };
                if bytes.is_some_and(|b| b <= cache) {
                    let whole = Self {
                        ins: map.ins,
                        outs: map.outs,
                        form: terms,
                    };
                    let mut points = vec![0; map.outs * map.ins * ntts.len() * degree];
                    let mut rest = points.chunks_exact_mut(degree);
                    for ntt in ntts {
                        for pair in 0..map.outs * map.ins {
                            if let Some(to) = rest.next() {
                                whole.transform(ntt, pair, to);
                            }
                        }
                    }
                    Form::Whole(points)
                } else {
                    terms
                }
            }
        };
        Self {
            ins: map.ins,
            outs: map.outs,
            form,
        }
    }
    /// Points of one pair's polynomial, from its terms.
    fn transform(&self, ntt: &Ntt, pair: usize, to: &mut [u64]) {
        if let Form::Terms { values, exponents } = &self.form {
            let (p, n) = (ntt.prime(), to.len());
            let scale = form(ntt);
            to.fill(0);
            let values = &values[pair * exponents.len()..];
            for (e, v) in exponents.iter().zip(values) {
                let (place, negative) = Map::place(*e, n);
                to[place] = signed(p, *v, negative, scale);
            }
            ntt.forward(to);
        }
    }
    /// Number of output polynomials.
    #[must_use]
    pub fn outs(&self) -> usize {
        self.outs
    }
    /// Whether products are taken block by block, with one value for each: the cheapest form.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(self.form, Form::Blocks { count: 1, .. })
    }
    /// Outputs `outs`, both halves, from all inputs; transforms as for [`Dense::prepare`].
    ///
    /// For each pair, prime and half N products of points; for each pair and prime besides, N products for every tap
    /// if there are several, or a transform if weights are whole and not kept.
    #[must_use]
    pub fn multiply(
        &self,
        ntts: &[Ntt],
        inputs: &[Halves<'_>],
        outs: Range<usize>,
    ) -> Vec<[Vec<u64>; 2]> {
        let words = ntts.iter().map(Ntt::degree).sum();
        let mut sums: Vec<[Vec<u64>; 2]> = (outs.clone())
            .map(|_| [vec![0; words], vec![0; words]])
            .collect();
        let run = |(tile, sums): (usize, &mut [[Vec<u64>; 2]])| {
            self.multiply_into(ntts, inputs, outs.start + tile * OUTS, sums);
        };
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            sums.par_chunks_mut(OUTS).enumerate().for_each(run);
        }
        #[cfg(not(feature = "parallel"))]
        sums.chunks_mut(OUTS).enumerate().for_each(run);
        sums
    }
    /// Outputs from number `first` on, as many as there are places of N words for each prime, which are overwritten.
    pub fn multiply_into(
        &self,
        ntts: &[Ntt],
        inputs: &[Halves<'_>],
        first: usize,
        sums: &mut [[Vec<u64>; 2]],
    ) {
        debug_assert!(first + sums.len() <= self.outs && inputs.len() == self.ins);
        let mut at = 0;
        for (j, ntt) in ntts.iter().enumerate() {
            let range = at..at + ntt.degree();
            match &self.form {
                Form::Blocks {
                    points,
                    values,
                    taps,
                    count,
                } => {
                    let blocks = ntt.degree() / points;
                    let row = self.ins * count;
                    let taps = &taps[(j * count * ntt.degree()).min(taps.len())..];
                    let taps = &taps[..(count * ntt.degree()).min(taps.len())];
                    let weights = BlockWeights {
                        values: &values[j * blocks * self.outs * row..][..blocks * self.outs * row],
                        row,
                        outs: self.outs,
                        first,
                        points: *points,
                        taps,
                        count: *count,
                    };
                    by_blocks(ntt, inputs, range.clone(), &weights, sums);
                }
                Form::Whole(points) => {
                    let n = ntt.degree();
                    for (o, sum) in sums.iter_mut().enumerate() {
                        let pair = (j * self.outs + first + o) * self.ins;
                        let [a, b] = sum;
                        let sum = [&mut a[range.clone()], &mut b[range.clone()]];
                        by_points(
                            ntt,
                            inputs,
                            range.start,
                            &points[pair * n..][..self.ins * n],
                            sum,
                        );
                    }
                }
                Form::Terms { .. } => {
                    let n = ntt.degree();
                    let mut weights = vec![0; CHUNK.min(self.ins) * n];
                    for (c, chunk) in inputs.chunks(CHUNK).enumerate() {
                        for (o, sum) in sums.iter_mut().enumerate() {
                            let weights = &mut weights[..chunk.len() * n];
                            let pair = (first + o) * self.ins + c * CHUNK;
                            for (i, to) in weights.chunks_exact_mut(n).enumerate() {
                                self.transform(ntt, pair + i, to);
                            }
                            let [a, b] = sum;
                            let sum = [&mut a[range.clone()], &mut b[range.clone()]];
                            chunk_by_points(ntt, chunk, range.start, weights, sum, c == 0);
                        }
                    }
                    wipe_vec(&mut weights);
                }
            }
            at = range.end;
        }
    }
}

impl Form {
    fn blocks(ntts: &[Ntt], map: &Map, values: &[i64], points: usize, taps: &[usize]) -> Self {
        let degree = ntts.first().map_or(BLOCK, Ntt::degree);
        let (blocks, count) = (degree / points, taps.len());
        let terms = map.exponents.len();
        // Of every exponent: its tap, its place in the short polynomial, and whether it comes in with a minus sign.
        let places: Vec<(usize, usize, bool)> = (map.exponents.iter())
            .map(|e| {
                let (e, n) = (*e as usize, blocks);
                let tap = taps.binary_search(&(e % points)).unwrap_or(0);
                (tap, e / points % n, e / points >= n)
            })
            .collect();
        let mut out = vec![0; ntts.len() * map.outs * map.ins * blocks * count];
        let mut short = vec![0; count * blocks];
        for (ntt, out) in ntts
            .iter()
            .zip(out.chunks_exact_mut(map.outs * map.ins * blocks * count))
        {
            let p = ntt.prime();
            // Weights that are put together get their form from the table.
            let scale = if count == 1 {
                form(ntt)
            } else {
                [1, p.factor(1)]
            };
            for (pair, values) in values.chunks_exact(terms).enumerate() {
                short.fill(0);
                for ((tap, place, negative), v) in places.iter().zip(values) {
                    short[tap * blocks + place] = signed(p, *v, *negative, scale);
                }
                ntt.forward_many(&mut short, blocks);
                for (k, v) in short.iter().enumerate() {
                    let (tap, block) = (k / blocks, k % blocks);
                    out[(block * map.outs * map.ins + pair) * count + tap] = *v;
                }
            }
        }
        wipe_vec(&mut short);
        let mut table = Vec::new();
        if taps != [0] {
            for ntt in ntts {
                for r in taps {
                    let start = table.len();
                    table.resize(start + degree, 0);
                    table[start + r] = if count == 1 { 1 } else { tap_form(ntt) };
                    ntt.forward(&mut table[start..]);
                }
            }
        }
        Self::Blocks {
            points,
            values: out,
            taps: table,
            count,
        }
    }
}

/// What weights are multiplied by beforehand, with its factor: what the residues of sums lose.
pub(crate) fn form(ntt: &Ntt) -> [u64; 2] {
    let p = ntt.prime();
    let w = if proof(ntt).is_some() {
        p.reduce_wide(1 << 104)
    } else {
        1
    };
    [w, p.factor(w)]
}

/// A value, or its negation, times a factor: no branch on the value.
#[inline(always)]
fn signed(p: &Prime, v: i64, negative: bool, scale: [u64; 2]) -> u64 {
    let minus = (v >> 63).cast_unsigned() ^ u64::from(negative).wrapping_neg();
    let t = p.mul_by(v.unsigned_abs(), scale[0], scale[1]);
    t ^ ((t ^ p.neg(t)) & minus)
}

/// What tables of taps are multiplied by: what putting weights together loses is made up for, too.
fn tap_form(ntt: &Ntt) -> u64 {
    let p = ntt.prime();
    if proof(ntt).is_some() {
        p.mul(p.reduce_wide(1 << 104), p.reduce(1 << 52))
    } else {
        1
    }
}

fn proof(ntt: &Ntt) -> Option<Ifma512> {
    Ifma512::at(ntt.level())
}

/// Weights of one prime.
struct BlockWeights<'a> {
    /// `[block][out][in][tap]`.
    values: &'a [u64],
    /// Values of one output in one block.
    row: usize,
    outs: usize,
    /// The first output that is wanted.
    first: usize,
    points: usize,
    taps: &'a [u64],
    count: usize,
}

impl BlockWeights<'_> {
    /// The weights of the block that a point is in, from the first output that is wanted.
    fn of(&self, point: usize) -> &[u64] {
        &self.values[(point / self.points * self.outs + self.first) * self.row..]
    }
}

/// The outputs' points `range` of one prime.
fn by_blocks(
    ntt: &Ntt,
    inputs: &[Halves<'_>],
    range: Range<usize>,
    weights: &BlockWeights<'_>,
    sums: &mut [[Vec<u64>; 2]],
) {
    let mut panel = vec![0; inputs.len() * 2 * PANEL];
    for start in (0..ntt.degree()).step_by(PANEL) {
        for (to, from) in panel.chunks_exact_mut(PANEL).zip(inputs.iter().flatten()) {
            to.copy_from_slice(&from[range.start + start..][..PANEL]);
        }
        match proof(ntt) {
            #[cfg(target_arch = "x86_64")]
            Some(proof) => ifma::panel(
                proof,
                ntt.prime(),
                &panel,
                range.start,
                start,
                weights,
                sums,
            ),
            _ => portable::panel(ntt.prime(), &panel, range.start, start, weights, sums),
        }
    }
    // A single tap comes in here.
    if weights.count == 1 && !weights.taps.is_empty() {
        for sum in sums.iter_mut().flatten() {
            ntt.multiply(&mut sum[range.clone()], weights.taps);
        }
    }
}

/// One output's points of one prime, from weights as points.
fn by_points(
    ntt: &Ntt,
    inputs: &[Halves<'_>],
    at: usize,
    weights: &[u64],
    mut sum: [&mut [u64]; 2],
) {
    let n = ntt.degree();
    let chunks = inputs.chunks(CHUNK).zip(weights.chunks(CHUNK * n));
    for (c, (chunk, weights)) in chunks.enumerate() {
        chunk_by_points(
            ntt,
            chunk,
            at,
            weights,
            sum.each_mut().map(|s| &mut **s),
            c == 0,
        );
    }
}

/// The same for at most [`CHUNK`] inputs: sets the sums to theirs if they are the first, else adds.
pub(crate) fn chunk_by_points(
    ntt: &Ntt,
    inputs: &[Halves<'_>],
    at: usize,
    weights: &[u64],
    sum: [&mut [u64]; 2],
    first: bool,
) {
    match proof(ntt) {
        #[cfg(target_arch = "x86_64")]
        Some(proof) => ifma::points(proof, ntt.prime(), inputs, at, weights, sum, first),
        _ => portable::points(ntt.prime(), inputs, at, weights, sum, first),
    }
}

#[cfg(test)]
mod tests;
