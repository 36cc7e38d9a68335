//! Rates of keys and gates, against the AES blocks that they cannot avoid, measured in the same run.

use piquet_bench_harness::Table;
use piquet_core::cpu;

#[path = "fss/dcf.rs"]
mod dcf;
#[path = "fss/distributed.rs"]
mod distributed;
#[path = "fss/dpf.rs"]
mod dpf;
#[path = "fss/functions.rs"]
mod functions;
#[path = "fss/gates.rs"]
mod gates;
#[path = "fss/lookup.rs"]
mod lookup;
#[path = "fss/sign.rs"]
mod sign;
#[path = "fss/stream.rs"]
mod stream;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-fss", cpu::detect()?.name());
    sign::rows(&mut t);
    dpf::rows(&mut t);
    dcf::rows(&mut t);
    gates::rows(&mut t);
    functions::rows(&mut t);
    lookup::rows(&mut t);
    stream::rows(&mut t);
    distributed::rows(&mut t);
    t.finish()
}
