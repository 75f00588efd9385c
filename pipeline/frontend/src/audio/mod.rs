//! Turns a recording into samples: decodes it, exactly or not at all, and resamples it.
//!
//! A label is a time in a recording. A decoder that skips a damaged packet and goes on moves every
//! label behind it, so nothing here goes on: a recording is decoded whole, or refused with a
//! [`Reject`] that names the stage and the reason.
//!
//! # What is checked, and what cannot be
//!
//! The container is named by its first bytes (a wrong file extension does not matter), walked byte by
//! byte where its demuxer would resume or trust a length, and then decoded by Symphonia. Everywhere:
//! any error of the demuxer or the decoder, a panic in it, a gap between the timestamps of packets, a
//! change of rate or channels, more or fewer frames than declared, no frames at all, and samples that
//! are NaN, infinite or beyond 2^31.
//!
//! | format | declared frames come from | also checked | cannot be noticed |
//! |---|---|---|---|
//! | WAV (RIFF, RF64, BW64, Wave64), PCM or float | data chunk, must be whole, and what follows it must prove its end | bytes a frame and bytes a second agree with channels, bits and rate | changed samples, a changed format tag |
//! | WAV, A-law and mu-law | the same | the same, but for bits | changed samples, a changed format tag |
//! | WAV, MS and IMA ADPCM | the same | bytes and frames of a block agree | changed samples, a changed rate |
//! | AIFF, AIFF-C | common chunk, must agree with the sound chunk | both lie within the file | changed samples, a changed rate |
//! | CAF | data or packet table chunk | refused if it declares priming frames | changed samples, a changed rate |
//! | FLAC | STREAMINFO | MD5 of all samples, checksum and number of each frame, rate in each frame | without a total in STREAMINFO: a cut between frames if the MD5 is missing too |
//! | MP3 | the MPEG frames, counted; must agree with a Xing, Info or VBRI tag | frames touch, and keep version, rate and channels; only known tags or zeros after the last; the checksum of a tag by LAME | changed audio inside a frame; a changed delay in a tag by FFmpeg, which has no usable checksum; without a tag: a cut at a frame boundary, and the encoder's delay (about 1,105 samples), which is then kept, as ffmpeg does |
//! | Ogg Opus, at 48 kHz | positions of pages, less the pre-skip | checksum and order of every page, that its position is that of its packets, a last page | a stream cut and closed again by a tool; of chained streams, one that is missing as a whole |
//! | Ogg Vorbis, Ogg FLAC | positions of pages | the same; of FLAC also STREAMINFO and its MD5 | the same |
//! | MP4, M4A (AAC-LC, ALAC) | time-to-sample table | one edit list entry is applied (encoder delay); boxes lie within the file | changed audio inside an access unit; implicitly signalled HE-AAC, of which only the lower half of the spectrum is decoded; encoder delay given only in an iTunes comment |
//!
//! Refused by name: Vorbis of more than two channels, Speex, raw ADTS AAC, AAC above two channels or other than LC, fragmented
//! MP4, other codecs in WAV, NIST SPHERE, Matroska, WMA and others; Ogg with streams at the same time, or with chained ones that differ; free-format
//! MP3 and layers I and II; lengths that a writer to a pipe left open.

mod audit;
mod container;
mod decode;
mod note;
mod ogg;
mod opus;
mod ranged;
mod recorder;
mod reject;
mod resample;
mod wav;

pub use decode::{Channel, Decoder, Header, probe};
pub use note::Note;
pub use recorder::recorder_metadata;
pub use reject::Reject;
pub use resample::{Resampler, resampled_frames};
pub use wav::{ChunkId, MetadataKind, OpenLength, RecorderMetadata};
