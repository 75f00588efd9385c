//! Defines how much a Parquet file may unfold to. A run of equal values takes a few bytes whatever its length, so the size
//! of a file bounds nothing.

use std::fs::File;
use std::sync::Arc;

use parquet::column::page::PageReader;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

/// Most values a column may hold, items of lists counted one by one: the absent classes of 26,000 clips and 10,000 classes.
pub const MAX_COLUMN_VALUES: u64 = 1 << 28;

/// Most bytes that the columns of a table may take in memory together.
pub const MAX_DECODED_BYTES: usize = 4 << 30;

/// Adds up the values that the page headers of each column declare, and refuses more than `most`. Reads no page: the
/// batches of a reader are bounded in rows, but one row may hold a list of any length.
///
/// # Errors
/// Which column holds too many, or that a page header cannot be read.
pub fn check_column_values(file: &File, metadata: &ParquetMetaData, most: u64) -> Result<(), String> {
    let file = Arc::new(file.try_clone().map_err(|e| e.to_string())?);
    let mut values = vec![0_u64; metadata.file_metadata().schema_descr().num_columns()];
    for group in metadata.row_groups() {
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        for (column, values) in group.columns().iter().zip(&mut values) {
            let pages = SerializedPageReader::new(Arc::clone(&file), column, rows, None);
            let mut pages = pages.map_err(|e| e.to_string())?;
            while let Some(page) = pages.peek_next_page().map_err(|e| e.to_string())? {
                // Dictionaries have values too.
                let in_page = page.num_levels.or(page.num_rows).unwrap_or(0);
                *values = values.saturating_add(in_page as u64);
                if *values > most {
                    let path = column.column_path().string();
                    return Err(format!("column {path} holds more than {most} values"));
                }
                pages.skip_next_page().map_err(|e| e.to_string())?;
            }
        }
    }
    Ok(())
}

/// Adds `bytes` to what a table has taken so far, and refuses more than [`MAX_DECODED_BYTES`] in all.
///
/// # Errors
/// That it is more.
pub fn count_decoded(bytes: usize, decoded_bytes: &mut usize) -> Result<(), String> {
    *decoded_bytes = decoded_bytes.saturating_add(bytes);
    if *decoded_bytes > MAX_DECODED_BYTES {
        return Err(format!("takes more than {MAX_DECODED_BYTES} bytes in memory"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::path::Path;

    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn list_items_are_counted_one_by_one() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/labels/00000.parquet");
        let file = File::open(golden).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
        let check = |most| check_column_values(&file, builder.metadata(), most);
        // Four rows; `unknown` has 2, 0, 2 and 2 classes, where an empty list takes a value too.
        assert_eq!(check(7), Ok(()));
        let error = check(6).unwrap_err();
        assert_eq!(error, "column unknown.list.element holds more than 6 values");
        assert!(check(3).unwrap_err().starts_with("column asset_id "));
    }
}
