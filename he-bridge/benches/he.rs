//! Transforms, encryptions and whole products, against the multiplications that they cannot avoid, measured in the
//! same run.

use piquet_bench_harness::Table;
use piquet_core::cpu;

#[path = "he/packing.rs"]
mod packing;
#[path = "he/points.rs"]
mod points;
#[path = "he/protocols.rs"]
mod protocols;
#[path = "he/scheme.rs"]
mod scheme;
#[cfg(feature = "seal")]
#[path = "he/seal.rs"]
mod seal;
#[path = "he/taps.rs"]
mod taps;
#[path = "he/triples.rs"]
mod triples;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-he-bridge", cpu::detect()?.name());
    points::rows(&mut t);
    taps::rows(&mut t);
    scheme::rows(&mut t);
    protocols::rows(&mut t);
    triples::rows(&mut t);
    packing::rows(&mut t);
    #[cfg(feature = "seal")]
    seal::rows(&mut t);
    t.finish()
}
