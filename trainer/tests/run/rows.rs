//! The rows of a mode as a table: those that a run trains on, with labels and masks, as they are in the dataset.

use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shardfmt::Split;

use crate::dataset::{Made, write};
use crate::program::{command, run};

/// Asset id, clip number, labels and mask of a row.
type Row = (i64, u32, Vec<u8>, Vec<u8>);

fn rows(dataset: &Path, settings: &[&str]) -> (Vec<Row>, String) {
    let table = dataset.join("../rows.parquet");
    let mut command = command();
    command.arg("rows").arg(dataset).arg("--out").arg(&table).args(settings);
    let (said, _) = run(&mut command, 0);
    let file = std::fs::File::open(&table).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        assert_eq!(column("source_index").null_count(), batch.num_rows());
        let list = |name: &str, row: usize| {
            let values = column(name).as_list::<i32>().value(row);
            values.as_primitive::<UInt8Type>().values().to_vec()
        };
        for row in 0..batch.num_rows() {
            rows.push((
                column("asset_id").as_primitive::<Int64Type>().value(row),
                column("clip_index").as_primitive::<UInt32Type>().value(row),
                list("labels", row),
                list("mask", row),
            ));
        }
    }
    (rows, said)
}

#[test]
fn labels_and_masks_of_every_mode() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    // The second recording: asset 10, target 1, heard alone in clip 0 and with class 2 in clip 1. Class 0 is ruled out
    // by the geographic prior, and class 3 by the checklist too.
    let second = |mode: &str, split: &str| {
        let (rows, said) = rows(&dataset, &["--mode", mode, "--split", split]);
        assert!(said.contains("36 of 36 clips of split train"), "{said}");
        rows.into_iter().filter(|row| row.0 == 10).collect::<Vec<_>>()
    };
    let of = |mode: &str| second(mode, "train").into_iter().map(|row| row.3).collect::<Vec<_>>();
    assert_eq!(of("target"), [[0, 1, 0, 0]; 3]);
    assert_eq!(of("geo"), [[1, 1, 0, 0]; 3]);
    assert_eq!(of("checklist"), [[1, 1, 0, 1]; 3]);
    let full = second("full", "train");
    assert_eq!(full[0], (10, 0, vec![0, 1, 0, 0], vec![1; 4]));
    assert_eq!(full[1].2, [0, 1, 1, 0]);
    let (val, _) = rows(&dataset, &["--mode", "full", "--split", "val"]);
    assert_eq!((val.len(), val[0].0), (12, 24));
}

#[test]
fn filters_and_words_that_do_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(
        &dataset,
        Made {
            unknown_in: &Split::ALL,
            ..Made::default()
        },
    );
    let count = |settings: &[&str]| rows(&dataset, settings).0.len();
    assert_eq!(count(&["--mode", "full", "--split", "test"]), 12);
    let out = folder.path().join("none.parquet");
    let mut command = command();
    command.arg("rows").arg(&dataset).arg("--out").arg(&out);
    let (_, said) = run(command.args(["--mode", "full", "--split", "tset"]), 2);
    assert!(said.contains("train, val, test"), "{said}");
    assert!(!out.exists());
}
