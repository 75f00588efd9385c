//! Provides the facts that are printed of a set before it is imported, and warnings of what looks odd.

use std::collections::BTreeSet;
use std::path::Path;

use shardfmt::{Row0, Split};

use super::PicturedAsset;
use super::assets::Asset;
use super::box_order::{BoxReading, DecidedBy};
use super::index::Index;
use super::reader::Files;

/// What was found, a sentence each.
pub(super) fn facts(assets: &[PicturedAsset], files: &Files, boxes: BoxReading, row_0: Row0) -> Vec<String> {
    let basis = match boxes.decided_by {
        DecidedBy::User => "set by --box-order".to_owned(),
        DecidedBy::Pictures => format!("inferred from {} pictures", boxes.pictures),
        DecidedBy::Nothing => format!("as documented; {} pictures are inconclusive", boxes.pictures),
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
        format!("boxes are {} ({basis})", boxes.order.as_str()),
        format!(
            "the top row of the pictures is taken to be the {} frequency; change that with --row-0",
            row_0.as_str()
        ),
    ]
}

/// Warnings of boxes that can be read either way, and of pictures that are not grey.
pub(super) fn of_pictures(boxes: BoxReading) -> impl Iterator<Item = String> {
    let BoxReading { coloured, pictures, .. } = boxes;
    let open = (pictures > 0 && boxes.decided_by == DecidedBy::Nothing).then(|| {
        format!("{pictures} pictures do not show which coordinate of a box comes first; x is assumed, as documented (change that with --box-order)")
    });
    let colours = (coloured > 0).then(|| {
        format!("{coloured} of {pictures} sampled pictures are coloured; their luma is stored, in one channel")
    });
    open.into_iter().chain(colours)
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
        "assets have no clips and were left out",
    );
    counted(
        index.shared,
        "clips share their picture with another clip, which may have other labels or be in another split",
    );
    counted(
        index.elsewhere,
        "clips have a picture outside images/ASSET, the folder of their asset",
    );
    let unlisted = index.unlisted;
    counted(
        index.partly_listed,
        &format!(
            "clips do not list every class; the {unlisted} missing labels are taken as absent, as in the published program"
        ),
    );
    let lacking = |has: fn(&Asset) -> bool| assets.iter().filter(|asset| !has(asset)).count() as u64;
    counted(
        lacking(|asset| asset.possible.is_some()),
        "assets have no possible_species_codes, so no geographic prior",
    );
    counted(
        lacking(|asset| asset.observed.is_some()),
        "assets have no observed_species_codes, so no checklist",
    );
    if let Some(val) = val {
        let known: BTreeSet<i64> = assets.iter().map(|asset| asset.id).collect();
        counted(
            val.difference(&known).count() as u64,
            "ids of the val split are not in assets.json",
        );
        let from_test = |asset: &&Asset| asset.given_split == Split::Test && asset.split == Split::Val;
        counted(
            assets.iter().filter(from_test).count() as u64,
            "assets of the test split are moved to val by --val-split; is it the right file?",
        );
    } else if folder.join("val_split.npy").is_file() {
        warnings.push("there is a val_split.npy, but without --val-split it is not used".into());
    }
    warnings
}
