#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_bench_suite::fuzzing::npy(data));
