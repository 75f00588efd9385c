//! Defines `Recording`, one row of the recordings table, and provides its reader.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use jiff::fmt::temporal::Pieces;
use shardfmt::{Split, Taxa};

use super::boxes::{AssetBox, Span};
use super::priors::{Checklist, GeoPrior};
use super::problem::Problems;
use super::table::{Row, Table};
use super::{Audio, Notes};

/// When a recording was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedAt {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub unix_us: i64,
    /// Local time minus UTC, in minutes.
    pub utc_offset_min: i32,
}

/// One asset: a recording with all that the tables say of it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Unique id of the asset.
    pub asset_id: i64,
    /// Path as outputs name it: relative to the recordings table, forward slashes.
    pub path: String,
    /// Where the file is.
    pub file: PathBuf,
    /// Train, val or test.
    pub split: Split,
    /// Class index of the species the recording was made for.
    pub target: Option<u32>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Time of the recording.
    pub recorded_at: Option<RecordedAt>,
    /// Checklist the recording belongs to.
    pub checklist_id: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// Where the recording was published.
    pub source_url: Option<String>,
    /// Annotation file of this recording, in place of the pattern of `[tables.boxes]`.
    pub annotation: Option<String>,
    /// Boxes, in table order.
    pub boxes: Vec<AssetBox>,
    /// Annotated spans, in table order.
    pub spans: Vec<Span>,
    /// Geographic prior; `None` = no such row.
    pub geo: Option<GeoPrior>,
    /// Checklist prior; `None` = no such row.
    pub checklist: Option<Arc<Checklist>>,
    /// Line in the recordings table.
    pub line: u64,
}

/// Reads the recordings table. A recording with a mistake keeps its place, so that other tables do not seem to name an asset
/// that is not there; the mistake is in `problems`, and a manifest with problems is refused as a whole.
pub(super) fn read(
    file: &Path,
    taxa: Option<&Taxa>,
    aliases: &dyn Fn(&str) -> String,
    audio: Audio<'_>,
    notes: &mut Notes,
    problems: &mut Problems,
) -> Vec<Recording> {
    let Some(table) = Table::read(file, &["asset_id", "path", "split"], problems) else {
        return Vec::new();
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut first_line: HashMap<i64, u64> = HashMap::new();
    let mut recordings = Vec::new();
    for row in table.rows() {
        let asset_id = row.require_asset_id(problems);
        let first = asset_id.map_or(row.line, |id| *first_line.entry(id).or_insert(row.line));
        if first != row.line {
            let line = first;
            row.problem(
                problems,
                "asset_id",
                format!("stands there twice, first in line {line}"),
            );
        }
        let path = row.require("path", problems);
        let split = row
            .require("split", problems)
            .and_then(|word| match word.parse::<Split>() {
                Ok(split) => Some(split),
                Err(_) => {
                    row.problem(problems, "split", "expected one of train, val, test");
                    None
                }
            });
        let path = path.map(|path| (outward_path(folder, Path::new(path)), folder.join(path)));
        if let Some((_, file)) = &path {
            match std::fs::metadata(file) {
                Ok(facts) if facts.is_file() => {}
                Ok(_) => row.problem(problems, "path", "is not a file"),
                Err(error) if error.kind() == ErrorKind::NotFound && matches!(audio, Audio::MayBeGone(_)) => {
                    notes.recordings_gone += 1;
                }
                Err(error) => row.problem(problems, "path", format!("cannot be read: {error}")),
            }
        }
        let target = row.cell("target_species").and_then(|label| {
            let index = taxa?.index(&aliases(label));
            if index.is_none() {
                row.problem(
                    problems,
                    "target_species",
                    "unknown species code: it is not in the taxa table",
                );
            }
            index
        });
        let latitude = degrees(&row, "latitude", 90.0, problems);
        let longitude = degrees(&row, "longitude", 180.0, problems);
        let recorded_at = row.cell("recorded_at").and_then(|text| match parse_time(text) {
            Ok(time) => Some(time),
            Err(message) => {
                row.problem(problems, "recorded_at", message);
                None
            }
        });
        let text = |column| row.cell(column).map(str::to_string);
        if let Some(asset_id) = asset_id.filter(|_| first == row.line) {
            let (path, file) = path.unwrap_or_default();
            let split = split.unwrap_or(Split::Train);
            recordings.push(Recording {
                asset_id,
                path,
                file,
                split,
                target,
                latitude,
                longitude,
                recorded_at,
                checklist_id: text("checklist_id"),
                license: text("license"),
                source_url: text("source_url"),
                annotation: text("annotation"),
                boxes: Vec::new(),
                spans: Vec::new(),
                geo: None,
                checklist: None,
                line: row.line,
            });
        }
    }
    recordings
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
    let wrong = "expected ISO 8601 with an offset, such as 2018-06-02T06:30:00-04:00";
    let pieces = Pieces::parse(text).map_err(|_| wrong.to_string())?;
    let offset = pieces
        .to_numeric_offset()
        .ok_or_else(|| format!("has no UTC offset: {wrong}"))?;
    let time = pieces.time().ok_or_else(|| format!("has no time of day: {wrong}"))?;
    let timestamp = offset
        .to_timestamp(pieces.date().to_datetime(time))
        .map_err(|error| error.to_string())?;
    Ok(RecordedAt {
        unix_us: timestamp.as_microsecond(),
        utc_offset_min: offset.seconds() / 60,
    })
}

/// The path as outputs name it. Outputs hold no absolute paths, so an absolute one is expressed from the table's folder.
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
