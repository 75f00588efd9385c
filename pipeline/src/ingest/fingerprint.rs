//! Defines `Fingerprint`, size and hash of an asset's files and whether they held still while they were read.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use shardfmt::checksum::Hasher;

use super::ledger::SourceRecord;
use crate::source::Rejected;
use crate::tables::open_file;

/// Buffer for hashing sources.
const HASH_BUFFER_BYTES: usize = 128 << 10;

/// Stage of an asset whose file changed while it was read: not the file's last word, so a resumed build reads it again.
pub(super) const CHANGED_WHILE_READ: &str = "read";

/// Size and time of change of one source file: enough to notice that it is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStat {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change in nanoseconds since 1970.
    pub mtime_ns: i128,
}

impl SourceStat {
    /// Looks at a file; `None` when it is not there or may not be looked at.
    pub fn of(file: &Path) -> Option<SourceStat> {
        let facts = std::fs::metadata(file).ok()?;
        let changed = facts.modified().ok()?;
        let mtime_ns = match changed.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        Some(SourceStat {
            bytes: facts.len(),
            mtime_ns,
        })
    }
}

/// Size and time of change of each file of an asset; `None` for a file that cannot be looked at.
pub(super) type Stats = Vec<Option<SourceStat>>;

/// How `files` look now.
pub(super) fn stats(files: &[PathBuf]) -> Stats {
    files.iter().map(|file| SourceStat::of(file)).collect()
}

/// The files of one asset, hashed apart from being decoded.
pub(super) struct Fingerprint {
    asset: usize,
    before: Stats,
    /// Bytes and hash.
    hashed: Result<(u64, u64), Rejected>,
    after: Stats,
}

impl Fingerprint {
    pub(super) fn take(asset: usize, files: &[PathBuf]) -> Self {
        let before = stats(files);
        let hashed = hash(files);
        Fingerprint {
            asset,
            before,
            hashed,
            after: stats(files),
        }
    }

    /// What is kept of it.
    pub(super) fn record(&self) -> SourceRecord {
        SourceRecord {
            asset: self.asset,
            files: self.before.clone(),
            xxh3: self.hashed.as_ref().ok().map(|(_, xxh3)| *xxh3),
        }
    }

    /// Bytes and hash, if these are of the very files that were decoded: `around` is how they looked before and after.
    pub(super) fn of_unchanged(self, around: &[Stats; 2]) -> Result<(u64, u64), Rejected> {
        let hashed = self.hashed?;
        if self.after != self.before || around.iter().any(|stats| *stats != self.before) {
            return Err(Rejected::new(CHANGED_WHILE_READ, "the file changed while it was read"));
        }
        Ok(hashed)
    }
}

/// Size and hash over the files' bytes, one after the other.
pub(super) fn hash(files: &[PathBuf]) -> Result<(u64, u64), Rejected> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    for path in files {
        let failed = |error: std::io::Error| Rejected::new("open", format!("cannot be read: {error}"));
        let mut file = open_file(path).map_err(failed)?;
        loop {
            match file.read(&mut buffer) {
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
