//! Ingest.
pub mod audio;
pub mod spectrogram;
pub mod window;
