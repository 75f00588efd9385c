//! Defines `Listing`, what a published table of recordings says in the words of our own tables, and writes it as
//! `recordings.csv`, `taxa.csv` and `manifest.toml`.
//!
//! A listing is not a dataset: what was published says what was heard somewhere in a recording, its place, its time, and
//! who may use it, and `l48 build` makes clips of that. Every row that was read is a recording of the listing, or is
//! counted under the reason it was left out for.

pub(crate) mod json;
mod labels;
mod license;
pub(crate) mod python_list;
mod sounds;
mod tables;
pub(crate) mod when;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::{Date, Time};
use shardfmt::{Split, Taxon};

use crate::tables::Row;
use crate::tally::{Reason, Tallies};
pub use labels::Choices;
pub(crate) use labels::{Labels, Named};
pub(crate) use license::{address, spdx};
pub(crate) use sounds::{Located, SoundFiles, stays_below};
use when::Day;
pub use write::{REPORT, Written};

/// Why a row is left out.
const ROWS_LEFT_OUT: [Reason; 9] = [
    Reason::ListedFileMissing,
    Reason::ListedFileWithheld,
    Reason::ListedFileAmbiguous,
    Reason::ListedAgain,
    Reason::ListedUnread,
    Reason::WindowAgain,
    Reason::WindowsDiffer,
    Reason::WindowOffGrid,
    Reason::WindowWithoutLabel,
];

/// A published table of recordings.
#[derive(Debug, Default)]
pub struct Listing {
    /// The dataset's name.
    pub(crate) name: String,
    /// Rows that were read.
    pub(crate) rows: u64,
    /// Those that became a recording or a window.
    pub(crate) taken: u64,
    /// The recordings, in the order of the rows.
    pub(crate) recordings: Vec<Listed>,
    /// The classes, in class order.
    pub(crate) taxa: Vec<Taxon>,
    /// Windows of recordings in which everything was labelled.
    pub(crate) windows: Vec<Window>,
    /// Length of all windows, in seconds.
    pub(crate) window_s: Option<f64>,
    /// What was left out, renamed or is not known, counted.
    pub(crate) tallies: Tallies,
    /// Sentences about the whole set.
    pub(crate) facts: Vec<String>,
}

/// A recording of a listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// Its path below the set's folder, with forward slashes.
    pub(crate) key: String,
    /// What the source calls it.
    pub(crate) source_id: Option<String>,
    /// Code of the species that it was made for.
    pub(crate) target: Option<String>,
    /// Codes of all species that were heard in it, the target among them, ascending.
    pub(crate) heard: Vec<String>,
    /// Degrees north and east.
    pub(crate) place: Option<(f64, f64)>,
    /// ISO 8601 with offset.
    pub(crate) recorded_at: Option<String>,
    /// Date and time of the place, whose offset is not known.
    pub(crate) local: Option<(Date, Option<Time>)>,
    pub(crate) license: Option<String>,
    pub(crate) source_url: Option<String>,
    pub(crate) recordist: Option<String>,
    /// The site, where a set has such.
    pub(crate) site: Option<String>,
    /// Whether it is listed for its windows: nobody made it for a species.
    pub(crate) has_windows: bool,
    /// How good it is, in the words of the source.
    pub(crate) quality: Option<String>,
    /// Its length in seconds, as published.
    pub(crate) duration_s: Option<f64>,
    /// The split that the set gives it.
    pub(crate) split: Option<Split>,
}

/// A stretch of a recording in which everything was labelled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// Number of the recording in the listing.
    pub(crate) recording: usize,
    /// Start and end in nanoseconds.
    pub(crate) span_ns: (i64, i64),
    /// Codes of the classes that are heard in it, ascending.
    pub(crate) heard: Vec<String>,
    /// Whether a class that is not among them is absent.
    pub(crate) is_complete: bool,
}

impl Listing {
    /// Rows that were read.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that became a recording or a window. The others are counted under the reasons of
    /// [`left_out`](Self::left_out).
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Rows that were left out, over all reasons for that.
    pub fn left_out(&self) -> u64 {
        ROWS_LEFT_OUT.iter().map(|reason| self.tallies.count(*reason)).sum()
    }

    /// Rows that were left out although they are of a recording of the set: its file is missing, or is one of several,
    /// or the row cannot be understood.
    pub fn rejected(&self) -> u64 {
        let reasons = [
            Reason::ListedFileMissing,
            Reason::ListedFileAmbiguous,
            Reason::ListedUnread,
        ];
        reasons.iter().map(|reason| self.tallies.count(*reason)).sum()
    }

    /// Number of recordings.
    pub fn recordings(&self) -> usize {
        self.recordings.len()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.taxa.len()
    }

    /// Sentences about the whole set.
    pub fn facts(&self) -> &[String] {
        &self.facts
    }

    /// What was left out, renamed or is not known, counted.
    pub fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// Makes the recordings' targets the classes, in the order of their codes, and leaves other species out of what was
    /// heard, counted.
    pub(crate) fn class_targets(&mut self, names: &BTreeMap<String, Named>) {
        let codes: std::collections::BTreeSet<String> = self
            .recordings
            .iter()
            .filter_map(|recording| recording.target.clone())
            .collect();
        self.set_classes(codes.into_iter().collect(), names);
    }

    /// Makes `codes` the classes, and leaves other species out of what was heard, counted.
    pub(crate) fn set_classes(&mut self, codes: Vec<String>, names: &BTreeMap<String, Named>) {
        let known: std::collections::HashSet<&str> = codes.iter().map(String::as_str).collect();
        let tallies = &mut self.tallies;
        let mut keep = |heard: &mut Vec<String>| {
            heard.sort();
            heard.dedup();
            heard.retain(|code| {
                let is_class = known.contains(code.as_str());
                tallies.add_detail(Reason::LabelOffList, code, u64::from(!is_class));
                is_class
            });
        };
        self.recordings
            .iter_mut()
            .for_each(|recording| keep(&mut recording.heard));
        self.windows.iter_mut().for_each(|window| keep(&mut window.heard));
        self.taxa = codes
            .iter()
            .map(|code| {
                let named = names.get(code).cloned().unwrap_or_default();
                Taxon {
                    species_code: code.clone(),
                    common_name: named.common,
                    scientific_name: named.scientific,
                }
            })
            .collect();
    }

    /// Counts what is not known of the recordings that are there.
    pub(crate) fn count_unknown(&mut self) {
        let count = |is: fn(&Listed) -> bool| self.recordings.iter().filter(|recording| is(recording)).count() as u64;
        let counts = [
            (
                Reason::ListedWithoutTarget,
                count(|one| one.target.is_none() && !one.has_windows),
            ),
            (
                Reason::ListedWithoutZone,
                count(|one| one.recorded_at.is_none() && one.local.is_some()),
            ),
            (
                Reason::ListedWithoutPlace,
                count(|one| one.place.is_none() && !one.has_windows),
            ),
        ];
        counts
            .into_iter()
            .for_each(|(reason, count)| self.tallies.add(reason, count));
    }
}

/// Degrees north and east of two texts. What is no place, or is 0, 0, is counted and not known.
pub(crate) fn place(latitude: Option<&str>, longitude: Option<&str>, tallies: &mut Tallies) -> Option<(f64, f64)> {
    let (latitude, longitude) = (latitude?, longitude?);
    let degrees = |text: &str, most: f64| text.parse::<f64>().ok().filter(|degrees| degrees.abs() <= most);
    let place = degrees(latitude, 90.0)
        .zip(degrees(longitude, 180.0))
        .filter(|place| *place != (0.0, 0.0));
    tallies.add(Reason::ListedNoPlace, u64::from(place.is_none()));
    place
}

/// Date and time of two texts. A date of which only a part is known is counted and not taken.
pub(crate) fn local(date: Option<&str>, time: Option<&str>, tallies: &mut Tallies) -> Option<(Date, Option<Time>)> {
    match when::day(date.unwrap_or_default()) {
        Day::Known(day) => Some((day, time.and_then(when::time))),
        Day::Missing => None,
        Day::Partial => {
            tallies.add(Reason::ListedPartialDate, 1);
            None
        }
    }
}

/// The text of a cell.
pub(crate) fn text(row: &Row<'_>, column: &str) -> Option<String> {
    row.cell(column).map(str::to_owned)
}
