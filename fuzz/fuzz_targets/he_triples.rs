#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_he_bridge::fuzzing::triples(data));
