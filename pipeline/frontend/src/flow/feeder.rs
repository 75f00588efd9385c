//! Provides `Feeder`, which reads consecutive assets in order into batches of clips.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::ClipBatch;
use super::delivery::ReadEnd;
use crate::source::{AssetReader, ClipSource, Rejected};
use crate::source_file::{Stats, stats};

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
    pub(super) fn fill(&mut self, batch: &mut ClipBatch<S>) {
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
            slot.asset = open.asset;
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

    fn end(&self, asset: usize, before: Stats, result: Result<S::Facts, Rejected>) -> ReadEnd<S::Facts> {
        let after = stats(&self.source.files(asset));
        ReadEnd {
            asset,
            result,
            around: [before, after],
        }
    }
}

fn panicked(stage: &str) -> Rejected {
    Rejected::new(stage, "the decoder panicked: the file is damaged")
}
