//! The polynomial under the tag of a block.

use piquet_core::aes::Aes128;
use piquet_core::{Block, gf128, wipe};

/// Blocks that are summed between two reductions: what the powers of the point fill is half of a nearest cache.
const RUN: usize = 1024;

/// A one-time authenticator: one tag for each position.
pub(super) struct Mac {
    /// The powers of the point, RUN to 1.
    powers: Vec<Block>,
    pad: Aes128,
}

impl core::fmt::Debug for Mac {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Mac(..)")
    }
}

impl Mac {
    pub(super) fn new(point: Block, pad: Aes128) -> Self {
        let mut powers = vec![Block::ZERO; RUN];
        gf128::powers(point, &mut powers);
        powers.reverse();
        Self { powers, pad }
    }
    /// The tag of `bytes` at `position`.
    pub(super) fn tag(&self, position: u64, bytes: &[u8]) -> Block {
        let mut run = [Block::ZERO; RUN];
        let mut sum = Block::ZERO;
        for chunk in bytes.chunks(16 * RUN) {
            let n = chunk.len().div_ceil(16);
            let run = &mut run[..n];
            run[n - 1] = Block::ZERO;
            bytemuck::must_cast_slice_mut::<_, u8>(run)[..chunk.len()].copy_from_slice(chunk);
            let powers = &self.powers[RUN - n..];
            sum = gf128::mul(sum, powers[0]) ^ gf128::inner_product(run, powers);
        }
        let length = Block::from_u128(bytes.len() as u128);
        let mut pad = [Block::from_u128(position.into())];
        self.pad.encrypt(&mut pad);
        gf128::mul(sum ^ length, self.powers[RUN - 1]) ^ pad[0]
    }
}

impl Drop for Mac {
    fn drop(&mut self) {
        wipe(&mut self.powers);
    }
}
