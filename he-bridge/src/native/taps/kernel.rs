//! Sums of shifted polynomials times values, for some outputs and one block of columns: choice of kernel, portable
//! kernels.

use piquet_core::cpu::{self, Level};

use crate::native::power::{LIMB, Power};

/// A polynomial's coefficients at one block of columns: word `w` of column `c` is `planes[w stride + at + c]`.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) planes: &'a [u64],
    pub(super) stride: usize,
    pub(super) at: usize,
    /// Its values are to be negated.
    pub(super) negative: bool,
}

impl Source<'_> {
    /// Word `w` of `width` columns.
    pub(super) fn word(&self, w: usize, width: usize) -> &[u64] {
        &self.planes[w * self.stride + self.at..][..width]
    }
}

/// The form in which a kernel takes signed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signs {
    /// Modulo 2^64.
    Whole,
    /// Modulo 2^52.
    Limb,
    /// Plus the bound on all of them, below 2^52.
    Offset,
}

/// Which kernel runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    pub(super) power: Power,
    pub(super) signs: Signs,
    /// Most outputs of a tile.
    pub(super) rows: usize,
    /// Whether it wants [`Self::products`].
    pub(super) pairs: bool,
    level: Level,
}

impl Kernel {
    pub(super) fn new(power: Power, level: Level) -> Self {
        let (signs, rows) = if cpu::Ifma512::at(level).is_none() {
            (Signs::Whole, 12)
        } else {
            match (power.words, power.bits) {
                (1, 0..=LIMB) => (Signs::Limb, 12),
                (1, _) => (Signs::Whole, 12),
                (2, _) => (Signs::Offset, 6),
                (3, _) => (Signs::Offset, 8),
                _ => (Signs::Offset, 6),
            }
        };
        Self {
            power,
            signs,
            rows,
            pairs: signs == Signs::Whole && cpu::Avx512::at(level).is_some() && power.words == 1,
            level,
        }
    }

    /// Adds to every one of the `rows` outputs, `[row][word]`, the sum over all sources of the source times its
    /// factor for that output, `[source][row]`. At most 2^11 - 1 sources; outputs are residues before and after.
    /// `pairs` is what [`Self::products`] made of the sources.
    pub(super) fn tile(
        &self,
        sources: &[Source<'_>],
        pairs: &[u64],
        factors: &[u64],
        outs: &mut [&mut [u64]],
        rows: usize,
    ) {
        let _ = pairs;
        #[cfg(target_arch = "x86_64")]
        if outs.first().is_some_and(|o| o.len().is_multiple_of(16)) {
            if let (Signs::Limb | Signs::Offset, Some(cpu)) =
                (self.signs, cpu::Ifma512::at(self.level))
            {
                return super::x86::limbs(cpu, self.power, sources, factors, outs, rows);
            }
            if let (true, Some(cpu)) = (self.pairs, cpu::Avx512::at(self.level)) {
                return super::x86::word(cpu, self.power, sources, pairs, factors, outs, rows);
            }
            if let (1, Some(cpu)) = (self.power.words, cpu::Avx2::at(self.level)) {
                return super::x86::word_avx2(cpu, self.power, sources, factors, outs);
            }
        }
        match self.power.words {
            1 => word(self.power, sources, factors, outs),
            2 => limbs::<2>(self.power, sources, factors, outs),
            3 => limbs::<3>(self.power, sources, factors, outs),
            _ => limbs::<4>(self.power, sources, factors, outs),
        }
    }

    /// Modulo 2^64 the products of the first two sources, the next two, and so on, summed: `pairs`, of `width`
    /// columns.
    pub(super) fn products(&self, sources: &[Source<'_>], pairs: &mut [u64], width: usize) {
        pairs.fill(0);
        let _ = (sources, width);
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = cpu::Avx512::at(self.level) {
            super::x86::products(cpu, sources, pairs, width);
        }
    }
    /// The sum of all sources, fewer than 2^11: residues in `[word][width]`.
    pub(super) fn sum(&self, sources: &[Source<'_>], sum: &mut [u64], width: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = cpu::Avx512::at(self.level) {
            super::x86::sum(cpu, self.power.words, sources, sum, width);
            return self.power.carry(sum);
        }
        plain_sum(sources, sum, width);
        self.power.carry(sum);
    }
}

/// Sums all sources word by word, without carries.
pub(super) fn plain_sum(sources: &[Source<'_>], sum: &mut [u64], width: usize) {
    sum.fill(0);
    for source in sources {
        for (w, sum) in sum.chunks_exact_mut(width).enumerate() {
            for (s, x) in sum.iter_mut().zip(source.word(w, width)) {
                *s = s.wrapping_add(*x);
            }
        }
    }
}

/// [`Kernel::tile`] modulo 2^bits in one word: everything modulo 2^64 until the end.
#[inline(always)]
pub(super) fn word(power: Power, sources: &[Source<'_>], factors: &[u64], outs: &mut [&mut [u64]]) {
    let (rows, mask) = (outs.len(), power.mask(0));
    for (r, out) in outs.iter_mut().enumerate() {
        for (source, factors) in sources.iter().zip(factors.chunks_exact(rows)) {
            let f = factors[r];
            let x = source.word(0, out.len());
            for (o, x) in out.iter_mut().zip(x) {
                *o = o.wrapping_add(x.wrapping_mul(f));
            }
        }
        for o in &mut **out {
            *o &= mask;
        }
    }
}

/// [`Kernel::tile`] with signed factors below 2^51 in absolute value, for few sources: limbs below 2^52 give sums
/// below 2^(52 + 51 + 11), and carries from the limb below make them a bit larger.
fn limbs<const L: usize>(
    power: Power,
    sources: &[Source<'_>],
    factors: &[u64],
    outs: &mut [&mut [u64]],
) {
    const COLUMNS: usize = 8;
    let rows = outs.len() / L;
    for (r, out) in outs.chunks_exact_mut(L).enumerate() {
        let width = out[0].len();
        for first in (0..width).step_by(COLUMNS) {
            let columns = COLUMNS.min(width - first);
            let mut sums = [[0i128; COLUMNS]; L];
            for (source, factors) in sources.iter().zip(factors.chunks_exact(rows)) {
                let f = i128::from(factors[r].cast_signed());
                for (w, sums) in sums.iter_mut().enumerate() {
                    let x = &source.word(w, width)[first..][..columns];
                    for (s, x) in sums.iter_mut().zip(x) {
                        *s += i128::from(*x) * f;
                    }
                }
            }
            for c in 0..columns {
                let mut carry = 0;
                for w in 0..L {
                    let x = i128::from(out[w][first + c]) + sums[w][c] + carry;
                    out[w][first + c] = x as u64 & power.mask(w);
                    carry = x >> LIMB;
                }
            }
        }
    }
}
