//! Finds the annotation files beside recordings, and the labels in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use rayon::prelude::*;

use super::finding::{Finding, Kind};
use super::labels::{Labels, Names};
use super::walk::Found;
use crate::tables::{Columns, Problems, Table, decode, finite_number, nfc, numbered_lines, read_bytes};

/// How the names of Raven's tables end.
const RAVEN_ENDS: [&str; 3] = [".selections.txt", ".selection.table.txt", ".selections.csv"];

/// What the names of BirdNET's results have: a program found them, nobody drew them.
const DETECTIONS: &str = ".birdnet.";

/// Columns of Raven's tables that tell one from other texts.
const RAVEN_TIMES: [&str; 2] = ["Begin Time (s)", "End Time (s)"];

/// Columns in which people and programs keep labels, the likelier first.
const LABEL_COLUMNS: [&str; 14] = [
    "Species",
    "species",
    "Species Code",
    "Species eBird Code",
    "Annotation",
    "annotation",
    "Label",
    "label",
    "Class",
    "class",
    "Common Name",
    "Call Type",
    "Type",
    "ID",
];

/// Lines of a text that are looked at to see whether it is a label track.
const LOOKED_AT: usize = 3;

/// What annotation files are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Raven selection tables with their labels in the first of these columns that a table has.
    Raven(Vec<String>),
    /// Audacity label tracks.
    Audacity,
}

/// A file with what is in it.
struct Annotated<'a> {
    recording: usize,
    file: &'a Found,
    /// The column of its labels, if it is a Raven table and no Audacity track.
    column: Option<&'static str>,
    /// Whether a program wrote it.
    is_detected: bool,
    labels: Labels,
}

/// The annotation files that a manifest can name: those of the form that most have.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    /// Their form; `None` without any.
    pub(super) form: Option<Form>,
    /// The file of each recording that has one, by its number.
    pub(super) files: BTreeMap<usize, Found>,
    /// Labels in them.
    pub(super) labels: Labels,
    /// How many were written by a program.
    pub(super) detected: usize,
}

/// Looks for the annotations of recordings. Runs on the pool it is called from.
pub(super) fn find(recordings: &[&Found], texts: &[Found], findings: &mut Vec<Finding>) -> Annotations {
    let mut by_stem: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for (number, found) in recordings.iter().enumerate() {
        by_stem
            .entry((found.folder(), stem(found.name()).to_owned()))
            .or_default()
            .push(number);
    }
    let mut tell = |file: &Found, what: String| {
        findings.push(Finding {
            kind: Kind::Annotations,
            path: file.key.clone(),
            what,
        });
    };
    let mut owned = Vec::new();
    for file in texts {
        match owner(file, &by_stem) {
            Some([recording]) => owned.push((*recording, file)),
            Some(_) => tell(
                file,
                "several recordings beside it have its name; rename it after one".into(),
            ),
            None if is_raven_name(file.name()) => tell(file, "no recording beside it has its name".into()),
            None => {}
        }
    }
    let read: Vec<_> = owned
        .par_iter()
        .map(|(recording, file)| (*file, read(*recording, file)))
        .collect();
    let mut annotated = Vec::new();
    for (file, read) in read {
        match read {
            Ok(Some(found)) => annotated.push(found),
            Ok(None) => {}
            Err(what) => tell(file, what),
        }
    }
    choose(annotated, &mut tell)
}

/// Keeps the files of the form that most have, those that people wrote before those of programs, and one of each
/// recording: a manifest knows one form.
fn choose(annotated: Vec<Annotated<'_>>, tell: &mut dyn FnMut(&Found, String)) -> Annotations {
    // Whether a program wrote it, and whether it is a track.
    let mut counts: BTreeMap<(bool, bool), usize> = BTreeMap::new();
    for found in &annotated {
        let form = (found.is_detected, found.column.is_none());
        *counts.entry(form).or_default() += 1;
    }
    let by_hand = counts.keys().any(|(is_detected, _)| !is_detected);
    let eligible = counts
        .iter()
        .filter(|((is_detected, _), _)| !(by_hand && *is_detected))
        .rev();
    let is_track = eligible
        .max_by_key(|(_, count)| **count)
        .map(|((_, is_track), _)| *is_track);
    let mut chosen = Annotations::default();
    let mut columns = BTreeSet::new();
    for found in annotated {
        if Some(found.column.is_none()) != is_track || (by_hand && found.is_detected) {
            let what = match found.column {
                _ if found.is_detected && by_hand => "written by a program, where others were drawn by hand",
                Some(_) => "a Raven table; a manifest knows one form",
                None => "an Audacity track; a manifest knows one form",
            };
            tell(found.file, what.to_owned());
        } else if let Some(first) = chosen.files.get(&found.recording) {
            let first = first.name().to_owned();
            tell(
                found.file,
                format!("its recording has {first} already, and a manifest knows one file for each"),
            );
        } else {
            chosen.detected += usize::from(found.is_detected);
            columns.extend(found.column);
            chosen.labels.add_all(&found.labels);
            chosen.files.insert(found.recording, found.file.clone());
        }
    }
    chosen.form = is_track.map(|is_track| match is_track {
        true => Form::Audacity,
        // In the order of likelihood, in which each table's own was found.
        false => Form::Raven(
            LABEL_COLUMNS
                .into_iter()
                .filter(|column| columns.contains(column))
                .map(str::to_owned)
                .collect(),
        ),
    });
    chosen
}

/// A name without its extension.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn is_raven_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RAVEN_ENDS.iter().any(|end| name.ends_with(end))
}

/// The recordings beside a file whose name it has, with more after a dot or not: `a.Table.1.selections.txt` is of `a`.
fn owner<'a>(file: &'a Found, by_stem: &'a HashMap<(&'a str, String), Vec<usize>>) -> Option<&'a [usize]> {
    let mut rest = stem(file.name());
    loop {
        if let Some(recordings) = by_stem.get(&(file.folder(), rest.to_owned())) {
            return Some(recordings);
        }
        rest = rest.rsplit_once('.')?.0;
    }
}

/// Reads a file: `None` for a text that is no annotation, an error for one that cannot be used.
fn read(recording: usize, file: &Found) -> Result<Option<Annotated<'_>>, String> {
    let name = file.name().to_ascii_lowercase();
    let is_detected = name.contains(DETECTIONS);
    if name.ends_with(".csv") {
        let is_table = is_detected || is_raven_name(&name);
        return if is_table {
            Err("a table with commas, which a manifest does not know for annotations".into())
        } else {
            Ok(None)
        };
    }
    let mut problems = Problems::default();
    let bytes = read_bytes(&file.path, &mut problems);
    let text = bytes
        .as_deref()
        .and_then(|bytes| decode(&file.path, bytes, &mut problems));
    let (Some(bytes), Some(text)) = (&bytes, text) else {
        return Err(first_line(&problems));
    };
    let annotated = |column, labels| Annotated {
        recording,
        file,
        column,
        is_detected,
        labels,
    };
    let header: Vec<String> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split('\t')
        .map(|cell| cell.trim().to_owned())
        .collect();
    if RAVEN_TIMES
        .iter()
        .all(|column| header.iter().any(|cell| cell == column))
    {
        let column = LABEL_COLUMNS
            .into_iter()
            .find(|column| header.iter().any(|cell| cell == column));
        let Some(column) = column else {
            return Err(format!(
                "a Raven table without a column of labels; it has: {}",
                header.join(", ")
            ));
        };
        let labels = raven_labels(&file.path, bytes, column).ok_or("a Raven table that cannot be read")?;
        return Ok(Some(annotated(Some(column), labels)));
    }
    match audacity_labels(&text) {
        Some(labels) => Ok(Some(annotated(None, labels))),
        None if is_raven_name(&name) => Err("named as a Raven table, but without its columns of times".into()),
        None => Ok(None),
    }
}

fn first_line(problems: &Problems) -> String {
    let text = problems.to_string();
    text.lines().nth(1).unwrap_or("cannot be read").trim().to_owned()
}

/// The labels of a Raven table, with the names that BirdNET gives beside a code.
fn raven_labels(file: &Path, bytes: &[u8], column: &str) -> Option<Labels> {
    let columns = Columns {
        required: &[column],
        optional: &["Common Name", "Scientific Name"],
    };
    let table = Table::parse_selections(file, bytes, columns, &mut Problems::default())?;
    let mut labels = Labels::default();
    for row in table.rows() {
        if let Some(label) = row.word(column) {
            let name = |other: &str| row.cell(other).filter(|_| other != column).map(str::to_owned);
            labels.add(
                label,
                Names {
                    common: name("Common Name"),
                    scientific: name("Scientific Name"),
                },
            );
        }
    }
    Some(labels)
}

/// The labels of an Audacity track; `None` for another text. An empty one may be either, and is none.
fn audacity_labels(text: &str) -> Option<Labels> {
    let mut labels = Labels::default();
    let mut seen = 0;
    for (_, line) in numbered_lines(text) {
        let mut cells = line.split('\t').map(str::trim);
        let first = cells.next().unwrap_or_default();
        if first.is_empty() || first == "\\" {
            continue;
        }
        let is_number = |text: Option<&str>| text.is_some_and(|text| finite_number(text).is_ok());
        let is_label = is_number(Some(first)) && is_number(cells.next());
        if !is_label && seen < LOOKED_AT {
            return None;
        }
        seen += usize::from(is_label);
        if let Some(label) = cells.next().filter(|label| is_label && !label.is_empty()) {
            labels.add(&nfc(label), Names::default());
        }
    }
    (seen > 0).then_some(labels)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const RAVEN: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";

    fn found_in(files: &[(&str, String)], recordings: &[&str]) -> (Annotations, Vec<String>) {
        let place = tempfile::tempdir().unwrap();
        let found = |name: &str| Found {
            path: place.path().join(name),
            key: format!("card/{name}"),
        };
        for (name, text) in files {
            std::fs::write(place.path().join(name), text).unwrap();
        }
        let texts: Vec<Found> = files.iter().map(|(name, _)| found(name)).collect();
        let recordings: Vec<Found> = recordings.iter().map(|name| found(name)).collect();
        let recordings: Vec<&Found> = recordings.iter().collect();
        let mut findings = Vec::new();
        let annotations = find(&recordings, &texts, &mut findings);
        let told = findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.path, finding.what))
            .collect();
        (annotations, told)
    }

    #[test]
    fn tables_and_tracks_go_to_the_recording_beside_them() {
        let species = format!("{RAVEN}\tSpecies\n1\tSpectrogram 1\t1\t1\t2\t0\t9\tWOTH\n2\tS\t1\t1\t2\t0\t9\t\n");
        let code = format!("{RAVEN}\tCommon Name\tSpecies Code\n1\tSpectrogram 1\t1\t1\t2\t0\t9\tWood Thrush\tWOTH\n");
        let (found, told) = found_in(
            &[
                ("a.Table.1.selections.txt", species.clone()),
                ("b.selection.table.txt", format!("{RAVEN}\tSpecies\n")),
                ("c.txt", "0.5\t1.5\tNOCA\n\\\t100\t900\n".into()),
                ("lost.selections.txt", species.clone()),
                ("a.Table.2.selections.txt", species.clone()),
                ("d.selections.txt", "nothing".into()),
                ("a.b.txt", "my notes\nof that day".into()),
                ("e.selections.txt", species),
                ("f.selections.txt", code),
            ],
            &["a.wav", "b.WAV", "c.flac", "d.wav", "e.wav", "e.flac", "f.wav"],
        );
        let columns = ["Species", "Species Code"].map(str::to_owned).to_vec();
        assert_eq!(found.form, Some(Form::Raven(columns)));
        let names: Vec<_> = found
            .files
            .iter()
            .map(|(number, file)| (*number, file.name()))
            .collect();
        assert_eq!(
            names,
            [
                (0, "a.Table.1.selections.txt"),
                (1, "b.selection.table.txt"),
                (6, "f.selections.txt")
            ]
        );
        assert_eq!(
            found.labels.iter().map(|(label, ..)| label).collect::<Vec<_>>(),
            ["WOTH"]
        );
        for part in [
            "c.txt: an Audacity",
            "lost.sel",
            "Table.2.selections.txt: its recording has",
            "d.sel",
            "e.sel",
        ] {
            assert!(told.iter().any(|text| text.contains(part)), "{part}: {told:?}");
        }
        assert_eq!(told.len(), 5, "{told:?}");
    }

    #[test]
    fn what_a_program_found_gives_way_to_what_people_drew() {
        let birdnet = format!(
            "{RAVEN}\tCommon Name\tSpecies Code\tConfidence\n\
                               1\tSpectrogram 1\t1\t0\t3\t0\t15000\tEurasian Wren\twinwre4\t0.9\n"
        );
        let files = [
            ("a.BirdNET.selection.table.txt", birdnet.clone()),
            ("b.BirdNET.selection.table.txt", birdnet),
            ("b.BirdNET.results.csv", "Start (s),End (s)".into()),
        ];
        let (found, told) = found_in(&files, &["a.wav", "b.wav", "c.wav"]);
        assert_eq!(
            (found.form, found.detected),
            (Some(Form::Raven(vec!["Species Code".into()])), 2)
        );
        let names: Vec<_> = found
            .labels
            .iter()
            .map(|(label, names, _)| (label, names.common.clone()))
            .collect();
        assert_eq!(names, [("winwre4", Some("Eurasian Wren".to_owned()))]);
        assert!(told.len() == 1 && told[0].contains("a table with commas"), "{told:?}");
        let by_hand = [&files[..2], &[("c.txt", "1\t2\tWren\n".into())]].concat();
        let (found, told) = found_in(&by_hand, &["a.wav", "b.wav", "c.wav"]);
        assert_eq!((found.form, found.detected, told.len()), (Some(Form::Audacity), 0, 2));
    }

    #[test]
    fn other_texts_are_no_tracks() {
        for text in ["", "\n", "1\t2", "a\tb\tc\n", "1,5\t2,5\tA\n", "1 2 A\n"] {
            assert_eq!(audacity_labels(text).is_some(), text == "1\t2", "{text:?}");
        }
    }
}
