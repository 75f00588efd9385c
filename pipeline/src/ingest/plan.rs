//! Defines `Plan`: which asset goes to which shard, decided from headers alone before anything is decoded.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shardfmt::{DatasetHead, Difference, Taxa, Taxon, Xxh3, difference};

use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::packing::pack;
use crate::provenance::PROGRAM;
use crate::tally::Tallies;
use frontend::source_file::{SourceStat, stats};

/// One asset of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAsset {
    /// Id of the asset.
    pub asset_id: i64,
    /// Clips its header promises; decides the shard and nothing else.
    pub clips: u64,
    /// Its files as they were when the plan was made.
    pub files: Vec<Option<SourceStat>>,
}

/// Everything that is decided before the first recording is decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Program and version.
    pub program: String,
    /// Hash over settings and tables.
    pub inputs_xxh3: Xxh3,
    /// What is known of `dataset.json`; its counts and files are not.
    #[serde(rename = "info")]
    pub head: DatasetHead,
    /// The classes.
    pub taxa: Vec<Taxon>,
    /// What the tables leave out or change.
    #[serde(default)]
    pub tallies: Tallies,
    /// Metadata of every shard.
    pub metadata: BTreeMap<String, String>,
    /// Clips a shard aims at.
    pub shard_clips: u32,
    /// The assets, in the order in which they enter the dataset.
    pub assets: Vec<PlannedAsset>,
    /// For each shard, its assets (consecutive numbers).
    pub shards: Vec<Range<usize>>,
}

impl Plan {
    /// Makes a plan: looks at every header (in parallel on the pool this is called from).
    pub fn make<S: DatasetSource>(source: &S, shard_clips: u32) -> Plan {
        let asset = |number| {
            let files = stats(&source.files(number));
            PlannedAsset {
                asset_id: source.name(number).0,
                clips: source.estimate_clips(number),
                files,
            }
        };
        let assets: Vec<PlannedAsset> = (0..source.len()).into_par_iter().map(asset).collect();
        Plan {
            program: PROGRAM.into(),
            inputs_xxh3: source.inputs_xxh3(),
            head: source.head().clone(),
            taxa: source.taxa().iter().cloned().collect(),
            tallies: source.tallies(),
            metadata: source.shard_metadata(),
            shard_clips,
            shards: pack(assets.iter().map(|asset| asset.clips), shard_clips),
            assets,
        }
    }

    /// Brings a stored plan up to date with the sources as they are now.
    ///
    /// # Errors
    /// [`Error::PlanChanged`] when settings, tables or program differ, or when changed sources would go to other
    /// shards.
    pub fn check<S: DatasetSource>(&self, source: &S, dir: &Path) -> Result<()> {
        let changed = |difference: String| Error::PlanChanged {
            path: dir.into(),
            difference,
        };
        if self.program != PROGRAM {
            return Err(changed(format!("by {}, this is {PROGRAM}", self.program)));
        }
        if self.inputs_xxh3 != source.inputs_xxh3() {
            let differ = difference("", &self.head.config, &source.head().config);
            let first = differ.first().map(Difference::to_string);
            return Err(changed(first.unwrap_or_else(|| "the tables have changed".into())));
        }
        let refreshed = |(number, planned): (usize, &PlannedAsset)| {
            let files = stats(&source.files(number));
            let clips = if files == planned.files {
                planned.clips
            } else {
                source.estimate_clips(number)
            };
            PlannedAsset {
                asset_id: planned.asset_id,
                clips,
                files,
            }
        };
        let now: Vec<PlannedAsset> = self.assets.par_iter().enumerate().map(refreshed).collect();
        if pack(now.iter().map(|asset| asset.clips), self.shard_clips) != self.shards {
            let first = self.assets.iter().zip(&now).find(|(then, now)| then.clips != now.clips);
            let id = first.map_or(0, |(then, _)| then.asset_id);
            return Err(changed(format!(
                "recordings have changed length since (first: asset {id}), so assets would go to other shards"
            )));
        }
        Ok(())
    }

    /// Hash that ties shard records to this plan.
    pub fn xxh3(&self) -> Xxh3 {
        let ids = self.assets.iter().map(|asset| asset.asset_id);
        Xxh3::of(identity(&self.program, self.inputs_xxh3, &self.shards, ids).as_bytes())
    }

    /// The classes.
    ///
    /// # Errors
    /// When the stored list is not a valid list of classes.
    pub fn taxa(&self) -> Result<Taxa> {
        Ok(Taxa::new(self.taxa.clone())?)
    }

    /// Clips the plan expects in all.
    pub fn clips(&self) -> u64 {
        self.assets.iter().map(|asset| asset.clips).sum()
    }
}

/// What a plan is known by: the text is that of every plan there is, so that unfinished builds can be resumed.
fn identity(program: &str, inputs_xxh3: Xxh3, shards: &[Range<usize>], ids: impl Iterator<Item = i64>) -> String {
    let shards: Vec<String> = shards
        .iter()
        .map(|assets| format!("{}..{}", assets.start, assets.end))
        .collect();
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!(
        "{program}\n{inputs_xxh3}\n[{}]\n[{}]",
        shards.join(", "),
        ids.join(", ")
    )
}
