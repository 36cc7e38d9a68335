use piquet_core::correlation::{Malicious, RingTriples};
use piquet_ot::triples::gilboa::Pending;
use piquet_ot::Error;

fn malicious(pending: Pending<u64>, message: &[u8]) -> Result<RingTriples<u64, Malicious>, Error> {
    pending.finish(message)
}

fn main() {}
