//! Clips grouped by what the dataset's tables say of their recordings; and what a run says of the regulariser's table.

use std::path::Path;

use loader::Catalogue;
use shardfmt::{Dataset, Split};
use trainer::asset_reg::groups;

use crate::dataset::{Made, asset_of, split, write};
use crate::program::{fit, metrics, run};

#[test]
fn groups_are_named_after_their_first_recording_and_what_is_not_known_is_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Made::default());
    let dataset = Dataset::open(folder.path()).unwrap();
    let clips = Catalogue::read(&dataset)
        .unwrap()
        .evaluation(Split::Train)
        .unwrap()
        .clips;
    let by = |word: &str| groups(&dataset, &clips, word.parse().unwrap());
    let ids: Vec<i64> = clips.iter().map(|clip| clip.asset_id).collect();
    assert_eq!(by("asset").unwrap(), ids);
    // Each recording has a checklist of its own.
    assert_eq!(by("checklist").unwrap(), ids);
    // A target is that of every fourth recording; some of those are in other splits.
    let first = |id: &i64| {
        let alike = (0..20).filter(|asset| asset % 4 == asset_of(*id) % 4 && split(*asset) == Split::Train);
        i64::from(alike.min().unwrap()) * 7 + 3
    };
    assert_eq!(by("target").unwrap(), ids.iter().map(first).collect::<Vec<_>>());
    let error = by("site").unwrap_err().to_string();
    assert!(
        error.contains("asset_reg.group") && error.contains("\"site\""),
        "{error}"
    );
}

/// A settings file beside the run.
fn settings(folder: &Path, text: &str) -> String {
    let path = folder.join("settings.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn photographs_may_be_grouped() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    let made = Made {
        photographs: true,
        assets: 40,
        ..Made::default()
    };
    write(&dataset, made);
    let file = settings(folder.path(), "[asset_reg]\ngroup = \"target\"\n");
    run(&mut fit(&dataset, &out, &["--config", &file]), 0);
    let alone = settings(folder.path(), "[asset_reg]\ngroup = \"checklist\"\n");
    let (_, said) = run(
        &mut fit(&dataset, &folder.path().join("other"), &["--config", &alone]),
        2,
    );
    assert!(said.contains("a group of its own"), "{said}");
}

#[test]
fn a_run_says_what_its_table_is_worth() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("dataset");
    write(&dataset, Made::default());
    let measured = |name: &str, more: &[&str]| -> Option<serde_json::Value> {
        let out = folder.path().join(name);
        run(&mut fit(&dataset, &out, more), 0);
        let lines = metrics(&out);
        let line = lines.iter().find(|line| line.contains("\"event\":\"asset_table\""));
        line.map(|line| serde_json::from_str(line).unwrap())
    };
    let file = settings(
        folder.path(),
        "[asset_reg]\nalpha = 0.3\neps = 0.1\non = \"unknown\"\npositives = \"none\"\n",
    );
    let found = measured("target", &["--config", &file]).unwrap();
    // 36 training clips of 4 classes, of which the target alone is shown; in every second clip another is present.
    assert_eq!(
        (found["entries"].as_u64(), found["prevalence"].as_f64()),
        (Some(108), Some(18.0 / 108.0))
    );
    for number in ["auc", "precision"] {
        assert!((0.0..=1.0).contains(&found[number].as_f64().unwrap()), "{found}");
    }
    assert!(
        measured("full", &["--asset-reg", "0.3", "--mode", "full"]).is_none(),
        "nothing is hidden"
    );
    assert!(measured("plain", &[]).is_none(), "there is no table");
}

#[test]
fn methods_about_recordings_need_what_they_are_about() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, out) = (folder.path().join("dataset"), folder.path().join("run"));
    write(&dataset, Made::default());
    let refused = |more: &[&str]| run(&mut fit(&dataset, &out, more), 2).1;
    let said = refused(&["--loss", "recording-evidence"]);
    assert!(said.contains("remove_unannotated = false"), "{said}");
    let file = settings(folder.path(), "[loss]\nheard = 0.5\n");
    let said = refused(&["--config", &file]);
    assert!(
        said.contains("loss.heard") && said.contains("clips_per_asset"),
        "{said}"
    );
    let said = refused(&["--config", &file, "--clips-per-asset", "3"]);
    assert!(said.contains("loss.heard") && said.contains("column heard"), "{said}");
}
