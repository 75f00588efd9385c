//! Defines `Watch` and `Fingerprint`: size and hash of an asset's files, and whether they held still while they were
//! read.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use shardfmt::Xxh3;
use shardfmt::checksum::{FileHash, Hasher, copy_into};
use storage::Location;

use crate::source::Rejected;

/// Stage of an asset whose file changed while it was read: not the file's last word, so a resumed build reads it again.
pub const CHANGED_WHILE_READ: &str = "read";

/// Size and time of change of one source file: enough to notice that it is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStat {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Checksum of the version that a store or server names, of a file at an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Xxh3>,
}

impl SourceStat {
    /// Looks at a file; `None` when it is not there or may not be looked at.
    pub fn of(file: &Path) -> Option<SourceStat> {
        if Location::is_address(file) {
            let facts = storage::facts_at(file).ok()?;
            return Some(SourceStat {
                bytes: facts.bytes,
                mtime_ns: 0,
                version: Some(Xxh3::of(facts.version.as_bytes())),
            });
        }
        let facts = std::fs::metadata(file).ok()?;
        let changed = facts.modified().ok()?;
        let mtime_ns = match changed.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        Some(SourceStat {
            bytes: facts.len(),
            mtime_ns,
            version: None,
        })
    }
}

/// The files of an asset as they were when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Number of the asset in its source.
    pub asset: usize,
    /// Size and time of change of each of its files; `None` when it could not be looked at.
    pub files: Vec<Option<SourceStat>>,
    /// Checksum over the files' bytes, one after the other; `None` when they could not be read.
    pub xxh3: Option<Xxh3>,
}

impl SourceRecord {
    /// Whether `files` are still what was read: untouched, or of the same bytes. Files that could not be hashed are
    /// not.
    pub fn holds(&self, files: &[PathBuf]) -> bool {
        let same_bytes = || hash(files).ok().map(|hash| hash.xxh3) == self.xxh3;
        self.xxh3.is_some() && (stats(files) == self.files || same_bytes())
    }
}

/// Size and time of change of each file of an asset; `None` for a file that cannot be looked at.
pub type Stats = Vec<Option<SourceStat>>;

/// How `files` look now.
pub fn stats(files: &[PathBuf]) -> Stats {
    files.iter().map(|file| SourceStat::of(file)).collect()
}

/// The files of one asset while they are read.
pub(crate) struct Watch {
    asset: usize,
    files: Vec<PathBuf>,
    before: Stats,
}

impl Watch {
    /// Looks at the files before the first of them is opened.
    pub(crate) fn begin(asset: usize, files: Vec<PathBuf>) -> Self {
        let before = stats(&files);
        Watch { asset, files, before }
    }

    /// Looks at them again after the last was read. `hashed` is what the reader found while it read; without it they
    /// are read once more.
    pub(crate) fn end(self, hashed: Option<io::Result<FileHash>>) -> Fingerprint {
        let hashed = hashed.unwrap_or_else(|| hash(&self.files));
        Fingerprint {
            asset: self.asset,
            hashed: hashed.map_err(|error| Rejected::new("open", format!("cannot be read: {error}"))),
            held_still: stats(&self.files) == self.before,
            before: self.before,
        }
    }
}

/// The files of one asset, read and hashed.
pub(crate) struct Fingerprint {
    pub(crate) asset: usize,
    before: Stats,
    hashed: Result<FileHash, Rejected>,
    held_still: bool,
}

impl Fingerprint {
    /// What is kept of it.
    pub(crate) fn record(&self) -> SourceRecord {
        SourceRecord {
            asset: self.asset,
            files: self.before.clone(),
            xxh3: self.hashed.as_ref().ok().map(|hash| hash.xxh3),
        }
    }

    /// Bytes and hash, if these are of the very files that were decoded.
    pub(crate) fn of_unchanged(self) -> Result<FileHash, Rejected> {
        let hashed = self.hashed?;
        if !self.held_still {
            return Err(Rejected::new(CHANGED_WHILE_READ, "the file changed while it was read"));
        }
        Ok(hashed)
    }
}

/// Size and hash over the files' bytes, one after the other.
fn hash(files: &[PathBuf]) -> io::Result<FileHash> {
    let mut hasher = Hasher::default();
    for path in files {
        copy_into(&mut hasher, open_file(path)?)?;
    }
    Ok(hasher.finish())
}

/// Opens a file, but no pipe and no device: those may never end. One at an address is brought here whole.
///
/// # Errors
/// What the system says, or that it is not a regular file.
pub fn open_file(file: &Path) -> io::Result<File> {
    if Location::is_address(file) {
        storage::open_at(file).map_err(|error| io::Error::other(error.to_string()))
    } else if std::fs::metadata(file)?.is_file() {
        File::open(file)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}
