//! Defines `Content`, what a reader of one format finds in a table's file.

use csv::StringRecord;

/// All rows of a table, as text.
pub(super) struct Content {
    /// What counts call the table: its file's name, or one name for all tables of a kind that has one per recording.
    pub(super) name: String,
    /// Names of all columns.
    pub(super) columns: Vec<String>,
    /// The column of each cell of a row: all columns, or those that were asked for.
    pub(super) cells: Vec<String>,
    /// Rows with their line (text) or number (Parquet), from 1.
    pub(super) rows: Vec<(u64, StringRecord)>,
}
