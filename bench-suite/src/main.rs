//! The `piquet` command.

fn main() -> std::process::ExitCode {
    piquet_bench_suite::cli::run()
}
