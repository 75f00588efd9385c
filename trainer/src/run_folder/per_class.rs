//! Provides `per_class.parquet`: the measurements of each class on each split evaluated.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use shardfmt::{Split, Taxa};

use super::table::TableWriter;
use crate::error::Result;
use crate::metric::Evaluation;

/// Writes a row for each split and class: `split`, `species_code`, `ap` (0 to 1), `positives` (clips with the class)
/// and `clips` (those evaluated).
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), [`Error::Dataset`](crate::Error::Dataset) if the file cannot be written.
pub fn write_per_class(path: &Path, taxa: &Taxa, evaluations: &[(Split, &Evaluation)]) -> Result<()> {
    let schema = Schema::new(vec![
        Field::new("split", DataType::Utf8, false),
        Field::new("species_code", DataType::Utf8, false),
        Field::new("ap", DataType::Float64, false),
        Field::new("positives", DataType::UInt64, false),
        Field::new("clips", DataType::UInt64, false),
    ]);
    let mut table = TableWriter::create(path, "per_class/1", Arc::new(schema))?;
    for (split, evaluation) in evaluations {
        table.push(vec![
            Arc::new(StringArray::from_iter_values(taxa.iter().map(|_| split.as_str()))),
            Arc::new(StringArray::from_iter_values(
                taxa.iter().map(|taxon| &taxon.species_code),
            )),
            Arc::new(Float64Array::from_iter_values(evaluation.ap.iter().copied())),
            Arc::new(UInt64Array::from_iter_values(evaluation.positives.iter().copied())),
            Arc::new(UInt64Array::from_iter_values(taxa.iter().map(|_| evaluation.kept))),
        ])?;
    }
    table.finish()
}
