//! The `piquet` command, built where the whole-system tests can run it.

fn main() -> std::process::ExitCode {
    piquet_bench_suite::cli::run()
}
