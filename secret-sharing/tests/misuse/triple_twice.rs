use piquet_core::wire::SessionId;
use piquet_secret_sharing::{AdditiveVec, Error, beaver::TripleBatch};

fn twice(t: TripleBatch<u64>, x: &AdditiveVec<u64>, s: SessionId) -> Result<(), Error> {
    let _ = t.start(s, 0, x, x)?;
    let _ = t.start(s, 1, x, x)?;
    Ok(())
}

fn main() {}
