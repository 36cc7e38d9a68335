use piquet_fss::mask::{MaskKeys, Opening};
use piquet_fss::{Error, P1};

type Sent = (Opening<u64, P1>, Vec<u8>);

// Two values under one mask: their difference would be public.
fn twice(keys: MaskKeys<u64, P1>, x: &[u64], y: &[u64]) -> Result<[Sent; 2], Error> {
    Ok([keys.open(x)?, keys.open(y)?])
}

fn main() {}
