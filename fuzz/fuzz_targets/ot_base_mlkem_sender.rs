#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_ot::fuzzing::base_mlkem_sender(data));
