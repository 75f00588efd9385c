//! One test for each error of the tables and of the dataset: what brings it about, and what it names.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::sample;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use shardfmt::entry::{REJECTS, TAXA, labels_path, priors_path, shard_path};
use shardfmt::sidecar::{
    AssetRow, LabelForm, LabelRow, RejectRow, read_labels, read_priors, read_rejects, read_taxa, write_assets,
    write_labels, write_rejects,
};
use shardfmt::{Checks, ClipSpec, Dataset, DatasetInfo, Error, Xxh3, read_dataset_json, write_dataset_json};

/// Where an error is expected, and the change that brings it about.
type Break<T> = (&'static str, fn(&mut T));

fn dataset() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    sample::write_dataset(folder.path());
    let dir = folder.path().to_path_buf();
    (folder, dir)
}

/// A table named `rejects/1` with these columns, written by the stock writer.
fn foreign_table(columns: Vec<(&str, ArrayRef)>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(REJECTS);
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let name = KeyValue::new("l48.schema".to_owned(), "rejects/1".to_owned());
    let properties = WriterProperties::builder()
        .set_key_value_metadata(Some(vec![name]))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

fn text(values: [Option<&str>; 2]) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn rejects_columns() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("reason", text([Some("r"), Some("s")])),
        ("extra", text([None, Some("ignored")])),
        ("asset_id", Arc::new(Int64Array::from_iter_values([1, 2]))),
        ("path", text([Some("p"), Some("q")])),
        ("stage", text([Some("t"), Some("u")])),
    ]
}

#[test]
fn another_writers_table_reads_in_any_column_order_and_unknown_columns_are_ignored() {
    let (_folder, path) = foreign_table(rejects_columns());
    let row = |asset_id, [path, stage, reason]: [&str; 3]| RejectRow {
        asset_id,
        path: path.into(),
        stage: stage.into(),
        reason: reason.into(),
    };
    assert_eq!(
        read_rejects(&path).unwrap(),
        [row(1, ["p", "t", "r"]), row(2, ["q", "u", "s"])]
    );
}

#[test]
fn column_missing_or_of_another_type() {
    let mut columns = rejects_columns();
    columns.retain(|(name, _)| *name != "stage");
    let (_folder, path) = foreign_table(columns.clone());
    let error = read_rejects(&path).unwrap_err();
    assert!(matches!(&error, Error::Column { column, got, .. } if column == "stage" && got == "no such column"));
    columns.push(("stage", Arc::new(Int64Array::from_iter_values([1, 2]))));
    let (_folder, path) = foreign_table(columns);
    let error = read_rejects(&path).unwrap_err();
    assert!(
        matches!(&error, Error::Column { column, got, .. } if column == "stage" && got == "Int64"),
        "{error}"
    );
    assert!(error.to_string().contains(REJECTS), "{error}");
}

#[test]
fn cell_null_where_a_value_is_required() {
    let mut columns = rejects_columns();
    columns.retain(|(name, _)| *name != "stage");
    columns.push(("stage", text([Some("t"), None])));
    let (_folder, path) = foreign_table(columns);
    assert!(matches!(
        read_rejects(&path),
        Err(Error::Cell {
            column: "stage",
            row: 1,
            ..
        })
    ));
}

#[test]
fn cell_with_a_null_inside_a_list() {
    let (_folder, dir) = dataset();
    let path = dir.join(priors_path(0));
    let file = File::open(&path).unwrap();
    let table = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let rewrite = |codes: [Option<&str>; 2]| {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value(codes);
        lists.append_null();
        let lists: ArrayRef = Arc::new(lists.finish());
        let schema = table.schema();
        let columns = schema.fields().iter().zip(table.columns()).map(|(field, column)| {
            let new = if field.name() == "geo_possible" { &lists } else { column };
            (field.name().clone(), Arc::clone(new), true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let name = KeyValue::new("l48.schema".to_owned(), "priors/1".to_owned());
        let properties = WriterProperties::builder()
            .set_key_value_metadata(Some(vec![name]))
            .build();
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        read_priors(&path, &sample::taxa())
    };
    assert_eq!(rewrite([Some("comrav"), Some("eurrob1")]).unwrap(), sample::priors());
    let error = rewrite([Some("comrav"), None]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Cell {
                column: "geo_possible",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn table_schema_of_another_kind() {
    let (_folder, dir) = dataset();
    let error = read_taxa(&dir.join(REJECTS)).unwrap_err();
    assert!(matches!(error, Error::TableSchema { expected: "taxa/1", got, .. } if got == "rejects/1"));
}

#[test]
fn table_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    fs::write(&path, b"PAR1 not really PAR1").unwrap();
    assert!(matches!(read_taxa(&path), Err(Error::Table { .. })));
    assert!(matches!(
        read_taxa(&folder.path().join("none")),
        Err(Error::Io {
            operation: shardfmt::Operation::Open,
            ..
        })
    ));
}

#[test]
fn cell_with_a_label_that_is_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l");
    let good = sample::labels();
    let cases: [Break<LabelRow>; 9] = [
        ("present", |row| row.present = vec![3]),
        ("target", |row| row.target = Some(9)),
        ("absent", |row| row.absent = vec![1]),
        ("unknown", |row| row.unknown = vec![0, 0]),
        ("start_s", |row| row.start_s = f64::NAN),
        ("end_s", |row| row.end_s = -1.0),
        ("rms_dbfs", |row| row.rms_dbfs = Some(f32::NEG_INFINITY)),
        ("boxes", |row| row.boxes[0].x_max = f32::NAN),
        ("boxes", |row| row.boxes[1].end_s = 0.0),
    ];
    for (name, break_it) in cases {
        let mut rows = good.clone();
        break_it(&mut rows[1]);
        let error = write_labels(&path, &sample::taxa(), LabelForm::Listed, &rows).unwrap_err();
        assert!(
            matches!(&error, Error::Cell { column, row: 1, .. } if *column == name),
            "{name}: {error}"
        );
    }
    assert_eq!(sample::files_under(folder.path()), [""; 0]);
    let empty = AssetRow {
        clips: 0,
        ..sample::assets()[0].clone()
    };
    let error = write_assets(&path, &sample::taxa(), LabelForm::Listed, &[empty]).unwrap_err();
    assert!(matches!(
        error,
        Error::Cell {
            column: "clips",
            row: 0,
            ..
        }
    ));
}

#[test]
fn cell_with_a_species_code_that_is_no_class() {
    let (_folder, dir) = dataset();
    let error = read_labels(
        &dir.join(labels_path(0)),
        &shardfmt::sidecar::Taxa::default(),
        LabelForm::Listed,
    )
    .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Cell {
                column: "target",
                row: 0,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn no_dataset() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Dataset::open(folder.path()), Err(Error::NoDataset { .. })));
}

#[test]
fn file_missing_and_file_size() {
    let (_folder, dir) = dataset();
    let path = dir.join(shard_path(1));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[1..]).unwrap();
    let error = Dataset::open(&dir).unwrap_err();
    assert!(matches!(&error, Error::FileSize { path: named, expected: 4096, got: 4095 } if *named == path));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Dataset::open(&dir), Err(Error::FileMissing { path: named }) if named == path));
}

#[test]
fn file_checksum() {
    let (_folder, dir) = dataset();
    let path = dir.join(TAXA);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 4;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Dataset::open(&dir), Err(Error::FileChecksum { path: named, .. }) if named == path));
}

#[test]
fn no_such_shard() {
    let (_folder, dir) = dataset();
    let dataset = Dataset::open(&dir).unwrap();
    assert!(matches!(
        dataset.open_shard(2, Checks::Off),
        Err(Error::NoSuchShard {
            shard: 2,
            shards: 2,
            ..
        })
    ));
}

#[test]
fn mismatch_of_spec_and_of_assets() {
    let (_folder, dir) = dataset();
    let info = read_dataset_json(&dir.join("dataset.json")).unwrap();
    let mut other = info.clone();
    other.head.clips = ClipSpec {
        height: 5,
        width: 3,
        ..info.head.clips
    };
    write_dataset_json(&dir, &other).unwrap();
    let error = Dataset::open(&dir).unwrap().open_shard(0, Checks::Off).unwrap_err();
    assert!(matches!(error, Error::Mismatch { field: "clip spec", .. }));
    let cases: [Break<AssetRow>; 3] = [
        ("shard", |row| row.shard = 1),
        ("first_row", |row| row.first_row = 2),
        ("number of clips", |row| row.clips = 2),
    ];
    for (name, break_it) in cases {
        let mut rows = sample::assets();
        break_it(&mut rows[1]);
        let entry = write_assets(
            &dir.join("assets/00000.parquet"),
            &sample::taxa(),
            LabelForm::Listed,
            &rows,
        )
        .unwrap();
        let mut files = info.files.clone();
        let position = files.iter().position(|old| old.path == entry.path).unwrap();
        files[position] = entry;
        write_dataset_json(&dir, &DatasetInfo { files, ..info.clone() }).unwrap();
        let error = Dataset::open(&dir).unwrap_err();
        assert!(
            matches!(&error, Error::Mismatch { field, .. } if *field == name),
            "{name}: {error}"
        );
    }
}

#[test]
fn dataset_json_that_breaks_a_rule() {
    let (_folder, dir) = dataset();
    let good = read_dataset_json(&dir.join("dataset.json")).unwrap();
    let cases: [Break<DatasetInfo>; 7] = [
        ("clips", |info| info.head.clips.width = 0),
        ("axes.fmax_hz", |info| info.head.axes.fmax_hz = f64::NAN),
        ("values.step", |info| info.head.values.step = f64::INFINITY),
        ("files", |info| info.counts.shards = 1),
        ("files", |info| info.counts.clips = 3),
        ("files", |info| info.files.push(info.files[0].clone())),
        ("files", |info| info.files[3].rows = 5),
    ];
    for (name, break_it) in cases {
        let mut info = good.clone();
        break_it(&mut info);
        let error = write_dataset_json(&dir, &info).unwrap_err();
        assert!(
            matches!(&error, Error::DatasetJson { field, .. } if *field == name),
            "{name}: {error}"
        );
    }
    assert_eq!(
        read_dataset_json(&dir.join("dataset.json")).unwrap(),
        good,
        "refused writes change nothing"
    );
}

/// `dataset.json` with `from` replaced by `to` and a sound checksum.
fn rewritten(path: &Path, from: &str, to: &str) -> Error {
    let text = fs::read_to_string(path).unwrap();
    let open = text.rsplit_once(",\"xxh3\"").unwrap().0.replacen(from, to, 1);
    assert!(!text.starts_with(&open), "{from} is not there");
    fs::write(path, format!("{open},\"xxh3\":\"{}\"}}\n", Xxh3::of(open.as_bytes()))).unwrap();
    read_dataset_json(path).unwrap_err()
}

#[test]
fn newer_datasets_are_refused_before_their_content_is_read() {
    let (_folder, dir) = dataset();
    let path = dir.join("dataset.json");
    let original = fs::read(&path).unwrap();
    let error = rewritten(
        &path,
        "\"features_required\": []",
        "\"features_required\": [\"packed\"]",
    );
    assert!(matches!(error, Error::UnsupportedFeature { feature, .. } if feature == "packed"));
    fs::write(&path, &original).unwrap();
    let error = rewritten(&path, "\"schema_version\": 1", "\"schema_version\": 2");
    assert!(matches!(error, Error::UnsupportedVersion { supported: 1, got, .. } if got == "2"));
    fs::write(&path, &original).unwrap();
    let error = rewritten(&path, "\"l48-dataset\"", "\"else\"");
    assert!(matches!(&error, Error::DatasetJson { field: "format", .. }), "{error}");
    fs::write(&path, &original).unwrap();
    let error = rewritten(&path, "\"axes\"", "\"axles\"");
    assert!(matches!(&error, Error::DatasetJson { field: "content", .. }), "{error}");
}

#[test]
fn unknown_words_are_errors_that_say_what_is_expected() {
    let (_folder, dir) = dataset();
    let path = dir.join("dataset.json");
    let original = fs::read(&path).unwrap();
    let cases = [
        (
            "\"mel-slaney\"",
            "\"bark\"",
            "frequency scale (expected mel-slaney, mel-htk, linear, none)",
        ),
        ("\"lowest\"", "\"left\"", "position of row 0 (expected lowest, highest)"),
        ("\"dB\"", "\"db\"", "unit (expected dB, level)"),
        ("\"clip\"", "\"max\"", "reference (expected clip, fixed, none)"),
    ];
    for (known, unknown, expected) in cases {
        let message = rewritten(&path, known, unknown).to_string();
        assert!(
            message.ends_with(&format!("{unknown} is not a {expected}")),
            "{message}"
        );
        fs::write(&path, &original).unwrap();
    }
}

#[test]
fn rejects_round_trip_when_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(REJECTS);
    assert_eq!(write_rejects(&path, &[]).unwrap().rows, 0);
    assert_eq!(read_rejects(&path).unwrap(), []);
}
