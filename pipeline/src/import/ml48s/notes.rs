//! Provides what is said of a set before it is imported: what was found in it, and what looks odd.

use std::collections::BTreeSet;
use std::path::Path;

use shardfmt::Split;

use super::PicturedAsset;
use super::assets::Asset;
use super::box_order::BoxReading;
use super::index::Index;
use super::reader::Files;
use super::row_0::Row0;

/// What was found, a sentence each.
pub(super) fn facts(assets: &[PicturedAsset], files: &Files, boxes: BoxReading, row_0: Row0) -> Vec<String> {
    let told = if boxes.told {
        format!("told by {} pictures", boxes.pictures)
    } else {
        format!("as documented: {} pictures leave it open", boxes.pictures)
    };
    let of_split = |split: Split| {
        let clips: usize = assets
            .iter()
            .filter(|asset| asset.asset.split == split)
            .map(|asset| asset.clips.len())
            .sum();
        format!("{} {clips}", split.as_str())
    };
    let splits: Vec<String> = Split::ALL.iter().map(|split| of_split(*split)).collect();
    vec![
        format!(
            "{} clips ({}) of {} recordings, {} classes",
            files.clips.len(),
            splits.join(", "),
            assets.len(),
            files.taxa.len()
        ),
        format!("boxes are {} ({told})", boxes.order.as_str()),
        format!(
            "the top row of the pictures is taken as the {} frequency; --row-0 changes that",
            row_0.as_str()
        ),
    ]
}

/// A warning of pictures that are not grey.
pub(super) fn colours(boxes: BoxReading) -> Option<String> {
    let BoxReading { coloured, pictures, .. } = boxes;
    (coloured > 0).then(|| {
        format!("{coloured} of {pictures} pictures looked at are coloured: their luma is stored, in one channel")
    })
}

/// What looks odd, a sentence each. `val` is `None` when no val split was given.
pub(super) fn warnings(folder: &Path, assets: &[Asset], index: &Index, val: Option<&BTreeSet<i64>>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut counted = |count: u64, what: &str| {
        if count > 0 {
            warnings.push(format!("{count} {what}"));
        }
    };
    counted(
        assets.len().saturating_sub(index.assets.len()) as u64,
        "assets have no clip and are left out",
    );
    let unlisted = index.unlisted;
    counted(
        index.partly_listed,
        &format!(
            "clips list not every class: the {unlisted} labels that they leave out are absent, as the published program takes them"
        ),
    );
    let lacking = |has: fn(&Asset) -> bool| assets.iter().filter(|asset| !has(asset)).count() as u64;
    counted(
        lacking(|asset| asset.possible.is_some()),
        "assets have no possible_species_codes: no geographic prior",
    );
    counted(
        lacking(|asset| asset.observed.is_some()),
        "assets have no observed_species_codes: no checklist",
    );
    if let Some(val) = val {
        let known: BTreeSet<i64> = assets.iter().map(|asset| asset.id).collect();
        counted(
            val.difference(&known).count() as u64,
            "ids of the val split are no assets",
        );
    } else if folder.join("val_split.npy").is_file() {
        warnings.push("there is a val_split.npy, but --val-split was not given: no asset becomes val by it".into());
    }
    warnings
}
