//! Rates of the protocols, against limits of the machine measured in the same run. Inputs come from stated seeds; outputs
//! are checked before anything is timed.

use piquet_bench_harness::Table;
use piquet_core::cpu;

#[path = "ot/base.rs"]
mod base;
#[path = "ot/correlations.rs"]
mod correlations;
#[path = "ot/ferret.rs"]
mod ferret;
#[path = "ot/softspoken.rs"]
mod softspoken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-ot", cpu::detect()?.name());
    softspoken::rows(&mut t);
    ferret::rows(&mut t);
    base::rows(&mut t);
    correlations::rows(&mut t);
    t.finish()
}
