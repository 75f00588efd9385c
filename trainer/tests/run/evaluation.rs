//! `eval` and `predict` agree with each other and with what the run said, and refuse other images and classes.

use arrow::array::{Array, Float32Array, Int64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::dataset::{Made, write};
use crate::program::{command, fit, run};

#[test]
fn eval_says_what_the_run_said_and_predict_scores_every_clip() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let (said, _) = run(&mut fit(&dataset, &out, &[]), 0);
    let (evaluated, _) = run(
        command()
            .arg("eval")
            .arg(&out)
            .args(["--split", "test", "--device", "cpu"]),
        0,
    );
    let map = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("test")).unwrap().to_owned();
        line.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_eq!(map(&said), map(&evaluated));

    let table = folder.path().join("predictions.parquet");
    run(
        command()
            .arg("predict")
            .arg(&out)
            .arg(&dataset)
            .arg("--out")
            .arg(&table),
        0,
    );
    let file = std::fs::File::open(&table).unwrap();
    let batches: Vec<_> = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
        .collect();
    let mut rows = 0;
    for batch in batches {
        let batch = batch.unwrap();
        rows += batch.num_rows();
        assert!(batch.column_by_name("asset_id").unwrap().as_any().is::<Int64Array>());
        let scores = batch
            .column_by_name("sp3")
            .unwrap()
            .as_any()
            .downcast_ref::<Float32Array>()
            .unwrap();
        assert!(scores.values().iter().all(|score| (0.0..=1.0).contains(score)));
    }
    assert_eq!(rows, 60);
}

#[test]
fn other_images_or_classes_are_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    run(&mut fit(&dataset, &out, &["--epochs", "1"]), 0);
    for (made, said) in [
        (
            Made {
                prefix: "xy",
                ..Made::default()
            },
            "xy0",
        ),
        (
            Made {
                fmax_hz: 8000.0,
                ..Made::default()
            },
            "8000",
        ),
    ] {
        let other = folder.path().join(said);
        write(&other, made);
        let table = folder.path().join("predictions.parquet");
        let (_, message) = run(
            command().arg("predict").arg(&out).arg(&other).arg("--out").arg(&table),
            2,
        );
        assert!(message.contains(said), "{message}");
        assert!(!table.exists());
        let (_, message) = run(command().arg("eval").arg(&out).arg("--dataset").arg(&other), 2);
        assert!(message.contains(said), "{message}");
    }
}
