#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| piquet_nn_ops::model::fuzzing::imported(data));
