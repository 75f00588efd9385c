//! Provides `Feeder`, which reads consecutive assets in order into batches of clips.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::ClipBatch;
use super::delivery::AssetEnd;
use crate::source::{AssetReader, ClipSource, Rejected};
use crate::source_file::Watch;

struct OpenAsset<R> {
    asset: usize,
    reader: R,
    watch: Watch,
}

/// Reads assets one after the other.
pub(super) struct Feeder<'a, S: ClipSource> {
    source: &'a S,
    left: Range<usize>,
    open: Option<OpenAsset<S::Reader>>,
}

impl<'a, S: ClipSource> Feeder<'a, S> {
    pub(super) fn new(source: &'a S, assets: Range<usize>) -> Self {
        Feeder {
            source,
            left: assets,
            open: None,
        }
    }

    /// Whether every asset has been read.
    pub(super) fn is_done(&self) -> bool {
        self.open.is_none() && self.left.is_empty()
    }

    /// Reads until the batch is full or the assets are used up.
    pub(super) fn fill(&mut self, batch: &mut ClipBatch<S>) {
        while let Some(slot) = batch.free_slot() {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(asset) = self.left.next() else { return };
                    let watch = Watch::begin(asset, self.source.files(asset));
                    // A decoder that panics refuses one recording, not the run.
                    match catch_unwind(AssertUnwindSafe(|| self.source.open(asset)))
                        .unwrap_or_else(|_| Err(panicked("open")))
                    {
                        Ok(reader) => OpenAsset { asset, reader, watch },
                        Err(rejected) => {
                            batch.end(AssetEnd::new(Err(rejected), watch.end(None)));
                            continue;
                        }
                    }
                }
            };
            slot.asset = open.asset;
            let next = catch_unwind(AssertUnwindSafe(|| open.reader.next(&mut slot.clip)));
            match next.unwrap_or_else(|_| Err(panicked("decode"))) {
                Ok(true) => {
                    batch.keep();
                    self.open = Some(open);
                }
                Ok(false) => {
                    let fingerprint = open.watch.end(open.reader.files_hash());
                    batch.end(AssetEnd::new(Ok(open.reader.facts()), fingerprint));
                }
                Err(rejected) => {
                    let fingerprint = open.watch.end(open.reader.files_hash());
                    batch.end(AssetEnd::new(Err(rejected), fingerprint));
                }
            }
        }
    }
}

fn panicked(stage: &str) -> Rejected {
    Rejected::new(stage, "the decoder panicked: the file is damaged")
}
