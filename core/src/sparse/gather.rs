//! Entries drawn in registers for the eight rows to come, while the ones drawn before are fetched: AES and the loads that
//! miss the first cache go on side by side.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::LOCALITY;
use crate::Block;
use crate::aes::Aes128;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// Rows whose entries are drawn together, and their words. They begin with a block.
const STEP: usize = 8;
const WORDS: usize = STEP * LOCALITY;

/// Byte offsets of the entries of a step.
#[repr(align(64))]
struct Offsets([u32; WORDS]);

/// Adds as many rows from `row` on, which is even, as make whole steps, and says how many; columns are those of
/// `secret`. `None`, and nothing done, on a level without AES instructions.
pub(super) fn xor_into(
    aes: &Aes128,
    secret: &[Block],
    row: u64,
    out: &mut [Block],
) -> Option<usize> {
    // Entries are below the length, and their byte offsets fit a word.
    assert!(row.is_multiple_of(2) && (1..=1 << 28).contains(&secret.len()));
    let out = out.as_chunks_mut().0;
    let counter = (u128::from(row) * LOCALITY as u128 / 4) as u64;
    aes.vectors(Gather {
        secret,
        counter,
        out,
    })
}

struct Gather<'a> {
    secret: &'a [Block],
    counter: u64,
    out: &'a mut [[Block; STEP]],
}

impl Kernel for Gather<'_> {
    type Output = usize;
    #[inline(always)]
    unsafe fn run<V: Vector>(self, k: &[V; 11]) -> usize {
        let base: *const u8 = self.secret.as_ptr().cast();
        let columns = self.secret.len() as u32;
        let done = self.out.len() * STEP;
        let mut counter = self.counter;
        // In memory, from where words go to address registers faster than from vector registers.
        let mut ring = [const { Offsets([0; WORDS]) }; 2];
        // SAFETY: the features are there; `draw` gives offsets of columns.
        unsafe {
            draw(k, columns, counter, &mut ring[0]);
            for (s, out) in self.out.iter_mut().enumerate() {
                counter = counter.wrapping_add(WORDS as u64 / 4);
                draw(k, columns, counter, &mut ring[(s + 1) % 2]);
                let rows = ring[s % 2].0.as_chunks::<LOCALITY>().0;
                for (out, row) in out.iter_mut().zip(rows) {
                    let out = core::ptr::from_mut(out).cast();
                    let mut sum = _mm_load_si128(out);
                    for at in row {
                        let at = base.add(*at as usize);
                        sum = _mm_xor_si128(sum, _mm_load_si128(at.cast()));
                    }
                    _mm_store_si128(out, sum);
                }
            }
        }
        done
    }
}

/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn draw<V: Vector>(k: &[V; 11], columns: u32, counter: u64, to: &mut Offsets) {
    const IN_FLIGHT: usize = 5;
    for i in (0..WORDS / 4).step_by(IN_FLIGHT * V::BLOCKS) {
        // SAFETY: by the contract of this function; `WORDS` is a multiple of the words in flight.
        unsafe {
            let mut x = [V::zero(); IN_FLIGHT];
            for (j, x) in x.iter_mut().enumerate() {
                let first = counter.wrapping_add((i + j * V::BLOCKS) as u64);
                *x = V::counter(first).xor(k[0]);
            }
            kernel::middle(k, &mut x);
            for (j, x) in x.iter_mut().enumerate() {
                let at = to.0.as_mut_ptr().add(4 * (i + j * V::BLOCKS));
                x.last_round(k[10])
                    .offsets(columns)
                    .store(at.cast(), V::BLOCKS);
            }
        }
    }
}
