//! Hostile pages: a table of a few bytes whose pages claim gigabytes is refused before anything is reserved for them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use shardfmt::{Error, read_rejects};

/// A list of rejects of one row, with a column more than it has to have.
const SCHEMA: &str = "message rejects {
    required int64 asset_id;
    required binary path (UTF8);
    required binary stage (UTF8);
    required binary reason (UTF8);
    required binary extra (UTF8);
}";

/// The header of a data page of one value that claims `i32::MAX` bytes, and Snappy bytes that claim as many.
const HUGE_PAGE: [u8; 27] = [
    0x15, 0x00, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0x15, 0x0c, 0x2c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06,
    0x00, 0x00, // here the page starts
    0xff, 0xff, 0xff, 0xff, 0x07, 0x00,
];

/// The same of a page of four bytes, an empty text.
const SMALL_PAGE: [u8; 27] = [
    0x15, 0x00, 0x15, 0x88, 0x80, 0x80, 0x80, 0x00, 0x15, 0x0c, 0x2c, 0x15, 0x02, 0x15, 0x00, 0x15, 0x06, 0x15, 0x06,
    0x00, 0x00, // here the page starts
    0x04, 0x0c, 0x00, 0x00, 0x00, 0x00,
];

/// Writes a table of which each column is one of the pages.
fn write_pages(path: &Path, pages: [&[u8]; 5]) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let name = KeyValue::new("l48.schema".to_owned(), "rejects/1".to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![name]));
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let columns = writer.schema_descr().columns().to_vec();
    let mut group = writer.next_row_group().unwrap();
    for (column, page) in columns.into_iter().zip(pages) {
        let chunk = path.with_extension("chunk");
        fs::write(&chunk, page).unwrap();
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(Compression::SNAPPY)
            .set_num_values(1)
            .set_total_compressed_size(page.len() as i64)
            .set_total_uncompressed_size(page.len() as i64)
            .set_data_page_offset(0)
            .build()
            .unwrap();
        let close = ColumnCloseResult {
            bytes_written: page.len() as u64,
            rows_written: 1,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(&File::open(&chunk).unwrap(), close).unwrap();
        fs::remove_file(&chunk).unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

/// The committed file, which `pipeline` reads as the table of a manifest.
fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/huge-page.parquet")
}

#[test]
fn a_page_that_claims_two_gigabytes_is_refused_with_column_size_and_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge-page.parquet");
    write_pages(&path, [&HUGE_PAGE; 5]);
    assert_eq!(fs::read(&path).unwrap(), fs::read(committed()).unwrap());
    let error = read_rejects(&path).unwrap_err();
    assert!(matches!(&error, Error::Table { path: named, .. } if *named == path));
    let text = error.to_string();
    let expected = "column asset_id declares a page of 2147483647 bytes, more than 268435456";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_column_of_no_meaning_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rejects.parquet");
    // Eight bytes for the number, and as the last column one that could not be read.
    let mut number = [&SMALL_PAGE[..21], &[8, 28, 7, 0, 0, 0, 0, 0, 0, 0]].concat();
    (number[3], number[9]) = (0x90, 0x14);
    write_pages(&path, [&number, &SMALL_PAGE, &SMALL_PAGE, &SMALL_PAGE, &HUGE_PAGE]);
    let rows = read_rejects(&path).unwrap();
    assert_eq!((rows.len(), rows[0].asset_id, rows[0].path.as_str()), (1, 7, ""));
}
