//! What was heard in recordings: golden files with its columns, and rows that break its rules.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::verify::{Depth, verify};
use shardfmt::{
    AssetRow, Checks, Counts, Dataset, Error, FromRecording, HEARD, HeardSource, LabelForm, LabelRow, Split, TableForm,
    WeakRule, read_assets, read_dataset_json, read_labels, write_assets, write_dataset_json, write_labels,
    write_priors, write_rejects, write_taxa,
};

use crate::sample;

const FORM: TableForm = TableForm {
    labels: LabelForm::Listed,
    heard: true,
};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden-heard")
}

fn item(class: u32, label_source: HeardSource, score: Option<f32>) -> FromRecording {
    FromRecording {
        class,
        label_source,
        score,
    }
}

fn weak(name: &str) -> HeardSource {
    HeardSource::Weak(WeakRule::new(name, 1).unwrap())
}

/// The rows of the sample: in asset 10 classes 0 and 2 were heard, which rules take for present in the first clip, one
/// with a score; in asset -5, which is one clip long, class 1 was.
fn rows() -> (Vec<LabelRow>, Vec<AssetRow>) {
    let (mut labels, mut assets) = (sample::labels(), sample::assets());
    labels[0].from_recording = vec![item(0, weak("first"), None), item(2, weak("scores"), Some(0.75))];
    labels[3].from_recording = vec![item(1, HeardSource::Whole, None)];
    (assets[0].heard, assets[1].heard) = (Some(vec![0, 2]), Some(vec![1]));
    (labels, assets)
}

/// Writes the dataset into the folder `dir`; of a second shard, the tables have no rows.
fn write_dataset(dir: &Path, (labels, assets): &(Vec<LabelRow>, Vec<AssetRow>)) {
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let taxa = sample::taxa();
    let mut files = vec![
        write_taxa(&dir.join(TAXA), &taxa).unwrap(),
        write_rejects(&dir.join(REJECTS), &[]).unwrap(),
    ];
    let priors = sample::priors();
    let shards: [(&[_], &[_], &[_], &[_]); 2] = [(&sample::ROWS, labels, &priors, assets), (&[], &[], &[], &[])];
    for ((rows, labels, priors, assets), shard) in shards.into_iter().zip(0..) {
        files.extend([
            sample::write_shard(&dir.join(shard_path(shard)), rows),
            write_labels(&dir.join(labels_path(shard)), &taxa, FORM, labels).unwrap(),
            write_priors(&dir.join(priors_path(shard)), &taxa, priors).unwrap(),
            write_assets(&dir.join(assets_path(shard)), &taxa, FORM, assets).unwrap(),
        ]);
    }
    let mut info = sample::info(files);
    info.head.features_optional.push(HEARD.to_owned());
    info.counts = Counts {
        rejects: 0,
        ..info.counts
    };
    write_dataset_json(dir, &info).unwrap();
}

#[test]
fn writing_again_gives_the_golden_bytes() {
    let fresh = tempfile::tempdir().unwrap();
    write_dataset(fresh.path(), &rows());
    sample::assert_golden(&golden(), fresh.path());
}

#[test]
fn the_golden_dataset_reads_as_its_rows_and_is_sound() {
    let dataset = Dataset::open(&golden()).unwrap();
    assert_eq!(dataset.head().table_form(), FORM);
    let shard = dataset.open_shard(0, Checks::Always).unwrap();
    let (labels, assets) = rows();
    assert_eq!((dataset.labels(&shard).unwrap(), dataset.assets()), (labels, &*assets));
    assert!(
        verify(&golden(), Depth::Full, &mut |_, _| ())
            .unwrap()
            .findings
            .is_empty()
    );
}

/// Where the dataset does not have the feature, columns of these names mean nothing; where it has, they must be there.
#[test]
fn the_columns_are_read_where_the_dataset_has_the_feature() {
    let path = golden().join(labels_path(0));
    let plain = read_labels(&path, &sample::taxa(), LabelForm::Listed).unwrap();
    assert!(plain.iter().all(|row| row.from_recording.is_empty()));
    let plain = read_assets(&golden().join(assets_path(0)), &sample::taxa(), LabelForm::Listed).unwrap();
    assert!(plain.iter().all(|row| row.heard.is_none()));
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let error = read_labels(&old.join(labels_path(0)), &sample::taxa(), FORM).unwrap_err();
    assert!(
        matches!(&error, Error::Column { column, .. } if column == "from_recording"),
        "{error}"
    );
    let error = read_assets(&old.join(assets_path(0)), &sample::taxa(), FORM).unwrap_err();
    assert!(
        matches!(&error, Error::Column { column, .. } if column == "heard"),
        "{error}"
    );
}

#[test]
fn a_dataset_without_the_feature_has_no_such_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let columns = |path: &Path| -> Vec<String> {
        let file = fs::File::open(path).unwrap();
        let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    write_assets(&path, &sample::taxa(), LabelForm::Listed, &sample::assets()).unwrap();
    assert!(!columns(&path).contains(&HEARD.to_owned()));
    write_assets(&path, &sample::taxa(), FORM, &sample::assets()).unwrap();
    assert_eq!(columns(&path).last().unwrap(), HEARD);
    let (labels, assets) = rows();
    let error = write_labels(&path, &sample::taxa(), LabelForm::Listed, &labels).unwrap_err();
    assert!(matches!(
        error,
        Error::Cell {
            column: "from_recording",
            row: 0,
            ..
        }
    ));
    let error = write_assets(&path, &sample::taxa(), LabelForm::Listed, &assets).unwrap_err();
    assert!(matches!(
        error,
        Error::Cell {
            column: "heard",
            row: 0,
            ..
        }
    ));
}

#[test]
fn rows_that_break_a_rule_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let reason = |row: &LabelRow| match write_labels(&path, &sample::taxa(), FORM, std::slice::from_ref(row)) {
        Err(Error::Cell { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    type Break = fn(&mut LabelRow);
    let cases: [(Break, &str); 6] = [
        (|row| row.from_recording.swap(0, 1), "order of the classes"),
        (|row| row.from_recording[1].class = 0, "order of the classes"),
        (|row| row.from_recording[1].class = 9, "class index 9"),
        (
            |row| row.from_recording[0].label_source = HeardSource::Whole,
            "is not present",
        ),
        (|row| row.from_recording[0].class = 1, "is not unknown"),
        (|row| row.split = Split::Val, "outside split train"),
    ];
    for (break_it, expected) in cases {
        let mut row = rows().0.swap_remove(0);
        break_it(&mut row);
        if row.from_recording[0].class == 1 {
            row.from_recording.truncate(1);
        }
        let reason = reason(&row);
        assert!(reason.contains(expected), "{reason}");
    }
    for heard in [vec![1, 0], vec![1, 1]] {
        let mut assets = rows().1;
        assets[0].heard = Some(heard);
        let error = write_assets(&path, &sample::taxa(), FORM, &assets).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Cell {
                    column: "heard",
                    row: 0,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn verify_finds_a_label_of_a_class_that_was_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = rows();
    rows.1[0].heard = Some(vec![0]);
    write_dataset(folder.path(), &rows);
    let report = verify(folder.path(), Depth::Quick, &mut |_, _| ()).unwrap();
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let [finding] = &findings[..] else {
        panic!("{findings:?}")
    };
    assert!(finding.contains("not heard in asset 10"), "{finding}");
    assert!(read_dataset_json(&folder.path().join("dataset.json")).is_ok());
}
