use piquet_core::RingVec;
use piquet_fss::gates::digits::{self, Progress};
use piquet_fss::gates::functions::{FunctionRun, Step};
use piquet_fss::gates::max_pool::{MaxPoolRun, MaxPoolStep};
use piquet_fss::gates::relu::ReluPending;
use piquet_fss::gates::spline::SplinePending;
use piquet_fss::{Cpu, Error, P0};

// Whoever answers two messages with one state opens two values under one mask.
fn relu(waiting: ReluPending<u64, P0>, one: &[u8], other: &[u8]) -> Result<[RingVec<u64>; 2], Error> {
    Ok([waiting.finish(one)?, waiting.finish(other)?])
}

fn spline(waiting: SplinePending<u64, P0>, one: &[u8], other: &[u8]) -> Result<[RingVec<u64>; 2], Error> {
    Ok([waiting.finish(one)?, waiting.finish(other)?])
}

fn signs(waiting: digits::Pending<P0>, one: &[u8], other: &[u8]) -> Result<[Progress<P0>; 2], Error> {
    Ok([waiting.finish(one)?, waiting.finish(other)?])
}

fn function(run: FunctionRun<u64, P0>, one: &[u8], other: &[u8]) -> Result<[Step<u64, P0>; 2], Error> {
    Ok([run.step(one, &Cpu::new())?, run.step(other, &Cpu::new())?])
}

fn largest(run: MaxPoolRun<u64, P0>, one: &[u8], other: &[u8]) -> Result<[MaxPoolStep<u64, P0>; 2], Error> {
    Ok([run.step(one, &Cpu::new())?, run.step(other, &Cpu::new())?])
}

fn copied(run: &MaxPoolRun<u64, P0>, function: &FunctionRun<u64, P0>, waiting: &ReluPending<u64, P0>) {
    let _: MaxPoolRun<u64, P0> = run.clone();
    let _: FunctionRun<u64, P0> = function.clone();
    let _: ReluPending<u64, P0> = waiting.clone();
}

fn main() {}
