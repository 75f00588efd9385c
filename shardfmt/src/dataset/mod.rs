//! Provides a committed dataset: its description, its shards and sidecars, and where each recording's clips lie.

mod commit;
mod info;
mod listed;

use std::collections::HashMap;
use std::path::Path;

pub use commit::{read_dataset_json, write_dataset_json};
pub use info::{Axes, Counts, DatasetHead, DatasetInfo, FORMAT, SCHEMA_VERSION, ValueScale};
pub(crate) use listed::{Listed, check_size};

use crate::entry::{DATASET_JSON, FileEntry, REJECTS, TAXA, assets_path, labels_path, priors_path};
use crate::error::{Error, Result};
use crate::mmap::MappedFile;
use crate::shard::{Checks, Shard};
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
    listed: Listed,
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
        let listed = Listed::new(dir, read_dataset_json(&dir.join(DATASET_JSON))?);
        for entry in &listed.info().files {
            check_size(dir, entry)?;
        }
        let (file, path) = listed.open_verified(TAXA)?;
        let taxa = read_taxa_from(file, &path)?;
        listed.check_rows(TAXA, &path, taxa.len())?;
        let mut assets = Vec::new();
        let mut locations = HashMap::new();
        for shard in 0..listed.info().counts.shards {
            let rows = listed.read_assets(&taxa, shard)?;
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
            listed,
            taxa,
            assets,
            locations,
        })
    }

    /// What `dataset.json` says.
    #[must_use]
    pub fn info(&self) -> &DatasetInfo {
        self.listed.info()
    }

    /// What was known of the dataset before its first clip: name, configuration, what clips, axes and values are.
    #[must_use]
    pub fn head(&self) -> &DatasetHead {
        &self.info().head
    }

    /// The dataset folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.listed.dir()
    }

    /// What `dataset.json` says of the file `name` (a path under the dataset folder), in constant time.
    ///
    /// # Errors
    /// [`Error::FileMissing`] if it is not listed.
    pub fn file(&self, name: &str) -> Result<&FileEntry> {
        self.listed.entry(name)
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
        self.info().counts.shards
    }

    /// Maps shard `shard` and checks that it is the one listed: its size, its spec, its row count.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], those of [`Shard::open`], [`Error::Mismatch`].
    pub fn open_shard(&self, shard: u32, checks: Checks) -> Result<Shard<MappedFile>> {
        self.check_shard(shard)?;
        self.listed.open_shard(shard, checks)
    }

    /// Labels of the clips of shard `shard`, in row order.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], [`Error::FileChecksum`], those of [`read_labels`](crate::sidecar::read_labels).
    pub fn labels(&self, shard: u32) -> Result<Vec<LabelRow>> {
        self.check_shard(shard)?;
        let (file, path) = self.listed.open_verified(&labels_path(shard))?;
        let rows = read_labels_from(file, &path, &self.taxa, self.head().label_form())?;
        self.listed.check_rows(&labels_path(shard), &path, rows.len())?;
        Ok(rows)
    }

    /// Priors of the recordings of shard `shard`.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], [`Error::FileChecksum`], those of [`read_priors`](crate::sidecar::read_priors).
    pub fn priors(&self, shard: u32) -> Result<Vec<PriorRow>> {
        self.check_shard(shard)?;
        let (file, path) = self.listed.open_verified(&priors_path(shard))?;
        let rows = read_priors_from(file, &path, &self.taxa)?;
        self.listed.check_rows(&priors_path(shard), &path, rows.len())?;
        Ok(rows)
    }

    /// Recordings that were left out.
    ///
    /// # Errors
    /// [`Error::FileChecksum`], those of [`read_rejects`](crate::sidecar::read_rejects).
    pub fn rejects(&self) -> Result<Vec<RejectRow>> {
        let (file, path) = self.listed.open_verified(REJECTS)?;
        let rows = read_rejects_from(file, &path)?;
        self.listed.check_rows(REJECTS, &path, rows.len())?;
        Ok(rows)
    }

    fn check_shard(&self, shard: u32) -> Result<()> {
        let shards = self.shard_count();
        if shard < shards {
            Ok(())
        } else {
            Err(Error::NoSuchShard {
                path: self.dir().to_path_buf(),
                shard,
                shards,
            })
        }
    }
}
