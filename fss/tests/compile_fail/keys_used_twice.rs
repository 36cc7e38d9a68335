use piquet_core::BitVec;
use piquet_fss::gates::sign::SignKeys;
use piquet_fss::{Cpu, Error, P0};

// Two values under one mask: their difference would be public.
fn twice(keys: SignKeys<u64, P0>, x: &[u64], y: &[u64]) -> Result<[BitVec; 2], Error> {
    Ok([keys.evaluate(x, &Cpu::new())?, keys.evaluate(y, &Cpu::new())?])
}

fn main() {}
