//! What a run makes of its optimiser's settings: schedule, clipping, average of weights; of a network of which paths
//! are left out; and of clips that are mixed.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use trainer::model::{Arch, Model, ModelSpec, Precision};

use crate::dataset::{Made, write};
use crate::program::{command, fit, last_checkpoint, metrics, run};

/// Numbers `field` of the events `kind`.
fn numbers(run: &Path, kind: &str, field: &str) -> Vec<f64> {
    let lines = metrics(run).into_iter();
    let events = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let events = events.filter(|event| event["event"] == kind);
    events.map(|event| event[field].as_f64().unwrap()).collect()
}

fn part(run: &Path, name: &str) -> Option<Vec<u8>> {
    let files = last_checkpoint(run).into_iter();
    files.filter(|(file, _)| file == name).map(|(_, bytes)| bytes).next()
}

/// A dataset in `folder`, and the folder of a run on it with `settings`.
fn trained(folder: &Path, name: &str, settings: &[&str]) -> PathBuf {
    let (dataset, out) = (folder.join("dataset"), folder.join(name));
    if !dataset.exists() {
        write(&dataset, Made::default());
    }
    run(&mut fit(&dataset, &out, settings), 0);
    out
}

#[test]
fn an_average_is_evaluated_and_saved_and_changes_no_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut evaluated = Vec::new();
    // So few clips are often ranked alike by two models; at some of the rates they are not.
    for lr in ["3e-4", "1e-3", "1e-2"] {
        let run_of = |name: &str, more: &[&str]| {
            let settings = [&["--lr", lr], more].concat();
            trained(folder.path(), &format!("{name}-{lr}"), &settings)
        };
        let (plain, averaged) = (run_of("plain", &[]), run_of("averaged", &["--average", "0.9"]));
        assert_eq!(numbers(&plain, "step", "loss"), numbers(&averaged, "step", "loss"));
        let of = |out: &Path, name: &str| part(out, &format!("{name}.safetensors"));
        let same = |name: &str| of(&plain, "model") == of(&averaged, name);
        assert!(same("trained") && !same("model"));
        assert!(of(&plain, "trained").is_none());
        // A run without these settings is written as it always was.
        let config = std::fs::read_to_string(plain.join("config.toml")).unwrap();
        let new = ["schedule", "warmup_steps", "clip_norm", "average"];
        assert!(new.iter().all(|key| !config.contains(key)), "{config}");
        let maps = [&plain, &averaged].map(|out| numbers(out, "evaluated", "map"));
        // What `eval` finds in the best checkpoint is what the run found then, so the average was saved.
        let best = maps[1][..2].iter().copied().fold(0.0, f64::max);
        let mut eval = command();
        eval.arg("eval")
            .arg(&averaged)
            .args(["--split", "val", "--bootstrap", "0"]);
        let (said, _) = run(&mut eval, 0);
        assert!(said.contains(&format!("mAP {best:.4}")), "{best}: {said}");
        evaluated.push(maps);
    }
    assert!(
        evaluated.iter().any(|[plain, averaged]| plain != averaged),
        "{evaluated:?}"
    );
}

#[test]
fn schedule_and_clipping_act_on_the_steps() {
    let folder = tempfile::tempdir().unwrap();
    let sgd = ["--optimiser", "sgd", "--lr", "0.1"];
    let losses = |name: &str, more: &[&str]| {
        let out = trained(folder.path(), name, &[&sgd[..], more].concat());
        numbers(&out, "step", "loss")
    };
    let plain = losses("plain", &[]);
    assert_eq!(plain.len(), 10);
    // The first step is at the full rate, later ones are not.
    let cosine = losses("cosine", &["--schedule", "cosine"]);
    assert_eq!(cosine[..2], plain[..2]);
    assert_ne!(cosine[2..], plain[2..]);
    let warm = losses("warm", &["--warmup-steps", "5"]);
    assert!(warm[0] == plain[0] && warm[1] != plain[1]);
    let clipped = losses("clipped", &["--clip-norm", "1e-9"]);
    assert!((clipped[9] - clipped[4]).abs() < (plain[9] - plain[4]).abs());
    assert_eq!(losses("loose", &["--clip-norm", "1e9"]), plain);
    let dataset = folder.path().join("dataset");
    let (_, said) = run(
        &mut fit(&dataset, &folder.path().join("long"), &["--warmup-steps", "10"]),
        2,
    );
    assert!(
        said.contains("optimiser.warmup_steps") && said.contains("only 10 steps"),
        "{said}"
    );
}

#[test]
fn paths_of_convnext_are_left_out_anew_in_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let spec = ModelSpec {
        arch: Arch::ConvnextTiny,
        classes: 4,
        clip_channels: 1,
        precision: Precision::F32,
    };
    let model = Model::new(&spec, 1, Device::Cpu).unwrap();
    // A path that weighs something, unlike at the start.
    let scaled = model.state().into_iter().map(|(name, tensor)| {
        let one = Tensor::ones(tensor.size(), (Kind::Float, Device::Cpu));
        let value = if name.ends_with("layer_scale") {
            one
        } else {
            tensor.detach()
        };
        (name, value)
    });
    let weights = folder.path().join("weights.safetensors");
    Tensor::write_safetensors(&scaled.collect::<Vec<_>>(), &weights).unwrap();
    // All rows are a batch, and no step moves anything.
    let settings = ["--arch", "convnext-tiny", "--weights", weights.to_str().unwrap()];
    let still = ["--optimiser", "sgd", "--lr", "1e-30", "--batch", "36", "--no-test"];
    let out = trained(folder.path(), "run", &[&settings[..], &still].concat());
    let loss = numbers(&out, "step", "loss");
    assert_eq!(loss.len(), 2);
    // The order of sums alone moves the loss by 1e-7.
    assert!((loss[0] / loss[1] - 1.0).abs() > 1e-4, "{loss:?}");
}

#[test]
fn the_asset_table_is_moved_by_clips_that_are_heard_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, mixup: &str, more: &[&str]| {
        let file = folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, format!("[augment]\nmixup = {mixup}\n")).unwrap();
        let settings = [
            "--config",
            file.to_str().unwrap(),
            "--asset-reg",
            "0.5",
            "--asset-reg-eps",
            "0.5",
        ];
        let out = trained(folder.path(), name, &[&settings[..], more].concat());
        part(&out, "asset_table.safetensors").unwrap()
    };
    let frozen = table("frozen", "0.5", &["--asset-reg-control", "frozen"]);
    // Every clip is mixed.
    assert!(table("mixed", "0.999999999", &[]) == frozen);
    assert!(table("some", "0.5", &[]) != frozen);
}
