//! Asking for memory before it is needed.
#![allow(unsafe_code)]

use crate::Block;

/// Asks for the cache lines of `blocks`, which are about to be written: outputs that lie in memory are on their way while
/// what goes there is computed. No effect but on time; addresses are public.
#[inline]
pub fn to_write(blocks: &[Block]) {
    #[cfg(target_arch = "x86_64")]
    for line in blocks.chunks(4) {
        // SAFETY: a prefetch never faults, and every x86-64 processor takes it, if only as a no-op.
        unsafe {
            core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_ET0 }>(
                line.as_ptr().cast(),
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = blocks;
}
