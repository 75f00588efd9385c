//! Provides `Feeder`, which reads the assets of one shard in order into blocks of clips.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use shardfmt::checksum::Hasher;

use super::ledger::SourceRecord;
use super::plan::SourceStat;
use super::shard::Block;
use crate::source::{AssetReader, ClipSource, Rejected};

/// Buffer for hashing sources.
const HASH_BUFFER_BYTES: usize = 1 << 20;

/// Stage of an asset whose file changed while it was read: not the file's last word, so a resumed build reads it again.
pub(super) const CHANGED_WHILE_READ: &str = "read";

/// How reading an asset ended.
pub(super) struct AssetEnd<F> {
    /// Number of the asset in the plan.
    pub(super) asset: usize,
    /// What was read, or why the asset is rejected.
    pub(super) result: Result<ReadAsset<F>, Rejected>,
}

/// An asset that was read to its end.
pub(super) struct ReadAsset<F> {
    pub(super) facts: F,
    /// Bytes of its files.
    pub(super) bytes: u64,
    /// Hash over its files.
    pub(super) xxh3: u64,
}

struct OpenAsset<R> {
    asset: usize,
    reader: R,
    files: Vec<PathBuf>,
    stats: Vec<Option<SourceStat>>,
    bytes: u64,
    xxh3: u64,
}

/// Reads assets one after the other.
pub(super) struct Feeder<'a, S: ClipSource> {
    source: &'a S,
    left: Range<usize>,
    open: Option<OpenAsset<S::Reader>>,
    sources: Vec<SourceRecord>,
}

impl<'a, S: ClipSource> Feeder<'a, S> {
    pub(super) fn new(source: &'a S, assets: Range<usize>) -> Self {
        Feeder {
            source,
            left: assets,
            open: None,
            sources: Vec::new(),
        }
    }

    /// Whether every asset has been read.
    pub(super) fn is_done(&self) -> bool {
        self.open.is_none() && self.left.is_empty()
    }

    /// The sources as they were read, once done.
    pub(super) fn into_sources(self) -> Vec<SourceRecord> {
        self.sources
    }

    /// Reads until the block is full or the assets are used up.
    pub(super) fn fill(&mut self, block: &mut Block<S::Clip, S::Facts>) {
        while let Some(slot) = block.free_slot() {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => {
                    let Some(asset) = self.left.next() else { return };
                    match self.open_asset(asset) {
                        Ok(open) => open,
                        Err(rejected) => {
                            block.end(AssetEnd {
                                asset,
                                result: Err(rejected),
                            });
                            continue;
                        }
                    }
                }
            };
            slot.asset_id = self.source.name(open.asset).0;
            // A decoder that panics refuses one recording, not the run.
            match catch_unwind(AssertUnwindSafe(|| open.reader.next(&mut slot.clip))) {
                Ok(Ok(true)) => {
                    block.keep();
                    self.open = Some(open);
                }
                Ok(Ok(false)) => block.end(AssetEnd {
                    asset: open.asset,
                    result: close(open),
                }),
                Ok(Err(rejected)) => block.end(AssetEnd {
                    asset: open.asset,
                    result: Err(rejected),
                }),
                Err(_) => {
                    let rejected = Rejected::new("decode", "the decoder failed inside (panic): the file is damaged");
                    block.end(AssetEnd {
                        asset: open.asset,
                        result: Err(rejected),
                    });
                }
            }
        }
    }

    fn open_asset(&mut self, asset: usize) -> Result<OpenAsset<S::Reader>, Rejected> {
        let files = self.source.files(asset);
        let stats: Vec<_> = files.iter().map(|file| SourceStat::of(file)).collect();
        let hashed = hash(&files);
        let xxh3 = hashed.as_ref().ok().map(|(_, xxh3)| *xxh3);
        self.sources.push(SourceRecord {
            asset,
            files: stats.clone(),
            xxh3,
        });
        let (bytes, xxh3) = hashed?;
        let opened = catch_unwind(AssertUnwindSafe(|| self.source.open(asset)));
        let reader = opened.unwrap_or_else(|_| {
            Err(Rejected::new(
                "open",
                "the decoder failed inside (panic): the file is damaged",
            ))
        })?;
        Ok(OpenAsset {
            asset,
            reader,
            files,
            stats,
            bytes,
            xxh3,
        })
    }
}

/// The facts of an asset, unless its files changed while they were read.
fn close<R: AssetReader>(open: OpenAsset<R>) -> Result<ReadAsset<R::Facts>, Rejected> {
    let now: Vec<_> = open.files.iter().map(|file| SourceStat::of(file)).collect();
    if now != open.stats {
        return Err(Rejected::new(CHANGED_WHILE_READ, "the file changed while it was read"));
    }
    Ok(ReadAsset {
        facts: open.reader.facts(),
        bytes: open.bytes,
        xxh3: open.xxh3,
    })
}

/// Size and hash over the files' bytes, one after the other.
pub(super) fn hash(files: &[PathBuf]) -> Result<(u64, u64), Rejected> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    for path in files {
        let failed = |error: std::io::Error| Rejected::new("open", format!("cannot be read: {error}"));
        let mut file = std::fs::File::open(path).map_err(failed)?;
        loop {
            match std::io::Read::read(&mut file, &mut buffer) {
                Ok(0) => break,
                Ok(n) => hasher.update(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
    let hash = hasher.finish();
    Ok((hash.bytes, hash.xxh3))
}
