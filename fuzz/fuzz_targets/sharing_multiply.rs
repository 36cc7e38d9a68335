#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_secret_sharing::fuzzing::multiply(data));
