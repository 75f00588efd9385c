//! Gives libFuzzer's inputs to [`shardfmt_fuzz::dataset_json`].
#![no_main]

libfuzzer_sys::fuzz_target!(init: shardfmt_fuzz::abort_on_own_panics(), |data: &[u8]| shardfmt_fuzz::dataset_json(data));
