use piquet_secret_sharing::{Error, prss::StepPrss, replicated::{Rep3Product, ZeroShare}};

fn step_twice(s: StepPrss) {
    let _ = s.zero_ring::<u64>(4);
    let _ = s.zero_ring::<u64>(4);
}

fn mask_twice(p: Rep3Product<u64>, q: Rep3Product<u64>, z: ZeroShare<u64>) -> Result<(), Error> {
    let _ = p.mask(z)?;
    let _ = q.mask(z)?;
    Ok(())
}

fn main() {}
