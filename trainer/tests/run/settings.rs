//! Flags and settings through the program: what they change, what a run says of them at its start, and what it leaves
//! of them.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use shardfmt::sealed::{seal, unseal};
use shardfmt::{Dataset, Split};
use tch::Device;
use trainer::config::Config;
use trainer::run::check_same;

use crate::dataset::{Made, write};
use crate::program::{fit, last_checkpoint, metrics, run};

/// A dataset in a folder of its own, and runs beside it.
struct Runs {
    folder: tempfile::TempDir,
}

impl Runs {
    fn on(made: Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("dataset"), made);
        Self { folder }
    }

    fn dataset(&self) -> PathBuf {
        self.folder.path().join("dataset")
    }

    /// Trains, and returns the folder of the run and what it said.
    #[track_caller]
    fn fit(&self, name: &str, settings: &[&str]) -> (PathBuf, String) {
        let out = self.folder.path().join(name);
        let (_, said) = run(&mut fit(&self.dataset(), &out, settings), 0);
        (out, said)
    }
}

fn events(run: &Path, kind: &str) -> Vec<Value> {
    let lines = metrics(run)
        .into_iter()
        .map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["event"] == kind).collect()
}

fn notes(run: &Path) -> Vec<String> {
    let notes = events(run, "note").into_iter();
    notes.map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

fn first_loss(run: &Path) -> f64 {
    events(run, "step")[0]["loss"].as_f64().unwrap()
}

fn rows(run: &Path) -> u64 {
    events(run, "started")[0]["rows"].as_u64().unwrap()
}

fn config(run: &Path) -> toml::Table {
    std::fs::read_to_string(run.join("config.toml"))
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn every_setting_is_written_out_with_the_value_it_had() {
    let runs = Runs::on(Made::default());
    let (out, _) = runs.fit("role", &["--epochs", "1", "--loss", "role"]);
    let config = config(&out);
    assert_eq!(config["model"]["precision"].as_str(), Some("f32"));
    let parameters = &config["loss"]["parameters"];
    assert_eq!(parameters["lambda"].as_float(), Some(1.0));
    assert_eq!(parameters["role_reg"].as_str(), Some("paper"));
    // 20 recordings, in every second clip two classes: 54 of 36 training clips.
    assert_eq!(parameters["k"].as_float(), Some(1.5));
    assert!(events(&out, "scored").is_empty(), "progress is shown, not logged");
    let record = std::fs::read_to_string(out.join("run.json")).unwrap();
    for part in [r#""device": "cpu""#, r#""torch": "2.11.0"#] {
        assert!(record.contains(part), "{part}: {record}");
    }
}

#[test]
fn the_positives_that_role_expects_do_not_depend_on_the_mode() {
    let runs = Runs::on(Made::default());
    for mode in ["target", "geo", "checklist", "full"] {
        let (out, said) = runs.fit(mode, &["--epochs", "1", "--loss", "role", "--mode", mode]);
        let note = "role: k = 1.5000, the mean positives of 36 fully annotated clips";
        assert!(notes(&out).contains(&note.to_owned()), "{mode}: {:?}", notes(&out));
        assert!(said.contains(note), "{mode}: {said}");
    }
    // What is not known cannot be counted; the targets are, one in each clip.
    let unknown = Runs::on(Made {
        unknown_in: &[Split::Train],
        ..Made::default()
    });
    let (out, _) = unknown.fit("unknown", &["--epochs", "1", "--loss", "role"]);
    let note = "role: k = 1.0000, the mean positives of what the mode shows of 36 clips, since none is fully annotated";
    assert!(notes(&out).contains(&note.to_owned()), "{:?}", notes(&out));
    let (out, _) = unknown.fit("given", &["--epochs", "1", "--loss", "role", "--param", "k=1.4"]);
    assert!(notes(&out).iter().all(|note| !note.contains("k =")));
}

#[test]
fn an_inert_prior_is_told_at_the_start() {
    let runs = Runs::on(Made::default());
    for (name, mode, weights, inert) in [
        ("geo", "geo", "1,0", true),
        ("weighed", "geo", "1,1", false),
        ("target", "target", "1,0", false),
    ] {
        let settings = [
            "--epochs",
            "1",
            "--loss",
            "an",
            "--mode",
            mode,
            "--known-negatives",
            weights,
        ];
        let (out, said) = runs.fit(name, &settings);
        assert_eq!(said.contains("the prior is inert"), inert, "{name}: {said}");
        let noted = notes(&out).iter().any(|note| note.contains("the prior is inert"));
        assert_eq!(noted, inert, "{name}");
    }
}

#[test]
fn weights_of_what_is_known_and_unknown_change_the_loss() {
    // At the start every entry costs about the same; of 144, 54 are present and 90 absent, or not known.
    let known = Runs::on(Made::default());
    let full = ["--epochs", "1", "--mode", "full", "--loss", "an-stable"];
    let all = first_loss(&known.fit("all", &full).0);
    let (out, _) = known.fit("positives", &[&full[..], &["--known-negatives", "0,0"]].concat());
    assert!(first_loss(&out) < 0.6 * all, "{} {all}", first_loss(&out));
    let (out, _) = known.fit("doubled", &[&full[..], &["--known-negatives", "1,1"]].concat());
    assert!(first_loss(&out) > 1.3 * all, "{} {all}", first_loss(&out));

    let unknown = Runs::on(Made {
        unknown_in: &[Split::Train],
        ..Made::default()
    });
    let assumed = first_loss(&unknown.fit("assumed", &full).0);
    assert!((assumed - all).abs() < 1e-6, "as if they were absent: {assumed} {all}");
    let (out, _) = unknown.fit("masked", &[&full[..], &["--full-unknown", "masked"]].concat());
    assert!(first_loss(&out) < 0.6 * all, "{} {all}", first_loss(&out));
}

#[test]
fn rows_are_drawn_as_asked() {
    let runs = Runs::on(Made::default());
    let short = |name: &str, more: &[&str]| runs.fit(name, &[&["--epochs", "1"], more].concat()).0;
    let plain = short("plain", &[]);
    let balanced = short("balanced", &["--class-balanced"]);
    assert_eq!((rows(&plain), rows(&balanced)), (36, 36));
    assert_ne!(events(&plain, "step"), events(&balanced, "step"));
    assert_eq!(config(&balanced)["sampling"]["class_balanced"].as_bool(), Some(true));
    assert_eq!(rows(&short("few", &["--max-clips-per-asset", "1"])), 12);

    // Clips in which nothing is heard are not trained on in mode target, and are in mode full, unless the rows are to
    // be common.
    let quiet = Runs::on(Made {
        quiet_ends: true,
        ..Made::default()
    });
    let rows_of = |name: &str, more: &[&str]| rows(&quiet.fit(name, &[&["--epochs", "1"], more].concat()).0);
    assert_eq!(rows_of("target", &[]), 24);
    assert_eq!(rows_of("full", &["--mode", "full"]), 36);
    assert_eq!(rows_of("common", &["--mode", "full", "--rows", "common"]), 24);
}

#[test]
fn with_batches_of_two_a_row_that_is_left_over_joins_the_last_one() {
    let runs = Runs::on(Made {
        assets: 15,
        ..Made::default()
    });
    let (out, _) = runs.fit("two", &["--epochs", "1", "--batch", "2"]);
    assert_eq!((rows(&out), events(&out, "step").len()), (27, 13));
}

#[test]
fn the_last_layer_has_a_rate_of_its_own() {
    let runs = Runs::on(Made::default());
    let file = runs.folder.path().join("frozen.toml");
    std::fs::write(&file, "[optimiser]\nlast_layer = 0.0\n").unwrap();
    let tensors = |name: &str, more: &[&str]| -> Vec<(String, Vec<u8>)> {
        let (out, _) = runs.fit(name, more);
        let (_, bytes) = last_checkpoint(&out)
            .into_iter()
            .find(|(name, _)| name == "model.safetensors")
            .unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file
            .tensors()
            .into_iter()
            .map(|(name, view)| (name, view.data().to_vec()));
        let mut trained: Vec<_> = tensors
            .filter(|(name, _)| !name.contains("running") && !name.contains("num_batches"))
            .collect();
        trained.sort();
        trained
    };
    let frozen = ["--config", file.to_str().unwrap()];
    let [one, two] = ["1", "2"].map(|epochs| tensors(epochs, &[&frozen[..], &["--epochs", epochs]].concat()));
    let moving = tensors("moving", &["--epochs", "2"]);
    for ((name, one), (other, two)) in one.iter().zip(&two) {
        assert_eq!(name, other);
        assert_eq!(one == two, name.starts_with("fc."), "{name}");
    }
    let at = |tensors: &[(String, Vec<u8>)]| tensors.iter().find(|(name, _)| name == "fc.weight").unwrap().1.clone();
    assert_ne!(at(&one), at(&moving));
}

#[test]
fn parameters_that_were_given_have_to_be_given_again() {
    let runs = Runs::on(Made::default());
    let dataset = Dataset::open(&runs.dataset()).unwrap();
    let short = ["--epochs", "1", "--loss", "role"];
    let without = |out: &Path| {
        let mut config = Config::read(&out.join("config.toml")).unwrap();
        config.loss.parameters.remove("k").unwrap();
        check_same(out, &dataset, &config, Device::Cpu).map_err(|error| error.to_string())
    };
    let (worked_out, _) = runs.fit("worked-out", &short);
    without(&worked_out).unwrap();
    let (given, _) = runs.fit("given", &[&short[..], &["--param", "k=1.4"]].concat());
    let error = without(&given).unwrap_err();
    assert!(error.contains("loss.parameters.k: 1.4 -> not set"), "{error}");
    // A run of an earlier version does not say which it was.
    let path = given.join("run.json");
    let bytes = std::fs::read(&path).unwrap();
    let mut record: Value = serde_json::from_str(unseal(&bytes, &path).unwrap()).unwrap();
    assert_eq!(record["worked_out"], serde_json::json!([]));
    record.as_object_mut().unwrap().remove("worked_out");
    std::fs::write(&path, seal(&record.to_string(), &path).unwrap()).unwrap();
    without(&given).unwrap();
}

#[test]
fn another_device_or_precision_is_refused_with_the_difference() {
    let runs = Runs::on(Made::default());
    let (out, _) = runs.fit("run", &["--epochs", "1"]);
    let resume = ["--epochs", "1", "--resume", "--precision", "bf16"];
    let (_, said) = run(&mut fit(&runs.dataset(), &out, &resume), 2);
    for word in [
        r#"model.precision: "f32" -> "bf16""#,
        "in the run -> requested",
        "--out",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let dataset = Dataset::open(&runs.dataset()).unwrap();
    let config = Config::read(&out.join("config.toml")).unwrap();
    check_same(&out, &dataset, &config, Device::Cpu).unwrap();
    let error = check_same(&out, &dataset, &config, Device::Cuda(0))
        .unwrap_err()
        .to_string();
    assert!(error.contains("--device: cpu -> cuda"), "{error}");
}
