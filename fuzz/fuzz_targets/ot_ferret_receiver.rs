#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_ot::fuzzing::ferret_receiver(data));
