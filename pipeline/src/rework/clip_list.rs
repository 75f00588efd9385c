//! Defines `ClipList`, the clips a user has chosen: a Parquet or CSV table of (asset_id, clip_index), or plain lines
//! of these.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use shardfmt::{AssetRow, Dataset, LabelRow, Xxh3};

use super::copying::ChosenAsset;
use super::input::{Input, rows_of};
use crate::error::{Result, io as io_error};
use crate::tables::{Columns, PARQUET_MAGIC, Problems, Table, decode, unpack};

/// The path that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Columns of a list; without a header they are in this order.
const COLUMNS: Columns<'_> = Columns {
    required: &["asset_id"],
    optional: &["clip_index"],
};

/// Clips chosen by whatever engine the user has. Their order in the list does not matter.
///
/// As Parquet or with a header, the columns `asset_id` and, where there is one, `clip_index` are read; without a
/// header, each line is `asset_id` or `asset_id,clip_index`. An entry without `clip_index` chooses the whole
/// recording; an empty cell in a column `clip_index` is an error, since the outer join that leaves one does not mean
/// the whole recording.
#[derive(Clone, Debug)]
pub struct ClipList {
    file: PathBuf,
    xxh3: Xxh3,
    entries: Vec<Entry>,
    remarks: Vec<String>,
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

/// What the list chooses of one recording, with the line of each choice.
#[derive(Default)]
struct Choice {
    whole: Option<u64>,
    clips: BTreeMap<u32, u64>,
}

impl ClipList {
    /// Reads a list from `file`, or from standard input if that is `-`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io); [`Error::Manifest`](crate::Error::Manifest) with every malformed line.
    pub fn read(file: &Path) -> Result<Self> {
        if file.as_os_str() == STANDARD_INPUT {
            let file = Path::new("standard input");
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(io_error(shardfmt::Operation::Read, file))?;
            Self::parse(file, bytes)
        } else {
            Self::parse(
                file,
                std::fs::read(file).map_err(io_error(shardfmt::Operation::Read, file))?,
            )
        }
    }

    /// A list from its bytes; messages name `file`.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with every malformed line.
    pub fn parse(file: &Path, bytes: Vec<u8>) -> Result<Self> {
        let xxh3 = Xxh3::of(&bytes);
        let mut problems = Problems::default();
        let entries = read_entries(file, bytes, &mut problems);
        if problems.is_empty() {
            let file = file.into();
            let remarks = problems.noticed.remarks;
            Ok(ClipList {
                file,
                xxh3,
                entries,
                remarks,
            })
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

    /// What is odd about the list and no mistake, in sentences.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Whether nothing is chosen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The recordings with chosen clips, in the order of the dataset, with the rows of these.
    ///
    /// # Errors
    /// [`Error::Manifest`](crate::Error::Manifest) with every entry that names an unknown clip or one chosen before;
    /// [`Error::Dataset`](crate::Error::Dataset) for tables that cannot be read.
    pub(super) fn select<'a>(&self, dataset: &'a Dataset) -> Result<Vec<ChosenAsset<'a>>> {
        let mut problems = Problems::default();
        let choices = self.by_recording(dataset, &mut problems);
        let mut taken = Vec::new();
        let mut input: Option<Input<'a>> = None;
        for asset in dataset.assets() {
            let Some(choice) = choices.get(&asset.asset_id) else {
                continue;
            };
            let rows = if choice.whole.is_some() {
                rows_of(asset).collect()
            } else {
                let input = match input.take() {
                    Some(open) if open.number() == asset.shard => input.insert(open),
                    _ => input.insert(Input::open(dataset, asset.shard)?),
                };
                self.rows(asset, choice, input.labels_of(asset), &mut problems)
            };
            taken.push(ChosenAsset { asset, rows });
        }
        if problems.is_empty() {
            Ok(taken)
        } else {
            Err(problems.into())
        }
    }

    /// What is chosen of each recording; unknown recordings and repeated choices are recorded.
    fn by_recording(&self, dataset: &Dataset, problems: &mut Problems) -> HashMap<i64, Choice> {
        let known: HashSet<i64> = dataset.assets().iter().map(|asset| asset.asset_id).collect();
        let mut choices: HashMap<i64, Choice> = HashMap::new();
        for entry in &self.entries {
            if known.contains(&entry.asset_id) {
                let choice = choices.entry(entry.asset_id).or_default();
                if let Err(message) = choice.add(entry) {
                    self.problem(entry, message, problems);
                }
            } else {
                self.problem(entry, "the dataset has no such recording".into(), problems);
            }
        }
        choices
    }

    /// The rows of the chosen clips of one recording, ascending; those it does not have are recorded.
    fn rows(&self, asset: &AssetRow, choice: &Choice, labels: &[LabelRow], problems: &mut Problems) -> Vec<u32> {
        let row_of_clip: HashMap<u32, u32> = labels.iter().map(|label| (label.clip_index, label.row)).collect();
        let mut rows = Vec::with_capacity(choice.clips.len());
        for (&index, &line) in &choice.clips {
            if let Some(&row) = row_of_clip.get(&index) {
                rows.push(row);
                continue;
            }
            let entry = Entry {
                line,
                asset_id: asset.asset_id,
                clip_index: Some(index),
            };
            self.problem(&entry, "the dataset has no such clip".into(), problems);
        }
        rows.sort_unstable();
        rows
    }

    /// Records a problem of an entry.
    fn problem(&self, entry: &Entry, message: String, problems: &mut Problems) {
        let asset_id = entry.asset_id;
        let (column, value) = match entry.clip_index {
            Some(index) => ("asset_id,clip_index", format!("{asset_id},{index}")),
            None => ("asset_id", asset_id.to_string()),
        };
        problems.cell(&self.file, entry.line, column, &value, message);
    }
}

impl Choice {
    /// Adds an entry, or says why it repeats an earlier one.
    fn add(&mut self, entry: &Entry) -> std::result::Result<(), String> {
        let by_clip = self.clips.values().min();
        match (entry.clip_index, self.whole, by_clip) {
            (None, Some(line), _) => Err(format!("duplicate recording (first on line {line})")),
            (None, None, Some(line)) => Err(format!(
                "single clips of this recording are chosen as well (first on line {line})"
            )),
            (Some(_), Some(line), _) => Err(format!("the whole recording is chosen as well (on line {line})")),
            (None, None, None) => {
                self.whole = Some(entry.line);
                Ok(())
            }
            (Some(index), None, _) => match self.clips.get(&index) {
                Some(line) => Err(format!("duplicate clip (first on line {line})")),
                None => {
                    self.clips.insert(index, entry.line);
                    Ok(())
                }
            },
        }
    }
}

/// The table, or plain lines: text that begins with a number has no header. `None` where there is nothing.
fn read_table(file: &Path, bytes: Vec<u8>, problems: &mut Problems) -> Option<Table> {
    let bytes = unpack(file, bytes, problems)?;
    if bytes.starts_with(PARQUET_MAGIC) {
        return Table::parse(file, bytes, COLUMNS, problems);
    }
    let text = decode(file, &bytes, problems)?;
    let start = text.trim_ascii_start();
    // What some engines print for no rows at all.
    if start.is_empty() {
        return None;
    }
    let unquoted = start.strip_prefix('"').unwrap_or(start);
    let unsigned = unquoted.strip_prefix('-').unwrap_or(unquoted);
    if unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        Table::parse_lines(file, &text, COLUMNS, problems)
    } else {
        Table::parse(file, bytes, COLUMNS, problems)
    }
}

/// The entries of a table or of plain lines.
fn read_entries(file: &Path, bytes: Vec<u8>, problems: &mut Problems) -> Vec<Entry> {
    let Some(table) = read_table(file, bytes, problems) else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for row in table.rows() {
        let line = row.line;
        let asset_id = row.require_asset_id(problems);
        let clip_index = if row.has("clip_index") {
            row.require("clip_index", problems);
            row.whole_number("clip_index", problems)
        } else {
            None
        };
        entries.extend(asset_id.map(|asset_id| Entry {
            line,
            asset_id,
            clip_index,
        }));
    }
    entries
}
