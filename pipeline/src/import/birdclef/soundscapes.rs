//! Reads tables of labelled soundscapes: every row is a window of a recording with all of its species.
//!
//! 2021 names the recording in parts, the window by its end, and the species in a list with blanks; 2026 names the
//! file, both ends by the clock, and the species in a list with semicolons, and has its rows twice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::train::Classes;
use crate::import::listing::{self, Labels, Listed, Listing, Located, SoundFiles, Window, when};
use crate::tables::{Columns, Problems, Row, Table};
use crate::tally::Reason;

const COLUMNS: Columns<'_> = Columns {
    required: &[],
    optional: &[
        "row_id",
        "site",
        "audio_id",
        "seconds",
        "birds",
        "filename",
        "start",
        "end",
        "primary_label",
    ],
};

/// Folders of soundscapes.
const FOLDERS: [&str; 2] = ["train_soundscapes", "train_soundscape"];
/// Length of a window, in seconds, where only its end is given.
const WINDOW_S: f64 = 5.0;
/// What a list says of a window in which nothing is heard.
const NO_CALL: &str = "nocall";

/// Windows of a recording by their ends in nanoseconds.
type Windows = BTreeMap<(i64, i64), Heard>;

/// What one window has.
#[derive(Default)]
struct Heard {
    /// The labels of each of its rows.
    lists: Vec<Vec<String>>,
}

/// Reads the windows, and makes a recording of each file that has some.
pub(super) fn read(
    file: &Path,
    files: &SoundFiles,
    classes: &Classes,
    labels: &mut Labels<'_>,
    listing: &mut Listing,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, COLUMNS, problems) else {
        return;
    };
    // Files in the order of their first rows, each with its windows.
    let mut order: Vec<Listed> = Vec::new();
    let mut windows: Vec<Windows> = Vec::new();
    let mut located: HashMap<String, Option<usize>> = HashMap::new();
    for row in table.rows() {
        listing.rows += 1;
        let Some((name, site, span_ns, list)) = parts(&row, problems) else {
            continue;
        };
        let Some(list) = list else {
            listing.tallies.add(Reason::WindowWithoutLabel, 1);
            continue;
        };
        let position = *located.entry(name.clone()).or_insert_with(|| {
            let (path, key) = find(&name, files)?;
            order.push(Listed {
                file: path,
                key,
                source_id: Some(name.clone()),
                site: site.or_else(|| site_in(&name)).map(str::to_owned),
                has_windows: true,
                ..Listed::default()
            });
            windows.push(Windows::new());
            Some(order.len() - 1)
        });
        let Some(of_file) = position.and_then(|position| windows.get_mut(position)) else {
            listing.tallies.add_detail(Reason::ListedFileMissing, &name, 1);
            continue;
        };
        match of_file.entry(span_ns) {
            Entry::Vacant(entry) => entry.insert(Heard::default()).lists.push(list),
            Entry::Occupied(mut entry) => {
                let known = &mut entry.get_mut().lists;
                let reason = if known.contains(&list) {
                    Reason::WindowAgain
                } else {
                    Reason::WindowsDiffer
                };
                listing.tallies.add(reason, 1);
                known.push(list);
            }
        }
    }
    let all: usize = FOLDERS.iter().map(|folder| files.count_in(folder)).sum();
    let unlabelled = all.saturating_sub(order.len());
    listing.tallies.add(Reason::UnlabelledRecording, unlabelled as u64);
    // Where no window has a length, none of them is on a grid.
    let length_ns = commonest_ns(&windows).unwrap_or(i64::MAX);
    add(order, windows, length_ns, classes, labels, listing);
}

/// The file's name, the site, both ends in nanoseconds and the labels of a row; no labels where there is no list.
type Parts<'r> = (String, Option<&'r str>, (i64, i64), Option<Vec<String>>);

fn parts<'r>(row: &Row<'r>, problems: &mut Problems) -> Option<Parts<'r>> {
    let is_2021 = row.has("seconds");
    let list_column = if is_2021 { "birds" } else { "primary_label" };
    for column in ["filename", "start", "end"].into_iter().filter(|_| !is_2021) {
        row.require(column, problems)?;
    }
    let list = row.word(list_column).map(|list| {
        let parts = list.split(|c: char| if is_2021 { c.is_whitespace() } else { c == ';' });
        let labels = parts
            .map(str::trim)
            .filter(|label| !label.is_empty() && *label != NO_CALL);
        let mut labels: Vec<String> = labels
            .map(|label| label.strip_suffix(".0").unwrap_or(label).to_owned())
            .collect();
        labels.sort();
        labels.dedup();
        labels
    });
    if !is_2021 {
        let [start_s, end_s] = ["start", "end"].map(|column| clock(row, column, problems));
        let name = row.as_written("filename")?;
        return Some((
            name.to_owned(),
            None,
            (nanoseconds(start_s?), nanoseconds(end_s?)),
            list,
        ));
    }
    let end_s = clock(row, "seconds", problems)?;
    let (audio, site) = (row.id("audio_id"), row.cell("site"));
    let name = match (audio, site) {
        (Some(audio), Some(site)) => format!("{audio}_{site}"),
        _ => match row.require("row_id", problems)?.rsplit_once('_') {
            Some((name, _)) => name.to_owned(),
            None => {
                row.problem(
                    problems,
                    "row_id",
                    "expected audio, site and seconds, such as 7019_COR_5",
                );
                return None;
            }
        },
    };
    Some((name, site, (nanoseconds(end_s - WINDOW_S), nanoseconds(end_s)), list))
}

fn clock(row: &Row<'_>, column: &str, problems: &mut Problems) -> Option<f64> {
    let seconds = when::clock_s(row.require(column, problems)?);
    if seconds.is_none() {
        row.problem(problems, column, "expected seconds, or a time such as 00:01:05");
    }
    seconds
}

fn nanoseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

/// The site in a name such as `BC2026_Train_0001_S08_20250606_030007.ogg`.
fn site_in(name: &str) -> Option<&str> {
    let is_site = |part: &&str| {
        let digits = part.strip_prefix('S').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut sites = name.split('_').filter(is_site);
    sites.next().filter(|_| sites.next().is_none())
}

/// The file of a name, which may lack its extension, or its date behind the site.
fn find(name: &str, files: &SoundFiles) -> Option<(std::path::PathBuf, String)> {
    if !listing::stays_below(name) {
        return None;
    }
    let whole: Vec<String> = FOLDERS
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .chain([name.to_owned()])
        .collect();
    let beginnings = whole
        .iter()
        .flat_map(|name| ["_", "."].map(|behind| format!("{name}{behind}")));
    let located = std::iter::once(files.at(&whole)).chain(beginnings.map(|beginning| files.beginning(&beginning)));
    located.into_iter().find_map(|located| match located {
        Located::One(path, key) => Some((path, key)),
        Located::Nowhere | Located::Several(_) => None,
    })
}

/// The commonest length of a window, in nanoseconds; of equals, the shortest.
fn commonest_ns(windows: &[Windows]) -> Option<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for (start, end) in windows.iter().flat_map(BTreeMap::keys) {
        *counts.entry(end - start).or_default() += 1;
    }
    counts
        .into_iter()
        .rev()
        .filter(|(length, _)| *length > 0)
        .max_by_key(|(_, count)| *count)
        .map(|(length, _)| length)
}

/// Adds the recordings and their windows.
fn add(
    order: Vec<Listed>,
    windows: Vec<Windows>,
    length_ns: i64,
    classes: &Classes,
    labels: &mut Labels<'_>,
    listing: &mut Listing,
) {
    for (recording, of_file) in order.into_iter().zip(windows) {
        let position = listing.recordings.len();
        for (span_ns, Heard { lists }) in of_file {
            let (start, end) = span_ns;
            if end - start != length_ns || start < 0 || start % length_ns != 0 {
                listing.tallies.add(Reason::WindowOffGrid, 1);
                continue;
            }
            listing.taken += 1;
            let (mut heard, mut is_complete) = (Vec::new(), true);
            let mut all: Vec<String> = lists.into_iter().flatten().collect();
            all.sort();
            all.dedup();
            for label in &all {
                let (code, is_vague) = classes.code(label, labels, listing);
                heard.extend(code);
                is_complete &= !is_vague;
            }
            listing.windows.push(Window {
                recording: position,
                span_ns,
                heard,
                is_complete,
            });
        }
        listing.recordings.push(recording);
    }
    listing.window_s = (!listing.windows.is_empty()).then_some(length_ns as f64 / 1e9);
}
