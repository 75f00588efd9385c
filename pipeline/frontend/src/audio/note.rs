//! Names what was wrong in a file beside its sound, and was accepted.

use std::fmt;

use super::wav::ChunkId;

/// One thing that a file says of itself and that is not so, though its sound is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "bytes as declared and as found, by their names")]
pub enum Note {
    /// The size of the whole is not that of the file.
    FileSize { declared: u64, actual: u64 },
    /// Sizes are modulo 2^32: the sound is longer than 4 GiB.
    WrappedSize { declared: u64, actual: u64 },
    /// No length of the sound was declared; the rest of the file was taken.
    OpenLength { declared: u64, actual: u64 },
    /// Two places declare different lengths of the sound; one of them is that of the sound.
    TwoLengths { declared: u64, actual: u64 },
    /// The length of the sound takes in the chunks behind it.
    ChunksInside { declared: u64, actual: u64 },
    /// The sound ends within a frame, which was left out.
    PartialFrame { bytes: u64 },
    /// The last block of ADPCM is short; the frames that it has were kept.
    ShortBlock { bytes: u64 },
    /// Zeros follow the last chunk.
    ZeroFill { bytes: u64 },
    /// Bytes that are not a chunk follow the last chunk.
    TrailingBytes { bytes: u64 },
    /// A tag of another format follows the last chunk.
    TrailingTag { name: &'static str, bytes: u64 },
    /// A chunk of odd length lacks its pad byte, or one of Wave64 its pad bytes.
    NoPadding { id: ChunkId },
    /// The samples are padded with something else than zeros.
    Padding,
    /// A chunk's length does not lead to the next one, which was found.
    ChunkLength { id: ChunkId, declared: u64 },
    /// The positions of the sound start late: it was recorded from a stream that ran, and counts from its start here.
    LateStart { frames: u64 },
    /// Several streams of one kind follow each other.
    ChainedStreams { streams: u64 },
    /// The file ends within a chunk behind the sound.
    CutChunk { id: ChunkId, declared: u64, present: u64 },
    /// The format chunk has an unusual length.
    FormatLength { bytes: u64 },
    /// The format chunk is there twice, and says the same.
    FormatTwice,
    /// The bytes of a frame are declared wrong.
    FrameBytes { declared: u64, actual: u64 },
    /// The bytes of a second are not declared.
    NoByteRate,
    /// Samples are stored in more bits than they are declared to have, at the low end of them or at the high.
    WideContainer { bits: u16, container: u16, low: bool },
    /// More bits of a sample are declared valid than its container has, or none.
    ValidBits { declared: u16, container: u16 },
    /// The frames of a block are not declared.
    NoBlockFrames,
    /// The samples that are declared are not as many as there are; their checksum is right.
    SampleTotal { declared: u64, actual: u64 },
    /// The sizes of FLAC's blocks are not those that are declared.
    BlockSizes,
    /// Bytes that belong to nothing lie between a tag and the first frame.
    Junk { bytes: u64 },
    /// A packet table counts frames that the last packet lacks.
    PacketFrames { declared: u64, actual: u64 },
    /// A tag counts its own frame.
    TagFrames { declared: u64, actual: u64 },
    /// The sound has no length of its own, as its format allows, and reaches to the end of the file.
    OpenData { bytes: u64 },
    /// A track starts with a pause, which was left out.
    EmptyEdit { ms: u64 },
    /// The sampling rate of the container is not that of the codec.
    Rate { declared: u32, actual: u32 },
}

impl Note {
    /// Its kind, for counting over many files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FileSize { .. } => "file size in the header",
            Self::WrappedSize { .. } => "size wrapped at 4 GiB",
            Self::OpenLength { .. } => "open length",
            Self::TwoLengths { .. } => "two lengths",
            Self::ChunksInside { .. } => "chunks within the declared sound",
            Self::PartialFrame { .. } => "partial frame at the end",
            Self::ShortBlock { .. } => "short last block",
            Self::ZeroFill { .. } => "zero fill",
            Self::TrailingBytes { .. } => "trailing bytes",
            Self::TrailingTag { .. } => "trailing tag",
            Self::NoPadding { .. } => "missing padding",
            Self::Padding => "padding that is not zero",
            Self::ChunkLength { .. } => "length of a chunk",
            Self::LateStart { .. } => "late start",
            Self::ChainedStreams { .. } => "chained streams",
            Self::CutChunk { .. } => "cut chunk behind the sound",
            Self::FormatLength { .. } => "length of the format chunk",
            Self::FormatTwice => "two format chunks",
            Self::FrameBytes { .. } => "bytes of a frame",
            Self::NoByteRate => "bytes of a second",
            Self::WideContainer { .. } => "wide container",
            Self::ValidBits { .. } => "valid bits",
            Self::NoBlockFrames => "frames of a block",
            Self::SampleTotal { .. } => "number of samples",
            Self::BlockSizes => "sizes of FLAC's blocks",
            Self::Junk { .. } => "bytes before the first frame",
            Self::PacketFrames { .. } => "frames in the packet table",
            Self::TagFrames { .. } => "tag that counts its own frame",
            Self::OpenData { .. } => "data chunk without a length",
            Self::EmptyEdit { .. } => "pause before the sound",
            Self::Rate { .. } => "sampling rate of the container",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FileSize { declared, actual } => write!(f, "its header declares {declared} bytes, it has {actual}"),
            Self::WrappedSize { declared, actual } => write!(
                f,
                "its data chunk declares {declared} bytes, the remainder of {actual} modulo 2^32"
            ),
            Self::OpenLength { declared, actual } => write!(
                f,
                "its data chunk declares {declared} bytes, which means an open length; {actual} bytes to the end were taken"
            ),
            Self::TwoLengths { declared, actual } => {
                write!(
                    f,
                    "a length of {declared} bytes is declared for sound of {actual} bytes"
                )
            }
            Self::ChunksInside { declared, actual } => write!(
                f,
                "its data chunk declares {declared} bytes, the last {} of which are other chunks",
                declared - actual
            ),
            Self::PartialFrame { bytes } => write!(f, "the last {bytes} bytes of its sound are not a whole frame"),
            Self::ShortBlock { bytes } => write!(f, "its last block has only {bytes} bytes"),
            Self::ZeroFill { bytes } => write!(f, "its last {bytes} bytes are zeros that belong to nothing"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes that are not a chunk follow its last chunk"),
            Self::TrailingTag { name, bytes } => write!(f, "a tag ({name}, {bytes} bytes) follows its sound"),
            Self::NoPadding { id } => write!(f, "its '{id}' chunk is not padded"),
            Self::Padding => f.write_str("its samples are padded with something else than zeros"),
            Self::ChunkLength { id, declared } => {
                write!(
                    f,
                    "its '{id}' chunk does not have the {declared} bytes that it declares"
                )
            }
            Self::LateStart { frames } => write!(f, "its positions start at frame {frames}"),
            Self::ChainedStreams { streams } => write!(f, "it is {streams} streams, one behind the other"),
            Self::CutChunk { id, declared, present } => {
                write!(f, "its '{id}' chunk has {present} bytes of {declared}")
            }
            Self::FormatLength { bytes } => write!(f, "its format chunk has {bytes} bytes"),
            Self::FormatTwice => f.write_str("its format chunk is there twice"),
            Self::FrameBytes { declared, actual } => {
                write!(f, "it declares {declared} bytes a frame, a frame has {actual}")
            }
            Self::NoByteRate => f.write_str("it declares 0 bytes a second"),
            Self::WideContainer { bits, container, low } => {
                let end = if low { "low" } else { "high" };
                write!(f, "samples of {bits} bits are in the {end} end of {container} bits")
            }
            Self::ValidBits { declared, container } => {
                write!(f, "{declared} bits are declared valid of samples of {container} bits")
            }
            Self::NoBlockFrames => f.write_str("it does not declare the frames of a block"),
            Self::SampleTotal { declared, actual } => {
                write!(
                    f,
                    "it declares {declared} samples, it has {actual}; their checksum is right"
                )
            }
            Self::BlockSizes => f.write_str("its blocks do not have the sizes that it declares"),
            Self::Junk { bytes } => write!(f, "{bytes} bytes between its tag and its first frame belong to neither"),
            Self::PacketFrames { declared, actual } => {
                write!(
                    f,
                    "its packet table declares {declared} frames, its packets hold {actual}"
                )
            }
            Self::TagFrames { declared, actual } => {
                write!(f, "its tag declares {declared} frames of {actual}: it counts its own")
            }
            Self::OpenData { bytes } => {
                write!(
                    f,
                    "its data chunk has no length of its own; the {bytes} bytes to the end were taken"
                )
            }
            Self::EmptyEdit { ms } => write!(f, "a pause of {ms} ms before its sound was left out"),
            Self::Rate { declared, actual } => {
                write!(f, "its container declares {declared} Hz, its sound has {actual} Hz")
            }
        }
    }
}

/// Notes of one file: the first of each kind, so that their number is bounded.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    /// Adds a note, unless one of its kind is there.
    pub(super) fn add(&mut self, note: Note) {
        if self.0.iter().all(|other| other.kind() != note.kind()) {
            self.0.push(note);
        }
    }

    /// All of them, in the order in which they were found.
    pub(super) fn all(&self) -> &[Note] {
        &self.0
    }
}
