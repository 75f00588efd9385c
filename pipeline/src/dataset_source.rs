//! Defines `DatasetSource`, what a build asks of a source of clips besides the clips: names, classes, and what is
//! known of them.
//!
//! Planning, rejects, resume and commit see only this trait; recordings are one source of clips, and the published
//! sets of pictures that can be imported are others.

use std::collections::BTreeMap;
use std::ops::Range;

use frontend::source::{ClipSource, Rendered};
use shardfmt::{AssetRow, DatasetHead, LabelRow, PriorRow, Taxa, Xxh3};

use crate::tally::Tallies;

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
    /// What was left out or changed of what was given.
    pub tallies: Tallies,
}

/// A source of clips that make a dataset. Assets are numbered from 0 in the order in which they enter it.
pub trait DatasetSource: ClipSource {
    /// Id and path, as outputs name it, of an asset.
    fn name(&self, asset: usize) -> (i64, &str);
    /// Clips the asset will probably have, from its header alone; 0 when nobody can tell. Decides only which shard it
    /// enters.
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
    /// What was left out or changed before any clip was made.
    fn tallies(&self) -> Tallies {
        Tallies::default()
    }
    /// What is left out with an asset that is rejected.
    fn left_out_with(&self, _asset: usize) -> Tallies {
        Tallies::default()
    }
    /// The sidecar rows of an asset whose clips have been rendered.
    fn describe(&self, asset: usize, facts: Self::Facts, place: &Placement, clips: &[Rendered]) -> AssetRecord;
}
