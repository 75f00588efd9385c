//! Makes the prior tables of a manifest from what people have: eBird's observations, or the scores of a model of where
//! species occur.
//!
//! A prior is there to rule species out, so whatever is not certain rules nothing out: entries that may be several
//! species, lists that are not complete, species that a file or a model says nothing about.

mod checklists;
mod ebd;
mod entries;
mod nearest;
mod scores;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use csv::Writer;
use jiff::civil::Date;
use shardfmt::persist::create_dirs;
use shardfmt::{Operation, Taxa};

use crate::error::{self, Result};
use crate::scan::{refuse_taken, write};
use crate::tables::{Columns, Problems, Row, Table, read_taxa};
use crate::tally::Tallies;
pub use ebd::{EbdFiles, checklists};
pub use scores::{ScoreOptions, geographic};

/// The table of checklists.
pub const CHECKLISTS: &str = "checklist_prior.csv";
/// The table of what can occur.
pub const GEO: &str = "geo_prior.csv";
/// What became of everything that was read.
pub const REPORT: &str = "priors.txt";

const RECORDINGS: Columns<'_> = Columns {
    required: &["asset_id"],
    optional: &["checklist_id", "latitude", "longitude", "recorded_at", "local_time"],
};

/// A prior table that was made.
#[derive(Debug)]
pub struct Prior {
    name: &'static str,
    bytes: Vec<u8>,
    /// Sentences about the whole.
    pub facts: Vec<String>,
    /// What was left out or is not certain, counted.
    pub tallies: Tallies,
}

impl Prior {
    /// Writes the table and its report into a folder.
    ///
    /// # Errors
    /// [`Error::ScanTaken`](crate::Error::ScanTaken) where one of them is there and not to be overwritten, and any of the
    /// system.
    pub fn write(&self, out: &Path, overwrite: bool) -> Result<()> {
        refuse_taken(out, &[self.name, REPORT], overwrite)?;
        create_dirs(out)?;
        let mut text = self.facts.join("\n") + "\n";
        for (sentence, details) in self.tallies.in_full() {
            let _ = write!(text, "\n{sentence}\n");
            for (detail, count) in details {
                let _ = writeln!(text, "  {count:>8}  {}", detail.escape_debug());
            }
        }
        write(out, &[(self.name, self.bytes.clone()), (REPORT, text.into_bytes())])
    }

    /// The name of the table.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// What the recordings tables say of each recording that a prior may be found by.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asset {
    id: i64,
    checklist: Option<String>,
    place: Option<(f64, f64)>,
    /// The day, where it was recorded.
    date: Option<Date>,
}

/// Reads recordings tables, and the classes from `taxa` or from the file `taxa.csv` beside the first of them.
fn read_assets(recordings: &[PathBuf], taxa: Option<&Path>, problems: &mut Problems) -> Option<(Vec<Asset>, Taxa)> {
    let beside = recordings.first().map(|file| file.with_file_name(crate::scan::TAXA));
    let classes = read_taxa(taxa.or(beside.as_deref())?, problems);
    let mut assets = Vec::new();
    let mut unique = std::collections::HashMap::new();
    for file in recordings {
        let Some(table) = Table::read(file, RECORDINGS, problems) else {
            continue;
        };
        for row in table.rows() {
            let Some(id) = row.require_asset_id(problems) else {
                continue;
            };
            let first: &(PathBuf, u64) = unique.entry(id).or_insert((file.clone(), row.line));
            if *first != (file.clone(), row.line) {
                let message = format!(
                    "duplicate asset_id (first on line {} of {})",
                    first.1,
                    first.0.display()
                );
                row.problem(problems, "asset_id", message);
                continue;
            }
            assets.push(asset(id, &row, problems));
        }
    }
    if assets.is_empty() && problems.is_empty() {
        problems.file(recordings.first()?, "has no recordings");
    }
    Some((assets, classes?))
}

fn asset(id: i64, row: &Row<'_>, problems: &mut Problems) -> Asset {
    let degrees = |row: &Row<'_>, column, most: f64, problems: &mut Problems| {
        let value = row.number(column, problems)?;
        if value.abs() > most {
            row.problem(problems, column, format!("expected degrees from -{most} to {most}"));
        }
        Some(value)
    };
    let latitude = degrees(row, "latitude", 90.0, problems);
    let longitude = degrees(row, "longitude", 180.0, problems);
    // Both begin with the date as it was where the recording was made.
    let date = row.cell("recorded_at").or_else(|| row.cell("local_time"));
    let date = date.and_then(|text| text.split(['T', ' ']).next()?.parse().ok());
    Asset {
        id,
        checklist: row.id("checklist_id").map(str::to_owned),
        place: latitude.zip(longitude),
        date,
    }
}

/// Codes of classes, in class order, as a cell has them.
fn codes(taxa: &Taxa, classes: impl Iterator<Item = u32>) -> String {
    let codes: Vec<&str> = classes.filter_map(|class| taxa.code(class)).collect();
    codes.join(";")
}

fn csv_of<const N: usize>(name: &str, header: [&str; N], rows: &[[String; N]]) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let written = writer
        .write_record(header)
        .and_then(|()| rows.iter().try_for_each(|row| writer.write_record(row)));
    let bytes = written
        .map_err(Into::into)
        .and_then(|()| writer.into_inner().map_err(csv::IntoInnerError::into_error));
    bytes.map_err(error::io(Operation::Write, name))
}
