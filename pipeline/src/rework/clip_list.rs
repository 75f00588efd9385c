//! Defines `ClipList`, the clips a user has chosen: a Parquet or CSV table of (asset_id, clip_index), or plain lines of these.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use shardfmt::Xxh3;
use shardfmt::{Dataset, LabelRow};

use super::copying::Taken;
use super::input::{Input, rows_of};
use crate::error::{Result, io as io_error};
use crate::manifest::{Problems, Table};

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Clips chosen by whatever engine the user has, in the order of the list.
///
/// With a header or as Parquet, the columns `asset_id` and, optionally, `clip_index` are read; without one, each line is
/// `asset_id` or `asset_id,clip_index`. An entry without `clip_index` takes all clips of the recording.
#[derive(Clone, Debug)]
pub struct ClipList {
    file: PathBuf,
    xxh3: Xxh3,
    entries: Vec<Entry>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Line of the text or row of the Parquet table, from 1.
    line: u64,
    asset_id: i64,
    /// `None`: every clip of the recording.
    clip_index: Option<u32>,
}

impl ClipList {
    /// Reads a list from `file`, or from standard input if that is `-`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::Manifest`](crate::Error::Manifest) with every malformed line.
    pub fn read(file: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = if file.as_os_str() == STANDARD_INPUT {
            let file = PathBuf::from("standard input");
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(io_error("read", &file))?;
            file
        } else {
            bytes = std::fs::read(file).map_err(io_error("read", file))?;
            file.to_path_buf()
        };
        let xxh3 = Xxh3::of(&bytes);
        let mut problems = Problems::default();
        let entries = read_entries(&file, bytes, &mut problems);
        if problems.is_empty() {
            Ok(ClipList { file, xxh3, entries })
        } else {
            Err(problems.into())
        }
    }

    /// The list's file name, for the record of what was chosen; `standard input` where it had none.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// The file of the list.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Checksum of the list's bytes.
    #[must_use]
    pub fn xxh3(&self) -> Xxh3 {
        self.xxh3
    }

    /// Whether nothing is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The recordings with chosen clips, in the order of the dataset, with the rows of these.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with every entry that names an unknown clip or one named before;
    /// [`Error::Dataset`](crate::Error::Dataset) for tables that cannot be read.
    pub(super) fn select<'a>(&self, dataset: &'a Dataset) -> Result<Vec<Taken<'a>>> {
        let mut problems = Problems::default();
        let mut chosen = self.by_recording(dataset, &mut problems);
        let mut taken = Vec::new();
        let mut input: Option<Input<'a>> = None;
        for asset in dataset.assets() {
            let Some(entries) = chosen.remove(&asset.asset_id) else {
                continue;
            };
            let input = match input.take() {
                Some(open) if open.number == asset.shard => input.insert(open),
                _ => input.insert(Input::open(dataset, asset.shard)?),
            };
            let rows = match entries.as_slice() {
                [Entry { clip_index: None, .. }] => rows_of(asset).collect(),
                entries => self.rows(entries, input.labels_of(asset), &mut problems),
            };
            taken.push(Taken { asset, rows });
        }
        if problems.is_empty() {
            Ok(taken)
        } else {
            Err(problems.into())
        }
    }

    /// The entries of each recording of the dataset; unknown recordings, and those named both whole and by clips or whole
    /// twice, are recorded.
    fn by_recording(&self, dataset: &Dataset, problems: &mut Problems) -> HashMap<i64, Vec<Entry>> {
        let mut chosen: HashMap<i64, Vec<Entry>> = dataset
            .assets()
            .iter()
            .map(|asset| (asset.asset_id, Vec::new()))
            .collect();
        for entry in &self.entries {
            let Some(entries) = chosen.get_mut(&entry.asset_id) else {
                let message = "no recording of the dataset has this asset_id";
                problems.cell(&self.file, entry.line, "asset_id", &entry.asset_id.to_string(), message);
                continue;
            };
            let whole = entries
                .iter()
                .find(|earlier| earlier.clip_index.is_none() || entry.clip_index.is_none());
            match whole {
                Some(earlier) => self.duplicate(entry, earlier.line, problems),
                None => entries.push(*entry),
            }
        }
        chosen.retain(|_, entries| !entries.is_empty());
        chosen
    }

    /// The rows of the clips that entries name, ascending; those the recording has not, and repeated ones, are recorded.
    fn rows(&self, entries: &[Entry], labels: &[LabelRow], problems: &mut Problems) -> Vec<u32> {
        let row_of_index: HashMap<u32, u32> = labels.iter().map(|label| (label.clip_index, label.row)).collect();
        let mut line_of_row: HashMap<u32, u64> = HashMap::new();
        for entry in entries {
            let Some(row) = entry.clip_index.and_then(|index| row_of_index.get(&index)) else {
                let index = entry.clip_index.unwrap_or_default().to_string();
                let message = format!("recording {} has no clip with this index", entry.asset_id);
                problems.cell(&self.file, entry.line, "clip_index", &index, message);
                continue;
            };
            match line_of_row.get(row) {
                Some(&line) => self.duplicate(entry, line, problems),
                None => {
                    line_of_row.insert(*row, entry.line);
                }
            }
        }
        let mut rows: Vec<u32> = line_of_row.into_keys().collect();
        rows.sort_unstable();
        rows
    }

    fn duplicate(&self, entry: &Entry, first_line: u64, problems: &mut Problems) {
        let (column, value) = match entry.clip_index {
            Some(index) => ("clip_index", format!("{},{index}", entry.asset_id)),
            None => ("asset_id", entry.asset_id.to_string()),
        };
        let message = format!("duplicate clip (first on line {first_line})");
        problems.cell(&self.file, entry.line, column, &value, message);
    }
}

/// The entries of a table, or of plain lines: text whose first line begins with a number has no header.
fn read_entries(file: &Path, bytes: Vec<u8>, problems: &mut Problems) -> Vec<Entry> {
    let first_cell = bytes.split(|byte| b",\r\n".contains(byte)).next().unwrap_or_default();
    let first_cell = std::str::from_utf8(first_cell).unwrap_or_default().trim();
    if first_cell.parse::<i64>().is_ok() {
        return read_lines(file, &bytes, problems);
    }
    let Some(table) = Table::parse(file, bytes, &["asset_id"], problems) else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for row in table.rows() {
        let asset_id = row.require_asset_id(problems);
        let clip_index = row.whole_number("clip_index", problems);
        if let Some(asset_id) = asset_id {
            let line = row.line;
            entries.push(Entry {
                line,
                asset_id,
                clip_index,
            });
        }
    }
    entries
}

/// The entries of lines `asset_id` or `asset_id,clip_index`; blank lines are passed over.
fn read_lines(file: &Path, bytes: &[u8], problems: &mut Problems) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (text, line) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let text = String::from_utf8_lossy(text);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let (asset_id, clip_index) = match text.split_once(',') {
            Some((asset_id, clip_index)) => (asset_id, Some(clip_index.trim().parse().ok())),
            None => (text, None),
        };
        match (asset_id.trim().parse(), clip_index) {
            (Ok(asset_id), None) => entries.push(Entry {
                line,
                asset_id,
                clip_index: None,
            }),
            (Ok(asset_id), Some(Some(index))) => entries.push(Entry {
                line,
                asset_id,
                clip_index: Some(index),
            }),
            _ => problems.line(
                file,
                line,
                format!("expected asset_id or asset_id,clip_index, got {text:?}"),
            ),
        }
    }
    entries
}
