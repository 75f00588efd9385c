//! Training on the demo dataset, as `make train` does it: real learning, seen against full labels, chance and permuted
//! labels.

use std::path::Path;

use serde_json::Value;

use crate::program::{l48, run, train_command, workspace};

/// Fewer than `make train` takes; enough to tell learning from chance.
const EPOCHS: &str = "8";

/// Seeds of the permuted runs.
const SEEDS: [&str; 3] = ["48", "49", "50"];

/// Test mAP of the best epoch, and that of a constant score.
fn trained(dataset: &Path, out: &Path, settings: &[&str]) -> (f64, f64) {
    let mut command = train_command();
    command.arg("fit").arg(dataset).arg("--out").arg(out);
    command
        .arg("--config")
        .arg(workspace().join("manifests/train-demo.toml"));
    command.args(["--epochs", EPOCHS, "--device", "cpu"]).args(settings);
    run(&mut command).expect(0).prints("test").prints("curves.svg");
    assert!(out.join("curves.svg").is_file());
    let log = std::fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let mut events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = events.rfind(|event| event["split"] == "test").unwrap();
    (last["map"].as_f64().unwrap(), last["chance"].as_f64().unwrap())
}

#[test]
fn single_positives_of_the_demo_are_learnt_and_permuted_labels_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let (recordings, dataset) = (folder.path().join("recordings"), folder.path().join("dataset"));
    l48!("demo", &recordings).expect(0);
    l48!("build", recordings.join("manifest.toml"), "--out", &dataset).expect(0);
    let run = |name: &str, settings: &[&str]| trained(&dataset, &folder.path().join(name), settings);
    let (full, chance) = run("full", &["--mode", "full"]);
    let (target, _) = run("target", &[]);
    // A single permutation may happen to suit the test clips: one seed strays by .03 around the mean of many.
    let permuted = SEEDS.map(|seed| run(&format!("permuted-{seed}"), &["--permute-labels", "--seed", seed]).0);
    let permuted = permuted.iter().sum::<f64>() / permuted.len() as f64;
    let midway = f64::midpoint(chance, full);
    assert!(full > 2.0 * chance, "full labels: test mAP {full}, chance {chance}");
    assert!(
        target >= midway,
        "target labels: test mAP {target}, midway from chance to full labels {midway}"
    );
    assert!(
        (permuted - chance).abs() <= 0.05,
        "permuted labels: test mAP {permuted}, chance {chance}"
    );
}
