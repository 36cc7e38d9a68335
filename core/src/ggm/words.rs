//! Sums along walks, whatever their words: up to 64 bits all are summed as numbers of 64, of which a shorter word is
//! the low part.

use crate::aes::Aes128;
use crate::{Block, Ring};

use super::portable;
#[cfg(target_arch = "x86_64")]
use super::sums;

pub(super) fn walk_summing<R: Ring>(
    aes: &Aes128,
    corrections: &[Block],
    values: &[R],
    first: u32,
    paths: &[Block],
    nodes: &mut [Block],
    to: &mut [R],
) {
    #[cfg(target_arch = "x86_64")]
    if R::BITS <= 64 && aes.has_vectors() {
        let values = Words::from(values);
        let mut sums = vec![0; to.len()];
        aes.vectors(sums::Walk {
            corrections,
            values: values.as_slice(),
            first,
            paths,
            nodes,
            sums: &mut sums,
        });
        for (to, sum) in to.iter_mut().zip(&sums) {
            *to = to.add(R::from_u64(*sum));
        }
        crate::wipe(&mut sums);
        return;
    }
    portable::walk_summing(aes, corrections, values, first, paths, nodes, to);
}

pub(super) fn deal_summing<R: Ring>(
    aes: &Aes128,
    first: u32,
    alphas: &[Block],
    betas: &[R],
    nodes: [&mut [Block]; 2],
    corrections: &mut [Block],
    values: &mut [R],
) {
    #[cfg(target_arch = "x86_64")]
    if R::BITS <= 64 && aes.has_vectors() {
        let betas = Words::from(betas);
        let deal = |values: &mut [u64]| {
            aes.vectors(sums::Deal {
                first,
                alphas,
                betas: betas.as_slice(),
                nodes,
                corrections,
                values,
            });
        };
        if let Ok(words) = bytemuck::try_cast_slice_mut(values)
            && R::BITS == 64
        {
            deal(words);
        } else {
            let mut words = vec![0; values.len()];
            deal(&mut words);
            for (v, w) in values.iter_mut().zip(&words) {
                *v = R::from_u64(*w);
            }
        }
        return;
    }
    portable::deal_summing(aes, first, alphas, betas, nodes, corrections, values);
}

/// Words as numbers of 64 bits. Wiped when dropped, if they are a copy.
#[cfg(target_arch = "x86_64")]
enum Words<'a> {
    Own(&'a [u64]),
    Copied(Vec<u64>),
}

#[cfg(target_arch = "x86_64")]
impl<'a> Words<'a> {
    fn from<R: Ring>(words: &'a [R]) -> Self {
        match bytemuck::try_cast_slice(words) {
            Ok(words) if R::BITS == 64 => Self::Own(words),
            _ => Self::Copied(words.iter().map(|w| w.to_u64()).collect()),
        }
    }
    fn as_slice(&self) -> &[u64] {
        match self {
            Self::Own(words) => words,
            Self::Copied(words) => words,
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Drop for Words<'_> {
    fn drop(&mut self) {
        if let Self::Copied(words) = self {
            crate::wipe(words);
        }
    }
}
