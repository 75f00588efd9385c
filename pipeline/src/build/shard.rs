//! Provides the build of one shard: read, render and write its assets in plan order, three blocks of clips in flight.
//!
//! While the pool renders one block of clips on every core, one of its threads reads the next block (decoding runs in order)
//! and the calling thread writes the last one, so a single long recording keeps all cores busy. Nothing waits inside the pool:
//! the calling thread is not part of it, and memory is bounded by the three blocks.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::ThreadPool;
use rayon::prelude::*;
use shardfmt::checksum::xxh3;
use shardfmt::entry::{assets_path, labels_path, priors_path, shard_path};
use shardfmt::{
    AssetRow, FileEntry, LabelRow, PriorRow, RejectRow, ShardWriter, write_assets, write_labels, write_priors,
};

use super::ledger::{AssetDigest, ShardRecord, SourceRecord};
use super::plan::{PROGRAM, Plan};
use super::reader::{AssetEnd, Feeder};
use super::{Event, Events};
use crate::error::Result;
use crate::labels::LabelCounts;
use crate::source::{ClipSource, Placement, Rejected, Rendered};

/// Bytes of clips (read and rendered) a block may hold; three blocks are in flight per shard.
const BLOCK_BYTES: usize = 6 << 20;
/// More clips in a block than this gain nothing.
const BLOCK_CLIPS: usize = 64;

/// One clip on its way through the stages.
pub(super) struct Slot<C> {
    pub(super) clip: C,
    pub(super) asset_id: i64,
    stored: Vec<u8>,
    rendered: Option<Rendered>,
    xxh3: u64,
}

/// Consecutive clips, and where among them assets end.
pub(super) struct Block<C, F> {
    slots: Vec<Slot<C>>,
    used: usize,
    pub(super) ends: VecDeque<(usize, AssetEnd<F>)>,
}

impl<C: Default, F> Block<C, F> {
    fn new(clips: usize, clip_bytes: usize) -> Self {
        let slot = || Slot {
            clip: C::default(),
            asset_id: 0,
            stored: vec![0; clip_bytes],
            rendered: None,
            xxh3: 0,
        };
        Block {
            slots: std::iter::repeat_with(slot).take(clips).collect(),
            used: 0,
            ends: VecDeque::new(),
        }
    }

    /// The next free slot; `None` when the block is full. Assets without clips fill it too, or ends would pile up.
    pub(super) fn free_slot(&mut self) -> Option<&mut Slot<C>> {
        if self.ends.len() >= self.slots.len() {
            return None;
        }
        self.slots.get_mut(self.used)
    }

    /// Keeps what was read into the free slot.
    pub(super) fn keep(&mut self) {
        self.used += 1;
    }

    /// Marks the end of an asset after the clips read so far.
    pub(super) fn end(&mut self, end: AssetEnd<F>) {
        self.ends.push_back((self.used, end));
    }

    fn is_empty(&self) -> bool {
        self.used == 0 && self.ends.is_empty()
    }

    fn filled(&mut self) -> &mut [Slot<C>] {
        self.slots.get_mut(..self.used).unwrap_or_default()
    }
}

/// What the builds of all shards share.
pub(super) struct Shop<'a, S: ClipSource> {
    pub(super) source: &'a S,
    pub(super) plan: &'a Plan,
    pub(super) plan_xxh3: u64,
    pub(super) pool: &'a ThreadPool,
    pub(super) dir: &'a Path,
    pub(super) events: &'a Events<'a>,
    /// Set when another shard failed: there is no use in going on.
    pub(super) stop: &'a AtomicBool,
}

impl<S: ClipSource> Shop<'_, S> {
    /// Builds one shard and its sidecars; `None` when stopped early. The caller writes the record.
    pub(super) fn build(&self, shard: u32, assets: Range<usize>) -> Result<Option<ShardRecord>> {
        let spec = self.plan.info.clips;
        let per_clip = spec.clip_bytes() + self.source.clip_input_bytes();
        let clips = (BLOCK_BYTES / per_clip.max(1)).clamp(1, BLOCK_CLIPS);
        let block = || Block::new(clips, spec.clip_bytes());
        let (mut filling, mut rendering, mut writing) = (block(), block(), block());
        let mut feeder = Feeder::new(self.source, assets);
        let mut output = Output::create(self, shard)?;
        loop {
            let written = self.pool.in_place_scope(|scope| {
                scope.spawn(|_| feeder.fill(&mut filling));
                scope.spawn(|_| self.render(rendering.filled()));
                output.write(&mut writing)
            });
            written?;
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            std::mem::swap(&mut writing, &mut rendering);
            std::mem::swap(&mut rendering, &mut filling);
            if writing.is_empty() && rendering.is_empty() && feeder.is_done() {
                break;
            }
        }
        output.finish(feeder.into_sources()).map(Some)
    }

    fn render(&self, slots: &mut [Slot<S::Clip>]) {
        slots.par_iter_mut().for_each_init(
            || self.source.scratch(),
            |scratch, slot| {
                slot.rendered = Some(self.source.render(&slot.clip, scratch, &mut slot.stored));
                slot.xxh3 = xxh3(&slot.stored);
            },
        );
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
            rejects: Vec::new(),
            counts: LabelCounts::default(),
            silent_clips: 0,
        })
    }

    /// Writes a block and empties it.
    fn write(&mut self, block: &mut Block<S::Clip, S::Facts>) -> Result<()> {
        let used = std::mem::take(&mut block.used);
        for at in 0..=used {
            while block.ends.front().is_some_and(|(end, _)| *end == at) {
                if let Some((_, end)) = block.ends.pop_front() {
                    self.end_asset(end)?;
                }
            }
            let slot = block.slots.get_mut(..used).and_then(|slots| slots.get_mut(at));
            if let Some(slot) = slot
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
    fn end_asset(&mut self, end: AssetEnd<S::Facts>) -> Result<()> {
        let (asset_id, path) = self.shop.source.name(end.asset);
        let clips = std::mem::take(&mut self.clips);
        let read = match end.result {
            Ok(_) if clips.is_empty() => Err(Rejected::new(
                "window",
                "holds no whole clip (tail = \"drop\" keeps whole clips only)",
            )),
            other => other,
        };
        match read {
            Ok(read) => {
                let rows = self.first_row..self.writer.rows();
                let (source_bytes, source_xxh3) = (read.bytes, read.xxh3);
                let place = Placement {
                    shard: self.shard,
                    rows,
                    source_bytes,
                    source_xxh3,
                };
                let record = self.shop.source.describe(end.asset, read.facts, &place, &clips);
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

    /// Finishes the shard file, then its sidecars.
    fn finish(self, sources: Vec<SourceRecord>) -> Result<ShardRecord> {
        let (shop, shard) = (self.shop, self.shard);
        let shard_file = self.writer.finish()?;
        let taxa = shop.source.taxa();
        let files: Vec<FileEntry> = vec![
            shard_file,
            write_labels(&shop.dir.join(labels_path(shard)), taxa, &self.labels)?,
            write_priors(&shop.dir.join(priors_path(shard)), taxa, &self.priors)?,
            write_assets(&shop.dir.join(assets_path(shard)), taxa, &self.assets)?,
        ];
        Ok(ShardRecord {
            plan_xxh3: shop.plan_xxh3,
            program: PROGRAM.into(),
            // This machine's: the plan may have been made on another.
            instruction_set: shop.source.dataset_info().instruction_set,
            shard,
            rows: self.labels.len() as u64,
            assets: self.assets.iter().map(digest).collect(),
            silent_clips: self.silent_clips,
            counts: self.counts,
            files,
            sources,
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
