//! Defines the prior table: what is known of a recording's place, time and checklist, apart from its sound.

use std::path::Path;

use crate::entry::FileEntry;
use crate::error::Result;
use crate::table;
use crate::table::{Classes, Columns, Microseconds, TableFile, open_table, read_table, write_table};
use crate::taxa::Taxa;

table! {
    /// What is known of one recording. `None` always means "not known", which an empty list does not.
    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct PriorRow: "priors/1" {
        /// The recording.
        asset_id: i64,
        /// Degrees north.
        latitude: Option<f64> ["deg"],
        /// Degrees east.
        longitude: Option<f64> ["deg"],
        /// Start of the recording in microseconds since 1970-01-01 UTC.
        recorded_at_unix_us("recorded_at"): Option<i64> as Microseconds ["us since 1970-01-01 UTC"],
        /// Local time minus UTC in minutes, where the recording was made.
        utc_offset_min: Option<i32> ["min"],
        /// The checklist the recording belongs to.
        checklist_id: Option<String>,
        /// Class indices possible at the place and date.
        geo_possible: Option<Vec<u32>> as Classes,
        /// Class indices that the geographic model covers; what it does not cover is neither possible nor impossible.
        geo_modelled: Option<Vec<u32>> as Classes,
        /// Class indices that the checklist reports.
        checklist_observed: Option<Vec<u32>> as Classes,
        /// Whether the checklist reports everything its observer identified.
        checklist_complete: Option<bool>,
    }
}

/// Decimals of a degree to which places are told apart: about 100 m.
const SITE_DECIMALS: usize = 3;

impl PriorRow {
    /// The site of the recording: its coordinates, to three decimals of a degree. `None` without coordinates.
    #[must_use]
    pub fn site(&self) -> Option<String> {
        let (latitude, longitude) = (self.latitude?, self.longitude?);
        Some(format!("{latitude:.SITE_DECIMALS$}, {longitude:.SITE_DECIMALS$}"))
    }
}

/// Writes the priors of one shard's assets.
///
/// # Errors
/// [`Error::Cell`](crate::Error::Cell) for a class index not in `taxa` or a coordinate that is not a finite number;
/// [`Error::Io`](crate::Error::Io).
pub fn write_priors(path: &Path, taxa: &Taxa, rows: &[PriorRow]) -> Result<FileEntry> {
    write_table(path, taxa, rows, Columns::Base)
}

/// Reads the priors of one shard's assets.
///
/// # Errors
/// As [`read_assets`](super::read_assets).
pub fn read_priors(path: &Path, taxa: &Taxa) -> Result<Vec<PriorRow>> {
    read_priors_from(open_table(path)?, path, taxa)
}

/// [`read_priors`] from a file opened already.
pub(crate) fn read_priors_from(file: TableFile, path: &Path, taxa: &Taxa) -> Result<Vec<PriorRow>> {
    read_table(file, path, taxa, Columns::Base)
}
