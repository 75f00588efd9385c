//! Defines `ClipSource`, what a build asks of the data it is fed: assets, their clips in order, and what is known of them.
//!
//! Planning, threads, rejects, resume and commit see only this trait; recordings are one source of clips, and the
//! published sets of pictures that can be imported are others.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use shardfmt::{AssetRow, DatasetHead, LabelRow, PriorRow, Taxa, Xxh3};

use crate::labels::LabelCounts;

/// Why one asset is left out of the dataset; the run goes on.
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
}

/// Where the rows of an asset went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Shard number.
    pub shard: u32,
    /// Rows in the shard.
    pub rows: Range<u32>,
    /// Size of the source in bytes.
    pub source_bytes: u64,
    /// Checksum of the source's bytes.
    pub source_xxh3: Xxh3,
}

/// The sidecar rows of one asset.
#[derive(Clone, Debug)]
pub struct AssetRecord {
    /// Row of the assets sidecar.
    pub asset: AssetRow,
    /// Row of the priors sidecar.
    pub prior: PriorRow,
    /// One row per clip.
    pub labels: Vec<LabelRow>,
    /// What the label rules counted.
    pub counts: LabelCounts,
}

/// A source of assets. Assets are numbered from 0 in the order in which they enter the dataset.
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
    /// Id and path, as outputs name it, of an asset.
    fn name(&self, asset: usize) -> (i64, &str);
    /// The files an asset is read from.
    fn files(&self, asset: usize) -> Vec<PathBuf>;
    /// Clips the asset will probably have, from its header alone; 0 when nobody can tell. Decides only which shard it enters.
    fn estimate_clips(&self, asset: usize) -> u64;
    /// The classes.
    fn taxa(&self) -> &Taxa;
    /// What `dataset.json` says of the set before its first clip is made.
    fn head(&self) -> &DatasetHead;
    /// Metadata every shard carries, so that one can be understood alone.
    fn shard_metadata(&self) -> BTreeMap<String, String> {
        let head = self.head();
        let json = |value: serde_json::Result<String>| value.unwrap_or_default();
        BTreeMap::from([
            ("dataset".into(), head.name.clone()),
            ("program".into(), head.program.clone()),
            ("config_xxh3".into(), head.config_xxh3.to_string()),
            ("axes".into(), json(serde_json::to_string(&head.axes))),
            ("values".into(), json(serde_json::to_string(&head.values))),
        ])
    }
    /// Hash over everything that decides the output except the sources' bytes: settings and tables.
    fn inputs_xxh3(&self) -> Xxh3 {
        self.head().config_xxh3
    }
    /// Bytes a clip takes before rendering, for bounding memory.
    fn clip_input_bytes(&self) -> usize;

    /// Starts reading an asset.
    ///
    /// # Errors
    /// Why the asset is rejected.
    fn open(&self, asset: usize) -> Result<Self::Reader, Rejected>;
    /// Working memory for `render`.
    fn scratch(&self) -> Self::Scratch;
    /// Renders a clip into its stored bytes.
    fn render(&self, clip: &Self::Clip, scratch: &mut Self::Scratch, stored: &mut [u8]) -> Rendered;
    /// The sidecar rows of an asset whose clips have been rendered.
    fn describe(&self, asset: usize, facts: Self::Facts, place: &Placement, clips: &[Rendered]) -> AssetRecord;
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
    /// Facts of the asset, after `next` has said `false`.
    fn facts(self) -> Self::Facts;
}
