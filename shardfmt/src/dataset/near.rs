//! Provides what is asked of a dataset that is kept elsewhere: to bring files near, and tables without their shards.

use std::path::{Path, PathBuf};

use super::{Backing, Dataset, priors_unlike};
use crate::entry::{assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::sidecar::class_priors::read_class_priors;
use crate::sidecar::clip_labels::read_clip_labels;
use crate::sidecar::labels::read_labels_from;
use crate::sidecar::priors::read_priors_from;
use crate::sidecar::{ClassPriors, ClipLabels, LabelRow, PriorRow, Taxa};
use crate::table::TableFile;

/// Reads rows of a prior table from an open file; its path is for errors.
type ReadPriors<R> = fn(TableFile, &Path, &Taxa) -> Result<Vec<R>>;

impl Dataset {
    /// Whether it is kept elsewhere, and its folder is a near copy that files come to when they are touched.
    #[must_use]
    pub fn is_near_copy(&self) -> bool {
        self.listed.backing().is_some()
    }

    /// Where it is kept: its folder; or its address, without what is secret in it.
    #[must_use]
    pub fn place(&self) -> PathBuf {
        let folder = || std::path::absolute(self.dir()).unwrap_or_else(|_| self.dir().to_path_buf());
        self.listed.backing().map_or_else(folder, Backing::place)
    }

    /// Bytes that files of it and of others may take here at once; `None` where it is kept here.
    #[must_use]
    pub fn room(&self) -> Option<u64> {
        self.listed.backing().map(Backing::room)
    }

    /// Bytes of the shard `number`; 0 if there is none.
    #[must_use]
    pub fn shard_bytes(&self, number: u32) -> u64 {
        self.file(&shard_path(number)).map_or(0, |entry| entry.bytes)
    }

    /// Begins to bring near the clips of these shards, in this order, where the dataset is kept elsewhere; does not
    /// wait.
    pub fn expect_shards(&self, shards: &[u32]) {
        self.expect(shards.iter().map(|shard| shard_path(*shard)));
    }

    /// Begins to bring near the labels and priors of all shards, as [`Dataset::expect_shards`] does with clips.
    pub fn expect_tables(&self) {
        self.expect((0..self.shard_count()).flat_map(|shard| [labels_path(shard), priors_path(shard)]));
    }

    fn expect(&self, names: impl Iterator<Item = String>) {
        let Some(backing) = self.listed.backing() else { return };
        let entries = names.filter_map(|name| self.file(&name).ok().cloned());
        backing.expect(&entries.collect::<Vec<_>>());
    }

    /// Labels of the clips of shard `number`, compared with the asset table alone: the shard stays where it is kept.
    /// Whoever reads a clip by them compares what stands beside it, asset and clip index.
    ///
    /// # Errors
    /// As [`Dataset::labels`].
    pub fn labels_by_assets(&self, number: u32) -> Result<Vec<LabelRow>> {
        let (rows, path) = self.label_rows(number, read_labels_from)?;
        self.check_beside_assets(number, &path, rows.iter().map(LabelRow::place))?;
        Ok(rows)
    }

    /// What is known of the clips of shard `number`: [`Dataset::labels_by_assets`] without the columns that say something
    /// else, which are not read.
    ///
    /// # Errors
    /// As [`Dataset::labels`].
    pub fn clip_labels_by_assets(&self, number: u32) -> Result<Vec<ClipLabels>> {
        let (rows, path) = self.label_rows(number, read_clip_labels)?;
        self.check_beside_assets(number, &path, rows.iter().map(ClipLabels::place))?;
        Ok(rows)
    }

    /// Compares the `places` that the label table in `path` names with the asset table of shard `number`.
    fn check_beside_assets(
        &self,
        number: u32,
        path: &Path,
        places: impl Iterator<Item = (u32, u32, i64, u32)>,
    ) -> Result<()> {
        let runs = self.assets_of(number).iter();
        let assets = runs.flat_map(|asset| std::iter::repeat_n(asset.asset_id, asset.clips as usize));
        let stated = places.map(|(shard, row, asset_id, _)| (shard, row, asset_id));
        let expected = (0..).zip(assets).map(|(row, asset_id)| (number, row, asset_id));
        match expected.zip(stated).find(|(expected, stated)| expected != stated) {
            None => Ok(()),
            Some((expected, stated)) => Err(Error::Mismatch {
                path: path.to_path_buf(),
                field: "(shard, row, asset_id)",
                expected: format!("{expected:?} ({})", assets_path(number)),
                got: format!("{stated:?}"),
            }),
        }
    }

    /// Priors of the recordings of shard `number`, which stays where it is kept.
    ///
    /// # Errors
    /// As [`Dataset::priors`].
    pub fn priors_by_assets(&self, number: u32) -> Result<Vec<PriorRow>> {
        self.prior_rows(number, read_priors_from, |prior| prior.asset_id)
    }

    /// What [`Dataset::priors_by_assets`] says of classes; other columns are not read.
    ///
    /// # Errors
    /// As [`Dataset::priors`].
    pub fn class_priors(&self, number: u32) -> Result<Vec<ClassPriors>> {
        self.prior_rows(number, read_class_priors, |prior| prior.asset_id)
    }

    fn prior_rows<R>(&self, number: u32, read: ReadPriors<R>, asset_id: fn(&R) -> i64) -> Result<Vec<R>> {
        let name = priors_path(number);
        let (file, path) = self.listed.open_verified(&name)?;
        let rows = read(file, &path, &self.taxa)?;
        self.listed.check_rows(&name, &path, rows.len())?;
        let unlike = priors_unlike(number, rows.iter().map(asset_id), self.assets_of(number));
        match unlike.into_iter().next() {
            Some(unlike) => Err(unlike.into_error(&self.dir().join(shard_path(number)))),
            None => Ok(rows),
        }
    }
}
