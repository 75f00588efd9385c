//! Provides `Feeder`, which reads consecutive assets in order into batches of clips.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::Batch;
use super::fingerprint::{Stats, stats};
use crate::source::{AssetReader, ClipSource, Rejected};

/// How reading an asset ended.
pub(super) struct AssetEnd<F> {
    /// Number of the asset in the plan.
    pub(super) asset: usize,
    /// What was read, or why the asset is rejected.
    pub(super) result: Result<F, Rejected>,
    /// How its files looked before and after.
    pub(super) around: [Stats; 2],
}

struct OpenAsset<R> {
    asset: usize,
    reader: R,
    before: Stats,
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
    pub(super) fn fill(&mut self, batch: &mut Batch<S>) {
        while let Some(slot) = batch.free_slot() {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(asset) = self.left.next() else { return };
                    let before = stats(&self.source.files(asset));
                    // A decoder that panics refuses one recording, not the run.
                    match catch_unwind(AssertUnwindSafe(|| self.source.open(asset)))
                        .unwrap_or_else(|_| Err(panicked("open")))
                    {
                        Ok(reader) => OpenAsset { asset, reader, before },
                        Err(rejected) => {
                            batch.end(self.end(asset, before, Err(rejected)));
                            continue;
                        }
                    }
                }
            };
            slot.asset_id = self.source.name(open.asset).0;
            let next = catch_unwind(AssertUnwindSafe(|| open.reader.next(&mut slot.clip)));
            match next.unwrap_or_else(|_| Err(panicked("decode"))) {
                Ok(true) => {
                    batch.keep();
                    self.open = Some(open);
                }
                Ok(false) => batch.end(self.end(open.asset, open.before, Ok(open.reader.facts()))),
                Err(rejected) => batch.end(self.end(open.asset, open.before, Err(rejected))),
            }
        }
    }

    fn end(&self, asset: usize, before: Stats, result: Result<S::Facts, Rejected>) -> AssetEnd<S::Facts> {
        let after = stats(&self.source.files(asset));
        AssetEnd {
            asset,
            result,
            around: [before, after],
        }
    }
}

fn panicked(stage: &str) -> Rejected {
    Rejected::new(stage, "the decoder failed inside (panic): the file is damaged")
}
