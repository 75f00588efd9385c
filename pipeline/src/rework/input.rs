//! Provides `Input`, one shard of the dataset being rewritten, with its tables.

use std::collections::HashMap;
use std::ops::Range;

use shardfmt::entry::{labels_path, priors_path};
use shardfmt::{AssetRow, Checks, Dataset, DatasetShard, LabelRow, PriorRow};

use crate::error::Result;

/// A shard, its labels and its assets.
pub(super) struct Input<'a> {
    dataset: &'a Dataset,
    /// The clips; each one is verified when it is asked for.
    pub(super) shard: DatasetShard,
    /// One row per clip.
    pub(super) labels: Vec<LabelRow>,
    /// Its recordings, in row order.
    pub(super) assets: &'a [AssetRow],
    priors: HashMap<i64, PriorRow>,
}

impl<'a> Input<'a> {
    /// Opens a shard with its tables. No clip is read.
    pub(super) fn open(dataset: &'a Dataset, number: u32) -> Result<Self> {
        let shard = dataset.open_shard(number, Checks::Always)?;
        let priors = dataset.priors(&shard)?;
        Ok(Input {
            dataset,
            labels: dataset.labels(&shard)?,
            assets: dataset.assets_of(number),
            priors: priors.into_iter().map(|row| (row.asset_id, row)).collect(),
            shard,
        })
    }

    /// Number of the shard.
    pub(super) fn number(&self) -> u32 {
        self.shard.number()
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
            self.mismatch(labels_path(self.number()), "row", expected, "missing".into())
        })
    }

    /// The priors of one of its assets.
    pub(super) fn prior_of(&self, asset: &AssetRow) -> Result<PriorRow> {
        self.priors.get(&asset.asset_id).cloned().ok_or_else(|| {
            let expected = format!("asset {}", asset.asset_id);
            self.mismatch(priors_path(self.number()), "row", expected, "missing".into())
        })
    }

    /// Tables that belong to another shard or build.
    pub(super) fn mismatch(
        &self,
        table: String,
        field: &'static str,
        expected: String,
        got: String,
    ) -> crate::error::Error {
        let path = self.dataset.dir().join(table);
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
