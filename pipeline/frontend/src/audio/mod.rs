//! Turns a recording into samples: decodes it, exactly or not at all, and resamples it.
//!
//! A label is a time in a recording. A decoder that skips a damaged packet and goes on moves every
//! label behind it, so nothing here goes on: a recording is decoded whole, or refused with a
//! [`Reject`] that names the stage and the reason.
//!
//! # What is checked, and what cannot be
//!
//! The container is named by its first bytes (a wrong file extension does not matter), walked byte by
//! byte where its demuxer would resume or trust a length, and then decoded by Symphonia. It is
//! hashed while it is read. Everywhere:
//! any error of the demuxer or the decoder, a panic in it, a gap between the timestamps of packets, a
//! change of rate or channels, more or fewer frames than declared, no frames at all, and samples that
//! are NaN, infinite or beyond 2^31.
//!
//! `docs/manifest.md` says for each format where its declared frames come from, what else is checked, what cannot be
//! noticed, and what is refused by name.

mod audit;
mod container;
mod decode;
mod hashed;
mod note;
mod ogg;
mod opus;
mod place;
mod ranged;
mod recorder;
mod reject;
mod resample;
mod view;
mod wav;

pub use decode::{Channel, Decoder, Header, Look, look, probe};
pub use note::Note;
pub use recorder::recorder_metadata;
pub use reject::Reject;
pub use resample::{Resampler, resampled_frames};
pub use wav::{ChunkId, MetadataKind, OpenLength, RecorderMetadata};
