//! What peers see, and what a peer that cheats or breaks can do.

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
#[path = "../common/everything.rs"]
mod everything;
#[path = "../common/noise.rs"]
mod noise;

mod semi2k_views;
mod tamper;
mod views;
