//! A function of integers as straight pieces with integer coefficients: how they are found, and what they give.

/// A function of X, the integer that stands for x = X / 2^f.
pub(super) struct Curve<'a> {
    /// Its values where it is not constant, in units of the last place of the result.
    pub(super) value: &'a dyn Fn(f64) -> f64,
    /// It is constant below the first X and from the second one on.
    pub(super) window: [i64; 2],
    /// Its values there.
    pub(super) ends: [f64; 2],
    /// Where a piece has to begin, if anywhere.
    pub(super) joint: Option<i64>,
    /// X itself is added from the joint on.
    pub(super) identity: bool,
}

/// What the pieces may cost.
pub(super) struct Effort {
    /// How far a piece may be off before the result is rounded, in units of the last place.
    pub(super) error: f64,
    /// Fractional bits of slopes, g.
    pub(super) guard: u32,
    /// Bits of slopes with their sign.
    pub(super) slope: u32,
}

/// ⌊(a + b X) / 2^g⌋ - offset, and + X where `identity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// The first X; nothing is below that of the first piece.
    pub(super) from: i64,
    /// Modulo 2^M.
    pub(super) a: u64,
    pub(super) b: i64,
    pub(super) identity: bool,
}

/// The pieces in order. a + b X is in 0..2^(M - 1) for every X.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces {
    pub(super) list: Vec<Piece>,
    /// g
    pub(super) guard: u32,
    /// M
    pub(super) sum: u32,
    /// Bits of b with its sign.
    pub(super) slope: u32,
    pub(super) offset: u64,
    pub(super) identity: bool,
}

/// A piece before the range of all is known.
struct Fit {
    from: i64,
    b: i64,
    /// 2^g (value + 1/2) at `from`.
    start: i64,
    error: f64,
    range: [f64; 2],
}

/// Points of a long piece at which it is compared with the curve.
const SAMPLES: i64 = 32;

/// The chord from `from` to `to` - 1, with its error halved to both sides.
fn fit(curve: &Curve<'_>, effort: &Effort, from: i64, to: i64) -> Fit {
    let one = (1u64 << effort.guard) as f64;
    let last = to - 1 - from;
    let f = |x: i64| (curve.value)(x as f64);
    let limit = (1i64 << (effort.slope - 1)) - 1;
    let b = match last {
        0 => 0,
        _ => ((f(to - 1) - f(from)) / last as f64 * one + 0.5).floor() as i64,
    };
    let b = b.clamp(-limit, limit);
    let mut off = [f64::INFINITY, f64::NEG_INFINITY];
    let mut range = off;
    let samples = last.min(SAMPLES);
    for i in 0..=samples {
        // No product here can overflow: windows end below 2^57.
        let x = if samples == 0 { 0 } else { last * i / samples };
        let y = f(from + x);
        let d = y - b as f64 * x as f64 / one;
        off = [off[0].min(d), off[1].max(d)];
        range = [range[0].min(y), range[1].max(y)];
    }
    let middle = (off[0] + off[1]) / 2.0;
    Fit {
        from,
        b,
        start: ((middle + 0.5) * one + 0.5).floor() as i64,
        error: (off[1] - off[0]) / 2.0 + 1.0 / one,
        range,
    }
}

/// The piece of one value.
fn constant(value: f64, effort: &Effort, from: i64) -> Fit {
    let one = (1u64 << effort.guard) as f64;
    Fit {
        from,
        b: 0,
        start: ((value + 0.5) * one + 0.5).floor() as i64,
        error: 0.0,
        range: [value; 2],
    }
}

/// The longest piece from `from` on that ends before `end`, and where it ends.
fn longest(curve: &Curve<'_>, effort: &Effort, from: i64, end: i64) -> (Fit, i64) {
    let good = |to: i64| Some(fit(curve, effort, from, to)).filter(|f| f.error <= effort.error);
    let (mut best, mut to) = (fit(curve, effort, from, from + 1), from + 1);
    // It fits up to `to`; whether from `bad` on is not known until it is smaller than `end`.
    let mut bad = end + 1;
    let mut step = 1;
    while to + step < bad {
        match good(to + step) {
            Some(f) => {
                best = f;
                to += step;
                step *= 2;
            }
            None => bad = to + step,
        }
        step = step.min(((bad - to) / 2).max(1));
    }
    (best, to)
}

impl Pieces {
    /// Greedily, from the left.
    pub(super) fn new(curve: &Curve<'_>, effort: &Effort) -> Self {
        let [low, high] = curve.window;
        let mut fits = vec![constant(curve.ends[0], effort, i64::MIN)];
        let mut from = low;
        while from < high {
            let end = curve.joint.filter(|j| *j > from).unwrap_or(high);
            let (f, to) = longest(curve, effort, from, end);
            fits.push(f);
            from = to;
        }
        fits.push(constant(curve.ends[1], effort, high));
        let lowest = fits.iter().fold(0f64, |m, f| m.min(f.range[0]));
        let highest = fits.iter().fold(0f64, |m, f| m.max(f.range[1]));
        let offset = (-lowest).ceil() as u64;
        let top = offset + highest.ceil() as u64 + 1;
        let guard = effort.guard;
        let sum = 64 - top.leading_zeros() + guard + 1;
        let list: Vec<_> = fits
            .iter()
            .map(|f| Piece {
                from: f.from,
                a: (f.start as u64)
                    .wrapping_add(offset << guard)
                    .wrapping_sub((f.b as u64).wrapping_mul(f.from as u64))
                    & (u64::MAX >> (64 - sum)),
                b: f.b,
                identity: curve.identity && curve.joint.is_some_and(|j| f.from >= j),
            })
            .collect();
        let magnitude = |b: i64| 64 - (if b < 0 { !b } else { b }).leading_zeros();
        let slope = 1 + list.iter().map(|p| magnitude(p.b)).max().unwrap_or(0);
        let slope = slope.min(sum);
        Self {
            list,
            guard,
            sum,
            slope,
            offset,
            identity: curve.identity,
        }
    }
    /// Without the pieces that no number of `bits` bits lies in.
    pub(super) fn within(mut self, bits: u32) -> Self {
        let [low, high] = [i64::MIN, i64::MAX].map(|end| end >> (64 - bits));
        self.list.retain(|p| p.from <= high);
        let first = self.list.partition_point(|p| p.from <= low);
        self.list.drain(..first.saturating_sub(1));
        self
    }
    /// Bits of a piece's word.
    pub(super) fn word_bits(&self) -> usize {
        (self.sum + self.slope) as usize + usize::from(self.identity)
    }
    /// a, b and whether X is added, one after the other.
    pub(super) fn word(&self, p: &Piece) -> u128 {
        let b = p.b as u64 & (u64::MAX >> (64 - self.slope));
        let top = self.sum + self.slope;
        u128::from(p.a) | u128::from(b) << self.sum | u128::from(p.identity) << top
    }
    /// What the pieces give at X, modulo 2^64.
    pub(super) fn value(&self, x: i64) -> u64 {
        let i = self.list.partition_point(|p| p.from <= x);
        let Some(p) = self.list.get(i.saturating_sub(1)) else {
            return 0;
        };
        let sum = p.a.wrapping_add((p.b as u64).wrapping_mul(x as u64));
        let sum = sum & (u64::MAX >> (64 - self.sum));
        (sum >> self.guard)
            .wrapping_sub(self.offset)
            .wrapping_add(if p.identity { x as u64 } else { 0 })
    }
}
