//! Transforms and products of points.

use piquet_bench_harness::Table;

pub fn rows(_: &mut Table) {}
