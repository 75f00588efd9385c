//! Provides a dataset's tables read whole, with species codes in place of class indices.

use std::path::Path;

use shardfmt::{AssetRow, Checks, Dataset, LabelRow, PriorRow};

/// Opens a dataset.
#[track_caller]
pub(crate) fn open(folder: &Path) -> Dataset {
    Dataset::open(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// Rows of all label tables.
pub(crate) fn labels(dataset: &Dataset) -> Vec<LabelRow> {
    (0..dataset.shard_count())
        .flat_map(|shard| {
            dataset
                .labels(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
                .unwrap()
        })
        .collect()
}

/// Rows of all prior tables.
pub(crate) fn priors(dataset: &Dataset) -> Vec<PriorRow> {
    (0..dataset.shard_count())
        .flat_map(|shard| {
            dataset
                .priors(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
                .unwrap()
        })
        .collect()
}

/// The row of one asset.
#[track_caller]
pub(crate) fn asset(dataset: &Dataset, asset_id: i64) -> AssetRow {
    dataset
        .assets()
        .iter()
        .find(|asset| asset.asset_id == asset_id)
        .expect("the asset is in the dataset")
        .clone()
}

/// The label rows of one asset, in clip order.
pub(crate) fn clips_of(dataset: &Dataset, asset_id: i64) -> Vec<LabelRow> {
    let rows: Vec<LabelRow> = labels(dataset)
        .into_iter()
        .filter(|row| row.asset_id == asset_id)
        .collect();
    assert!(
        rows.iter().map(|row| row.clip_index).eq(0..rows.len() as u32),
        "clips of asset {asset_id} are in order"
    );
    rows
}

/// The stored bytes of every clip of one asset, in clip order.
pub(crate) fn images_of(dataset: &Dataset, asset_id: i64) -> Vec<Vec<u8>> {
    let asset = asset(dataset, asset_id);
    let shard = dataset.open_shard(asset.shard, Checks::Always).unwrap();
    let rows = asset.first_row..asset.first_row + asset.clips;
    for (clip_index, row) in (0..).zip(rows.clone()) {
        assert_eq!(
            (shard.asset_id(row).unwrap(), shard.clip_index(row).unwrap()),
            (asset_id, clip_index)
        );
    }
    rows.map(|row| shard.clip(row).unwrap().to_vec()).collect()
}

/// Species codes of class indices, separated by blanks.
pub(crate) fn codes(dataset: &Dataset, classes: &[u32]) -> String {
    let codes: Vec<&str> = classes
        .iter()
        .map(|&class| dataset.taxa().code(class).unwrap())
        .collect();
    codes.join(" ")
}
