//! Provides a committed dataset: its description, its shards and sidecars, and where each recording's clips lie.

mod commit;
mod info;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

pub use commit::{read_dataset_json, write_dataset_json};
pub use info::{Axes, Counts, DatasetInfo, FORMAT, NO_FREQUENCY, SCHEMA_VERSION, ValueScale};

use crate::checksum::hash_reader;
use crate::entry::{DATASET_JSON, FileEntry, REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::mmap::MappedFile;
use crate::shard::{Checks, Shard};
use crate::sidecar::assets::read_assets_from;
use crate::sidecar::labels::read_labels_from;
use crate::sidecar::priors::read_priors_from;
use crate::sidecar::rejects::read_rejects_from;
use crate::sidecar::taxa::read_taxa_from;
use crate::sidecar::{AssetRow, LabelRow, PriorRow, RejectRow, Taxa};

/// Where the clips of a recording lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetLocation {
    /// Shard with all its clips.
    pub shard: u32,
    /// Row of the first one.
    pub first_row: u32,
    /// Number of clips, which follow each other.
    pub clips: u32,
}

/// An opened dataset.
#[derive(Debug)]
pub struct Dataset {
    dir: PathBuf,
    info: DatasetInfo,
    taxa: Taxa,
    assets: Vec<AssetRow>,
    locations: HashMap<i64, AssetLocation>,
}

impl Dataset {
    /// Opens the dataset in the folder `dir`: checks `dataset.json`, that every file is there with its size, and reads
    /// the class list and the asset tables. No clip, label or prior is read.
    ///
    /// # Errors
    /// As [`read_dataset_json`]; [`Error::FileMissing`], [`Error::FileSize`], [`Error::FileChecksum`], those of the
    /// tables, and [`Error::Mismatch`] if the asset tables do not fit the shards.
    pub fn open(dir: &Path) -> Result<Self> {
        let info = read_dataset_json(&dir.join(DATASET_JSON))?;
        for entry in &info.files {
            check_size(dir, entry)?;
        }
        let (file, path) = open_verified(dir, &info, TAXA)?;
        let taxa = read_taxa_from(file, &path)?;
        check_rows(&info, TAXA, &path, taxa.len())?;
        let mut assets = Vec::new();
        let mut locations = HashMap::new();
        for shard in 0..info.counts.shards {
            let rows = read_shard_assets(dir, &info, &taxa, shard)?;
            for row in &rows {
                let location = AssetLocation {
                    shard,
                    first_row: row.first_row,
                    clips: row.clips,
                };
                if locations.insert(row.asset_id, location).is_some() {
                    let path = dir.join(assets_path(shard));
                    let (expected, got) = ("unique".to_owned(), format!("{} again", row.asset_id));
                    return Err(Error::Mismatch {
                        path,
                        field: "asset_id",
                        expected,
                        got,
                    });
                }
            }
            assets.extend(rows);
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            info,
            taxa,
            assets,
            locations,
        })
    }

    /// What `dataset.json` says.
    #[must_use]
    pub fn info(&self) -> &DatasetInfo {
        &self.info
    }

    /// The dataset folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The classes.
    #[must_use]
    pub fn taxa(&self) -> &Taxa {
        &self.taxa
    }

    /// All recordings with clips, by shard and row.
    #[must_use]
    pub fn assets(&self) -> &[AssetRow] {
        &self.assets
    }

    /// Where the clips of a recording lie, in constant time.
    #[must_use]
    pub fn asset(&self, asset_id: i64) -> Option<AssetLocation> {
        self.locations.get(&asset_id).copied()
    }

    /// Number of shards.
    #[must_use]
    pub fn shard_count(&self) -> u32 {
        self.info.counts.shards
    }

    /// Maps shard `shard` and checks that it is the one listed: its size, its spec, its row count.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], those of [`Shard::open`], [`Error::Mismatch`].
    pub fn open_shard(&self, shard: u32, checks: Checks) -> Result<Shard<MappedFile>> {
        self.check_shard(shard)?;
        open_listed_shard(&self.dir, &self.info, shard, checks)
    }

    /// Labels of the clips of shard `shard`, in row order.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], [`Error::FileChecksum`], those of [`read_labels`](crate::sidecar::read_labels).
    pub fn labels(&self, shard: u32) -> Result<Vec<LabelRow>> {
        self.check_shard(shard)?;
        let (file, path) = open_verified(&self.dir, &self.info, &labels_path(shard))?;
        let rows = read_labels_from(file, &path, &self.taxa)?;
        check_rows(&self.info, &labels_path(shard), &path, rows.len())?;
        Ok(rows)
    }

    /// Priors of the recordings of shard `shard`.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], [`Error::FileChecksum`], those of [`read_priors`](crate::sidecar::read_priors).
    pub fn priors(&self, shard: u32) -> Result<Vec<PriorRow>> {
        self.check_shard(shard)?;
        let (file, path) = open_verified(&self.dir, &self.info, &priors_path(shard))?;
        let rows = read_priors_from(file, &path, &self.taxa)?;
        check_rows(&self.info, &priors_path(shard), &path, rows.len())?;
        Ok(rows)
    }

    /// Recordings that were left out.
    ///
    /// # Errors
    /// [`Error::FileChecksum`], those of [`read_rejects`](crate::sidecar::read_rejects).
    pub fn rejects(&self) -> Result<Vec<RejectRow>> {
        let (file, path) = open_verified(&self.dir, &self.info, REJECTS)?;
        let rows = read_rejects_from(file, &path)?;
        check_rows(&self.info, REJECTS, &path, rows.len())?;
        Ok(rows)
    }

    fn check_shard(&self, shard: u32) -> Result<()> {
        let shards = self.shard_count();
        if shard < shards {
            Ok(())
        } else {
            Err(Error::NoSuchShard {
                path: self.dir.clone(),
                shard,
                shards,
            })
        }
    }
}

/// The listed entry of a file that [`DatasetInfo::validate`] has made sure is listed.
pub(crate) fn listed<'i>(dir: &Path, info: &'i DatasetInfo, name: &str) -> Result<&'i FileEntry> {
    info.file(name)
        .ok_or_else(|| Error::FileMissing { path: dir.join(name) })
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
        Err(cause) => return Err(Error::io(&path, "look at", cause)),
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

/// Opens a table once its checksum holds; the same open file is then parsed, so that no other can slip in between.
pub(crate) fn open_verified(dir: &Path, info: &DatasetInfo, name: &str) -> Result<(File, PathBuf)> {
    let entry = listed(dir, info, name)?;
    check_size(dir, entry)?;
    let path = dir.join(name);
    let mut file = File::open(&path).map_err(|cause| Error::io(&path, "open", cause))?;
    let got = hash_reader(&mut file, &path, &mut |_| {})?.xxh3;
    if got != entry.xxh3 {
        return Err(Error::FileChecksum {
            path,
            expected: entry.xxh3,
            got,
        });
    }
    file.seek(SeekFrom::Start(0))
        .map_err(|cause| Error::io(&path, "seek in", cause))?;
    Ok((file, path))
}

/// Checks the number of rows read against the listed one.
pub(crate) fn check_rows(info: &DatasetInfo, name: &str, path: &Path, rows: usize) -> Result<()> {
    let listed = info.file(name).map_or(0, |entry| entry.rows);
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

/// Reads the asset table of one shard and checks that its runs cover the shard's rows, in order and without gaps.
pub(crate) fn read_shard_assets(dir: &Path, info: &DatasetInfo, taxa: &Taxa, shard: u32) -> Result<Vec<AssetRow>> {
    let (file, path) = open_verified(dir, info, &assets_path(shard))?;
    let rows = read_assets_from(file, &path, taxa)?;
    check_rows(info, &assets_path(shard), &path, rows.len())?;
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
    let in_shard = info.file(&shard_path(shard)).map_or(0, |entry| entry.rows);
    if next != in_shard {
        return mismatch("number of clips", in_shard, next.to_string());
    }
    Ok(rows)
}

/// [`Dataset::open_shard`] without a [`Dataset`].
pub(crate) fn open_listed_shard(
    dir: &Path,
    info: &DatasetInfo,
    shard: u32,
    checks: Checks,
) -> Result<Shard<MappedFile>> {
    let name = shard_path(shard);
    let entry = listed(dir, info, &name)?;
    check_size(dir, entry)?;
    let path = dir.join(&name);
    let opened = Shard::open(&path, checks)?;
    if opened.spec() != info.clips {
        let (expected, got) = (format!("{:?}", info.clips), format!("{:?}", opened.spec()));
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
