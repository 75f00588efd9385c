//! Provides the build of one shard: its clips written in plan order, its sidecars, its record.

use std::ops::Range;
use std::path::Path;

use shardfmt::entry::{assets_path, labels_path, priors_path, shard_path};
use shardfmt::{
    AssetRow, FileEntry, LabelRow, PriorRow, RejectRow, ShardWriter, Xxh3, write_assets, write_labels, write_priors,
};

use frontend::flow::{self, AssetEnd, Delivery, WholeAsset, Workers};
use frontend::source::{Rejected, Rendered};
use frontend::source_file::SourceRecord;

use super::ledger::{AssetDigest, ShardRecord};
use super::plan::Plan;
use crate::dataset_source::{DatasetSource, Placement};
use crate::error::Result;
use crate::event::{Event, Events};
use crate::labels::LabelCounts;
use crate::provenance::PROGRAM;

/// What the builds of all shards share.
pub(super) struct Shop<'a, S: DatasetSource> {
    pub(super) source: &'a S,
    pub(super) workers: &'a Workers,
    pub(super) plan: &'a Plan,
    pub(super) plan_xxh3: Xxh3,
    pub(super) dir: &'a Path,
    pub(super) events: &'a Events<'a>,
}

impl<S: DatasetSource> Shop<'_, S> {
    /// Builds one shard and its sidecars; `None` when stopped early. The caller writes the record.
    pub(super) fn build(&self, shard: u32, assets: Range<usize>) -> Result<Option<ShardRecord>> {
        let mut output = Output::create(self, shard)?;
        let clips_of = |asset: usize| self.plan.assets.get(asset).map_or(0, |asset| asset.clips);
        let whole = flow::run(self.workers, self.source, assets, clips_of, |delivery| {
            output.write(delivery)
        })?;
        whole.then(|| output.finish()).transpose()
    }
}

/// The files of one shard being written.
struct Output<'a, S: DatasetSource> {
    shop: &'a Shop<'a, S>,
    shard: u32,
    writer: ShardWriter,
    /// First row and rendered clips of the asset that is being written.
    first_row: u32,
    clips: Vec<Rendered>,
    labels: Vec<LabelRow>,
    assets: Vec<AssetRow>,
    priors: Vec<PriorRow>,
    sources: Vec<SourceRecord>,
    rejects: Vec<RejectRow>,
    counts: LabelCounts,
    silent_clips: u64,
}

impl<'a, S: DatasetSource> Output<'a, S> {
    fn create(shop: &'a Shop<'a, S>, shard: u32) -> Result<Self> {
        let path = shop.dir.join(shard_path(shard));
        let writer = ShardWriter::create(&path, shop.plan.head.clips, &shop.plan.metadata)?;
        Ok(Output {
            shop,
            shard,
            writer,
            first_row: 0,
            clips: Vec::new(),
            labels: Vec::new(),
            assets: Vec::new(),
            priors: Vec::new(),
            sources: Vec::new(),
            rejects: Vec::new(),
            counts: LabelCounts::default(),
            silent_clips: 0,
        })
    }

    /// Writes a clip, or ends an asset.
    fn write(&mut self, delivery: Delivery<'_, S::Facts>) -> Result<()> {
        match delivery {
            Delivery::Clip(clip) => {
                let (asset_id, _) = self.shop.source.name(clip.asset);
                let clip_index = self.writer.rows() - self.first_row;
                self.writer
                    .push_hashed(asset_id, clip_index, clip.rendered.ref_db, clip.bytes, clip.xxh3)?;
                self.clips.push(clip.rendered);
                (self.shop.events)(Event::Clips(1));
                Ok(())
            }
            Delivery::End(end) => self.end_asset(end),
        }
    }

    /// Takes the asset whose clips were just written into the sidecars, or cuts the shard back to its first row.
    fn end_asset(&mut self, end: AssetEnd<S::Facts>) -> Result<()> {
        let (asset_id, path) = self.shop.source.name(end.asset);
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
                let rows = self.first_row..self.writer.rows();
                let place = Placement {
                    shard: self.shard,
                    rows,
                    source_bytes: source.bytes,
                    source_xxh3: source.xxh3,
                };
                let source = self.shop.source;
                let mut record = source.describe(end.asset, facts, &place, &clips);
                let classes = source.taxa().len() as u32;
                let form = self.shop.plan.head.label_form();
                form.apply(&mut record.prior, &mut record.labels, classes);
                self.counts += record.counts;
                self.silent_clips += clips.iter().filter(|clip| clip.silent).count() as u64;
                self.labels.extend(record.labels);
                self.assets.push(record.asset);
                self.priors.push(record.prior);
            }
            Err(rejected) => {
                self.writer.truncate(self.first_row)?;
                let Rejected { stage, reason } = rejected;
                let row = RejectRow {
                    asset_id,
                    path: path.into(),
                    stage,
                    reason,
                };
                (self.shop.events)(Event::Rejected(&row));
                self.rejects.push(row);
            }
        }
        self.first_row = self.writer.rows();
        Ok(())
    }

    /// Finishes the shard file, and its sidecars beside it where there are threads for it: both mostly wait for the device.
    fn finish(self) -> Result<ShardRecord> {
        let (shop, shard) = (self.shop, self.shard);
        let taxa = shop.source.taxa();
        let (labels, priors, assets) = (&self.labels, &self.priors, &self.assets);
        let sidecars = || {
            let files = [
                write_labels(
                    &shop.dir.join(labels_path(shard)),
                    taxa,
                    shop.plan.head.label_form(),
                    labels,
                )?,
                write_priors(&shop.dir.join(priors_path(shard)), taxa, priors)?,
                write_assets(&shop.dir.join(assets_path(shard)), taxa, assets)?,
            ];
            Ok::<_, shardfmt::Error>(files)
        };
        let (shard_file, sidecars) = if shop.workers.threads() == 1 {
            (self.writer.finish(), sidecars())
        } else {
            std::thread::scope(|scope| {
                let sidecars = scope.spawn(sidecars);
                let shard_file = self.writer.finish();
                let sidecars = sidecars.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                (shard_file, sidecars)
            })
        };
        let mut files: Vec<FileEntry> = vec![shard_file?];
        files.extend(sidecars?);
        Ok(ShardRecord {
            plan_xxh3: shop.plan_xxh3,
            program: PROGRAM.into(),
            // This machine's: the plan may have been made on another.
            instruction_set: shop.source.head().instruction_set.clone(),
            shard,
            rows: self.labels.len() as u64,
            assets: self.assets.iter().map(digest).collect(),
            silent_clips: self.silent_clips,
            counts: self.counts,
            files,
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
