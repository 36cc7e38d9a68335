//! What the fuzz targets run: every door of this crate through which bytes of others come, and trees at every level of the
//! processor. Panics are findings.

mod distributed;
mod keys;
mod levels;
mod openings;
mod stream;

pub use distributed::distributed;
pub use keys::{bgi_keys, dcf_keys, dpf_keys, idpf_keys};
pub use levels::levels;
pub use openings::openings;
pub use stream::key_stream;

use piquet_core::wire::SessionId;

use crate::Error;

const SESSION: SessionId = SessionId([6; 32]);

/// The first `N` bytes say what is run, the rest is read.
fn parameters<const N: usize>(data: &[u8]) -> Option<([usize; N], &[u8])> {
    let (head, rest) = data.split_first_chunk::<N>()?;
    Some((head.map(usize::from), rest))
}

/// `len` bytes, those of `data` again and again.
fn fill(data: &[u8], len: usize) -> Vec<u8> {
    match data {
        [] => vec![0; len],
        data => data.iter().copied().cycle().take(len).collect(),
    }
}

/// Anything but what a peer's bytes can cause is a finding.
fn of_the_peer<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(t) => Some(t),
        Err(Error::Message(_)) => None,
        Err(e) => unreachable!("{e}"),
    }
}
