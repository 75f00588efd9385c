//! Tests the synthetic benchmark in each layout: written, imported or built, and trained on to a table.

use std::fs;
use std::path::Path;

use shardfmt::{LabelRow, Split};
use tempfile::TempDir;

use crate::dataset_rows::{labels, open, priors};
use crate::program::{command, l48, run, train_command};

/// One seed and one epoch of a small network: cells have to run, whatever they score.
const PLAN: &str = r#"
name = "Layouts"
seeds = [1]

[[dataset]]
name = "X = .9"
path = "dataset"
columns = [COLUMNS]

[base]
epochs = 1
batch = 64
threads = 1
model = { arch = "tiny" }

[[column]]
name = "Plain"

[[column]]
name = "+Geo"
settings = { mode = "geo", rows = "common" }

[[column]]
name = "+Checklist"
settings = { mode = "checklist" }

[[column]]
name = "+R_P"
settings = { asset_reg = { alpha = 0.1 } }

[[method]]
name = "BCE-Full"
columns = ["Plain", "+R_P"]
settings = { mode = "full", loss = { name = "an" } }

[[method]]
name = "EM"
settings = { loss = { name = "em" } }
"#;

/// Synthesises the benchmark in a layout, and makes a dataset of it with this command and these flags.
fn dataset_of(layout: &str, words: &[&str], flags: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let set = folder.path().join("set");
    l48!("demo", &set, "--size", "benchmark", "--layout", layout)
        .expect(0)
        .prints("384 recordings (216 train, 72 val, 96 test)")
        .prints(&format!("Next: l48 {}", words.join(" ")));
    // Flags that name files of the set.
    let flags = flags.iter().map(|flag| flag.replace("SET", set.to_str().unwrap()));
    let source = if layout == "audio" {
        set.join("manifest.toml")
    } else {
        set.clone()
    };
    let mut command = command();
    command.args(words).arg(source).args(flags);
    run(command.arg("--out").arg(folder.path().join("dataset"))).expect(0);
    folder
}

/// Runs the plan's cells in these columns.
fn table(folder: &Path, columns: &str) {
    let plan = folder.join("plan.toml");
    fs::write(&plan, PLAN.replace("COLUMNS", columns)).unwrap();
    let out = folder.join("table");
    let mut command = train_command();
    command.arg("benchmark").arg(plan).arg("--out").arg(&out);
    run(command.args(["--device", "cpu", "--jobs", "2"])).expect(0);
    let table = fs::read_to_string(out.join("table.md")).unwrap();
    for column in columns.split(", ") {
        let column = column.trim_matches('"');
        assert!(table.contains(column), "{column} in {table}");
    }
    let lines = |method: &str| {
        table
            .lines()
            .filter(|line| line.starts_with(&format!("| {method}")))
            .count()
    };
    assert!(lines("EM") > 0 && lines("BCE-Full") > 0, "{table}");
}

fn by_split(rows: &[LabelRow]) -> [usize; 3] {
    [Split::Train, Split::Val, Split::Test].map(|split| rows.iter().filter(|row| row.split == split).count())
}

/// Labels of recordings: a target each, val and test known whole, both priors with true negatives only.
fn are_recordings(folder: &Path) {
    let dataset = open(&folder.join("dataset"));
    let rows = labels(&dataset);
    let [train, val, test] = by_split(&rows);
    assert_eq!((rows.len(), dataset.assets().len()), (train + val + test, 384));
    assert!((1000..1200).contains(&train) && (300..420).contains(&val) && (420..540).contains(&test));
    let evaluated = rows.iter().filter(|row| row.split != Split::Train);
    assert!(evaluated.clone().all(|row| row.fully_annotated));
    assert!(rows.iter().any(|row| !row.fully_annotated) && rows.iter().all(|row| row.target.is_some()));
    for prior in priors(&dataset) {
        let (possible, observed) = (prior.geo_possible.unwrap(), prior.checklist_observed.unwrap());
        assert_eq!(
            (possible.len(), observed.iter().all(|class| possible.contains(class))),
            (12, true)
        );
        let of_asset = rows.iter().filter(|row| row.asset_id == prior.asset_id);
        assert!(
            of_asset
                .flat_map(|row| &row.present)
                .all(|class| observed.contains(class))
        );
    }
}

const ALL_COLUMNS: &str = r#""Plain", "+Geo", "+Checklist", "+R_P""#;

#[test]
fn recordings_are_built_and_trained_on() {
    let folder = dataset_of("audio", &["build"], &[]);
    are_recordings(folder.path());
    table(folder.path(), ALL_COLUMNS);
}

#[test]
fn sonograms_are_imported_and_trained_on() {
    let folder = dataset_of("ml48s", &["import", "ml48s"], &["--val-split", "SET/val_split.npy"]);
    are_recordings(folder.path());
    table(folder.path(), ALL_COLUMNS);
}

#[test]
fn photographs_are_imported_and_trained_on() {
    let rates = ["--prior-rates", "geo=0.55,checklist=0.75"];
    let folder = dataset_of("coco", &["import", "coco2014"], &rates);
    let dataset = open(&folder.path().join("dataset"));
    let rows = labels(&dataset);
    let [train, val, test] = by_split(&rows);
    assert_eq!((rows.len(), val), (dataset.assets().len(), (train + val + 2) / 5));
    assert!(
        (1000..1150).contains(&train) && (400..540).contains(&test),
        "{train} {test}"
    );
    assert!(
        rows.iter()
            .all(|row| row.fully_annotated && row.present.contains(&row.target.unwrap()))
    );
    // A photograph is its own asset: there is nothing to regularise.
    table(folder.path(), r#""Plain", "+Geo", "+Checklist""#);
}

#[test]
fn conditions_that_cannot_be_met_are_refused_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let set = folder.path().join("set");
    for (words, complaint) in [
        (&["--clips", "10-20"][..], "add --size benchmark"),
        (
            &["--size", "benchmark", "--recordings", "100"],
            "must be a multiple of 24",
        ),
        (
            &["--size", "benchmark", "--target-free", "0.9"],
            "from 0 to 0.8, got 0.9",
        ),
        (
            &["--size", "benchmark", "--layout", "coco", "--same-confusion", "1"],
            "layout coco has no place",
        ),
    ] {
        run(command().arg("demo").arg(&set).args(words))
            .expect(2)
            .complains(complaint);
        assert!(!set.exists(), "{words:?}");
    }
}
