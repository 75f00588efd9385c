//! Provides the build of one shard: its clips written in plan order, its sidecars, its record.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use shardfmt::entry::{assets_path, labels_path, priors_path, shard_path};
use shardfmt::{
    AssetRow, FileEntry, LabelRow, PriorRow, RejectRow, ShardWriter, write_assets, write_labels, write_priors,
};

use super::batch::Batch;
use super::fingerprint::{CHANGED_WHILE_READ, Fingerprint};
use super::flow::{Flow, Machine};
use super::ledger::{AssetDigest, ShardRecord, SourceRecord};
use super::plan::{PROGRAM, Plan};
use super::reader::AssetEnd;
use super::{Event, Events};
use crate::error::Result;
use crate::labels::LabelCounts;
use crate::source::{ClipSource, Placement, Rejected, Rendered};

/// What the builds of all shards share.
pub(super) struct Shop<'a, S: ClipSource> {
    pub(super) machine: Machine<'a, S>,
    pub(super) plan: &'a Plan,
    pub(super) plan_xxh3: u64,
    pub(super) dir: &'a Path,
    pub(super) events: &'a Events<'a>,
}

impl<S: ClipSource> Shop<'_, S> {
    /// Builds one shard and its sidecars; `None` when stopped early. The caller writes the record.
    pub(super) fn build(&self, shard: u32, assets: Range<usize>) -> Result<Option<ShardRecord>> {
        let mut output = Output::create(self, shard)?;
        let flow = Flow::new(
            &self.machine,
            &self.plan.assets,
            assets,
            self.plan.info.clips.clip_bytes(),
        );
        let run = flow.run(|batch, fingerprints| output.write(batch, fingerprints))?;
        run.map(|()| output.finish()).transpose()
    }
}

/// The files of one shard being written.
struct Output<'a, S: ClipSource> {
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

impl<'a, S: ClipSource> Output<'a, S> {
    fn create(shop: &'a Shop<'a, S>, shard: u32) -> Result<Self> {
        let path = shop.dir.join(shard_path(shard));
        let writer = ShardWriter::create(&path, shop.plan.info.clips, &shop.plan.metadata)?;
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

    /// Writes a batch and empties it; takes the fingerprints of the assets that end in it.
    fn write(&mut self, batch: &mut Batch<S>, fingerprints: &mut BTreeMap<usize, Fingerprint>) -> Result<()> {
        let (used, mut ends, slots) = batch.take();
        let mut slots = slots.iter_mut();
        for at in 0..=used {
            while let Some((_, end)) = ends.pop_front_if(|(end, _)| *end == at) {
                let fingerprint = fingerprints.remove(&end.asset);
                self.end_asset(end, fingerprint)?;
            }
            if let Some(slot) = slots.next()
                && let Some(rendered) = slot.rendered.take()
            {
                let clip_index = self.writer.rows() - self.first_row;
                self.writer
                    .push_hashed(slot.asset_id, clip_index, rendered.ref_db, &slot.stored, slot.xxh3)?;
                self.clips.push(rendered);
            }
        }
        (self.shop.events)(Event::Clips(used as u64));
        Ok(())
    }

    /// Takes the asset whose clips were just written into the sidecars, or cuts the shard back to its first row.
    fn end_asset(&mut self, end: AssetEnd<S::Facts>, fingerprint: Option<Fingerprint>) -> Result<()> {
        let (asset_id, path) = self.shop.machine.source.name(end.asset);
        let clips = std::mem::take(&mut self.clips);
        self.sources.extend(fingerprint.as_ref().map(Fingerprint::record));
        let unhashed = || Rejected::new(CHANGED_WHILE_READ, "the file was not hashed");
        let hashed = fingerprint
            .ok_or_else(unhashed)
            .and_then(|fingerprint| fingerprint.of_unchanged(&end.around));
        let read = match (hashed, end.result) {
            // A file that could be neither read nor hashed: the reader knows which one of the asset's it is.
            (Err(hashing), Err(reading)) if hashing.stage != CHANGED_WHILE_READ => Err(reading),
            (hashed, read) => hashed.and_then(|hashed| Ok((hashed, read?))),
        };
        let read = match read {
            Ok(_) if clips.is_empty() => Err(Rejected::new(
                "window",
                "holds no whole clip (tail = \"drop\" keeps whole clips only)",
            )),
            other => other,
        };
        match read {
            Ok(((source_bytes, source_xxh3), facts)) => {
                let rows = self.first_row..self.writer.rows();
                let place = Placement {
                    shard: self.shard,
                    rows,
                    source_bytes,
                    source_xxh3,
                };
                let record = self.shop.machine.source.describe(end.asset, facts, &place, &clips);
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
        let taxa = shop.machine.source.taxa();
        let (labels, priors, assets) = (&self.labels, &self.priors, &self.assets);
        let sidecars = || {
            let files = [
                write_labels(&shop.dir.join(labels_path(shard)), taxa, labels)?,
                write_priors(&shop.dir.join(priors_path(shard)), taxa, priors)?,
                write_assets(&shop.dir.join(assets_path(shard)), taxa, assets)?,
            ];
            Ok::<_, shardfmt::Error>(files)
        };
        let (shard_file, sidecars) = if shop.machine.pool.current_num_threads() == 1 {
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
            instruction_set: shop.machine.source.dataset_info().instruction_set,
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
        split: asset.split.as_str().into(),
        xxh3: asset.source_xxh3,
    }
}
