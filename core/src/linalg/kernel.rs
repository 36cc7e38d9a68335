//! Register-tiled kernels: `ROWS` output positions by one panel of 32 output channels.
//!
//! The reduction is cut into segments (one product term, one kernel tap, a run of channels) and the
//! segments into chunks whose weights stay in the second-level cache while all output positions pass by.
#![allow(unsafe_code)]
#![allow(clippy::indexing_slicing)]

use core::ops::Range;

use super::{ConvShape, PANEL, PackedWeights};
use crate::Ring;
use crate::cpu::Level;

/// Weight bytes that one chunk may keep in cache.
const CHUNK_BYTES: usize = 384 << 10;
/// Longest run of channels in a segment.
const MAX_RUN: usize = 1024;

/// A run of channels under one kernel tap in one product.
struct Segment {
    term: usize,
    tap: [usize; 2],
    first: usize,
    len: usize,
}

/// Where output position `pixel` reads its input for `tap`; `None` on padding.
#[inline(always)]
fn source(shape: &ConvShape, pixel: &Pixel, tap: [usize; 2]) -> Option<usize> {
    let y = pixel.y + tap[0] * shape.dilation[0];
    let x = pixel.x + tap[1] * shape.dilation[1];
    let y = y
        .checked_sub(shape.padding[0])
        .filter(|y| *y < shape.input[0])?;
    let x = x
        .checked_sub(shape.padding[1])
        .filter(|x| *x < shape.input[1])?;
    Some(((pixel.image * shape.input[0] + y) * shape.input[1] + x) * shape.in_channels)
}

/// Top left corner of an output position's window, in padded coordinates.
#[derive(Clone, Copy, Default)]
struct Pixel {
    image: usize,
    y: usize,
    x: usize,
}

fn pixel(shape: &ConvShape, index: usize) -> Pixel {
    let [h, w] = shape.output();
    Pixel {
        image: index / (h * w),
        y: index / w % h * shape.stride[0],
        x: index % w * shape.stride[1],
    }
}

fn segments(shape: &ConvShape, terms: usize) -> Vec<Segment> {
    let in_group = shape.in_channels / shape.groups;
    let mut out = Vec::new();
    for term in 0..terms {
        for ky in 0..shape.kernel[0] {
            for kx in 0..shape.kernel[1] {
                for first in (0..in_group).step_by(MAX_RUN) {
                    out.push(Segment {
                        term,
                        tap: [ky, kx],
                        first,
                        len: MAX_RUN.min(in_group - first),
                    });
                }
            }
        }
    }
    out
}

/// All groups and panels; `out` holds the positions `pixels`, all channels.
pub(super) fn panels<R: Ring>(
    level: Level,
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) {
    let in_group = shape.in_channels / shape.groups;
    let out_group = shape.out_channels / shape.groups;
    let panels = out_group.div_ceil(PANEL);
    let segments = segments(shape, terms.len());
    let zeros = vec![R::ZERO; in_group.min(MAX_RUN)];
    let per_chunk = (CHUNK_BYTES / (PANEL * R::BYTES * in_group.min(MAX_RUN))).max(1);
    if segments.is_empty() {
        out.fill(R::ZERO);
    }
    let (rows, tile) = R::tile(level);
    for group in 0..shape.groups {
        for panel in 0..panels {
            let column = group * out_group + panel * PANEL;
            let width = PANEL.min(out_group - panel * PANEL);
            let panel_base = (group * panels + panel) * shape.fan_in() * PANEL;
            for (n, chunk) in segments.chunks(per_chunk).enumerate() {
                let job = Job {
                    shape,
                    terms,
                    segments: chunk,
                    zeros: &zeros,
                    panel_base,
                    group_base: group * in_group,
                    add: n > 0,
                    column,
                    width,
                };
                let mut first = pixels.start;
                while first < pixels.end {
                    let count = rows.min(pixels.end - first);
                    let at = (first - pixels.start) * shape.out_channels;
                    tile(
                        &job,
                        first,
                        count,
                        &mut out[at..][..count * shape.out_channels],
                    );
                    first += count;
                }
            }
        }
    }
}

/// What the tiles of one panel and chunk share.
pub(crate) struct Job<'a, R: Ring> {
    shape: &'a ConvShape,
    terms: &'a [(&'a [R], &'a PackedWeights<R>)],
    segments: &'a [Segment],
    zeros: &'a [R],
    panel_base: usize,
    group_base: usize,
    add: bool,
    column: usize,
    width: usize,
}

impl<'a, R: Ring> Job<'a, R> {
    /// Weights of a segment, `[channel][PANEL]`.
    #[inline(always)]
    fn weights(&self, s: &Segment) -> &'a [R] {
        let in_group = self.shape.in_channels / self.shape.groups;
        let tap = s.tap[0] * self.shape.kernel[1] + s.tap[1];
        let at = self.panel_base + (tap * in_group + s.first) * PANEL;
        &self.terms[s.term].1.data.as_slice()[at..][..s.len * PANEL]
    }

    /// Input rows of a segment for a tile of positions.
    #[inline(always)]
    fn rows<const ROWS: usize>(&self, s: &Segment, at: &[Pixel; ROWS]) -> [&'a [R]; ROWS] {
        let x = self.terms[s.term].0;
        core::array::from_fn(|r| match source(self.shape, &at[r], s.tap) {
            Some(i) => &x[i + self.group_base + s.first..][..s.len],
            None => &self.zeros[..s.len],
        })
    }

    #[inline(always)]
    fn positions<const ROWS: usize>(&self, first: usize, count: usize) -> [Pixel; ROWS] {
        core::array::from_fn(|r| pixel(self.shape, first + r.min(count - 1)))
    }

    #[inline(always)]
    fn store<const ROWS: usize>(&self, acc: &[[R; PANEL]; ROWS], count: usize, out: &mut [R]) {
        for (row, acc) in out
            .chunks_exact_mut(self.shape.out_channels)
            .zip(acc)
            .take(count)
        {
            let row = &mut row[self.column..][..self.width];
            for (o, a) in row.iter_mut().zip(acc) {
                *o = if self.add { o.add(*a) } else { *a };
            }
        }
    }
}

/// Computes `count` output positions from `first` on, for one panel, into whole output rows.
pub(crate) type TileFn<R> = fn(&Job<'_, R>, usize, usize, &mut [R]);

/// The best tile for a word type at a level, and how many rows it computes at once.
pub trait Tiles: Sized {
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn tile(level: Level) -> (usize, TileFn<Self>)
    where
        Self: Ring;
}

macro_rules! tiles {
    ($t:ty, $rows:literal $(, $avx512:path)?) => {
        impl Tiles for $t {
            #[allow(private_interfaces)]
            fn tile(level: Level) -> (usize, TileFn<Self>) {
                #[cfg(target_arch = "x86_64")]
                match level {
                    $(Level::Avx512 if crate::cpu::Avx512::at(level).is_some() => return $avx512,)?
                    Level::Avx2 | Level::Avx512 if crate::cpu::Avx2::at(level).is_some() => {
                        return (4, avx2_tile::<$t, 4>);
                    }
                    _ => {}
                }
                let _ = level;
                (4, portable_tile::<$t, 4>)
            }
        }
    };
}
tiles!(u8, 4);
tiles!(u16, 4);
tiles!(u32, 4, avx512::TILE_U32);
tiles!(u64, 4, avx512::TILE_U64);
tiles!(u128, 4);

/// Any ring, any processor: the compiler vectorises the inner loop for the features of the function it lands in.
#[inline(always)]
fn generic_tile<R: Ring, const ROWS: usize>(
    job: &Job<'_, R>,
    first: usize,
    count: usize,
    out: &mut [R],
) {
    let at = job.positions::<ROWS>(first, count);
    let mut acc = [[R::ZERO; PANEL]; ROWS];
    for s in job.segments {
        let w = job.weights(s);
        let x = job.rows(s, &at);
        for (c, w) in w.chunks_exact(PANEL).enumerate() {
            for r in 0..ROWS {
                let b = x[r][c];
                for j in 0..PANEL {
                    acc[r][j] = acc[r][j].add(b.mul(w[j]));
                }
            }
        }
    }
    job.store(&acc, count, out);
}

fn portable_tile<R: Ring, const ROWS: usize>(
    job: &Job<'_, R>,
    first: usize,
    count: usize,
    out: &mut [R],
) {
    generic_tile::<R, ROWS>(job, first, count, out);
}

#[cfg(target_arch = "x86_64")]
fn avx2_tile<R: Ring, const ROWS: usize>(
    job: &Job<'_, R>,
    first: usize,
    count: usize,
    out: &mut [R],
) {
    #[target_feature(enable = "avx2")]
    fn with_avx2<R: Ring, const ROWS: usize>(
        job: &Job<'_, R>,
        first: usize,
        count: usize,
        out: &mut [R],
    ) {
        generic_tile::<R, ROWS>(job, first, count, out);
    }
    // SAFETY: `Tiles::tile` hands this function out only where `cpu::Avx2` was proved.
    unsafe { with_avx2::<R, ROWS>(job, first, count, out) }
}

/// One input and one output channel per group: every channel is a lane.
pub(super) fn depthwise<R: Ring>(
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) {
    let channels = shape.out_channels;
    for (row, index) in out.chunks_exact_mut(channels).zip(pixels) {
        row.fill(R::ZERO);
        let at = pixel(shape, index);
        for (x, w) in terms {
            for ky in 0..shape.kernel[0] {
                for kx in 0..shape.kernel[1] {
                    let Some(i) = source(shape, &at, [ky, kx]) else {
                        continue;
                    };
                    let w =
                        &w.data.as_slice()[(ky * shape.kernel[1] + kx) * channels..][..channels];
                    for ((o, x), w) in row.iter_mut().zip(&x[i..][..channels]).zip(w) {
                        *o = o.add(x.mul(*w));
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{Job, PANEL, TileFn};
    use core::arch::x86_64::*;

    macro_rules! tile {
        ($name:ident, $inner:ident, $constant:ident, $word:ty, $int:ty, $rows:literal, $set1:ident, $mullo:ident, $add:ident) => {
            /// Rows and tile.
            pub(super) const $constant: (usize, TileFn<$word>) = ($rows, $name);

            fn $name(job: &Job<'_, $word>, first: usize, count: usize, out: &mut [$word]) {
                // SAFETY: `Tiles::tile` hands this function out only where `cpu::Avx512` was proved.
                unsafe { $inner(job, first, count, out) }
            }

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn $inner(job: &Job<'_, $word>, first: usize, count: usize, out: &mut [$word]) {
                const ROWS: usize = $rows;
                const LANES: usize = 64 / size_of::<$word>();
                const VECTORS: usize = PANEL / LANES;
                let at = job.positions::<ROWS>(first, count);
                let mut acc = [[_mm512_setzero_si512(); VECTORS]; ROWS];
                for s in job.segments {
                    let w = job.weights(s);
                    let x = job.rows(s, &at);
                    for c in 0..s.len {
                        // SAFETY: `weights` returned `s.len * PANEL` words, so row `c` holds VECTORS vectors.
                        let wv: [__m512i; VECTORS] = core::array::from_fn(|v| unsafe {
                            _mm512_loadu_si512(w.as_ptr().add(c * PANEL + v * LANES).cast())
                        });
                        for r in 0..ROWS {
                            // SAFETY: `rows` returned slices of `s.len` words.
                            let b = $set1(unsafe { *x[r].get_unchecked(c) } as $int);
                            for v in 0..VECTORS {
                                acc[r][v] = $add(acc[r][v], $mullo(b, wv[v]));
                            }
                        }
                    }
                }
                let mut words = [[0; PANEL]; ROWS];
                for r in 0..ROWS {
                    for v in 0..VECTORS {
                        // SAFETY: a row of PANEL words holds VECTORS vectors.
                        unsafe {
                            _mm512_storeu_si512(
                                words[r].as_mut_ptr().add(v * LANES).cast(),
                                acc[r][v],
                            );
                        }
                    }
                }
                job.store(&words, count, out);
            }
        };
    }
    tile!(
        tile_u64,
        inner_u64,
        TILE_U64,
        u64,
        i64,
        6,
        _mm512_set1_epi64,
        _mm512_mullo_epi64,
        _mm512_add_epi64
    );
    tile!(
        tile_u32,
        inner_u32,
        TILE_U32,
        u32,
        i32,
        12,
        _mm512_set1_epi32,
        _mm512_mullo_epi32,
        _mm512_add_epi32
    );
}
