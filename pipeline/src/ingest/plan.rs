//! Defines `Plan`: which asset goes to which shard, decided from headers alone before anything is decoded.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use frontend::InstructionSet;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shardfmt::checksum::Hasher;
use shardfmt::{DatasetHead, Difference, Taxa, Taxon, Xxh3, difference};

use super::headers::look;
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::packing::pack;
use crate::provenance::PROGRAM;
use crate::tally::Tallies;
use frontend::source_file::SourceStat;

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
    /// The plan of these assets, for machines that have this instruction set.
    pub(super) fn of<S: DatasetSource>(
        source: &S,
        assets: Vec<PlannedAsset>,
        shard_clips: u32,
        instruction_set: &InstructionSet,
    ) -> Plan {
        let mut head = source.head().clone();
        head.instruction_set = instruction_set.to_string();
        Plan {
            program: PROGRAM.into(),
            inputs_xxh3: source.inputs_xxh3(),
            head,
            taxa: source.taxa().iter().cloned().collect(),
            tallies: source.tallies(),
            metadata: source.shard_metadata(),
            shard_clips,
            shards: pack(assets.iter().map(|asset| asset.clips), shard_clips),
            assets,
        }
    }

    /// Refuses a processor that would round otherwise than the plan asks for.
    ///
    /// # Errors
    /// [`Error::WrongInstructionSet`].
    pub fn check_processor<S: DatasetSource>(&self, source: &S, dir: &Path) -> Result<()> {
        let (planned, here) = (&self.head.instruction_set, &source.head().instruction_set);
        if planned == here {
            return Ok(());
        }
        Err(Error::WrongInstructionSet {
            path: dir.into(),
            planned: planned.clone(),
            here: here.clone(),
            machines: InstructionSet::machines(planned),
        })
    }

    /// Checks that settings, tables and program are those of the plan, and that the sources of `shards`, as they are
    /// now, would go to the same shards.
    ///
    /// # Errors
    /// [`Error::PlanChanged`] names the first difference.
    pub fn check<S: DatasetSource>(&self, source: &S, dir: &Path, shards: &[u32]) -> Result<()> {
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
        let mut clips: Vec<u64> = self.assets.iter().map(|asset| asset.clips).collect();
        let mut first = None;
        for assets in shards.iter().filter_map(|shard| self.shards.get(*shard as usize)) {
            let then = self.assets.get(assets.clone()).unwrap_or_default();
            let now = assets.clone().into_par_iter().zip(then);
            let now: Vec<u64> = now
                .map(|(number, then)| look(source, number, Some(then)).clips)
                .collect();
            for ((then, now), clips) in then
                .iter()
                .zip(now)
                .zip(clips.get_mut(assets.clone()).unwrap_or_default())
            {
                if *clips != now {
                    first.get_or_insert(then.asset_id);
                    *clips = now;
                }
            }
        }
        if let Some(id) = first
            && pack(clips, self.shard_clips) != self.shards
        {
            return Err(changed(format!(
                "recordings have changed length since (first: asset {id}), so assets would go to other shards"
            )));
        }
        Ok(())
    }

    /// All shards.
    pub fn all_shards(&self) -> Vec<u32> {
        (0..self.shards.len() as u32).collect()
    }

    /// Hash that ties shard records to this plan.
    pub fn xxh3(&self) -> Xxh3 {
        let mut hasher = Hasher::default();
        // A hasher takes whatever is written to it.
        let _ = self.write_identity(&mut hasher);
        hasher.finish().xxh3
    }

    /// Writes what a plan is known by.
    fn write_identity(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}\n{}\n[", self.program, self.inputs_xxh3)?;
        for (number, assets) in self.shards.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(out, "{comma}{}..{}", assets.start, assets.end)?;
        }
        write!(out, "]\n[")?;
        for (number, asset) in self.assets.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(out, "{comma}{}", asset.asset_id)?;
        }
        write!(out, "]\n{}", self.head.instruction_set)
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
