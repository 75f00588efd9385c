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
//! | AIFF, AIFF-C | common chunk, must agree with the sound chunk | both lie within the file; other chunks and the size of the whole do not matter | changed samples, a changed rate |
//! | CAF | data or packet table chunk; a data chunk without a length reaches to the end of the file | what follows the data is chunks or zeros; bytes a frame agree with channels and bits; refused if it declares priming frames | changed samples, a changed rate; a cut of a data chunk without a length; how long the last packet of ALAC is, where the table counts it whole |
//! | FLAC | number of the last frame; must agree with STREAMINFO, or the MD5 decides | MD5 of all samples, checksum and number of each frame, the first is number 0, rate in each frame; other blocks and tags behind the frames do not matter | without a total in STREAMINFO: a cut between frames if the MD5 is missing too |
//! | MP3 | the MPEG frames, counted; must agree with a Xing, Info or VBRI tag, but for its own frame where the tag's bytes agree | frames touch, and keep version, rate and channels; only known tags or zeros after the last, and before the first no frame within an ID3v2 tag, and behind such a tag fewer other bytes than a frame has, unless a Xing, Info or VBRI tag follows them (its frame is then taken for sound, as ffmpeg does); the checksum of a tag by LAME | changed audio inside a frame; a changed delay in a tag by FFmpeg, which has no usable checksum; without a tag: a cut at a frame boundary, and the encoder's delay (about 1,105 samples), which is then kept, as ffmpeg does |
//! | raw AAC (ADTS), LC of one or two channels | its frames, counted | frames touch, and keep profile, rate and channels; only known tags after the last | changed audio inside a frame; a cut at a frame boundary; implicitly signalled HE-AAC; the encoder's delay, which is kept, as ffmpeg does |
//! | Ogg Vorbis | granule position of the last page | checksum and order of every page, one stream, a last page | a stream cut and closed again by a tool |
//! | MP4, M4A, QuickTime (AAC-LC, ALAC, FLAC, PCM, A-law, mu-law) | time-to-sample table; of PCM it must agree with the chunks | one edit of the media is applied (encoder delay), and a pause before it left out, as ffmpeg does; boxes lie within the file | changed audio inside an access unit; changed offsets of chunks; implicitly signalled HE-AAC, of which only the lower half of the spectrum is decoded; encoder delay given only in an iTunes comment |
//!
//! Refused by name: Opus, Speex, AAC with more than two channels or other than LC (HE-AAC where it is signalled),
//! fragmented MP4, AC-3, DTS, AMR and others in MP4, MP3 and other codecs in WAV, NIST SPHERE, Sun audio, Matroska,
//! WMA, WavPack, Monkey's Audio, DSD and others; Ogg with chained or several streams; free-format MP3 and layers I and
//! II; lengths that a writer to a pipe left open; files that are no recordings: empty, only zeros, web pages, text,
//! pictures, archives, MIDI.

mod audit;
mod container;
mod decode;
mod note;
mod ranged;
mod recorder;
mod reject;
mod resample;
mod view;
mod wav;

pub use decode::{Channel, Decoder, Header, probe};
pub use note::Note;
pub use recorder::recorder_metadata;
pub use reject::Reject;
pub use resample::{Resampler, resampled_frames};
pub use wav::{ChunkId, MetadataKind, OpenLength, RecorderMetadata};
