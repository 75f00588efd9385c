//! Reads what Xeno-canto says of recordings: pages of its API, versions 2 and 3, and tables made of them.

mod row;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::listing::{Choices, Labels, Listed, Listing, Located, SoundFiles, json};
use crate::error::Result;
use crate::tables::{Columns, Problems, Table};
use crate::tally::Reason;
use crate::taxonomy::{Naming, Taxonomy};
use row::Entry;

/// Columns of a table, in the API's words: `group` and `lng` are those of version 2, `grp` and `lon` those of version
/// 3.
const COLUMNS: Columns<'_> = Columns {
    required: &["id", "gen", "sp"],
    optional: row::OPTIONAL,
};

/// Reads all pages (JSON) and tables (CSV) in a folder and below it, or one file, whose recordings are in its folder.
/// Codes come of the names, in `taxonomy` where there is one.
///
/// # Errors
/// A folder that cannot be read, and all mistakes in its tables.
pub fn read(source: &Path, taxonomy: Option<&Taxonomy>, choices: &Choices) -> Result<Listing> {
    let mut problems = Problems::default();
    let is_file = source.is_file();
    let files = SoundFiles::beside(source)?;
    let mut listing = Listing {
        name: "xeno-canto".into(),
        ..Listing::default()
    };
    let mut entries = Vec::new();
    if is_file {
        let is_json = source
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains(".json"));
        let is_read = if is_json {
            page(source, &mut entries, &mut problems)
        } else {
            None
        };
        if is_read.is_none() && !is_json {
            table(source, &mut entries, &mut problems);
        } else if is_read == Some(false) {
            problems.file(
                source,
                "has no list `recordings`, as the pages of Xeno-canto's API have",
            );
        }
    } else {
        of_folder(&files, &mut entries, &mut listing, &mut problems);
        if entries.is_empty() && problems.is_empty() {
            problems.file(
                source,
                "has no page of Xeno-canto's API (JSON) and no table with id, gen and sp (CSV)",
            );
        }
    }
    let mut labels = Labels::new(taxonomy, Naming::Other, choices);
    take(entries, &files, &mut labels, &mut listing);
    listing.tallies.add_all(&problems.noticed.tallies);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    listing.class_targets(&labels.names);
    listing.count_unknown();
    Ok(listing)
}

/// Reads the files of a folder that are pages or tables.
fn of_folder(files: &SoundFiles, entries: &mut Vec<Entry>, listing: &mut Listing, problems: &mut Problems) {
    for (key, file) in files.with_extension("json") {
        if page(file, entries, problems) == Some(false) {
            listing.tallies.add_detail(Reason::OtherTable, key, 1);
        }
    }
    for (key, file) in files.with_extension("csv") {
        // Another table may well lie there.
        let mut own = Problems::default();
        let before = entries.len();
        if table(file, entries, &mut own) {
            problems.add_all(own);
        } else {
            entries.truncate(before);
            listing.tallies.add_detail(Reason::OtherTable, key, 1);
        }
    }
}

/// Reads a page, or a list of recordings; whether it is one. `None` where it cannot be read, with a problem.
fn page(file: &Path, entries: &mut Vec<Entry>, problems: &mut Problems) -> Option<bool> {
    let value = json::read(file, problems)?;
    let list = match &value {
        Value::Object(object) => object.get("recordings").and_then(Value::as_array),
        Value::Array(list) => Some(list),
        _ => None,
    };
    let list = list.filter(|list| {
        list.iter()
            .all(|one| one.get("gen").is_some() && one.get("id").is_some())
    });
    entries.extend(
        list.into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(Entry::of_object),
    );
    Some(list.is_some())
}

/// Reads a table; whether it has the columns of one.
fn table(file: &Path, entries: &mut Vec<Entry>, problems: &mut Problems) -> bool {
    let Some(table) = Table::read(file, COLUMNS, problems) else {
        return false;
    };
    entries.extend(table.rows().map(|row| Entry::of_row(&row)));
    true
}

/// Makes recordings of the rows.
fn take(entries: Vec<Entry>, files: &SoundFiles, labels: &mut Labels<'_>, listing: &mut Listing) {
    let mut seen: HashMap<String, u64> = HashMap::new();
    for entry in entries {
        listing.rows += 1;
        let Some(number) = entry.number() else {
            let detail = format!("id {:?} is not a number", entry.get("id").unwrap_or_default());
            listing.tallies.add_detail(Reason::ListedUnread, &detail, 1);
            continue;
        };
        let (path, key) = match entry.locate(number, files) {
            Located::One(path, key) => (path, key),
            Located::Several(keys) => {
                listing
                    .tallies
                    .add_detail(Reason::ListedFileAmbiguous, &keys.join(", "), 1);
                continue;
            }
            Located::Nowhere => {
                let is_withheld = entry.get("file").is_none() && entry.get("file-name").is_none();
                let reason = if is_withheld {
                    Reason::ListedFileWithheld
                } else {
                    Reason::ListedFileMissing
                };
                listing.tallies.add_detail(reason, &format!("XC{number}"), 1);
                continue;
            }
        };
        if seen.insert(key.clone(), number).is_some() {
            listing.tallies.add_detail(Reason::ListedAgain, &key, 1);
            continue;
        }
        listing.taken += 1;
        let recording = entry.recording(labels, &mut listing.tallies);
        let source_id = Some(format!("XC{number}"));
        listing.recordings.push(Listed {
            file: path,
            key,
            source_id,
            ..recording
        });
    }
}
