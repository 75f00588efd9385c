//! Writes what a scan makes: the recordings and taxa tables, the manifest, and the report.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use shardfmt::persist::{create_dirs, write_atomic};
use shardfmt::{Operation, Split};

use super::annotations::Form;
use super::labels::Classes;
use super::place::Place;
use crate::error::{self, Error, Result};

/// The recordings table.
pub const RECORDINGS: &str = "recordings.csv";
/// The classes.
pub const TAXA: &str = "taxa.csv";
/// What `l48 build` reads.
pub const MANIFEST: &str = "manifest.toml";
/// Everything that was found.
pub const REPORT: &str = "scan.txt";

/// A row of the recordings table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) asset_id: i64,
    pub(super) path: String,
    pub(super) split: Split,
    pub(super) recorded_at: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) site: Option<String>,
    pub(super) recorder: Option<String>,
    /// What a clock without an offset showed.
    pub(super) local_time: Option<String>,
    pub(super) time_from: Option<&'static str>,
    pub(super) duration_s: Option<f64>,
    pub(super) sample_rate_hz: u32,
    pub(super) heard: Vec<String>,
    pub(super) annotation: Option<String>,
}

/// Which columns the recordings table has that it may lack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub(super) heard: bool,
    pub(super) annotation: bool,
}

/// Refuses to write over what is there.
///
/// # Errors
/// [`Error::ScanTaken`] with the first file that is.
pub(super) fn check(out: &Path, overwrite: bool) -> Result<()> {
    refuse_taken(out, &[RECORDINGS, TAXA, MANIFEST, REPORT], overwrite)
}

/// Refuses to write files of these names over what is there.
///
/// # Errors
/// [`Error::ScanTaken`] with the first file that is.
pub(crate) fn refuse_taken(out: &Path, names: &[&str], overwrite: bool) -> Result<()> {
    let taken = names.iter().map(|name| out.join(name)).find(|file| file.exists());
    match taken {
        Some(path) if !overwrite => Err(Error::ScanTaken { path }),
        _ => Ok(()),
    }
}

/// Writes the files into `out`, each whole or not at all.
///
/// # Errors
/// Any of the system.
pub(crate) fn write(out: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    create_dirs(out)?;
    files
        .iter()
        .try_for_each(|(name, bytes)| Ok(write_atomic(&out.join(name), bytes)?))
}

/// The recordings table as CSV.
pub(super) fn recordings(out: &Path, rows: &[Row], columns: Columns) -> Result<Vec<u8>> {
    let mut header = vec![
        "asset_id",
        "path",
        "split",
        "recorded_at",
        "latitude",
        "longitude",
        "site",
        "recorder",
        "local_time",
        "time_from",
        "duration_s",
        "sample_rate_hz",
    ];
    header.extend(columns.heard.then_some("heard"));
    header.extend(columns.annotation.then_some("annotation"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cells = |row: &Row| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
        let mut cells = vec![
            row.asset_id.to_string(),
            row.path.clone(),
            row.split.as_str().to_owned(),
            text(&row.recorded_at),
            number(row.place.map(|place| place.latitude)),
            number(row.place.map(|place| place.longitude)),
            text(&row.site),
            text(&row.recorder),
            text(&row.local_time),
            row.time_from.unwrap_or_default().to_owned(),
            number(row.duration_s.map(|seconds| (seconds * 1000.0).round() / 1000.0)),
            row.sample_rate_hz.to_string(),
        ];
        cells.extend(columns.heard.then(|| row.heard.join(";")));
        cells.extend(columns.annotation.then(|| text(&row.annotation)));
        cells
    };
    let written = writer
        .write_record(&header)
        .and_then(|()| rows.iter().try_for_each(|row| writer.write_record(cells(row))));
    finished(&out.join(RECORDINGS), written, writer)
}

/// The taxa table as CSV.
pub(super) fn taxa(out: &Path, classes: &Classes) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut written = writer.write_record(["species_code", "common_name", "scientific_name"]);
    for (code, names) in &classes.taxa {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        written = written.and_then(|()| writer.write_record([code, &name(&names.common), &name(&names.scientific)]));
    }
    finished(&out.join(TAXA), written, writer)
}

fn finished(file: &Path, written: csv::Result<()>, writer: csv::Writer<Vec<u8>>) -> Result<Vec<u8>> {
    let bytes = written
        .map_err(Into::into)
        .and_then(|()| writer.into_inner().map_err(csv::IntoInnerError::into_error));
    bytes.map_err(error::io(Operation::Write, file))
}

/// The manifest: only what differs from the defaults, with what to think of.
pub(super) fn manifest(name: &str, classes: &Classes, form: Option<&Form>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let written = write_manifest(&mut text, name, classes, form);
    written.map_err(error::io(Operation::Write, MANIFEST))?;
    Ok(text)
}

fn write_manifest(to: &mut Vec<u8>, name: &str, classes: &Classes, form: Option<&Form>) -> std::io::Result<()> {
    writeln!(
        to,
        "# Made by `l48 scan`, to be edited; docs/manifest.md describes every key. Paths are relative to this file.\n"
    )?;
    writeln!(to, "[dataset]\nname = {}\n", quoted(name))?;
    writeln!(to, "[tables]\nrecordings = \"{RECORDINGS}\"\ntaxa = \"{TAXA}\"")?;
    let Some(form) = form else { return Ok(()) };
    let (format, files) = match form {
        Form::Raven(_) => ("raven", "{stem}.selections.txt"),
        Form::Audacity => ("audacity", "{stem}.txt"),
    };
    writeln!(to, "\n[tables.boxes]\nformat = \"{format}\"")?;
    writeln!(
        to,
        "# Of recordings without a cell in the column `annotation` of {RECORDINGS}."
    )?;
    writeln!(to, "files = \"{files}\"")?;
    match form {
        Form::Raven(columns) => match &columns[..] {
            [column] => writeln!(to, "label_column = {}", quoted(column))?,
            _ => {
                let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
                writeln!(to, "# The first of these that a table has.")?;
                writeln!(to, "label_column = [{}]", columns.join(", "))?;
            }
        },
        Form::Audacity => {}
    }
    writeln!(to, "\n[labels]")?;
    writeln!(
        to,
        "# Nothing says that the annotators labelled all that they heard: a species without a box is unknown."
    )?;
    writeln!(
        to,
        "# \"box\", if whoever drew a box in a clip labelled the whole clip."
    )?;
    writeln!(to, "completeness = \"span\"")?;
    let listed = |labels: &BTreeSet<String>| labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ");
    if !classes.unknown.is_empty() {
        writeln!(to, "unknown_bird_codes = [{}]", listed(&classes.unknown))?;
    }
    if !classes.others.is_empty() {
        writeln!(
            to,
            "# {}: no species, so kept with the clip, and nothing else.",
            listed(&classes.others)
        )?;
        writeln!(to, "other_codes = \"keep-box\"")?;
    }
    if !classes.aliases.is_empty() {
        writeln!(to, "\n[labels.aliases]")?;
        for (label, code) in &classes.aliases {
            writeln!(to, "{} = {}", quoted(label), quoted(code))?;
        }
    }
    Ok(())
}

/// A text as a string of TOML. JSON's escapes are all known there; only DEL, which JSON leaves as it is, is not allowed.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::labels::{Labels, Names};
    use super::*;

    #[test]
    fn a_manifest_is_toml_whatever_the_labels_are() {
        let mut labels = Labels::default();
        let odd = ["a \"b\"", "c\\d e", "ä ö\n", "\u{7f} x", "SP", "nocall", "x=y z"];
        odd.iter().for_each(|label| labels.add(label, Names::default()));
        let classes = Classes::of(&labels);
        let form = Form::Raven(vec!["Species \"x\"".into(), "Code".into()]);
        let text = String::from_utf8(manifest("a \"name\"", &classes, Some(&form)).unwrap()).unwrap();
        let parsed: toml::Table = text.parse().unwrap();
        let labels = parsed["labels"].as_table().unwrap();
        let columns = &parsed["tables"]["boxes"]["label_column"];
        assert_eq!(columns.as_array().unwrap()[0].as_str(), Some("Species \"x\""));
        assert_eq!(parsed["dataset"]["name"].as_str(), Some("a \"name\""));
        assert_eq!(labels["aliases"].as_table().unwrap().len(), 5);
        assert_eq!(labels["unknown_bird_codes"].as_array().unwrap().len(), 1);
        let plain = manifest("x", &Classes::default(), None).unwrap();
        assert!(!String::from_utf8(plain).unwrap().contains("[labels]"));
    }

    #[test]
    fn cells_are_quoted_and_what_is_there_is_kept() {
        let row = Row {
            asset_id: 1,
            path: "a,\"b\"/c.wav".into(),
            split: Split::Val,
            recorded_at: None,
            place: Place::new(1.5, -2.25),
            site: Some("ridge\nnorth".into()),
            recorder: None,
            local_time: None,
            time_from: None,
            duration_s: Some(1.000_04),
            sample_rate_hz: 48_000,
            heard: vec!["a".into(), "b".into()],
            annotation: None,
        };
        let place = tempfile::tempdir().unwrap();
        let columns = Columns {
            heard: true,
            annotation: true,
        };
        let bytes = recordings(place.path(), &[row], columns).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        assert_eq!(reader.headers().unwrap().len(), 14);
        let record = reader.records().next().unwrap().unwrap();
        let cells: Vec<&str> = record.iter().collect();
        let expected = [
            "1",
            "a,\"b\"/c.wav",
            "val",
            "",
            "1.5",
            "-2.25",
            "ridge\nnorth",
            "",
            "",
            "",
            "1",
            "48000",
            "a;b",
            "",
        ];
        assert_eq!(cells, expected);
        check(place.path(), false).unwrap();
        write(place.path(), &[(TAXA, Vec::new())]).unwrap();
        assert!(check(place.path(), false).unwrap_err().to_string().contains(TAXA));
        check(place.path(), true).unwrap();
    }
}
