//! Provides the build of one shard: its clips written in plan order, its tables, its record.

use std::ops::Range;

use shardfmt::dataset::ShardOutput;
use shardfmt::{AssetRow, DatasetWriter, RejectRow, Xxh3};

use frontend::flow::{self, AssetEnd, Delivery, WholeAsset, Workers};
use frontend::source::{Rejected, Rendered};
use frontend::source_file::SourceRecord;

use super::ledger::{AssetDigest, ShardRecord};
use super::plan::Plan;
use crate::dataset_source::{DatasetSource, Placement};
use crate::error::Result;
use crate::event::{Event, Events};
use crate::provenance::PROGRAM;
use crate::tally::Tallies;

/// What the builds of all shards share.
pub(super) struct Shared<'a, S: DatasetSource> {
    pub(super) source: &'a S,
    pub(super) workers: &'a Workers,
    pub(super) writer: &'a DatasetWriter<'a>,
    pub(super) plan: &'a Plan,
    pub(super) plan_xxh3: Xxh3,
    pub(super) events: &'a Events<'a>,
}

impl<S: DatasetSource> Shared<'_, S> {
    /// Numbers of the assets that go to a shard.
    pub(super) fn assets_of(&self, shard: u32) -> Range<usize> {
        self.plan.shards.get(shard as usize).cloned().unwrap_or_default()
    }

    /// Builds one shard and its tables; `None` when stopped early. The caller writes the record.
    pub(super) fn build(&self, shard: u32) -> Result<Option<ShardRecord>> {
        let mut build = ShardBuild {
            shared: self,
            shard,
            output: self.writer.shard(shard, &self.plan.metadata)?,
            clips: Vec::new(),
            sources: Vec::new(),
            rejects: Vec::new(),
            tallies: Tallies::default(),
        };
        let clips_of = |asset: usize| self.plan.assets.get(asset).map_or(0, |asset| asset.clips);
        let whole = flow::run(self.workers, self.source, self.assets_of(shard), clips_of, |delivery| {
            build.write(delivery)
        })?;
        whole.then(|| build.finish()).transpose()
    }
}

/// One shard being built.
struct ShardBuild<'a, S: DatasetSource> {
    shared: &'a Shared<'a, S>,
    shard: u32,
    output: ShardOutput<'a>,
    /// Rendered clips of the asset that is being written.
    clips: Vec<Rendered>,
    sources: Vec<SourceRecord>,
    rejects: Vec<RejectRow>,
    tallies: Tallies,
}

impl<S: DatasetSource> ShardBuild<'_, S> {
    /// Writes a clip, or ends an asset.
    fn write(&mut self, delivery: Delivery<'_, S::Facts>) -> Result<()> {
        match delivery {
            Delivery::Clip(clip) => {
                let (asset_id, _) = self.shared.source.name(clip.asset);
                let clip_index = self.clips.len() as u32;
                self.output
                    .push(asset_id, clip_index, clip.rendered.ref_db, clip.bytes, clip.xxh3)?;
                self.clips.push(clip.rendered);
                (self.shared.events)(Event::Clips(1));
                Ok(())
            }
            Delivery::End(end) => self.end_asset(end),
        }
    }

    /// Takes the asset whose clips were just written into the tables, or drops its clips.
    fn end_asset(&mut self, end: AssetEnd<S::Facts>) -> Result<()> {
        let clips = std::mem::take(&mut self.clips);
        self.sources.push(end.source);
        let whole = match end.result {
            Ok(_) if clips.is_empty() => Err(Rejected::new(
                "window",
                "holds no whole clip (tail = \"drop\" keeps whole clips only)",
            )),
            other => other,
        };
        match whole {
            Ok(WholeAsset { facts, source }) => {
                let place = Placement {
                    shard: self.shard,
                    rows: self.output.open_rows(),
                    source_bytes: source.bytes,
                    source_xxh3: source.xxh3,
                };
                let source = self.shared.source;
                let mut record = source.describe(end.asset, facts, &place, &clips);
                let classes = source.taxa().len() as u32;
                let form = source.head().label_form();
                form.apply(&mut record.prior, &mut record.labels, classes);
                self.tallies.add_all(&record.tallies);
                self.output.end_asset(record.asset, record.prior, record.labels)?;
            }
            Err(Rejected { stage, reason }) => {
                self.output.drop_asset()?;
                self.tallies.add_all(&self.shared.source.left_out_with(end.asset));
                let (asset_id, path) = self.shared.source.name(end.asset);
                let row = RejectRow {
                    asset_id,
                    path: path.into(),
                    stage,
                    reason,
                };
                (self.shared.events)(Event::Rejected(&row));
                self.rejects.push(row);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<ShardRecord> {
        let tables = self.output.tables();
        let (assets, silent_clips) = (tables.assets.iter().map(digest).collect(), tables.silent_clips());
        Ok(ShardRecord {
            plan_xxh3: self.shared.plan_xxh3,
            program: PROGRAM.into(),
            // This machine's: the plan may have been made on another.
            instruction_set: self.shared.source.head().instruction_set.clone(),
            shard: self.shard,
            assets,
            silent_clips,
            tallies: self.tallies,
            files: self.output.finish(self.shared.workers.threads())?,
            sources: self.sources,
            rejects: self.rejects,
        })
    }
}

fn digest(asset: &AssetRow) -> AssetDigest {
    AssetDigest {
        asset_id: asset.asset_id,
        split: asset.split,
        xxh3: asset.source_xxh3,
    }
}
