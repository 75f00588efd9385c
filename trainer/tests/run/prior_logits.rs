//! Priors added to logits: fitted on val and never on test, kept with the run, and the same wherever clips are scored.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use shardfmt::Split;

use crate::dataset::{CLASSES, Made, asset_of, write};
use crate::program::{command, fit, last_checkpoint, metrics, run};

/// A settings file that adds the checklist `at` some place.
fn settings(folder: &Path, at: &str) -> String {
    let path = folder.join(format!("{at}.toml"));
    let text = format!("[prior_logits]\nfrom = 'checklist'\nat = '{at}'\n");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What the last checkpoint of a run adds to logits.
fn added(out: &Path) -> Value {
    let files = last_checkpoint(out);
    let state = files.iter().find(|(name, _)| name == "state.json").unwrap();
    serde_json::from_slice::<Value>(&state.1).unwrap()["prior_logits"].clone()
}

/// The scores of `predict`, class after class of clip after clip, with the recordings of the clips.
fn predicted(out: &Path, dataset: &Path) -> Vec<(i64, Vec<f32>)> {
    let table = out.join("predictions.parquet");
    let mut predict = command();
    predict.arg("predict").arg(out).arg(dataset).arg("--out").arg(&table);
    run(&mut predict, 0);
    let file = std::fs::File::open(&table).unwrap();
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let assets = column("asset_id").as_primitive::<Int64Type>().values();
        for (row, asset_id) in assets.iter().enumerate() {
            let score = |class| column(&format!("sp{class}")).as_primitive::<Float32Type>().value(row);
            rows.push((*asset_id, (0..CLASSES).map(score).collect()));
        }
    }
    rows
}

#[test]
fn at_test_the_log_odds_of_val_are_added_to_the_same_logits_and_kept_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let [plain, with] = ["plain", "with"].map(|name| folder.path().join(name));
    let once = ["--mode", "full", "--loss", "an-stable", "--epochs", "1"];
    run(&mut fit(&dataset, &plain, &once), 0);
    let file = settings(folder.path(), "test");
    let (said, _) = run(
        &mut fit(&dataset, &with, &[&once[..], &["--config", &file]].concat()),
        0,
    );

    // The 12 clips of val: of the 24 entries that checklists name 18 are positive, of the 24 others none.
    let added = added(&with);
    let number = |key: &str| added[key].as_f64().unwrap();
    let all = (18.5_f64 / 30.5).ln();
    assert!(
        (number("present") - ((18.5_f64 / 6.5).ln() - all)).abs() < 1e-12,
        "{added}"
    );
    assert!(
        (number("absent") - ((0.5_f64 / 24.5).ln() - all)).abs() < 1e-12,
        "{added}"
    );
    let weight = number("weight");
    assert!(
        weight > 0.1,
        "an epoch teaches little, and the checklist is always right: {added}"
    );
    let noted = metrics(&with)
        .into_iter()
        .filter(|line| line.contains("log-odds of the checklist prior"));
    assert_eq!(noted.count(), 1);
    assert!(self::added(&plain).is_null());

    // Training is the same, so that the logits are, and the prior is all that differs.
    let [plain, predicted] = [&plain, &with].map(|out| predicted(out, &dataset));
    for ((asset_id, plain), (_, with)) in plain.iter().zip(&predicted) {
        let target = asset_of(*asset_id) % CLASSES;
        for class in 0..CLASSES {
            let named = class == target || class == (target + 1) % CLASSES;
            let offset = weight * number(if named { "present" } else { "absent" });
            let [plain, with] = [plain, with].map(|scores| f64::from(scores[class as usize]));
            let logit = (plain / (1.0 - plain)).ln();
            let expected = 1.0 / (1.0 + (-(logit + offset)).exp());
            assert!((with - expected).abs() < 1e-5, "{with} instead of {expected}");
        }
    }

    // `eval` says the same as the run.
    for split in ["val", "test"] {
        let mut eval = command();
        eval.arg("eval").arg(&with).args(["--split", split, "--device", "cpu"]);
        let (evaluated, _) = run(&mut eval, 0);
        let map = |text: &str| {
            let line = text.lines().find(|line| line.starts_with(split)).unwrap();
            line.split_whitespace().nth(2).unwrap().trim_end_matches(',').to_owned()
        };
        assert_eq!(map(&said), map(&evaluated));
    }
}

#[test]
fn labels_of_test_change_nothing_that_is_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let file = settings(folder.path(), "both");
    let of = |name: &str, wrong_in| {
        let [dataset, out] = ["dataset", "run"].map(|kind| folder.path().join(format!("{kind}-{name}")));
        write(
            &dataset,
            Made {
                wrong_in,
                ..Made::default()
            },
        );
        run(&mut fit(&dataset, &out, &["--mode", "full", "--config", &file]), 0);
        (added(&out), predicted(&out, &dataset))
    };
    let right = of("right", None);
    assert!(right.0["weight"].is_f64());
    assert_eq!(of("test", Some(Split::Test)), right);
    assert_ne!(of("val", Some(Split::Val)).0, right.0, "those of val do");
}

#[test]
fn in_training_the_loss_sees_it_and_scores_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let first_loss = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        run(
            &mut fit(&dataset, &out, &[&["--epochs", "1", "--mode", "full"], more].concat()),
            0,
        );
        let lines = metrics(&out);
        let line = lines.iter().find(|line| line.contains("\"event\":\"step\"")).unwrap();
        (
            serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64().unwrap(),
            added(&out),
        )
    };
    let [train, test] = ["train", "test"].map(|at| settings(folder.path(), at));
    let plain = first_loss("plain", &[]);
    let train = first_loss("train", &["--config", &train]);
    // A random head says .5 of everything; the checklist is right of three in four.
    assert!(train.0 < plain.0 - 0.1, "{train:?} {plain:?}");
    assert!(train.1.is_null(), "{train:?}");
    let test = first_loss("test", &["--config", &test]);
    assert_eq!(test.0, plain.0);
}
