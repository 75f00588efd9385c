//! Provides the check of the tables of a shard against each other.

use std::collections::HashMap;

use super::report::{Finding, Part};
use crate::dataset::Unlike;
use crate::entry::labels_path;
use crate::sidecar::{AssetRow, LabelRow};

/// A row of a table that says something else than its shard.
pub(super) fn finding(unlike: Unlike) -> Finding {
    let part = unlike.row.map_or(Part::Table, Part::Row);
    Finding::new(&unlike.table, part, unlike.detail())
}

/// Labels against assets: all clips of a recording are in its split.
pub(super) fn check_splits(number: u32, labels: &[LabelRow], assets: &[AssetRow], findings: &mut Vec<Finding>) {
    let splits: HashMap<_, _> = assets.iter().map(|asset| (asset.asset_id, asset.split)).collect();
    for (label, row) in labels.iter().zip(0..) {
        if splits.get(&label.asset_id).is_some_and(|split| *split != label.split) {
            let detail = format!("asset {} is in two splits", label.asset_id);
            findings.push(Finding::new(&labels_path(number), Part::Row(row), detail));
        }
    }
}

/// Labels against assets: what clips have of their recording was heard in it.
pub(super) fn check_heard(number: u32, labels: &[LabelRow], assets: &[AssetRow], findings: &mut Vec<Finding>) {
    let heard: HashMap<_, _> = assets.iter().map(|asset| (asset.asset_id, &asset.heard)).collect();
    for (label, row) in labels.iter().zip(0..) {
        let heard = heard.get(&label.asset_id).and_then(|heard| heard.as_deref());
        let is_heard = |class: &u32| heard.is_some_and(|heard| heard.binary_search(class).is_ok());
        if !label.from_recording.iter().all(|item| is_heard(&item.class)) {
            let detail = format!(
                "a label comes from a class that was not heard in asset {}",
                label.asset_id
            );
            findings.push(Finding::new(&labels_path(number), Part::Row(row), detail));
        }
    }
}
