use piquet_secret_sharing::{Error, beaver::{Opening, Pending}};

fn twice(p: Pending<u64>, a: &[Opening<u64>], b: &[Opening<u64>]) -> Result<(), Error> {
    let _ = p.finish(a)?;
    let _ = p.finish(b)?;
    Ok(())
}

fn main() {}
