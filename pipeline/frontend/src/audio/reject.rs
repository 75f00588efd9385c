//! Defines why one recording is refused.

use std::io;

use crate::source_file::CHANGED_WHILE_READ;

/// Why one recording is refused. The run goes on without it: nothing here is a mistake of the
/// configuration.
///
/// `Display` is one line that says what was expected and what was found; [`Reject::stage`] says where.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Reject {
    /// The file cannot be opened or read. Check the path, the permissions and the disk.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The store or server that has the recording cannot be reached, or the recording changes there. Build again later.
    #[error("cannot be read: {reason}")]
    Away {
        /// What it said, with the address.
        reason: String,
    },
    /// The path names a directory, a pipe or a device.
    #[error("not a regular file")]
    NotAFile,
    /// The first bytes belong to no known container. The file is damaged, or is not a recording.
    #[error("not a known audio container: the file starts with {magic}")]
    UnknownContainer {
        /// The first bytes in hexadecimal.
        magic: String,
    },
    /// The file is of a known kind, and no recording. Look where it came from.
    #[error("not a recording, but {what}")]
    NotARecording {
        /// What it is.
        what: &'static str,
    },
    /// The container or the codec is known but not supported. Convert the recording first.
    #[error("{what} is not supported")]
    Unsupported {
        /// The codec, container or feature.
        what: String,
    },
    /// An AudioMoth recorded on a trigger and left silence out, so that times in the file are not times of the recording.
    /// Expand the recording with the AudioMoth app.
    #[error(
        "silence was left out of it at byte {offset} (an AudioMoth on a trigger), so its times are not those of the \
         recording; expand it with the AudioMoth app, then use the expanded file"
    )]
    SilenceLeftOut {
        /// Where the first marker of it stands, in bytes from the start of the file.
        offset: u64,
    },
    /// The header contradicts itself or the file. Its lengths and times cannot be trusted.
    #[error("{container} header is invalid: {reason}")]
    Header {
        /// The container's name.
        container: &'static str,
        /// What contradicts what.
        reason: String,
    },
    /// The recording has fewer channels than the one asked for.
    #[error("channel {index} was asked for, but the recording has {channels} (counted from 0)")]
    NoSuchChannel {
        /// The channel asked for, from 0.
        index: u32,
        /// Channels in the recording.
        channels: u32,
    },
    /// The file ends before its header says, or before its last frame is complete.
    #[error("truncated: {what} needs {expected} bytes, {got} are present")]
    Truncated {
        /// The structure that is cut.
        what: String,
        /// Bytes it needs.
        expected: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// Bytes that should be audio are not: decoding on would shift everything after them.
    #[error("damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where, in bytes from the start of the file.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// The demuxer or the decoder gave up.
    #[error("cannot be decoded at frame {frame}: {reason}")]
    Decode {
        /// Audio frames decoded before it.
        frame: u64,
        /// The decoder's own words.
        reason: String,
    },
    /// A packet does not begin where the one before it ended.
    #[error("gap in the recording: expected a packet at tick {expected}, got tick {got}")]
    Gap {
        /// The expected timestamp, in units of the track's time base.
        expected: i64,
        /// The packet's timestamp.
        got: i64,
    },
    /// More or fewer frames were decoded than the container declares.
    #[error("declares {expected} frames, {got} were decoded")]
    FrameCount {
        /// Frames declared.
        expected: u64,
        /// Frames decoded.
        got: u64,
    },
    /// The decoded samples do not have the checksum that the encoder stored.
    #[error("decoded samples fail the checksum stored in the file")]
    Checksum,
    /// The recording holds no audio.
    #[error("holds no audio frames")]
    Empty,
    /// A sample is NaN, infinite, or beyond the range of every integer format.
    #[error("sample value {value} at frame {frame} is not audio")]
    BadSample {
        /// Its frame, from 0.
        frame: u64,
        /// Its value.
        value: f32,
    },
    /// The decoder panicked: a defect of the decoder, met by an unusual file.
    #[error("the decoder panicked: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// The recording's rate cannot be resampled to the target rate.
    #[error("cannot resample {from_hz} Hz to {to_hz} Hz: {reason}")]
    Rate {
        /// The recording's rate.
        from_hz: u32,
        /// The target rate.
        to_hz: u32,
        /// The limit it breaks.
        reason: String,
    },
    /// The resampler gave up.
    #[error("resampling failed: {reason}")]
    Resample {
        /// The resampler's own words.
        reason: String,
    },
}

impl Reject {
    /// The stage that refused the recording: `open`, `decode` or `resample`.
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Read(_)
            | Self::NotAFile
            | Self::UnknownContainer { .. }
            | Self::NotARecording { .. }
            | Self::Unsupported { .. }
            | Self::SilenceLeftOut { .. }
            | Self::Header { .. }
            | Self::NoSuchChannel { .. } => "open",
            Self::Away { .. } => CHANGED_WHILE_READ,
            Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::Decode { .. }
            | Self::Gap { .. }
            | Self::FrameCount { .. }
            | Self::Checksum
            | Self::Empty
            | Self::BadSample { .. }
            | Self::Panic { .. } => "decode",
            Self::Rate { .. } | Self::Resample { .. } => "resample",
        }
    }
}
