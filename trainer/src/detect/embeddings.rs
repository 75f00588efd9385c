//! Provides the table of a recording's features: what the model's last layer sees of each window.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{FixedSizeListArray, Float32Array, Float64Array, StringArray, UInt32Array};
use arrow_schema::{DataType, Field};
use shardfmt::persist::create_dirs;
use shardfmt::table::TableWriter;

use super::times::Times;
use crate::error::{Error, Result};

/// Windows that are written at once.
const ROWS: usize = 256;

/// Writes `path`, `window`, `start_s` and `embedding`, a list of one length, a row a window.
pub(super) struct EmbeddingWriter {
    table: TableWriter,
    path: String,
    times: Times,
    width: usize,
    first: u32,
    values: Vec<f32>,
}

impl EmbeddingWriter {
    /// Begins the table at `file` of the recording `path`, of `width` features a window.
    pub(super) fn create(file: &Path, path: &str, times: Times, width: usize) -> Result<Self> {
        if let Some(folder) = file.parent() {
            create_dirs(folder)?;
        }
        let list = DataType::FixedSizeList(item(), i32::try_from(width).unwrap_or(i32::MAX));
        let fields = vec![
            Field::new("path", DataType::Utf8, false),
            Field::new("window", DataType::UInt32, false),
            Field::new("start_s", DataType::Float64, false),
            Field::new("embedding", list, false),
        ];
        Ok(Self {
            table: TableWriter::create(file, "embeddings/1", fields)?,
            path: path.to_owned(),
            times,
            width,
            first: 0,
            values: Vec::new(),
        })
    }

    /// Adds the features of the next window.
    pub(super) fn push(&mut self, features: &[f32]) -> Result<()> {
        self.values.extend_from_slice(features);
        if self.values.len() < ROWS * self.width {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        let rows = self.values.len() / self.width.max(1);
        let windows = self.first..self.first.saturating_add(rows as u32);
        self.first = windows.end;
        let values = Arc::new(Float32Array::from(std::mem::take(&mut self.values)));
        let width = i32::try_from(self.width).unwrap_or(i32::MAX);
        let lists = FixedSizeListArray::try_new(item(), width, values, None);
        let lists = lists.map_err(|error| Error::setting("embeddings", error.to_string()))?;
        let start_s = windows.clone().map(|window| self.times.of(window, f64::INFINITY)[0]);
        self.table.push(vec![
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&self.path, rows))),
            Arc::new(UInt32Array::from_iter_values(windows)),
            Arc::new(Float64Array::from_iter_values(start_s)),
            Arc::new(lists),
        ])?;
        Ok(())
    }

    /// Completes the table and gives it its name.
    pub(super) fn finish(mut self) -> Result<()> {
        if !self.values.is_empty() {
            self.write()?;
        }
        self.table.finish()?;
        Ok(())
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("element", DataType::Float32, false))
}
