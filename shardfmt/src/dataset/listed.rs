//! Defines `Listed`, a dataset's folder with what its `dataset.json` lists, and the checks of a file against its entry.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::backing::{Backing, Held};
use super::build_identity::{BuildIdentity, check_meaning};
use super::info::DatasetInfo;
use crate::checksum::Xxh3;
use crate::entry::{FileEntry, assets_path, shard_path};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::mmap::{MappedFile, map_file};
use crate::need::Operation;
use crate::shard::{Checks, Shard};
use crate::sidecar::assets::read_assets_from;
use crate::sidecar::{AssetRow, Taxa};
use crate::table::TableFile;

/// A dataset folder, and the entry of each of its files by name: a dataset may have a hundred thousand.
#[derive(Debug)]
pub(crate) struct Listed {
    dir: PathBuf,
    info: DatasetInfo,
    /// Position of each file in `info.files`.
    positions: HashMap<String, usize>,
    /// The build that the headers of all shards are compared with: that of the first one that was looked at.
    build: OnceLock<BuildIdentity>,
    /// What the folder is a near copy of, if it is one.
    backing: Option<Arc<dyn Backing>>,
}

/// How often a file is brought near that another process removes, to have room, before it is opened.
const FETCHES: u32 = 5;

/// Asset tables that are worth a thread: each takes some tenths of a millisecond.
const SHARDS_A_THREAD: u32 = 8;

impl Listed {
    /// What `info`, which keeps the rules of `dataset.json`, lists of the folder `dir`.
    pub(crate) fn new(dir: &Path, info: DatasetInfo) -> Self {
        let names = info.files.iter().map(|entry| entry.path.clone());
        Self {
            dir: dir.to_path_buf(),
            positions: names.zip(0..).collect(),
            build: OnceLock::new(),
            info,
            backing: None,
        }
    }

    /// The same list of a folder that is a near copy of `backing`.
    pub(crate) fn backed_by(self, backing: Arc<dyn Backing>) -> Self {
        let backing = Some(backing);
        Self { backing, ..self }
    }

    /// What the folder is a near copy of.
    pub(crate) fn backing(&self) -> Option<&dyn Backing> {
        self.backing.as_deref()
    }

    /// Opens a listed file with `open` once it is there with its listed size.
    pub(crate) fn open_near<T>(&self, entry: &FileEntry, open: impl Fn(&Path, Held) -> Result<T>) -> Result<T> {
        let path = self.dir.join(&entry.path);
        let mut left = FETCHES;
        loop {
            let held = match &self.backing {
                Some(backing) => backing.fetch(entry)?,
                None => Held::default(),
            };
            left -= 1;
            match check_size(&self.dir, entry).and_then(|()| open(&path, held)) {
                Err(error) if self.backing.is_some() && left > 0 && is_gone(&error) => {}
                outcome => return outcome,
            }
        }
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `dataset.json` says.
    pub(crate) fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// The entry of the file `name`, in constant time.
    pub(crate) fn entry(&self, name: &str) -> Result<&FileEntry> {
        let position = self.positions.get(name);
        let entry = position.and_then(|position| self.info.files.get(*position));
        entry.ok_or_else(|| Error::FileMissing {
            path: self.dir.join(name),
        })
    }

    /// Reads the file of a table once, and refuses it unless its checksum holds: what is parsed is what was hashed.
    pub(crate) fn open_verified(&self, name: &str) -> Result<(TableFile, PathBuf)> {
        let entry = self.entry(name)?;
        let open = |path: &Path, _: Held| File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause));
        let path = self.dir.join(name);
        let file = TableFile::read(self.open_near(entry, open)?, &path)?;
        let got = file.xxh3();
        if got != entry.xxh3 {
            return Err(Error::FileChecksum {
                path,
                expected: entry.xxh3,
                got,
            });
        }
        Ok((file, path))
    }

    /// Maps a listed file once its checksum holds.
    pub(crate) fn map_verified(&self, name: &str) -> Result<MappedFile> {
        let entry = self.entry(name)?;
        let path = self.dir.join(name);
        let mapped = self.open_near(entry, |path, held| Ok(map_file(path)?.holding(held)))?;
        let got = Xxh3::of(mapped.as_ref());
        if got != entry.xxh3 {
            return Err(Error::FileChecksum {
                path,
                expected: entry.xxh3,
                got,
            });
        }
        Ok(mapped)
    }

    /// Checks the number of rows read against the listed one.
    pub(crate) fn check_rows(&self, name: &str, path: &Path, rows: usize) -> Result<()> {
        let listed = self.entry(name)?.rows;
        if rows as u64 == listed {
            return Ok(());
        }
        let (expected, got) = (listed.to_string(), rows.to_string());
        Err(Error::Mismatch {
            path: path.to_path_buf(),
            field: "row count",
            expected,
            got,
        })
    }

    /// Reads the asset tables of all shards, on all processors, and checks them as [`Listed::read_assets`] does.
    pub(crate) fn read_all_assets(&self, taxa: &Taxa) -> Result<Vec<Vec<AssetRow>>> {
        let shards = self.info.counts.shards;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = processors.min(shards.div_ceil(SHARDS_A_THREAD) as usize).max(1);
        let next = AtomicU32::new(0);
        let read = || {
            let mut read = Vec::new();
            loop {
                let shard = next.fetch_add(1, Ordering::Relaxed);
                if shard >= shards {
                    return read;
                }
                read.push((shard, self.read_assets(taxa, shard)));
            }
        };
        // Threads of its own, which end here: a process may be forked later, and has none of the others' then.
        let mut all = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(read)).collect();
            let mut all = read();
            for other in others {
                all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            all
        });
        all.sort_unstable_by_key(|(shard, _)| *shard);
        all.into_iter().map(|(_, rows)| rows).collect()
    }

    /// Reads the asset table of one shard and checks that its runs cover the shard's rows, in order and without gaps.
    pub(crate) fn read_assets(&self, taxa: &Taxa, shard: u32) -> Result<Vec<AssetRow>> {
        let (file, path) = self.open_verified(&assets_path(shard))?;
        let rows = read_assets_from(file, &path, taxa, self.info().head.table_form())?;
        self.check_rows(&assets_path(shard), &path, rows.len())?;
        let mismatch = |field, expected: u64, got: String| {
            Err(Error::Mismatch {
                path: path.clone(),
                field,
                expected: expected.to_string(),
                got,
            })
        };
        let mut next = 0;
        for row in &rows {
            if row.shard != shard {
                return mismatch(
                    "shard",
                    shard.into(),
                    format!("{} for asset {}", row.shard, row.asset_id),
                );
            }
            if u64::from(row.first_row) != next {
                return mismatch(
                    "first_row",
                    next,
                    format!("{} for asset {}", row.first_row, row.asset_id),
                );
            }
            next += u64::from(row.clips);
        }
        let in_shard = self.entry(&shard_path(shard))?.rows;
        if next != in_shard {
            return mismatch("number of clips", in_shard, next.to_string());
        }
        Ok(rows)
    }

    /// Maps a shard and checks that it is the one listed: its size, its spec, its row count.
    pub(crate) fn open_shard(&self, shard: u32, checks: Checks) -> Result<Shard<MappedFile>> {
        let name = shard_path(shard);
        let entry = self.entry(&name)?;
        let path = self.dir.join(&name);
        let opened = self.open_near(entry, |path, held| {
            Shard::from_named(map_file(path)?.holding(held), path, checks)
        })?;
        if opened.spec() != self.info.head.clips {
            let (expected, got) = (format!("{:?}", self.info.head.clips), format!("{:?}", opened.spec()));
            return Err(Error::Mismatch {
                path,
                field: "clip spec",
                expected,
                got,
            });
        }
        if u64::from(opened.rows()) != entry.rows {
            let (expected, got) = (entry.rows.to_string(), opened.rows().to_string());
            return Err(Error::Mismatch {
                path,
                field: "row count",
                expected,
                got,
            });
        }
        Ok(opened)
    }

    /// Checks that the header of an opened shard is of this dataset's build, as far as it names one.
    pub(crate) fn check_header(&self, number: u32, shard: &Shard<MappedFile>) -> Result<()> {
        check_meaning(shard.path(), shard.metadata(), &self.info.head)?;
        let Some(own) = BuildIdentity::of(shard.path(), shard.metadata()) else {
            return Ok(());
        };
        let build = self
            .build
            .get_or_init(|| self.build_of_another(number).unwrap_or_else(|| own.clone()));
        own.check_beside(build, &self.info.head)
    }

    /// The build of another shard, so that one shard that is touched alone is compared too; none if its header cannot
    /// be read, which is told when that shard is touched.
    fn build_of_another(&self, number: u32) -> Option<BuildIdentity> {
        let other = Some(u32::from(number == 0)).filter(|other| *other < self.info.counts.shards)?;
        let path = self.dir.join(shard_path(other));
        let header = Layout::decode(map_file(&path).ok()?.as_ref(), &path).ok()?;
        BuildIdentity::of(&path, &header.metadata)
    }
}

/// Whether an error is that of a file that is not there.
fn is_gone(error: &Error) -> bool {
    match error {
        Error::FileMissing { .. } => true,
        Error::Io { cause, .. } => cause.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Checks that a file is there with its listed size.
pub(crate) fn check_size(dir: &Path, entry: &FileEntry) -> Result<()> {
    let path = dir.join(&entry.path);
    let got = match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(Error::FileMissing { path }),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::FileMissing { path });
        }
        Err(cause) => return Err(Error::io(&path, Operation::LookAt, cause)),
    };
    if got == entry.bytes {
        Ok(())
    } else {
        Err(Error::FileSize {
            path,
            expected: entry.bytes,
            got,
        })
    }
}
