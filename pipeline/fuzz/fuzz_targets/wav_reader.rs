//! Gives libFuzzer's inputs to [`pipeline_fuzz::wav_reader`].
#![no_main]

libfuzzer_sys::fuzz_target!(init: shardfmt_fuzz::abort_on_own_panics(), |data: &[u8]| pipeline_fuzz::wav_reader(data));
