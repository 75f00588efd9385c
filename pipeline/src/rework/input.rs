//! Provides `Input`, one shard of the dataset being rewritten, with its tables checked against it.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use shardfmt::entry::{assets_path, labels_path, priors_path};
use shardfmt::{AssetRow, Checks, Dataset, LabelRow, MappedFile, PriorRow, Shard};

use crate::error::Result;

/// A mapped shard, its labels and its assets.
pub(super) struct Input<'a> {
    dataset: &'a Dataset,
    /// Number of the shard.
    pub(super) number: u32,
    /// The clips; each one is verified when it is asked for.
    pub(super) shard: Shard<MappedFile>,
    /// One row per clip.
    pub(super) labels: Vec<LabelRow>,
    /// Its recordings, in row order.
    pub(super) assets: &'a [AssetRow],
    priors: HashMap<i64, PriorRow>,
}

impl<'a> Input<'a> {
    /// Opens a shard and checks that labels and assets speak of the rows it has. No clip is read.
    pub(super) fn open(dataset: &'a Dataset, number: u32) -> Result<Self> {
        let priors = dataset.priors(number)?;
        let input = Input {
            dataset,
            number,
            shard: dataset.open_shard(number, Checks::Always)?,
            labels: dataset.labels(number)?,
            assets: dataset.assets().get(assets_of(dataset, number)).unwrap_or_default(),
            priors: priors.into_iter().map(|row| (row.asset_id, row)).collect(),
        };
        for (label, row) in input.labels.iter().zip(0..) {
            let stated = (label.shard, label.row, label.asset_id, label.clip_index);
            let stored = (number, row, input.shard.asset_id(row)?, input.shard.clip_index(row)?);
            if stated != stored {
                let field = "(shard, row, asset_id, clip_index)";
                return Err(input.mismatch(labels_path(number), field, format!("{stored:?}"), format!("{stated:?}")));
            }
        }
        for asset in input.assets {
            let stated = rows_of(asset);
            let stored = input.shard.asset_rows(asset.asset_id);
            if stored.as_ref() != Some(&stated) {
                let stored = stored.map_or_else(|| "none".to_owned(), |rows| format!("{rows:?}"));
                let stated = format!("{stated:?} for asset {}", asset.asset_id);
                return Err(input.mismatch(assets_path(number), "rows", stored, stated));
            }
        }
        Ok(input)
    }

    /// The labels of the clips of one of its assets.
    pub(super) fn labels_of(&self, asset: &AssetRow) -> &[LabelRow] {
        let rows = rows_of(asset);
        self.labels
            .get(rows.start as usize..rows.end as usize)
            .unwrap_or_default()
    }

    /// The labels of one of its clips.
    pub(super) fn label(&self, row: u32) -> Result<&LabelRow> {
        self.labels.get(row as usize).ok_or_else(|| {
            let expected = format!("row {row}");
            self.mismatch(labels_path(self.number), "row", expected, "missing".into())
        })
    }

    /// The priors of one of its assets.
    pub(super) fn prior_of(&self, asset: &AssetRow) -> Result<PriorRow> {
        self.priors.get(&asset.asset_id).cloned().ok_or_else(|| {
            let expected = format!("asset {}", asset.asset_id);
            self.mismatch(priors_path(self.number), "row", expected, "missing".into())
        })
    }

    /// Where a file of the dataset is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dataset.dir().join(name)
    }

    /// Tables that belong to another shard or build.
    pub(super) fn mismatch(
        &self,
        table: String,
        field: &'static str,
        expected: String,
        got: String,
    ) -> crate::error::Error {
        let path = self.path(&table);
        let mismatch = shardfmt::Error::Mismatch {
            path,
            field,
            expected,
            got,
        };
        mismatch.into()
    }
}

/// Rows of an asset in its shard.
pub(super) fn rows_of(asset: &AssetRow) -> Range<u32> {
    asset.first_row..asset.first_row.saturating_add(asset.clips)
}

/// Where in the dataset's list of assets, which is ordered by shard, those of one shard stand.
pub(super) fn assets_of(dataset: &Dataset, shard: u32) -> Range<usize> {
    let assets = dataset.assets();
    assets.partition_point(|asset| asset.shard < shard)..assets.partition_point(|asset| asset.shard <= shard)
}
