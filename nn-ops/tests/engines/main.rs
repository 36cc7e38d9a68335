//! What engines compute: steps, functions and programs, against the oracle and the plan.
//!
//! One crate, because every crate of tests compiles the engines anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/semi2k.rs"]
mod dealt;
#[path = "../common/functions.rs"]
mod functions;
#[path = "../common/net.rs"]
mod net;
#[path = "../common/scripts.rs"]
mod scripts;

mod batch_norm;
mod costs;
mod formats;
mod formulas;
mod layer_norm;
mod networks;
mod normal;
mod piecewise;
mod powers;
mod program;
mod rep3;
mod rows;
mod semi2k;
mod semi2k_steps;
mod softmax;
mod sweeps;
mod transformer;
