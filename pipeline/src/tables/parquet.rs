//! Provides the rows of a Parquet table as the text that a CSV table would hold; columns nobody asks for are not
//! looked at.

use std::io::{Read, Seek};
use std::panic::AssertUnwindSafe;
use std::path::Path;

use csv::StringRecord;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use shardfmt::table::limits::{PAGE_LIMITS, check_pages, count_decoded};

use super::cells::texts;
use super::content::Content;
use super::delimited::shown_name;
use super::normal_form::nfc;
use super::problem::Problems;

/// The first four bytes of a Parquet file.
pub(crate) const MAGIC: &[u8] = b"PAR1";

/// Memory of a `StringRecord` apart from its text, roughly.
const RECORD_BYTES: usize = 128;

/// Reads the `wanted` columns of `content`; `pages` is another reader of the same bytes.
pub(super) fn read(
    file: &Path,
    pages: impl Read + Seek,
    content: impl ChunkReader + 'static,
    wanted: &dyn Fn(&str) -> bool,
    problems: &mut Problems,
) -> Option<Content> {
    // Of a damaged file, the library panics at some places.
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_columns(file, pages, content, wanted)));
    let read = read.unwrap_or_else(|_| Err("the file is damaged".into()));
    read.map_err(|message| problems.file(file, format!("cannot be read as Parquet: {message}")))
        .ok()
}

fn read_columns(
    file: &Path,
    pages: impl Read + Seek,
    content: impl ChunkReader + 'static,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Content, String> {
    let metadata = metadata(&content)?;
    let schema = metadata.metadata().file_metadata().schema_descr();
    let roots = schema.root_schema().get_fields();
    let columns: Vec<String> = roots.iter().map(|root| root.name().to_owned()).collect();
    let positions = columns.iter().zip(0..).filter(|(name, _)| wanted(name));
    let mask = ProjectionMask::roots(schema, positions.map(|(_, position)| position));
    check_pages(pages, metadata.metadata(), &mask, PAGE_LIMITS)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata).with_projection(mask);
    let reader = builder.build().map_err(|error| error.to_string())?;
    let (mut rows, mut decoded_bytes) = (Vec::new(), 0);
    for batch in reader {
        let batch = batch.map_err(|error| error.to_string())?;
        let mut records = vec![StringRecord::new(); batch.num_rows()];
        for (array, field) in batch.columns().iter().zip(batch.schema().fields()) {
            let texts = texts(array.as_ref(), &mut decoded_bytes);
            let texts = texts.map_err(|message| format!("column `{}`: {message}", field.name()))?;
            for (record, text) in records.iter_mut().zip(texts) {
                record.push_field(&text);
            }
        }
        for record in records {
            count_decoded(RECORD_BYTES, &mut decoded_bytes)?;
            rows.push((rows.len() as u64 + 1, record));
        }
    }
    let cells = columns.iter().filter(|name| wanted(name));
    Ok(Content {
        name: shown_name(file),
        cells: cells.map(|name| nfc(name).into_owned()).collect(),
        columns,
        rows,
    })
}

/// Metadata with the types that the writer stored beside its columns; without these where they are none that Arrow
/// knows.
fn metadata(content: &impl ChunkReader) -> Result<ArrowReaderMetadata, String> {
    let options = ArrowReaderOptions::new();
    ArrowReaderMetadata::load(content, options.clone())
        .or_else(|_| ArrowReaderMetadata::load(content, options.with_skip_arrow_metadata(true)))
        .map_err(|error| error.to_string())
}
