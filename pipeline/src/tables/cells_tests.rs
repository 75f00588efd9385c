//! Tests the cells that values of each Arrow type become, from Parquet files as people's programs write them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, LargeListBuilder, ListBuilder, ListViewBuilder, StringBuilder};
use arrow_array::types::{Int8Type, Int32Type, UInt16Type, UInt64Type};
use arrow_array::*;
use arrow_schema::{Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::tables::{Columns, Problems, Table};

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// A Parquet file of some columns.
fn parquet(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, array)| (name, Arc::clone(array), true)))
            .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A Parquet file of one column, with a codec and in pages of either version.
fn packed(array: impl Array + 'static, codec: Compression, version: WriterVersion) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("x", Arc::new(array) as ArrayRef)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_writer_version(version)
        .set_dictionary_enabled(false);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The cells of the column `x` of a Parquet file.
fn read(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let columns = Columns {
        required: &["x"],
        optional: &[],
    };
    let mut problems = Problems::default();
    let Some(table) = Table::parse(Path::new("t"), bytes, columns, &mut problems) else {
        return Err(problems.to_string());
    };
    Ok(table
        .rows()
        .map(|row| row.cell("x").unwrap_or_default().to_owned())
        .collect())
}

/// Asserts what cells a column becomes, through a file.
fn check(array: impl Array + 'static, cells: &[&str]) {
    let kind = array.data_type().clone();
    let found = read(parquet(&[("x", Arc::new(array))])).unwrap_or_else(|error| panic!("{kind}: {error}"));
    assert_eq!(found, cells, "{kind}");
}

/// Asserts what cells an array becomes that no Parquet file gives in this form.
fn check_array(array: &dyn Array, cells: &[&str]) {
    assert_eq!(texts(array, &mut 0).unwrap(), cells, "{}", array.data_type());
}

#[test]
fn numbers() {
    check(Int8Array::from(vec![Some(-1), None]), &["-1", ""]);
    check(Int16Array::from(vec![300]), &["300"]);
    check(Int32Array::from(vec![-70_000]), &["-70000"]);
    check(Int64Array::from(vec![i64::MIN]), &["-9223372036854775808"]);
    check(UInt8Array::from(vec![255]), &["255"]);
    check(UInt16Array::from(vec![65_535]), &["65535"]);
    check(UInt32Array::from(vec![u32::MAX]), &["4294967295"]);
    check(UInt64Array::from(vec![u64::MAX]), &["18446744073709551615"]);
    check(
        BooleanArray::from(vec![Some(true), Some(false), None]),
        &["true", "false", ""],
    );
    // An id that pandas made a float of, since others are missing, is whole; NaN is a missing value.
    check(
        Float64Array::from(vec![Some(1001.0), Some(f64::NAN), None, Some(0.1)]),
        &["1001", "", "", "0.1"],
    );
    check(Float32Array::from(vec![0.1, f32::NAN]), &["0.1", ""]);
    check(Float16Array::from(vec![Half::from_f32(2.5), Half::NAN]), &["2.5", ""]);
    check(NullArray::new(2), &["", ""]);
}

#[test]
fn decimals_without_filling_zeros() {
    let decimals =
        |scale| Decimal128Array::from(vec![Some(100_100), Some(-5), None]).with_precision_and_scale(10, scale);
    check(decimals(2).unwrap(), &["1001", "-0.05", ""]);
    check(decimals(0).unwrap(), &["100100", "-5", ""]);
    check(decimals(3).unwrap(), &["100.1", "-0.005", ""]);
    check(
        Decimal32Array::from(vec![250]).with_precision_and_scale(5, 1).unwrap(),
        &["25"],
    );
    check(
        Decimal64Array::from(vec![250]).with_precision_and_scale(12, 2).unwrap(),
        &["2.5"],
    );
    let wide = Decimal256Array::from(vec![<Decimal256Type as ArrowPrimitiveType>::Native::from_i128(1_250)]);
    check(wide.with_precision_and_scale(50, 2).unwrap(), &["12.5"]);
}

#[test]
fn text_and_bytes_of_text() {
    check(
        StringArray::from(vec![Some("Grünspecht"), Some(""), None]),
        &["Grünspecht", "", ""],
    );
    check(LargeStringArray::from(vec!["a"]), &["a"]);
    check(
        StringViewArray::from(vec!["a view of more than twelve bytes"]),
        &["a view of more than twelve bytes"],
    );
    check(BinaryArray::from(vec!["ü".as_bytes()]), &["ü"]);
    check(LargeBinaryArray::from(vec![b"a".as_slice()]), &["a"]);
    check(BinaryViewArray::from(vec![b"a".as_slice()]), &["a"]);
    check(
        FixedSizeBinaryArray::try_from_iter([b"abc"].into_iter()).unwrap(),
        &["abc"],
    );
    let error = read(parquet(&[("x", Arc::new(BinaryArray::from(vec![b"\xff".as_slice()])))])).unwrap_err();
    assert!(
        error.contains("t: cannot be read as Parquet: column `x`: holds bytes that are not UTF-8 text"),
        "{error}"
    );
}

#[test]
fn times_are_iso_8601_and_have_an_offset_where_the_column_has_a_zone() {
    const SECOND: i64 = 1_527_935_400;
    check(
        TimestampSecondArray::from(vec![Some(SECOND), None]),
        &["2018-06-02T10:30:00", ""],
    );
    check(
        TimestampMillisecondArray::from(vec![SECOND * 1_000 + 250]),
        &["2018-06-02T10:30:00.25"],
    );
    check(
        TimestampMicrosecondArray::from(vec![SECOND * 1_000_000 + 1]),
        &["2018-06-02T10:30:00.000001"],
    );
    check(
        TimestampNanosecondArray::from(vec![-1]),
        &["1969-12-31T23:59:59.999999999"],
    );
    check(
        TimestampMicrosecondArray::from(vec![SECOND * 1_000_000]).with_timezone("UTC"),
        &["2018-06-02T10:30:00+00:00"],
    );
    check(
        TimestampSecondArray::from(vec![SECOND]).with_timezone("-04:00"),
        &["2018-06-02T06:30:00-04:00"],
    );
    check(
        TimestampNanosecondArray::from(vec![SECOND * 1_000_000_000]).with_timezone("+05:30"),
        &["2018-06-02T16:00:00+05:30"],
    );
    check(
        TimestampMillisecondArray::from(vec![SECOND * 1_000]).with_timezone("America/New_York"),
        &["2018-06-02T10:30:00+00:00"],
    );
    check(
        Date32Array::from(vec![Some(17_684), Some(-1), None]),
        &["2018-06-02", "1969-12-31", ""],
    );
    check(Date64Array::from(vec![SECOND / 86_400 * 86_400_000]), &["2018-06-02"]);
    let error = read(parquet(&[(
        "x",
        Arc::new(TimestampSecondArray::from(vec![i64::MAX / 1_000])),
    )]))
    .unwrap_err();
    assert!(
        error.contains("holds a time outside the years -9999 to 9999"),
        "{error}"
    );
}

#[test]
fn dictionaries_with_keys_of_every_type() {
    macro_rules! keys {
        ($($kind:ty),+) => {
            $(
                let values = vec![Some("WOTH"), None, Some("EATO"), Some("WOTH")];
                check(values.into_iter().collect::<DictionaryArray<$kind>>(), &["WOTH", "", "EATO", "WOTH"]);
            )+
        };
    }
    keys!(Int8Type, Int32Type, UInt16Type, UInt64Type);
    // Of other values than text: what the keys stand for, null too.
    let values = Arc::new(Float64Array::from(vec![Some(1001.0), None]));
    let numbers = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![Some(0), Some(1), None, Some(0)]), values);
    check_array(&numbers, &["1001", "", "", "1001"]);
    let empty = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![None]),
        Arc::new(StringArray::from(Vec::<&str>::new())),
    );
    check_array(&empty, &[""]);
}

#[test]
fn lists_of_every_kind() {
    let names: [Option<&[&str]>; 3] = [Some(&["woothr", "eastow"]), None, Some(&[])];
    let cells = ["woothr;eastow", "", ""];
    macro_rules! lists {
        ($($builder:ident),+) => {
            $(
                let mut builder = $builder::new(StringBuilder::new());
                for list in names {
                    for name in list.unwrap_or_default() {
                        builder.values().append_value(name);
                    }
                    builder.append(list.is_some());
                }
                check(builder.finish(), &cells);
            )+
        };
    }
    lists!(ListBuilder, LargeListBuilder, ListViewBuilder);
    let mut pairs = FixedSizeListBuilder::new(arrow_array::builder::Int32Builder::new(), 2);
    pairs.values().append_slice(&[1, 2, 3, 4]);
    pairs.append(true);
    pairs.append(true);
    check(pairs.finish(), &["1;2", "3;4"]);
}

#[test]
fn columns_that_nobody_asks_for_are_not_looked_at() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    let seconds: ArrayRef = Arc::new(DurationSecondArray::from(vec![7]));
    let pair = StructArray::new(
        Fields::from(vec![Field::new("a", DataType::Int64, true)]),
        vec![Arc::clone(&ids)],
        None,
    );
    let others: [(&str, ArrayRef); 3] = [
        ("seconds", Arc::clone(&seconds)),
        ("pair", Arc::new(pair)),
        ("raw", Arc::new(BinaryArray::from(vec![b"\xff".as_slice()]))),
    ];
    let [first, second, third] = others;
    assert_eq!(read(parquet(&[first, second, ("x", ids), third])).unwrap(), ["7"]);
    let error = read(parquet(&[("x", seconds)])).unwrap_err();
    assert!(
        error.contains("column `x`: values of type Duration(s) are not supported"),
        "{error}"
    );
}

#[test]
fn content_decides_what_a_table_is() {
    let folder = tempfile::tempdir().unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![7]));
    for (name, bytes) in [("a.csv", parquet(&[("x", ids)])), ("b.parquet", b"x\n7\n".to_vec())] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let columns = Columns {
            required: &["x"],
            optional: &[],
        };
        let mut problems = Problems::default();
        let table = Table::read(&file, columns, &mut problems).unwrap();
        assert_eq!(table.rows().next().unwrap().cell("x"), Some("7"), "{name}: {problems}");
    }
}

/// Every codec of the format but LZO.
fn codecs() -> [Compression; 7] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ]
}

#[test]
fn pages_in_every_codec() {
    let ids: Vec<i64> = (0..5000).collect();
    let cells: Vec<String> = ids.iter().map(i64::to_string).collect();
    for codec in codecs() {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            let read = read(packed(Int64Array::from(ids.clone()), codec, version));
            assert_eq!(read.as_ref(), Ok(&cells), "{codec} {version:?}");
        }
    }
}

#[test]
fn a_page_that_unfolds_to_more_than_it_declares_is_refused_before_it_does() {
    for codec in codecs().into_iter().skip(1) {
        let mut bytes = packed(Int64Array::from(vec![7; 100_000]), codec, WriterVersion::PARQUET_1_0);
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes.clone())).unwrap();
        let start = reader.metadata().row_group(0).column(0).data_page_offset() as usize;
        // The header begins with its type and the size, here of three bytes of seven bits, the lowest first.
        let size = bytes.get_mut(start + 3..start + 6).unwrap();
        assert!(size[0] & 0x80 != 0 && size[1] & 0x80 != 0 && size[2] & 0x80 == 0);
        size[2] = 1;
        let error = read(bytes).unwrap_err();
        let is_counted = matches!(codec, Compression::GZIP(_) | Compression::BROTLI(_));
        let expected = if is_counted {
            "column x has a page that unfolds to more than"
        } else {
            "cannot be read as"
        };
        assert!(error.contains(expected), "{codec}: {error}");
    }
}

#[test]
fn times_of_96_bits_have_no_zone() {
    let schema = Arc::new(parse_message_type("message t { required int96 x; }").unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let mut time = Int96::new();
    // Half past ten on Julian day 2,458,272, the nanoseconds first.
    const NANOSECONDS: u64 = 37_800 * 1_000_000_000;
    time.set_data(NANOSECONDS as u32, (NANOSECONDS >> 32) as u32, 2_458_272);
    column.typed::<Int96Type>().write_batch(&[time], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert_eq!(read(bytes).unwrap(), ["2018-06-02T10:30:00"]);
}
