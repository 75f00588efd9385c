//! Provides `per_class.parquet`: the measurements of each class on each split evaluated.

use std::path::Path;

use shardfmt::table::{Columns, Text, write_table};
use shardfmt::{Split, Taxa, table};

use crate::error::Result;
use crate::metric::Evaluation;

table! {
    struct ClassRow: "per_class/1" {
        split: Split as Text,
        species_code: String,
        /// 0 to 1.
        ap: f64,
        /// Clips with the class.
        positives: u64,
        /// Clips evaluated.
        clips: u64,
    }
}

/// Writes a row for each split and class: `split`, `species_code`, `ap` (0 to 1), `positives` (clips with the class)
/// and `clips` (those evaluated).
///
/// # Errors
/// [`Error::Dataset`](crate::Error::Dataset) if the file cannot be written.
pub fn write_per_class(path: &Path, taxa: &Taxa, evaluations: &[(Split, &Evaluation)]) -> Result<()> {
    let rows = evaluations.iter().flat_map(|&(split, evaluation)| {
        let measured = evaluation.ap.iter().zip(&evaluation.positives);
        taxa.iter()
            .zip(measured)
            .map(move |(taxon, (&ap, &positives))| ClassRow {
                split,
                species_code: taxon.species_code.clone(),
                ap,
                positives,
                clips: evaluation.kept,
            })
    });
    write_table(path, taxa, &rows.collect::<Vec<_>>(), Columns::Base)?;
    Ok(())
}
