//! `eval` and `predict` agree with each other and with what the run said, and refuse other images and classes.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shardfmt::Split;
use trainer::metric::evaluate;

use crate::dataset::{CLASSES, Made, asset_of, present, split, write};
use crate::program::{command, fit, metrics, run};

#[test]
fn eval_says_what_the_run_said_and_predict_scores_every_clip() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let settings = ["--mode", "full", "--loss", "an-stable", "--epochs", "6", "--lr", "1e-2"];
    let (said, _) = run(&mut fit(&dataset, &out, &settings), 0);
    let map = |text: &str, split: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(split)).unwrap();
        line.split_whitespace()
            .nth(2)
            .unwrap()
            .trim_end_matches(',')
            .parse()
            .unwrap()
    };

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
    // What is known of each clip is known here, too: by asset and clip, not by place.
    let mut scored: HashMap<Split, (Vec<f32>, Vec<u8>)> = HashMap::new();
    for batch in batches {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let assets = column("asset_id").as_primitive::<Int64Type>().values();
        let clips = column("clip_index").as_primitive::<UInt32Type>().values();
        for (row, (&asset_id, &clip)) in assets.iter().zip(clips).enumerate() {
            let asset = asset_of(asset_id);
            let (scores, labels) = scored.entry(split(asset)).or_default();
            for class in 0..CLASSES {
                let score = column(&format!("sp{class}")).as_primitive::<Float32Type>().value(row);
                assert!((0.0..=1.0).contains(&score));
                scores.push(score);
                labels.push(present(asset, clip).contains(&class).into());
            }
        }
    }
    for (of, clips) in [(Split::Train, 36), (Split::Val, 12), (Split::Test, 12)] {
        assert_eq!(scored[&of].1.len(), clips * CLASSES as usize);
    }
    for (name, of) in [("val", Split::Val), ("test", Split::Test)] {
        let (scores, labels) = &scored[&of];
        let expected = evaluate(scores, labels, &vec![1; labels.len()], CLASSES as usize).unwrap();
        let mut eval = command();
        eval.arg("eval").arg(&out).args(["--split", name, "--device", "cpu"]);
        let (evaluated, _) = run(&mut eval, 0);
        assert_eq!(map(&said, name), map(&evaluated, name));
        // Four digits are printed.
        assert!(
            (map(&evaluated, name) - expected.map).abs() < 6e-5,
            "{evaluated}{expected:?}"
        );
        assert!(
            expected.map > expected.chance + 0.1,
            "nothing was learnt, so little is shown"
        );
    }
}

#[test]
fn scores_in_a_file_are_measured_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[prior_logits]\nfrom = 'geo'\nat = 'test'\n").unwrap();
    let levels: [&[&str]; 2] = [&[], &["--level", "recording", "--config", file.to_str().unwrap()]];
    for (number, level) in levels.iter().enumerate() {
        let measured = |name: &str, megabytes: Option<&str>| {
            let out = folder.path().join(format!("{name}-{number}"));
            let mut fit = fit(&dataset, &out, &[&["--mode", "full"], *level].concat());
            let mut eval = command();
            eval.arg("eval").arg(&out).args(["--device", "cpu"]);
            for command in [&mut fit, &mut eval] {
                command.envs(megabytes.map(|megabytes| ("L48_MEMORY_MB", megabytes)));
            }
            let (_, said) = (run(&mut fit, 0), run(&mut eval, 0).0);
            let left = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
            let left = left.filter(|name| name.to_string_lossy().contains("scores"));
            assert_eq!(left.count(), 0);
            (
                metrics(&out),
                std::fs::read(out.join("per_class.parquet")).unwrap(),
                said,
            )
        };
        assert_eq!(measured("file", Some("0")), measured("memory", None));
    }
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
