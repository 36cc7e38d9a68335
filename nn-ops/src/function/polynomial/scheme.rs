//! Which products evaluate a polynomial, at which precision, and what their rounding does.

use crate::engine::product_bound;
use crate::function::real::pow2;

/// A linear combination of values, by index, and 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Combination {
    pub(super) terms: Vec<(usize, f64)>,
    pub(super) constant: f64,
}

impl Combination {
    fn of(node: usize, factor: f64) -> Self {
        Self {
            terms: vec![(node, factor)],
            constant: 0.0,
        }
    }
    fn with(mut self, constant: f64) -> Self {
        self.constant = constant;
        self
    }
    fn add(&mut self, node: usize, factor: f64) {
        if factor != 0.0 {
            self.terms.push((node, factor));
        }
    }
}

/// A value: products with combinations, plus a combination, rescaled once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sum {
    pub(super) products: Vec<(usize, Combination)>,
    pub(super) plus: Combination,
    /// What is known of its magnitude, rounding aside.
    most: f64,
    /// Whether its factors are integers.
    whole: bool,
}

/// Values that are made in the same rounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    pub(super) sums: Vec<Sum>,
    /// Fraction bits of its products.
    pub(super) frac: u32,
}

/// A value as far as its precision goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    pub(super) frac: u32,
    /// Largest magnitude.
    pub(super) most: f64,
    /// Largest error.
    error: f64,
}

impl Node {
    /// The bound of its format.
    pub(super) fn bound(&self) -> u32 {
        bound(self.most, self.frac)
    }
}

/// The least b for which a real number of this size is below 2^b with so many fraction bits.
pub(super) fn bound(most: f64, frac: u32) -> u32 {
    let mut b = 1;
    while pow2(b) <= most * pow2(frac as i32) + 1.0 && b < 64 {
        b += 1;
    }
    b as u32
}

/// A way to evaluate a polynomial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scheme {
    pub(super) levels: Vec<Level>,
    /// The variable, and every sum in order.
    pub(super) nodes: Vec<Node>,
    /// What rounding does to the result, before it is rounded itself.
    pub(super) error: f64,
    /// Bytes for each element in `rep3`, by which schemes are compared.
    pub(super) bytes: u32,
}

/// The numbers of a scheme.
struct Found {
    fracs: Vec<u32>,
    nodes: Vec<Node>,
    error: f64,
    bytes: u32,
}

/// What a scheme is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Fraction bits of the variable.
    pub(super) variable: u32,
    /// Fraction bits of the result.
    pub(super) frac: u32,
    /// Most error by rounding, in units of the result's last place.
    pub(super) error: f64,
}

/// Sums under construction.
struct Draft {
    sums: Vec<(usize, Sum)>,
    /// Node and level of Chebyshev's polynomials, by degree.
    known: Vec<Option<(usize, usize)>>,
    /// Largest degree of a linear combination.
    small: usize,
    /// Whether the factor of a product is rescaled before.
    rescaled: bool,
}

impl Draft {
    fn new(degree: usize, small: usize, rescaled: bool) -> Self {
        let mut draft = Self {
            sums: Vec::new(),
            known: vec![None; degree.max(small) + 1],
            small,
            rescaled,
        };
        draft.known[1] = Some((0, 0));
        for k in 2..=small.min(degree) {
            draft.chebyshev(k);
        }
        let mut k = 2 * small;
        while k < degree {
            draft.chebyshev(k);
            k *= 2;
        }
        draft
    }

    fn push(&mut self, level: usize, sum: Sum) -> (usize, usize) {
        self.sums.push((level, sum));
        (self.sums.len(), level)
    }

    /// `T_(m+n) = 2 T_m T_n - T_(m-n)`
    fn chebyshev(&mut self, k: usize) {
        let (m, n) = (k.div_ceil(2), k / 2);
        let at = |k: usize| self.known.get(k).copied().flatten();
        let (Some(a), Some(b)) = (at(m), at(n)) else {
            return;
        };
        let plus = match m - n {
            0 => Combination::default().with(-1.0),
            _ => Combination::of(0, -1.0),
        };
        let sum = Sum {
            products: vec![(a.0, Combination::of(b.0, 2.0))],
            plus,
            most: 1.0,
            whole: true,
        };
        let known = self.push(a.1.max(b.1) + 1, sum);
        self.known[k] = Some(known);
    }

    /// Node and level of a polynomial that is known.
    fn t(&self, k: usize) -> (usize, usize) {
        self.known.get(k).copied().flatten().unwrap_or_default()
    }

    fn linear(&self, c: &[f64]) -> Combination {
        let mut sum = Combination::default().with(c.first().copied().unwrap_or(0.0));
        for (k, c) in c.iter().enumerate().skip(1) {
            sum.add(self.t(k).0, *c);
        }
        sum
    }

    /// The sum of `c_k T_k`, and the level after all of its operands.
    fn sum(&mut self, mut c: Vec<f64>) -> (usize, Sum) {
        let most = c.iter().map(|c| c.abs()).sum();
        let degree = c.len().saturating_sub(1);
        if degree <= self.small {
            let used = (1..=degree).map(|k| self.t(k).1);
            let sum = Sum {
                products: Vec::new(),
                plus: self.linear(&c),
                most,
                whole: false,
            };
            return (used.max().unwrap_or(0), sum);
        }
        let mut g = self.small;
        while 2 * g < degree {
            g *= 2;
        }
        // T_(g+j) = 2 T_g T_j - T_(g-j); what is left of T_g itself stays in the linear part.
        let mut quotient = vec![0.0];
        for (j, h) in (1..).zip(c.split_off(g + 1)) {
            c[g - j] -= h;
            quotient.push(2.0 * h);
        }
        let (node, mut level) = self.t(g);
        let of_g = c.pop().unwrap_or(0.0);
        let (before, value) = self.sum(quotient);
        let factor = match value.products.is_empty() && !self.rescaled {
            true => {
                level = level.max(before);
                value.plus
            }
            false => {
                level = level.max(before + 1);
                Combination::of(self.push(before + 1, value).0, 1.0)
            }
        };
        let (before, rest) = self.sum(c);
        let mut sum = Sum {
            products: vec![(node, factor)],
            plus: rest.plus,
            most,
            whole: false,
        };
        sum.products.extend(rest.products);
        sum.plus.add(node, of_g);
        (level.max(before), sum)
    }
}

/// Sums by level; sums of a level without products stand apart, for they are rescaled only.
fn levels(small: usize, rescaled: bool, coefficients: &[f64]) -> Vec<Vec<Sum>> {
    let mut draft = Draft::new(coefficients.len().saturating_sub(1), small, rescaled);
    let (before, last) = draft.sum(coefficients.to_vec());
    draft.push(before + 1, last);
    let mut order: Vec<usize> = (0..draft.sums.len()).collect();
    let key = |i: &usize| (draft.sums[*i].0, draft.sums[*i].1.products.is_empty(), *i);
    order.sort_by_key(key);
    // Nodes are numbered in the order in which they are made.
    let mut renumbered = vec![0; draft.sums.len() + 1];
    for (new, old) in order.iter().enumerate() {
        renumbered[old + 1] = new + 1;
    }
    let mut out: Vec<Vec<Sum>> = Vec::new();
    let mut last = None;
    for i in order {
        let (level, mut sum) = draft.sums[i].clone();
        let group = (level, sum.products.is_empty());
        let terms = sum
            .products
            .iter_mut()
            .flat_map(|(node, f)| {
                *node = renumbered[*node];
                f.terms.iter_mut()
            })
            .chain(sum.plus.terms.iter_mut());
        for (node, _) in terms {
            *node = renumbered[*node];
        }
        match out.last_mut() {
            Some(sums) if last == Some(group) => sums.push(sum),
            _ => out.push(vec![sum]),
        }
        last = Some(group);
    }
    out
}

/// A number with so many fraction bits, as a real number.
fn rounded(v: f64, frac: u32) -> f64 {
    (v * pow2(frac as i32)).round_ties_even() * pow2(-(frac as i32))
}

/// Magnitude and error of a combination with `frac` fraction bits.
pub(super) fn combined(nodes: &[Node], c: &Combination, frac: u32) -> (f64, f64) {
    let mut most = c.constant.abs();
    let mut error = (c.constant - rounded(c.constant, frac)).abs();
    for (node, factor) in &c.terms {
        let n = &nodes[*node];
        most += factor.abs() * n.most;
        error += factor.abs() * n.error;
        error += n.most * (factor - rounded(*factor, frac.saturating_sub(n.frac))).abs();
    }
    (most + error, error)
}

/// Bytes of a product, or of a rescaling, with so many bits dropped.
fn bytes(shift: u32) -> u32 {
    match shift {
        0 => 24,
        1..=8 => 27,
        9..=16 => 30,
        17..=32 => 36,
        _ => 48,
    }
}

/// The scheme of these levels with `frac` fraction bits in each value and `more` in each coefficient of a factor,
/// if it fits.
fn analyse(sums: &[Vec<Sum>], wanted: &Wanted, frac: u32, more: u32) -> Option<Found> {
    let mut nodes = vec![Node {
        frac: wanted.variable.max(frac),
        most: 1.0,
        error: 0.0,
    }];
    let mut fracs = Vec::with_capacity(sums.len());
    let mut spent = 0;
    let mut noise = 0.0;
    for (at, level) in sums.iter().enumerate() {
        let last = at + 1 == sums.len();
        let mut p = 0;
        for sum in level {
            for (node, factor) in &sum.products {
                let left = nodes[*node].frac;
                let finest = factor.terms.iter().map(|(n, _)| nodes[*n].frac).max()?;
                let whole = sum.whole || factor.terms.iter().all(|(_, f)| *f == 1.0);
                p = p.max(left + finest + if whole { 0 } else { more });
            }
            let in_plus = sum.plus.terms.iter().map(|(n, _)| nodes[*n].frac).max();
            p = p.max(in_plus.unwrap_or(0) + u32::from(sum.products.is_empty()) * more);
        }
        let to = if last { wanted.frac } else { frac };
        let p = p.max(to);
        let shift = p - to;
        let mut made = Vec::new();
        for sum in level {
            let (plus_most, mut error) = combined(&nodes, &sum.plus, p);
            let mut reach = pow2(bound(plus_most, p) as i32);
            for (node, factor) in &sum.products {
                let left = nodes[*node];
                let scale = p.checked_sub(left.frac)?;
                let (most, e) = combined(&nodes, factor, scale);
                if bound(most, scale) >= product_bound(64) {
                    return None;
                }
                reach += pow2((left.bound() + bound(most, scale)) as i32);
                error += left.most * e + left.error * most;
            }
            let most = sum.most + error + pow2(-(to as i32));
            if reach > pow2(62)
                || bound(plus_most, p) >= product_bound(64)
                || bound(most, to) + shift > product_bound(64)
            {
                return None;
            }
            spent += bytes(shift);
            if last {
                noise = error;
            }
            made.push(Node {
                frac: to,
                most,
                error: error + pow2(-(to as i32)),
            });
        }
        nodes.extend(made);
        fracs.push(p);
    }
    Some(Found {
        fracs,
        nodes,
        error: noise,
        bytes: spent,
    })
}

/// The cheapest scheme for a sum of `c_k T_k` whose rounding stays within what is wanted; `None` if 64 bits do not
/// hold any.
pub(super) fn cheapest(coefficients: &[f64], wanted: &Wanted) -> Option<Scheme> {
    let allowed = wanted.error * pow2(-(wanted.frac as i32));
    let mut best: Option<(Found, Vec<Vec<Sum>>)> = None;
    for small in 1..=4 {
        for rescaled in [false, true] {
            let sums = levels(small, rescaled, coefficients);
            // The fewest bits that will do, in values and in coefficients: more of them cost no less.
            let found = (wanted.frac + 1..=wanted.frac + 12).find_map(|frac| {
                (wanted.frac / 2..=frac + 2)
                    .map_while(|more| analyse(&sums, wanted, frac, more))
                    .find(|s| s.error <= allowed)
            });
            let Some(found) = found else { continue };
            let cost = |s: &Found| (s.bytes, s.fracs.len());
            if best.as_ref().is_none_or(|(b, _)| cost(&found) < cost(b)) {
                best = Some((found, sums));
            }
        }
    }
    let (found, sums) = best?;
    let levels = sums.into_iter().zip(found.fracs);
    Some(Scheme {
        levels: levels.map(|(sums, frac)| Level { sums, frac }).collect(),
        nodes: found.nodes,
        error: found.error,
        bytes: found.bytes,
    })
}
