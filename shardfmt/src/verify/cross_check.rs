//! Provides the checks of files against each other: tables against the shard and among themselves.

use std::collections::{HashMap, HashSet};

use super::report::{Finding, Part};
use crate::entry::{assets_path, labels_path, priors_path};
use crate::mmap::MappedFile;
use crate::shard::Shard;
use crate::sidecar::{AssetRow, LabelRow, PriorRow};

/// Labels against their shard: each row must name its own place and the clip that is there.
pub(super) fn check_labels(number: u32, shard: &Shard<MappedFile>, labels: &[LabelRow], findings: &mut Vec<Finding>) {
    let name = labels_path(number);
    for (label, row) in labels.iter().zip(0..shard.rows()) {
        let stated = (label.shard, label.row, label.asset_id, label.clip_index);
        let Ok((asset_id, clip_index)) = shard.asset_id(row).and_then(|id| Ok((id, shard.clip_index(row)?))) else {
            continue;
        };
        let stored = (number, row, asset_id, clip_index);
        if stated != stored {
            let detail = format!("(shard, row, asset_id, clip_index) is {stated:?}, the shard has {stored:?}");
            findings.push(Finding::new(&name, Part::Row(row.into()), detail));
        }
    }
}

/// Assets against their shard: the stated rows must be those the shard has for the asset.
pub(super) fn check_assets(number: u32, shard: &Shard<MappedFile>, assets: &[AssetRow], findings: &mut Vec<Finding>) {
    let name = assets_path(number);
    for (asset, row) in assets.iter().zip(0..) {
        let stated = asset.first_row..asset.first_row.saturating_add(asset.clips);
        let stored = shard.asset_rows(asset.asset_id);
        if stored.as_ref() != Some(&stated) {
            let detail = format!("asset {} has rows {stated:?}, in the shard {stored:?}", asset.asset_id);
            findings.push(Finding::new(&name, Part::Row(row), detail));
        }
    }
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

/// Priors against assets: one row for each recording.
pub(super) fn check_priors(number: u32, priors: &[PriorRow], assets: &[AssetRow], findings: &mut Vec<Finding>) {
    let name = priors_path(number);
    let known: HashSet<_> = assets.iter().map(|asset| asset.asset_id).collect();
    let mut seen = HashSet::new();
    for (prior, row) in priors.iter().zip(0..) {
        let problem = match (known.contains(&prior.asset_id), seen.insert(prior.asset_id)) {
            (true, true) => continue,
            (false, _) => "is not an asset of this shard",
            (true, false) => "has two rows",
        };
        findings.push(Finding::new(
            &name,
            Part::Row(row),
            format!("asset {} {problem}", prior.asset_id),
        ));
    }
    for missing in assets.iter().filter(|asset| !seen.contains(&asset.asset_id)) {
        findings.push(Finding::new(
            &name,
            Part::Table,
            format!("asset {} has no row", missing.asset_id),
        ));
    }
}
