//! A register tile: some output positions by one panel of output channels.
#![allow(unsafe_code)]
#![allow(clippy::indexing_slicing)]

use crate::Ring;
use crate::cpu::Level;

/// What a tile computes and from what.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Tile<'a, R> {
    /// Weights of each segment, `[element][PANEL]`.
    pub(super) weights: &'a [&'a [R]],
    /// Inputs `[segment][position of the block]`, each as long as its segment.
    pub(super) inputs: &'a [&'a [R]],
    /// Positions of the block.
    pub(super) block: usize,
    /// First position of the tile in the block.
    pub(super) first: usize,
    /// Positions of the tile, at least one.
    pub(super) count: usize,
    /// Of each output channel of the panel, the sum that [`Pairs::weights`] makes of the weights. Unused without pairs.
    pub(super) weight_pairs: &'a [R],
    /// Of each position of the block, the sum that [`Pairs::inputs`] makes of the inputs. Unused without pairs.
    pub(super) input_pairs: &'a [R],
    /// Weights that are wanted soon: a hint, never read.
    pub(super) ahead: *const R,
    /// Adds to the output instead of replacing it.
    pub(super) add: bool,
    /// Elements from one output position to the next.
    pub(super) stride: usize,
    /// First output channel.
    pub(super) column: usize,
    /// Output channels, at most one panel.
    pub(super) width: usize,
}

/// Computes a tile into the whole output rows of its positions.
pub(crate) type TileFn<R> = fn(&Tile<'_, R>, &mut [R]);

/// Tiles for one word type and level.
pub(crate) struct Kernel<R> {
    /// Most positions of a tile.
    pub(super) rows: usize,
    /// The tile, one product at a time.
    pub(super) tile: TileFn<R>,
    /// The tile by pairs of products, where that is faster.
    pub(super) pairs: Option<Pairs<R>>,
}

/// Winograd's inner product (1968): `x0 w0 + x1 w1 = (x0 + w1)(x1 + w0) - x0 x1 - w0 w1`, in any commutative ring.
///
/// What is subtracted depends on inputs alone and on weights alone, so it is summed once per position and once per output
/// channel, and a pair of products costs one multiplication and three additions instead of two and two. Where additions
/// and multiplications compete for the same pipes the sum is what counts, and a mix with few multiplications keeps all
/// pipes busy; where multiplications are the slower ones, the gain is larger.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) struct Pairs<R> {
    /// The tile by pairs.
    pub(super) tile: TileFn<R>,
    /// Of each position of a table `[segment][position]`, the sum over the segments of `x0 x1 + x2 x3 + ...`; the last
    /// element of an odd number is left out.
    pub(super) inputs: fn(&[&[R]], &mut [R]),
    /// Adds the same, of every column of a segment's `[element][PANEL]` weights, to its sum.
    pub(super) weights: fn(&[R], &mut [R]),
}

/// A kernel of tiles of four positions, without pairs.
fn plain<R>(tile: TileFn<R>) -> Kernel<R> {
    Kernel {
        rows: 4,
        tile,
        pairs: None,
    }
}

/// How a word type is multiplied.
pub trait Tiles: Sized {
    /// Output channels per packed panel.
    #[doc(hidden)]
    const PANEL: usize;
    /// The best kernel at a level.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn kernel(level: Level) -> Kernel<Self>
    where
        Self: Ring;
}

macro_rules! tiles {
    ($t:ty, $panel:literal $(, $avx2:path, $avx512:path)?) => {
        impl Tiles for $t {
            const PANEL: usize = $panel;
            #[allow(private_interfaces)]
            fn kernel(level: Level) -> Kernel<Self> {
                #[cfg(target_arch = "x86_64")]
                {
                    $(if crate::cpu::Avx512::at(level).is_some() {
                        return $avx512;
                    }
                    if crate::cpu::Avx2::at(level).is_some() {
                        return $avx2;
                    })?
                    if crate::cpu::Avx2::at(level).is_some() {
                        return plain(avx2_tile::<$t, 4, $panel>);
                    }
                }
                let _ = level;
                plain(generic_tile::<$t, 4, $panel>)
            }
        }
    };
}
tiles!(u8, 32);
tiles!(u16, 32);
tiles!(
    u32,
    32,
    super::avx2::u32_lanes::KERNEL,
    super::avx512::u32_lanes::KERNEL
);
tiles!(
    u64,
    16,
    super::avx2::u64_lanes::KERNEL,
    super::avx512::u64_lanes::KERNEL
);
tiles!(u128, 32);

/// Any ring, any processor: the compiler vectorises the inner loop for the features of the function it lands in.
#[inline(always)]
fn generic_tile<R: Ring, const ROWS: usize, const PANEL: usize>(t: &Tile<'_, R>, out: &mut [R]) {
    let mut acc = [[R::ZERO; PANEL]; ROWS];
    for (s, w) in t.weights.iter().enumerate() {
        let at = s * t.block + t.first;
        let x: [&[R]; ROWS] = core::array::from_fn(|r| t.inputs[at + r.min(t.count - 1)]);
        for (c, w) in w.chunks_exact(PANEL).enumerate() {
            for r in 0..ROWS {
                let b = x[r][c];
                for j in 0..PANEL {
                    acc[r][j] = acc[r][j].add(b.mul(w[j]));
                }
            }
        }
    }
    for (row, acc) in out.chunks_exact_mut(t.stride).zip(acc) {
        for (o, a) in row[t.column..][..t.width].iter_mut().zip(acc) {
            *o = if t.add { o.add(a) } else { a };
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn avx2_tile<R: Ring, const ROWS: usize, const PANEL: usize>(t: &Tile<'_, R>, out: &mut [R]) {
    #[target_feature(enable = "avx2")]
    fn with_avx2<R: Ring, const ROWS: usize, const PANEL: usize>(t: &Tile<'_, R>, out: &mut [R]) {
        generic_tile::<R, ROWS, PANEL>(t, out);
    }
    // SAFETY: `Tiles::kernel` hands this function out only where `cpu::Avx2` was proved.
    unsafe { with_avx2::<R, ROWS, PANEL>(t, out) }
}
