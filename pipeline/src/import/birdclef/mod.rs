//! Reads the published tables of BirdCLEF, 2021 to 2026: short recordings with the species heard in each, and
//! soundscapes with windows of which all species are given.

mod soundscapes;
mod train;

use std::path::Path;

use super::listing::{Choices, Labels, Listing, SoundFiles};
use crate::error::Result;
use crate::tables::Problems;
use crate::taxonomy::{Naming, Taxonomy};

/// Tables of short recordings, in the order in which they are looked for.
const TRAIN: [&str; 2] = ["train_metadata.csv", "train.csv"];
/// Tables of labelled soundscapes.
const SOUNDSCAPES: [&str; 2] = ["train_soundscape_labels.csv", "train_soundscapes_labels.csv"];
/// The table of classes, from 2025 on.
const CLASSES: &str = "taxonomy.csv";

/// Reads a year's folder as it is unpacked. Codes stay those of the set, but for retired ones whose names `taxonomy`
/// has.
///
/// # Errors
/// A folder that cannot be read, and all mistakes in its tables.
pub fn read(folder: &Path, taxonomy: Option<&Taxonomy>, choices: &Choices) -> Result<Listing> {
    let mut problems = Problems::default();
    let files = SoundFiles::walk(folder)?;
    let mut listing = Listing {
        name: "birdclef".into(),
        ..Listing::default()
    };
    let mut labels = Labels::new(taxonomy, Naming::Ebird, choices);
    let there = |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|file| file.is_file());
    let (short, long) = (there(&TRAIN), there(&SOUNDSCAPES));
    if short.is_none() && long.is_none() {
        let looked_for = [&TRAIN[..], &SOUNDSCAPES[..]].concat().join(", ");
        problems.file(folder, format!("has none of the tables of BirdCLEF: {looked_for}"));
    }
    let mut classes = train::classes(&folder.join(CLASSES), &mut labels, &mut listing, &mut problems);
    if let Some(table) = &short {
        train::read(table, &files, &mut classes, &mut labels, &mut listing, &mut problems);
    }
    if let Some(table) = &long {
        soundscapes::read(table, &files, &classes, &mut labels, &mut listing, &mut problems);
    }
    listing.tallies.add_all(&problems.noticed.tallies);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    match classes.codes {
        Some(codes) => listing.set_classes(codes, &labels.names),
        None if short.is_some() => listing.class_targets(&labels.names),
        // Only soundscapes: their species are the classes.
        None => {
            let mut codes: Vec<String> = listing.windows.iter().flat_map(|window| window.heard.clone()).collect();
            codes.sort();
            codes.dedup();
            listing.set_classes(codes, &labels.names);
        }
    }
    listing.count_unknown();
    Ok(listing)
}
