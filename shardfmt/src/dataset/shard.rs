//! Defines `DatasetShard`, a shard that has been compared with the tables of its dataset.

use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Deref;
use std::path::Path;

use crate::entry::{assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::mmap::MappedFile;
use crate::shard::Shard;
use crate::sidecar::AssetRow;

/// A shard of an opened dataset. It is the one that the dataset lists: its header is of the same build as those of the
/// other shards, and each recording of the asset table has the rows stated there. Labels and priors are had from
/// [`Dataset`](super::Dataset) for such a shard only, and compared with it too.
#[derive(Debug)]
pub struct DatasetShard {
    number: u32,
    shard: Shard<MappedFile>,
}

impl DatasetShard {
    /// Compares a shard, whose header has been checked, with the `assets` of its table.
    pub(super) fn new(number: u32, shard: Shard<MappedFile>, assets: &[AssetRow]) -> Result<Self> {
        let unlike = assets_unlike(number, &shard, assets).next();
        match unlike {
            Some(found) => Err(found.into_error(shard.path())),
            None => Ok(Self { number, shard }),
        }
    }

    /// Number of the shard in its dataset.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Refuses labels of other clips.
    pub(super) fn check_labels(&self, places: impl Iterator<Item = (u32, u32, i64, u32)>) -> Result<()> {
        let found = labels_unlike(self.number, &self.shard, places).next();
        found.map_or(Ok(()), |found| Err(found.into_error(self.shard.path())))
    }
}

/// What reads a shard reads this one.
impl Deref for DatasetShard {
    type Target = Shard<MappedFile>;

    fn deref(&self) -> &Shard<MappedFile> {
        &self.shard
    }
}

/// A row of a table that says something else than the shard it belongs to.
pub(crate) struct Unlike {
    /// Number of the shard.
    shard: u32,
    /// The table, as a path under the dataset folder.
    pub(crate) table: String,
    /// Row of the table, if the table has one.
    pub(crate) row: Option<u64>,
    what: &'static str,
    stated: String,
    stored: String,
}

impl Unlike {
    fn new(
        shard: u32,
        table: String,
        row: Option<u64>,
        what: &'static str,
        stated: &dyn Debug,
        stored: &dyn Debug,
    ) -> Self {
        let [stated, stored] = [stated, stored].map(|value| format!("{value:?}"));
        Self {
            shard,
            table,
            row,
            what,
            stated,
            stored,
        }
    }

    /// What is wrong with the table.
    pub(crate) fn detail(&self) -> String {
        format!(
            "{} is {}, {} has {}",
            self.what,
            self.stated,
            shard_path(self.shard),
            self.stored
        )
    }

    /// The error of reading `shard`.
    pub(super) fn into_error(self, shard: &Path) -> Error {
        let row = self.row.map(|row| format!(", row {row}")).unwrap_or_default();
        Error::Mismatch {
            path: shard.to_path_buf(),
            field: self.what,
            expected: format!("{} ({}{row})", self.stated, self.table),
            got: self.stored,
        }
    }
}

/// Recordings that have other rows in the shard than stated.
pub(crate) fn assets_unlike(
    number: u32,
    shard: &Shard<MappedFile>,
    assets: &[AssetRow],
) -> impl Iterator<Item = Unlike> {
    assets.iter().zip(0..).filter_map(move |(asset, row)| {
        let stated = asset.first_row..asset.first_row.saturating_add(asset.clips);
        let stored = shard.asset_rows(asset.asset_id);
        (stored.as_ref() != Some(&stated)).then(|| {
            // What is there instead, if the recording is not in the shard at all.
            let there = || shard.asset_id(asset.first_row).ok();
            let stored = match stored {
                Some(rows) => Some((asset.asset_id, rows)),
                None => there().and_then(|id| Some((id, shard.asset_rows(id)?))),
            };
            let stored: &dyn Debug = stored.as_ref().map_or(&"nothing", |stored| stored as &dyn Debug);
            let stated = (asset.asset_id, stated);
            Unlike::new(
                number,
                assets_path(number),
                Some(row),
                "(asset_id, rows)",
                &stated,
                stored,
            )
        })
    })
}

/// Labels that do not name their own place and the clip that is there, of the `places` that they name: shard, row,
/// recording, number in it.
pub(crate) fn labels_unlike(
    number: u32,
    shard: &Shard<MappedFile>,
    places: impl Iterator<Item = (u32, u32, i64, u32)>,
) -> impl Iterator<Item = Unlike> {
    places.zip(0..shard.rows()).filter_map(move |(stated, row)| {
        let stored = (number, row, shard.asset_id(row).ok()?, shard.clip_index(row).ok()?);
        let what = "(shard, row, asset_id, clip_index)";
        (stated != stored).then(|| Unlike::new(number, labels_path(number), Some(row.into()), what, &stated, &stored))
    })
}

/// Priors of other recordings than the shard has, or more or fewer than one row a recording; `priors` are the recordings
/// that they name.
pub(crate) fn priors_unlike(number: u32, priors: impl Iterator<Item = i64>, assets: &[AssetRow]) -> Vec<Unlike> {
    let mut seen: HashMap<i64, u32> = assets.iter().map(|asset| (asset.asset_id, 0)).collect();
    let unlike = |row, stated: &dyn Debug, stored: &dyn Debug| {
        Unlike::new(
            number,
            priors_path(number),
            row,
            "asset_id of the priors",
            stated,
            stored,
        )
    };
    let mut found = Vec::new();
    for (asset_id, row) in priors.zip(0..) {
        match seen.get_mut(&asset_id) {
            Some(0) => drop(seen.insert(asset_id, 1)),
            Some(_) => found.push(unlike(Some(row), &asset_id, &"one recording of that id")),
            None => found.push(unlike(Some(row), &asset_id, &"no recording of that id")),
        }
    }
    let missing = assets.iter().filter(|asset| seen.get(&asset.asset_id) == Some(&0));
    found.extend(missing.map(|asset| unlike(None, &"missing", &asset.asset_id)));
    found
}
