use piquet_core::RingVec;
use piquet_fss::mask::Opening;
use piquet_fss::{Error, P0};

fn twice(waiting: Opening<u64, P0>, one: &[u8], other: &[u8]) -> Result<[RingVec<u64>; 2], Error> {
    Ok([waiting.finish(one)?, waiting.finish(other)?])
}

fn main() {}
