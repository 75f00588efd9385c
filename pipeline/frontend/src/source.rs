//! Defines `ClipSource`, what a flow asks of the data it is fed: assets, and their clips in order.

use std::io;
use std::path::PathBuf;

use shardfmt::checksum::FileHash;

/// Why one asset is left out; the others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Stage that refused it: open, decode, resample, window, read.
    pub stage: String,
    /// Reason in one line, with expected and got.
    pub reason: String,
}

impl Rejected {
    /// A rejection.
    pub fn new(stage: impl Into<String>, reason: impl Into<String>) -> Self {
        Rejected {
            stage: stage.into(),
            reason: reason.into(),
        }
    }
}

/// What rendering found out about a clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rendered {
    /// Level the stored values refer to, in dB.
    pub ref_db: f32,
    /// Whether the clip is digital silence.
    pub silent: bool,
    /// RMS level of the waveform in dB full scale; `None` where there is none.
    pub rms_dbfs: Option<f32>,
    /// Mean level of the stored image in dB, where somebody asks for it.
    pub mean_db: Option<f32>,
}

/// A source of assets, numbered from 0.
pub trait ClipSource: Sync {
    /// A clip as read, before it is rendered; buffers are reused.
    type Clip: Default + Send;
    /// Reads the clips of one asset in order.
    type Reader: AssetReader<Clip = Self::Clip, Facts = Self::Facts>;
    /// What is known of an asset once all of it has been read.
    type Facts: Send;
    /// Working memory of one rendering thread.
    type Scratch: Send;

    /// Number of assets.
    fn len(&self) -> usize;
    /// Whether there is no asset.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The files an asset is read from.
    fn files(&self, asset: usize) -> Vec<PathBuf>;
    /// Bytes a clip takes before rendering, for bounding memory.
    fn clip_input_bytes(&self) -> usize;
    /// Bytes a rendered clip takes.
    fn clip_bytes(&self) -> usize;

    /// Starts reading an asset.
    ///
    /// # Errors
    /// Why the asset is rejected.
    fn open(&self, asset: usize) -> Result<Self::Reader, Rejected>;
    /// Working memory for `render`.
    fn scratch(&self) -> Self::Scratch;
    /// Renders a clip into its [`clip_bytes`](Self::clip_bytes) stored bytes.
    fn render(&self, clip: &Self::Clip, scratch: &mut Self::Scratch, stored: &mut [u8]) -> Rendered;
}

/// Reads the clips of one asset.
pub trait AssetReader: Send {
    /// A clip as read.
    type Clip;
    /// What is known once all has been read.
    type Facts;

    /// Reads the next clip into `clip`; `false` at the end.
    ///
    /// # Errors
    /// Why the asset is rejected, whatever came before.
    fn next(&mut self, clip: &mut Self::Clip) -> Result<bool, Rejected>;
    /// Size and checksum of the asset's files, one after the other, where the reader takes them while it reads, however
    /// far it has come; `None` has the files read once more for it.
    fn files_hash(&mut self) -> Option<io::Result<FileHash>> {
        None
    }
    /// Facts of the asset, after `next` has said `false`.
    fn facts(self) -> Self::Facts;
}
