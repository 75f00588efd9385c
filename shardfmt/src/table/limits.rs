//! Defines how much a Parquet file may unfold to. A run of equal values takes a few bytes whatever its length, so the
//! size of a file bounds nothing.

use std::io::{BufReader, Read, Seek, SeekFrom};

use parquet::arrow::ProjectionMask;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use super::page_header::PageHeader;
use super::unfolding;

/// What the pages of a table may declare.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Most values of a column, items of lists counted one by one.
    pub column_values: u64,
    /// Most bytes of a page, decompressed: as much is reserved when it is read.
    pub page_bytes: u64,
    /// Most bytes of all the pages of a row group, decompressed.
    pub row_group_bytes: u64,
}

/// The limits of every table read. The values suffice for the absent classes of 26,000 clips and 10,000 classes; pages
/// have about 1 MiB, unless one row holds more.
pub const PAGE_LIMITS: PageLimits = PageLimits {
    column_values: 1 << 28,
    page_bytes: 1 << 28,
    row_group_bytes: 1 << 30,
};

/// Most bytes that the columns of a table may take in memory together.
pub const MAX_DECODED_BYTES: usize = 4 << 30;

/// Compares what the page headers of the `read` columns declare with the limits, without reading a page: the batches of
/// a reader are bounded in rows, but one row may hold a list of any length, and a page of a few bytes may claim any
/// size.
///
/// # Errors
/// Which column holds too much, how much and the limit; or that a page header cannot be read.
pub fn check_pages(
    mut file: impl Read + Seek,
    metadata: &ParquetMetaData,
    read: &ProjectionMask,
    limits: PageLimits,
) -> Result<(), String> {
    let mut values = vec![0_u64; metadata.file_metadata().schema_descr().num_columns()];
    for group in metadata.row_groups() {
        let mut group_bytes = 0_u64;
        for ((leaf, column), values) in group.columns().iter().enumerate().zip(&mut values) {
            if !read.leaf_included(leaf) {
                continue;
            }
            let refuse = |what: String| format!("column {} {what}", column.column_path().string());
            let (start, mut left) = column.byte_range();
            let mut input = BufReader::new(&mut file);
            input.seek(SeekFrom::Start(start)).map_err(|e| e.to_string())?;
            while left > 0 {
                let page = PageHeader::read(&mut input).map_err(|e| refuse(format!("cannot be read: {e}")))?;
                left = left
                    .checked_sub(page.header_bytes + page.compressed_bytes)
                    .ok_or_else(|| refuse("has a page that reaches beyond it".into()))?;
                let (bytes, most) = (page.uncompressed_bytes, limits.page_bytes);
                if bytes > most {
                    return Err(refuse(format!("declares a page of {bytes} bytes, more than {most}")));
                }
                pass(&mut input, &page, column.compression()).map_err(&refuse)?;
                group_bytes += bytes;
                let most = limits.row_group_bytes;
                if group_bytes > most {
                    return Err(refuse(format!(
                        "declares pages that make a row group of {group_bytes} bytes, more than {most}"
                    )));
                }
                // The values of a dictionary, one of its own bytes each or more, are not those of rows.
                if page.is_dictionary {
                    if page.values > bytes {
                        let entries = page.values;
                        return Err(refuse(format!(
                            "declares a dictionary of {entries} values in {bytes} bytes"
                        )));
                    }
                    continue;
                }
                *values += page.values;
                let most = limits.column_values;
                if *values > most {
                    return Err(refuse(format!("holds {values} values or more, and {most} are allowed")));
                }
            }
        }
    }
    Ok(())
}

/// Goes to the end of a page. Where its codec's reader does not stop at the size that the page declares, the page is
/// unfolded, to be dropped again, and no further than that.
fn pass(input: &mut BufReader<impl Read + Seek>, page: &PageHeader, codec: Compression) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut left = page.compressed_bytes;
    if unfolding::is_unbounded(codec) {
        let levels = page.level_bytes.min(left);
        // Positions in a file; sizes of pages have 32 bits.
        input.seek_relative(levels as i64).map_err(unreadable)?;
        let mut folded = Vec::new();
        let read = input.take(left - levels).read_to_end(&mut folded);
        left -= levels + read.map_err(unreadable)? as u64;
        let most = page.uncompressed_bytes.saturating_sub(levels);
        if unfolding::exceeds(codec, &folded, most) {
            return Err(format!(
                "has a page that unfolds to more than the {most} bytes it declares"
            ));
        }
    }
    input.seek_relative(left as i64).map_err(unreadable)
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

    /// The check of the golden label table: four rows in one group.
    fn check_golden(change: impl FnOnce(&mut PageLimits)) -> Result<(), String> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/labels/00000.parquet");
        let file = std::fs::File::open(golden).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
        let mut limits = PAGE_LIMITS;
        change(&mut limits);
        check_pages(&file, builder.metadata(), &ProjectionMask::all(), limits)
    }

    #[test]
    fn list_items_are_counted_one_by_one() {
        let check = |most| check_golden(|limits| limits.column_values = most);
        // `unknown` has 2, 0, 2 and 2 classes, where an empty list takes a value too.
        assert_eq!(check(7), Ok(()));
        let error = check(6).unwrap_err();
        assert_eq!(
            error,
            "column unknown.list.element holds 7 values or more, and 6 are allowed"
        );
        assert!(check(3).unwrap_err().starts_with("column asset_id "));
    }

    #[test]
    fn bytes_of_pages_and_of_row_groups_are_counted() {
        let page = |most| check_golden(|limits| limits.page_bytes = most);
        let largest = (0..1 << 20).find(|&most| page(most).is_ok()).unwrap();
        let error = page(largest - 1).unwrap_err();
        let expected = format!("declares a page of {largest} bytes, more than {}", largest - 1);
        assert!(error.starts_with("column ") && error.ends_with(&expected), "{error}");

        let group = |most| check_golden(|limits| limits.row_group_bytes = most);
        let all = (0..1 << 20).find(|&most| group(most).is_ok()).unwrap();
        assert!(all > largest, "{all} bytes in all");
        let error = group(all - 1).unwrap_err();
        let expected = format!("a row group of {all} bytes, more than {}", all - 1);
        assert!(error.ends_with(&expected), "{error}");
    }

    #[test]
    fn bytes_decoded_are_refused_past_the_limit() {
        let mut decoded = 1;
        assert_eq!(count_decoded(MAX_DECODED_BYTES - 1, &mut decoded), Ok(()));
        assert_eq!(
            count_decoded(1, &mut decoded).unwrap_err(),
            "takes more than 4294967296 bytes in memory"
        );
        assert!(count_decoded(usize::MAX, &mut decoded).is_err());
    }
}
