//! Implied labels: golden files of the form, and rows that break its rules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::verify::{Depth, verify};
use shardfmt::{
    Checks, Counts, Dataset, Error, GeoPrior, Label, LabelForm, LabelRow, Others, PriorRow, read_dataset_json,
    read_labels, write_assets, write_dataset_json, write_labels, write_priors, write_rejects, write_taxa,
};

use crate::sample;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-implied")
}

/// The rows of the sample in the implied form: one of each kind. Of asset 10, class 2 is ruled out.
fn rows() -> (Vec<LabelRow>, Vec<PriorRow>) {
    let (mut labels, mut priors) = (sample::labels(), sample::priors());
    // Present 1, absent 2, unknown 0: what the prior says.
    (labels[0].absent, labels[0].unknown) = (vec![2], vec![0]);
    let (of_10, of_minus_5) = labels.split_at_mut(3);
    LabelForm::Implied.apply(&mut priors[0], of_10, 3);
    LabelForm::Implied.apply(&mut priors[1], of_minus_5, 3);
    (labels, priors)
}

/// Writes the dataset into the folder `dir`.
fn write_dataset(dir: &Path) {
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let (labels, priors) = rows();
    let files = vec![
        write_taxa(&dir.join(TAXA), &sample::taxa()).unwrap(),
        write_rejects(&dir.join(REJECTS), &[]).unwrap(),
        sample::write_shard(&dir.join(shard_path(0)), &sample::ROWS),
        write_labels(&dir.join(labels_path(0)), &sample::taxa(), LabelForm::Implied, &labels).unwrap(),
        write_priors(&dir.join(priors_path(0)), &sample::taxa(), &priors).unwrap(),
        write_assets(
            &dir.join(assets_path(0)),
            &sample::taxa(),
            LabelForm::Listed,
            &sample::assets(),
        )
        .unwrap(),
    ];
    let mut info = sample::info(files);
    info.head.features_required = LabelForm::Implied.features_required();
    info.counts = Counts {
        shards: 1,
        rejects: 0,
        ..info.counts
    };
    write_dataset_json(dir, &info).unwrap();
}

#[test]
fn writing_again_gives_the_golden_bytes() {
    let fresh = tempfile::tempdir().unwrap();
    write_dataset(fresh.path());
    sample::assert_golden(&golden(), fresh.path());
}

#[test]
fn the_golden_dataset_reads_as_its_labels() {
    let dataset = Dataset::open(&golden()).unwrap();
    assert_eq!(dataset.head().label_form(), LabelForm::Implied);
    let shard = dataset.open_shard(0, Checks::Always).unwrap();
    let (labels, priors) = (dataset.labels(&shard).unwrap(), dataset.priors(&shard).unwrap());
    assert_eq!(dataset.geo_priors(&shard).unwrap()[&10], GeoPrior::new(&priors[0], 3));
    assert_eq!((&labels, &priors), (&rows().0, &rows().1));
    let others: Vec<_> = labels.iter().map(|row| row.others.unwrap()).collect();
    assert_eq!(
        others,
        [Others::Prior, Others::Absent, Others::Unknown, Others::Unknown]
    );
    use Label::{Absent, Present, Unknown};
    let expected = [
        [Unknown, Present, Absent],
        [Absent, Present, Absent],
        [Unknown, Unknown, Unknown],
        [Unknown, Present, Unknown],
    ];
    for (row, expected) in labels.iter().zip(expected) {
        let prior = priors.iter().find(|prior| prior.asset_id == row.asset_id).unwrap();
        let geo = GeoPrior::new(prior, 3);
        assert_eq!(
            [0, 1, 2].map(|class| row.label(class, &geo)),
            expected,
            "row {}",
            row.row
        );
    }
    assert!(
        verify(&golden(), Depth::Full, &mut |_, _| {})
            .unwrap()
            .findings
            .is_empty()
    );
}

/// The golden label table with another column in the place of `name`, or without it.
fn rewritten(path: &Path, name: &str, column: Option<ArrayRef>) {
    let file = File::open(golden().join(labels_path(0))).unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batch = reader.next().unwrap().unwrap();
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let array = match &column {
            Some(column) if field.name() == name => Arc::clone(column),
            None if field.name() == name => continue,
            _ => Arc::clone(array),
        };
        fields.push(Field::new(field.name(), array.data_type().clone(), true));
        columns.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let kind = KeyValue::new("l48.schema".to_owned(), "labels/1".to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![kind]));
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn lists(rows: [&[&str]; 4]) -> Option<ArrayRef> {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        row.iter().for_each(|code| builder.values().append_value(code));
        builder.append(true);
    }
    Some(Arc::new(builder.finish()))
}

fn words(words: [Option<&str>; 4]) -> Option<ArrayRef> {
    Some(Arc::new(StringArray::from_iter(words)))
}

#[test]
fn rows_that_break_the_rules_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let read = |form| read_labels(&path, &sample::taxa(), form);
    let (known, none): (_, &[&str]) = ([Some("prior"), Some("absent"), Some("unknown"), Some("unknown")], &[]);
    let with_first = |first| {
        let mut words = known;
        words[0] = first;
        words
    };
    let cases = [
        (
            "others",
            words(with_first(Some("present"))),
            0,
            "expected absent, unknown, prior",
        ),
        ("others", words(with_first(None)), 0, "is null"),
        ("others", words(with_first(Some("unknown"))), 9, ""),
        (
            "unknown",
            lists([none, none, none, &["comrav"]]),
            3,
            "no list names are unknown",
        ),
        (
            "absent",
            lists([none, &["x-noise"], none, none]),
            1,
            "no list names are absent",
        ),
        (
            "unknown",
            lists([&["x-noise", "comrav"], none, none, none]),
            0,
            "not in the order of the classes",
        ),
        (
            "unknown",
            lists([&["eurrob1"], none, none, none]),
            0,
            "already listed in this row",
        ),
        (
            "absent",
            lists([none, none, none, &["elsewhere"]]),
            3,
            "not in the class list",
        ),
    ];
    for (name, column, expected_row, message) in cases {
        rewritten(&path, name, column);
        match read(LabelForm::Implied) {
            Err(Error::Cell {
                column, row, reason, ..
            }) => {
                assert_eq!((column, row), (name, expected_row), "{reason}");
                assert!(reason.contains(message), "{name}: {reason}");
            }
            Ok(_) => assert_eq!(expected_row, 9, "{name}: {message}"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    rewritten(&path, "others", None);
    assert!(matches!(read(LabelForm::Implied), Err(Error::Column { column, .. }) if column == "others"));
    // A dataset without the feature gives a column of this name no meaning, whatever it holds.
    rewritten(&path, "others", words([Some("else"), None, None, None]));
    assert!(read(LabelForm::Listed).unwrap().iter().all(|row| row.others.is_none()));
}

#[test]
fn rows_of_the_other_form_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let write = |form, rows: &[LabelRow]| write_labels(&folder.path().join("t"), &sample::taxa(), form, rows);
    for (form, rows) in [(LabelForm::Listed, rows().0), (LabelForm::Implied, sample::labels())] {
        let error = write(form, &rows).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Cell {
                    column: "others",
                    row: 0,
                    ..
                }
            ),
            "{error}"
        );
    }
    let mut unsorted = rows().0;
    (unsorted[0].others, unsorted[0].unknown) = (Some(Others::Absent), vec![2, 0]);
    let error = write(LabelForm::Implied, &unsorted).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Cell {
                column: "unknown",
                row: 0,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_program_that_does_not_know_a_feature_refuses_and_this_one_knows_its_own_only() {
    let folder = tempfile::tempdir().unwrap();
    write_dataset(folder.path());
    let path = folder.path().join("dataset.json");
    let mut info = read_dataset_json(&path).unwrap();
    info.head.features_required.push("implied_boxes".to_owned());
    let error = write_dataset_json(folder.path(), &info).unwrap_err();
    assert!(
        matches!(&error, Error::UnsupportedFeature { feature, .. } if feature == "implied_boxes"),
        "{error}"
    );
    // Without the feature the labels are those that the lists name.
    info.head.features_required.clear();
    write_dataset_json(folder.path(), &info).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    let shard = dataset.open_shard(0, Checks::Always).unwrap();
    assert!(dataset.labels(&shard).unwrap().iter().all(|row| row.others.is_none()));
}
