//! Shifted sums modulo powers of two.

use piquet_bench_harness::Table;

pub fn rows(_: &mut Table) {}
