//! Tests of the path from a recording to a picture against external references.
//!
//! `L48_FIXTURES` names another folder of fixtures, `L48_DATA` the folder of recordings; tests that
//! need recordings say so and pass without it. What belongs where:
//!
//! - `decode`: every recording of the decode fixture against its lengths, checksums and excerpts.
//! - `bookkeeping`: files whose sound is whole and whose bookkeeping is not.
//! - `chunks`: the same for AIFF, CAF and MP4, and for raw AAC.
//! - `corruption`: the same recordings, damaged.
//! - `declared_sizes`: the same, with headers that promise far more than there is.
//! - `encoded`: small files of real encoders, for AAC and ALAC.
//! - `file_hash`: checksums taken while decoding, and what is read for them.
//! - `formats`: small files written by the test, for formats without a recording.
//! - `hostile`: files that declare more than they hold.
//! - `ogg`: small Ogg files of reference encoders, whole, joined and damaged.
//! - `resample`: the resampler against its reference and its quality limits.
//! - `logmel`: pictures from given waveforms, and from recordings through the whole path.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests; what was measured is printed"
)]

mod bookkeeping;
mod chunks;
mod corruption;
mod declared_sizes;
mod decode;
mod encoded;
mod file_hash;
mod fixtures;
mod formats;
mod hostile;
mod logmel;
mod ogg;
mod resample;
