//! One way to bench, one table, one JSON format for all Piquet crates.
//!
//! A bench target (`harness = false`) makes a [`Table`], runs its rows and finishes it:
//!
//! ```no_run
//! use piquet_bench_harness::Table;
//! # fn copy_line() {}
//! # fn kernel() {}
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut t = Table::new("piquet-core", "avx512");
//!     let copy = t.limit("copying a line, measured here", 64.0, copy_line);
//!     t.bench("kernel-64").work(64).limit(&copy).rate(kernel);
//!     t.finish()
//! }
//! ```
//!
//! Under `cargo bench` every row runs through criterion (statistics, comparison with the last run), then the table is
//! printed and its rows are merged by id into `bench/PACKAGE.json` of the target directory. `cargo bench -- FILTER`
//! measures and merges the rows that criterion selects. Without `--bench` (`cargo test --benches`) every row runs
//! once and nothing is measured, printed or written.

pub mod limits;
// At home in the published crate, whose command measures the same bound.
#[path = "../../src/multiply.rs"]
mod multiply;
// The type is at home in the published crate, which must not depend on this one.
#[path = "../../src/record.rs"]
mod record;
mod table;

pub use record::Record;
pub use table::{Bench, Limit, Table};
