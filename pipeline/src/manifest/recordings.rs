//! Provides the reader of the recordings table.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use jiff::fmt::temporal::Pieces;
use shardfmt::Split;
use storage::Location;

use super::boxes::BoxReader;
use super::model::{Audio, BoxCode, RecordedAt, Recording};
use super::notes::Notes;
use crate::tables::{Columns, FileNames, Problems, Row, Table, UniqueKey, is_no_value};
use crate::tally::Reason;

const COLUMNS: Columns<'_> = Columns {
    required: &["asset_id", "path", "split"],
    optional: &[
        "target_species",
        "latitude",
        "longitude",
        "recorded_at",
        "checklist_id",
        "license",
        "source_url",
        "heard",
        "annotation",
    ],
};

/// Position of every asset in the list of recordings.
pub(super) fn positions(recordings: &[Recording]) -> HashMap<i64, usize> {
    let ids = recordings.iter().map(|recording| recording.asset_id);
    ids.zip(0..).collect()
}

/// The recording that a row of another table names by its asset_id.
pub(super) fn recording_of<'r>(
    row: &Row<'_>,
    positions: &HashMap<i64, usize>,
    recordings: &'r mut [Recording],
    problems: &mut Problems,
) -> Option<&'r mut Recording> {
    let asset_id = row.require_asset_id(problems)?;
    let position = positions.get(&asset_id);
    if position.is_none() {
        row.problem(problems, "asset_id", "unknown asset: it is not in the recordings table");
    }
    recordings.get_mut(*position?)
}

/// Reads the recordings table. A recording with a mistake keeps its place, so that other tables do not seem to name
/// an asset that is not there; the mistake is in `problems`, and a manifest with problems is refused as a whole.
pub(super) fn read(
    (file, prefix): (&Path, Option<&str>),
    codes: Option<&BoxReader<'_>>,
    audio: Audio<'_>,
    notes: &mut Notes,
    problems: &mut Problems,
) -> Vec<Recording> {
    let Some(table) = Table::read(file, COLUMNS, problems) else {
        return Vec::new();
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut asset_ids = UniqueKey::of("asset_id");
    let mut names = FileNames::default();
    let mut recordings = Vec::new();
    for row in table.rows() {
        let asset_id = row.require_asset_id(problems);
        let asset_id = asset_id.filter(|id| asset_ids.is_new(*id, &row, problems));
        row.require("path", problems);
        let path = row.as_written("path");
        let file = path.map(|path| match address(path, prefix) {
            Some(address) => address,
            None => names.find(&folder.join(path)),
        });
        if let Some(file) = &file {
            check_file(&row, file, audio, notes, problems);
        }
        let target = target(&row, codes, problems);
        let text = |column| row.cell(column).map(str::to_string);
        let recording = Recording {
            asset_id: asset_id.unwrap_or_default(),
            path: path.map_or_else(String::new, |path| outward(folder, path)),
            file: file.unwrap_or_default(),
            split: split(&row, problems).unwrap_or(Split::Train),
            target,
            latitude: degrees(&row, "latitude", 90.0, problems),
            longitude: degrees(&row, "longitude", 180.0, problems),
            recorded_at: recorded_at(&row, problems),
            checklist_id: row.id("checklist_id").map(str::to_string),
            license: text("license"),
            source_url: text("source_url"),
            heard: codes.and_then(|codes| heard(&row, codes, notes, problems)),
            annotation: row.as_written("annotation").map(str::to_string),
            boxes: Vec::new(),
            spans: Vec::new(),
            geo: None,
            checklist: None,
            scores: Vec::new(),
            line: row.line,
        };
        if asset_id.is_some() {
            recordings.push(recording);
        }
    }
    recordings
}

/// Where a recording is that lies at an address: one that `path` names, or one under the address `prefix`.
fn address(path: &str, prefix: Option<&str>) -> Option<PathBuf> {
    if Location::is_address(Path::new(path)) {
        return Some(path.into());
    }
    let prefix = prefix.filter(|_| !Path::new(path).is_absolute())?;
    let whole = format!("{}/{path}", prefix.trim_end_matches('/'));
    Some(whole.into())
}

/// The path as outputs name it: an address without what may be secret in it, and none that the paths are under, so that
/// a dataset does not depend on where its recordings are.
fn outward(folder: &Path, path: &str) -> String {
    match Location::of(Path::new(path)) {
        address @ Location::Address(_) => address.to_string(),
        Location::Path(path) => outward_path(folder, &path),
    }
}

/// Checks that the recording is there, or counts that it is gone. One at an address is asked for when it is read: a
/// million of them would take hours now.
fn check_file(row: &Row<'_>, file: &Path, audio: Audio<'_>, notes: &mut Notes, problems: &mut Problems) {
    if Location::is_address(file) {
        if !storage::reads_addresses() {
            let url = Location::of(file).to_string();
            row.problem(problems, "path", storage::Error::NotBuilt { url }.to_string());
        }
        return;
    }
    match std::fs::metadata(file) {
        Ok(facts) if facts.is_file() => {}
        Ok(_) => row.problem(problems, "path", "is not a file"),
        Err(error) if error.kind() == ErrorKind::NotFound && matches!(audio, Audio::MayBeGone(_)) => {
            notes.tallies.add(Reason::RecordingGone, 1);
        }
        Err(error) => row.problem(problems, "path", format!("cannot be read: {error}")),
    }
}

fn split(row: &Row<'_>, problems: &mut Problems) -> Option<Split> {
    let split = row.require("split", problems)?.parse();
    if split.is_err() {
        row.problem(problems, "split", "expected one of train, val, test");
    }
    split.ok()
}

fn target(row: &Row<'_>, codes: Option<&BoxReader<'_>>, problems: &mut Problems) -> Option<u32> {
    let label = row.word("target_species")?;
    let class = codes?.class(label);
    if class.is_none() && is_no_value(label) {
        row.count_no_value(problems, "target_species");
    } else if class.is_none() {
        let message = "unknown species code: it is not in the taxa table";
        row.problem(problems, "target_species", message);
    }
    class
}

/// The classes that were heard; a cell that is empty or says `NA` says nothing. Markers and, where they are allowed,
/// other codes are counted: that something else was heard makes no class absent.
fn heard(row: &Row<'_>, codes: &BoxReader<'_>, notes: &mut Notes, problems: &mut Problems) -> Option<Vec<u32>> {
    let (mut classes, mut has_said) = (Vec::new(), false);
    for label in row.list("heard") {
        if codes.is_no_value(label) {
            row.count_no_value(problems, "heard");
            continue;
        }
        has_said = true;
        match codes.code(label) {
            Some(BoxCode::Class(class)) => classes.push(class),
            Some(BoxCode::UnknownBird(code) | BoxCode::NoBird(code)) => {
                notes.tallies.add_detail(Reason::HeardMarker, &code, 1);
            }
            Some(BoxCode::Other(code)) => codes.count_other(Reason::HeardOtherCode, &code, notes),
            None => row.problem(problems, "heard", codes.unknown_code(label, notes)),
        }
    }
    classes.sort_unstable();
    classes.dedup();
    has_said.then_some(classes)
}

fn recorded_at(row: &Row<'_>, problems: &mut Problems) -> Option<RecordedAt> {
    let time = parse_time(row.cell("recorded_at")?);
    time.map_err(|message| row.problem(problems, "recorded_at", message))
        .ok()
}

fn degrees(row: &Row<'_>, column: &str, limit: f64, problems: &mut Problems) -> Option<f64> {
    let value = row.number(column, problems)?;
    if value.abs() > limit {
        row.problem(problems, column, format!("expected degrees from -{limit} to {limit}"));
    }
    Some(value)
}

/// ISO 8601 with an offset or `Z`; a time without one could be anywhere in the world.
fn parse_time(text: &str) -> Result<RecordedAt, String> {
    let expected = "expected ISO 8601 with an offset, such as 2018-06-02T06:30:00-04:00";
    let pieces = Pieces::parse(text).map_err(|_| expected.to_string())?;
    let offset = pieces
        .to_numeric_offset()
        .ok_or_else(|| format!("has no UTC offset: {expected}"))?;
    let time = pieces.time().ok_or_else(|| format!("has no time of day: {expected}"))?;
    let timestamp = offset
        .to_timestamp(pieces.date().to_datetime(time))
        .map_err(|error| error.to_string())?;
    Ok(RecordedAt {
        unix_us: timestamp.as_microsecond(),
        utc_offset_min: offset.seconds() / 60,
    })
}

/// The path as outputs name it. Outputs hold no absolute paths, so an absolute one is expressed from the table's
/// folder.
fn outward_path(folder: &Path, path: &Path) -> String {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let relative: PathBuf = match (path.is_absolute(), std::path::absolute(folder)) {
        (false, _) => path.into(),
        (true, Ok(folder)) => {
            let folder: Vec<Component<'_>> = folder.components().filter(|c| *c != Component::CurDir).collect();
            let shared = folder
                .iter()
                .zip(path.components())
                .take_while(|(a, b)| **a == *b)
                .count();
            let up = folder.iter().skip(shared).map(|_| Component::ParentDir);
            up.chain(path.components().skip(shared)).collect()
        }
        (true, Err(_)) => path.file_name().unwrap_or_default().into(),
    };
    let named = relative
        .components()
        .filter(|c| matches!(c, Component::Normal(_) | Component::ParentDir));
    let parts: Vec<_> = named.map(|c| c.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn times_keep_their_offset() {
        let dawn = parse_time("2018-06-02T06:30:00-04:00").unwrap();
        assert_eq!(
            dawn,
            RecordedAt {
                unix_us: 1_527_935_400_000_000,
                utc_offset_min: -240
            }
        );
        assert_eq!(parse_time("2020-04-04T10:25:00Z").unwrap().utc_offset_min, 0);
        assert!(parse_time("2018-06-02T06:30:00").unwrap_err().contains("no UTC offset"));
        assert!(parse_time("2018-06-02").is_err());
        assert!(parse_time("yesterday").is_err());
    }

    #[test]
    fn a_recording_at_an_address_is_named_without_what_is_secret() {
        let at = |path, prefix| address(path, prefix).map(|address| address.display().to_string());
        assert_eq!(
            at("a/x.wav", Some("s3://lab/audio/")).as_deref(),
            Some("s3://lab/audio/a/x.wav")
        );
        assert_eq!(
            at("https://h/x.wav?sig=1", Some("s3://lab")).as_deref(),
            Some("https://h/x.wav?sig=1")
        );
        assert_eq!((at("/a/x.wav", Some("s3://lab")), at("a/x.wav", None)), (None, None));
        assert_eq!(
            outward(Path::new("/a"), "https://me:word@h/x.wav?sig=1"),
            "https://h/x.wav"
        );
        assert_eq!(outward(Path::new("/a"), "audio/x.wav"), "audio/x.wav");
    }

    #[test]
    fn outputs_never_name_absolute_paths() {
        assert_eq!(
            outward_path(Path::new("/a/b"), Path::new("./audio/x.wav")),
            "audio/x.wav"
        );
        assert_eq!(
            outward_path(Path::new("/a/b"), Path::new("/a/b/audio/x.wav")),
            "audio/x.wav"
        );
        assert_eq!(outward_path(Path::new("/a/b"), Path::new("/a/c/x.wav")), "../c/x.wav");
        let here = std::env::current_dir().unwrap().join("audio/x.wav");
        assert_eq!(outward_path(Path::new(""), &here), "audio/x.wav");
    }
}
