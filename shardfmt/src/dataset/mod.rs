//! Provides a committed dataset: its description, its shards and sidecars, and where each recording's clips lie.

mod backing;
mod build_identity;
mod commit;
mod folder;
mod info;
mod kept;
mod listed;
mod near;
mod open_shards;
mod records;
mod replacement;
mod shard;
mod shard_file;
mod shard_output;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use backing::{Backing, Held, Releases};
pub use commit::{decode_dataset_json, read_dataset_json, write_dataset_json};
pub use folder::{FolderState, LockedFolder, OutputFolder};
pub use info::{Axes, Counts, DatasetHead, DatasetInfo, FORMAT, SCHEMA_VERSION, ValueScale};
pub(crate) use listed::{Listed, check_size};
pub use open_shards::OpenShards;
pub use records::Records;
pub use replacement::Replacement;
pub use shard::DatasetShard;
pub(crate) use shard::{Unlike, assets_unlike, labels_unlike, priors_unlike};
pub use shard_file::Linked;
pub use shard_output::{ShardFiles, ShardOutput, ShardTables};
pub use writer::DatasetWriter;

use crate::entry::{DATASET_JSON, FileEntry, REJECTS, TAXA, assets_path, labels_path};
use crate::error::{Error, Result};
use crate::mmap::MappedFile;
use crate::shard::Checks;
use crate::sidecar::clip_labels::read_clip_labels;
use crate::sidecar::labels::read_labels_from;
use crate::sidecar::rejects::read_rejects_from;
use crate::sidecar::taxa::read_taxa_from;
use crate::sidecar::{AssetRow, ClipLabels, GeoPrior, LabelForm, LabelRow, PriorRow, RejectRow, TableForm, Taxa};
use crate::table::TableFile;

/// What the names of asset tables start with.
const ASSETS_FOLDER: &str = "assets/";

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

/// Reads rows of a label table from an open file; its path is for errors.
type ReadLabels<R> = fn(TableFile, &Path, &Taxa, TableForm) -> Result<Vec<R>>;

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
        Self::of(dir, read_dataset_json(&dir.join(DATASET_JSON))?, None)
    }

    /// The dataset in `dir` that `info`, which keeps the rules of `dataset.json`, describes; or, if it is kept elsewhere,
    /// of which `dir` has some files.
    fn of(dir: &Path, info: DatasetInfo, kept: Option<&Arc<dyn Backing>>) -> Result<Self> {
        if let Some(kept) = kept {
            return Self::of_kept(dir, info, Arc::clone(kept));
        }
        let listed = Listed::new(dir, info);
        for entry in &listed.info().files {
            check_size(dir, entry)?;
        }
        Self::of_listed(listed)
    }

    /// Opens the dataset of which the folder `dir` is a near copy: its `dataset.json` is there, other files come when
    /// they are touched.
    ///
    /// # Errors
    /// As [`Dataset::open`], and [`Error::Backing`].
    pub fn open_backed(dir: &Path, backing: Arc<dyn Backing>) -> Result<Self> {
        Self::of_kept(dir, read_dataset_json(&dir.join(DATASET_JSON))?, backing)
    }

    fn of_kept(dir: &Path, info: DatasetInfo, backing: Arc<dyn Backing>) -> Result<Self> {
        let is_asset_table = |entry: &&FileEntry| entry.path.starts_with(ASSETS_FOLDER);
        let tables: Vec<_> = info.files.iter().filter(is_asset_table).cloned().collect();
        backing.expect(&tables);
        Self::of_listed(Listed::new(dir, info).backed_by(backing))
    }

    fn of_listed(listed: Listed) -> Result<Self> {
        let dir = listed.dir().to_path_buf();
        let (file, path) = listed.open_verified(TAXA)?;
        let taxa = read_taxa_from(file, &path)?;
        listed.check_rows(TAXA, &path, taxa.len())?;
        let mut assets = Vec::new();
        let mut locations = HashMap::new();
        for rows in listed.read_all_assets(&taxa)? {
            for row in &rows {
                let location = AssetLocation {
                    shard: row.shard,
                    first_row: row.first_row,
                    clips: row.clips,
                };
                if locations.insert(row.asset_id, location).is_some() {
                    let path = dir.join(assets_path(row.shard));
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

    /// The bytes of the file `name`, verified: for those who read a table with a library of their own.
    ///
    /// # Errors
    /// [`Error::FileMissing`], [`Error::FileSize`], [`Error::FileChecksum`], [`Error::Io`].
    pub fn map(&self, name: &str) -> Result<MappedFile> {
        self.listed.map_verified(name)
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

    /// The recordings of shard `shard`, in row order.
    #[must_use]
    pub fn assets_of(&self, shard: u32) -> &[AssetRow] {
        let first = self.assets.partition_point(|asset| asset.shard < shard);
        let end = self.assets.partition_point(|asset| asset.shard <= shard);
        self.assets.get(first..end).unwrap_or_default()
    }

    /// Maps shard `shard` and checks that it is the one listed: its size, its spec, its row count, the build in its
    /// header and the rows of each recording. No clip is read.
    ///
    /// # Errors
    /// [`Error::NoSuchShard`], those of [`Shard::open`](crate::Shard::open), [`Error::Mismatch`] naming the shard and
    /// what it was compared with.
    pub fn open_shard(&self, shard: u32, checks: Checks) -> Result<DatasetShard> {
        let shards = self.shard_count();
        if shard >= shards {
            return Err(Error::NoSuchShard {
                path: self.dir().to_path_buf(),
                shard,
                shards,
            });
        }
        let opened = self.listed.open_shard(shard, checks)?;
        self.listed.check_header(shard, &opened)?;
        DatasetShard::new(shard, opened, self.assets_of(shard))
    }

    /// Labels of the clips of `shard`, in row order; each is of the clip in its row.
    ///
    /// # Errors
    /// [`Error::FileChecksum`], those of [`read_labels`](crate::sidecar::read_labels), [`Error::Mismatch`] if a row
    /// speaks of another clip.
    pub fn labels(&self, shard: &DatasetShard) -> Result<Vec<LabelRow>> {
        let (rows, _) = self.label_rows(shard.number(), read_labels_from)?;
        shard.check_labels(rows.iter().map(LabelRow::place))?;
        Ok(rows)
    }

    /// What is known of the clips of `shard`: [`Dataset::labels`] without the columns that say something else, which are
    /// not read.
    ///
    /// # Errors
    /// As [`Dataset::labels`].
    pub fn clip_labels(&self, shard: &DatasetShard) -> Result<Vec<ClipLabels>> {
        let (rows, _) = self.label_rows(shard.number(), read_clip_labels)?;
        shard.check_labels(rows.iter().map(ClipLabels::place))?;
        Ok(rows)
    }

    /// The rows of the label table of shard `number`, as `read` has them, and its path.
    fn label_rows<R>(&self, number: u32, read: ReadLabels<R>) -> Result<(Vec<R>, PathBuf)> {
        let name = labels_path(number);
        let (file, path) = self.listed.open_verified(&name)?;
        let rows = read(file, &path, &self.taxa, self.head().table_form())?;
        self.listed.check_rows(&name, &path, rows.len())?;
        Ok((rows, path))
    }

    /// Priors of the recordings of `shard`, a row each, in any order.
    ///
    /// # Errors
    /// [`Error::FileChecksum`], those of [`read_priors`](crate::sidecar::read_priors), [`Error::Mismatch`] if a row is
    /// missing, or is one too many.
    pub fn priors(&self, shard: &DatasetShard) -> Result<Vec<PriorRow>> {
        self.priors_by_assets(shard.number())
    }

    /// What the geographic prior of each recording of `shard` rules out; empty unless labels are implied by it.
    ///
    /// # Errors
    /// As [`Dataset::priors`].
    pub fn geo_priors(&self, shard: &DatasetShard) -> Result<HashMap<i64, GeoPrior>> {
        if self.head().label_form() == LabelForm::Listed {
            return Ok(HashMap::new());
        }
        let classes = u32::try_from(self.taxa.len()).unwrap_or(u32::MAX);
        let priors = self.priors(shard)?.into_iter();
        Ok(priors.map(|row| (row.asset_id, GeoPrior::new(&row, classes))).collect())
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
}
