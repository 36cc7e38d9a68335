//! The `piquet` command, built where the whole-system tests can run it, and a peer that goes wrong.

mod anonymous;
mod faulty;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let code = match words.split_first() {
        Some((first, rest)) if first == "faulty" => faulty::run(rest),
        _ => piquet_bench_suite::cli::run(),
    };
    tell_peak();
    code
}

/// Writes how much memory this process had at most to where a test wants to know it.
fn tell_peak() {
    let Some(path) = std::env::var_os("PIQUET_TEST_PEAK") else {
        return;
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|l| l.starts_with("VmHWM:"));
    // A test that finds nothing there fails.
    let _ = std::fs::write(path, peak.unwrap_or_default());
}
