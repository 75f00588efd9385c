//! Reads the table of short recordings of a year, whatever columns it has, and the table of classes.

use std::collections::HashMap;
use std::path::Path;

use crate::import::listing::{self, Labels, Listed, Listing, Located, SoundFiles, local, place, python_list, text};
use crate::tables::{Columns, Problems, Row, Table, UniqueKey};
use crate::tally::Reason;
use crate::taxonomy::Label;

/// 2021 has all but `collection`; 2022 no date, 2023 neither date nor time, 2025 neither, and `collection`.
const COLUMNS: Columns<'_> = Columns {
    required: &["primary_label", "filename"],
    optional: &[
        "secondary_labels",
        "latitude",
        "longitude",
        "scientific_name",
        "common_name",
        "author",
        "date",
        "time",
        "license",
        "rating",
        "url",
        "collection",
    ],
};

const CLASSES: Columns<'_> = Columns {
    required: &["primary_label"],
    optional: &["scientific_name", "common_name", "class_name"],
};

/// What a year says of its labels.
#[derive(Default)]
pub(super) struct Classes {
    /// Codes of the classes in the order of the year's table of them, where it has one.
    pub(super) codes: Option<Vec<String>>,
    /// Scientific and common name of each label, and whether it is a bird's.
    labels: HashMap<String, (Option<String>, Option<String>, bool)>,
}

impl Classes {
    /// The species code of a label, with the names that the year gives it.
    pub(super) fn code(&self, label: &str, labels: &mut Labels<'_>, listing: &mut Listing) -> (Option<String>, bool) {
        let known = self.labels.get(label);
        let with_names = Label {
            code: Some(label),
            scientific: known.and_then(|known| known.0.as_deref()),
            common: known.and_then(|known| known.1.as_deref()),
            ..Label::default()
        };
        // A number is no code of eBird's, but of another list.
        let is_bird = known.map_or(!is_number(label), |known| known.2);
        labels.code_or_vague(with_names, is_bird, &mut listing.tallies)
    }

    /// Takes the names of the primary labels in a table of recordings, for those that have none yet.
    fn add_names(&mut self, table: &Table) {
        for row in table.rows() {
            let Some(label) = label_text(&row).filter(|label| !self.labels.contains_key(*label)) else {
                continue;
            };
            let names = (
                text(&row, "scientific_name"),
                text(&row, "common_name"),
                !is_number(label),
            );
            self.labels.insert(label.to_owned(), names);
        }
    }
}

fn is_number(label: &str) -> bool {
    label.starts_with(|c: char| c.is_ascii_digit())
}

/// Reads `taxonomy.csv`, where the year has one.
pub(super) fn classes(file: &Path, labels: &mut Labels<'_>, listing: &mut Listing, problems: &mut Problems) -> Classes {
    let mut classes = Classes::default();
    if !file.is_file() {
        return classes;
    }
    let Some(table) = Table::read(file, CLASSES, problems) else {
        return classes;
    };
    let mut unique = UniqueKey::of("primary_label");
    let mut codes = Vec::new();
    for row in table.rows() {
        let Some(code) = label_text(&row) else {
            row.problem(problems, "primary_label", "must not be empty");
            continue;
        };
        if !unique.is_new(code, &row, problems) {
            continue;
        }
        let is_bird = row
            .cell("class_name")
            .is_none_or(|class| class.eq_ignore_ascii_case("aves"));
        let names = (text(&row, "scientific_name"), text(&row, "common_name"), is_bird);
        classes.labels.insert(code.to_owned(), names);
        let (code, _) = classes.code(code, labels, listing);
        codes.extend(code.filter(|code| !codes.contains(code)));
    }
    classes.codes = Some(codes);
    classes
}

/// Codes are text, also those that look like numbers and were made floating-point ones.
fn label_text<'r>(row: &Row<'r>) -> Option<&'r str> {
    row.id("primary_label").or_else(|| row.word("primary_label"))
}

/// Reads the recordings.
pub(super) fn read(
    file: &Path,
    files: &SoundFiles,
    classes: &mut Classes,
    labels: &mut Labels<'_>,
    listing: &mut Listing,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, COLUMNS, problems) else {
        return;
    };
    classes.add_names(&table);
    let mut seen: HashMap<String, (String, u64)> = HashMap::new();
    for row in table.rows() {
        listing.rows += 1;
        let Some((primary, name, secondary)) = parts(&row, problems) else {
            continue;
        };
        let (path, key) = match files.at(&candidates(name, primary)) {
            Located::One(path, key) => (path, key),
            Located::Nowhere | Located::Several(_) => {
                listing.tallies.add_detail(Reason::ListedFileMissing, name, 1);
                continue;
            }
        };
        if let Some((earlier, line)) = seen.get(&key) {
            if earlier == primary {
                listing.tallies.add_detail(Reason::ListedAgain, &key, 1);
            } else {
                let message = format!("the same recording is of {earlier:?} on line {line}; keep one of the rows");
                row.problem(problems, "primary_label", message);
            }
            continue;
        }
        seen.insert(key.clone(), (primary.to_owned(), row.line));
        let (target, _) = classes.code(primary, labels, listing);
        let mut heard: Vec<String> = target.iter().cloned().collect();
        for other in secondary.iter().filter(|other| *other != primary) {
            heard.extend(
                classes
                    .code(other.strip_suffix(".0").unwrap_or(other), labels, listing)
                    .0,
            );
        }
        listing.taken += 1;
        let recording = described(&row, target, heard, listing);
        let source_id = name
            .rsplit('/')
            .next()
            .and_then(|name| name.split('.').next())
            .map(str::to_owned);
        listing.recordings.push(Listed {
            file: path,
            key,
            source_id,
            ..recording
        });
    }
}

/// Primary label, file and secondary labels of a row.
fn parts<'r>(row: &Row<'r>, problems: &mut Problems) -> Option<(&'r str, &'r str, Vec<String>)> {
    let (Some(primary), Some(name)) = (label_text(row), row.as_written("filename")) else {
        let column = if row.cell("filename").is_none() {
            "filename"
        } else {
            "primary_label"
        };
        row.problem(problems, column, "must not be empty");
        return None;
    };
    if !listing::stays_below(name) {
        row.problem(problems, "filename", "leads out of the folder");
        return None;
    }
    match row.cell("secondary_labels").map(python_list::items) {
        None => Some((primary, name, Vec::new())),
        Some(Ok(items)) => Some((primary, name, items)),
        Some(Err(message)) => {
            row.problem(problems, "secondary_labels", message);
            None
        }
    }
}

/// What a row says besides its species.
fn described(row: &Row<'_>, target: Option<String>, heard: Vec<String>, listing: &mut Listing) -> Listed {
    let rating = row
        .cell("rating")
        .filter(|rating| rating.parse::<f64>().is_ok_and(|rating| rating > 0.0));
    Listed {
        target,
        heard,
        place: place(row.cell("latitude"), row.cell("longitude"), &mut listing.tallies),
        local: local(row.cell("date"), row.cell("time"), &mut listing.tallies),
        license: row.cell("license").map(listing::spdx),
        source_url: row.cell("url").map(listing::address),
        recordist: text(row, "author"),
        quality: rating.map(str::to_owned),
        ..Listed::default()
    }
}

/// Where a file may be: 2021 leaves its folder out.
fn candidates(name: &str, primary: &str) -> [String; 6] {
    [
        format!("train_audio/{name}"),
        format!("train_short_audio/{primary}/{name}"),
        format!("train_audio/{primary}/{name}"),
        format!("train_short_audio/{name}"),
        name.to_owned(),
        format!("{primary}/{name}"),
    ]
}
