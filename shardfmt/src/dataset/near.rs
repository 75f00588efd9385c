//! Provides what is asked of a dataset that is kept elsewhere: to bring files near, and tables without their shards.

use std::path::PathBuf;

use super::{Backing, Dataset, priors_unlike};
use crate::entry::{assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::sidecar::priors::read_priors_from;
use crate::sidecar::{LabelRow, PriorRow};

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
        let (rows, path) = self.label_rows(number)?;
        let runs = self.assets_of(number).iter();
        let assets = runs.flat_map(|asset| std::iter::repeat_n(asset.asset_id, asset.clips as usize));
        let stated = rows.iter().map(|label| (label.shard, label.row, label.asset_id));
        let expected = (0..).zip(assets).map(|(row, asset_id)| (number, row, asset_id));
        match expected.zip(stated).find(|(expected, stated)| expected != stated) {
            None => Ok(rows),
            Some((expected, stated)) => Err(Error::Mismatch {
                path,
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
        let name = priors_path(number);
        let (file, path) = self.listed.open_verified(&name)?;
        let rows = read_priors_from(file, &path, &self.taxa)?;
        self.listed.check_rows(&name, &path, rows.len())?;
        match priors_unlike(number, &rows, self.assets_of(number)).into_iter().next() {
            Some(unlike) => Err(unlike.into_error(&self.dir().join(shard_path(number)))),
            None => Ok(rows),
        }
    }
}
