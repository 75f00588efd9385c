//! Provides `predictions.parquet`: a row a clip, with a score for every class.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int64Array, UInt32Array};
use arrow_schema::{DataType, Field};
use shardfmt::Taxa;
use shardfmt::table::TableWriter;

use crate::error::{Error, Result};

/// Columns before the scores.
const CLIP_COLUMNS: [&str; 2] = ["asset_id", "clip_index"];

/// Writes predictions as they come: `asset_id`, `clip_index`, then a column named after each species code, in class
/// order.
pub struct PredictionWriter {
    path: PathBuf,
    table: TableWriter,
    classes: usize,
}

impl PredictionWriter {
    /// Begins the table at `path`.
    ///
    /// # Errors
    /// [`Error::RunFile`] for a species code that is the name of another column; [`Error::Io`], [`Error::Dataset`] if
    /// the file cannot be made.
    pub fn create(path: &Path, taxa: &Taxa) -> Result<Self> {
        let codes = || taxa.iter().map(|taxon| taxon.species_code.as_str());
        if let Some(code) = codes().find(|code| CLIP_COLUMNS.contains(code)) {
            let reason = format!("cannot have a column for species code {code:?}, which names another column");
            return Err(Error::RunFile {
                path: path.to_path_buf(),
                reason,
            });
        }
        let mut fields = vec![
            Field::new("asset_id", DataType::Int64, false),
            Field::new("clip_index", DataType::UInt32, false),
        ];
        fields.extend(codes().map(|code| Field::new(code, DataType::Float32, false)));
        let table = TableWriter::create(path, "predictions/1", fields)?;
        Ok(Self {
            path: path.to_path_buf(),
            table,
            classes: taxa.len(),
        })
    }

    /// Adds clips with their scores, `[clips, classes]` row-major.
    ///
    /// # Errors
    /// [`Error::RunFile`] if there are not as many scores as clips and classes ask for; [`Error::Io`].
    pub fn push(&mut self, asset_ids: &[i64], clip_indices: &[u32], scores: &[f32]) -> Result<()> {
        if clip_indices.len() != asset_ids.len() || scores.len() != asset_ids.len() * self.classes {
            let (ids, indices, scores, classes) = (asset_ids.len(), clip_indices.len(), scores.len(), self.classes);
            let reason = format!("{ids} asset ids, {indices} clip numbers and {scores} scores for {classes} classes");
            return Err(Error::RunFile {
                path: self.path.clone(),
                reason,
            });
        }
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(asset_ids.iter().copied())),
            Arc::new(UInt32Array::from_iter_values(clip_indices.iter().copied())),
        ];
        for class in 0..self.classes {
            let of_class = scores.iter().skip(class).step_by(self.classes).copied();
            columns.push(Arc::new(Float32Array::from_iter_values(of_class)));
        }
        Ok(self.table.push(columns)?)
    }

    /// Completes the file, makes it durable and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Dataset`] if it cannot be written.
    pub fn finish(self) -> Result<()> {
        self.table.finish()?;
        Ok(())
    }
}
