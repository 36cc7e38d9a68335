#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_fss::fuzzing::bgi_keys(data));
