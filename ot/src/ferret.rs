//! Ferret.

mod buffer;
mod check;
mod params;
mod receiver;
mod sender;
mod toss;
mod wire;

use piquet_core::Block;
use piquet_core::sparse::LocalCode;
use piquet_core::wire::SessionId;

use crate::Error;

pub use params::Params;
pub use receiver::{Receiver, ReceiverExpansion, ReceiverSetUp};
pub use sender::{Sender, SenderExpansion, SenderSetUp};

const LABEL: &str = "ferret";

/// Label of the hash of the trees of stage or expansion `round`.
fn hash_label(round: u64) -> String {
    format!("ferret trees {round}")
}

/// What is added to the first correlation of each path to make the root of its tree: public, and fixed after the correlations are.
fn roots(session: &SessionId, salt: &[u8; wire::SALT], trees: usize) -> Vec<Block> {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 ferret roots");
    h.update(&session.0);
    h.update(salt);
    let mut roots = vec![Block::ZERO; trees];
    h.finalize_xof()
        .fill(bytemuck::must_cast_slice_mut(&mut roots));
    roots
}

/// Where the leaves of tree `i` go: the first trees seed the next stage, the others are given away.
fn leaves<'a>(
    next: &'a mut [Block],
    out: &'a mut [Block],
    i: usize,
    bin: usize,
) -> &'a mut [Block] {
    match (i * bin).checked_sub(next.len()) {
        Some(at) => &mut out[at..][..bin],
        None => &mut next[i * bin..][..bin],
    }
}

/// Adds rows `first..` of the code times the secret.
fn encode(
    code: &LocalCode,
    secret: &[Block],
    first: usize,
    leaves: &mut [Block],
) -> Result<(), Error> {
    code.xor_into(secret, first as u64, leaves)
        .map_err(|_| Error::Length {
            what: "LPN secret",
            got: secret.len(),
            want: secret.len(),
        })
}

/// Stages that are as fast to test as they are insecure. See [`crate::ideal`].
pub(crate) const fn toy() -> Params {
    Params {
        set_up: &[params::Stage {
            k: 50,
            trees: 40,
            depth: 5,
        }],
        main: params::Stage {
            k: 300,
            trees: 70,
            depth: 6,
        },
    }
}

#[cfg(test)]
mod estimate;
#[cfg(test)]
mod tests;
