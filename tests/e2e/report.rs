//! Tests `l48 report`: what the page says against the tables, and which runs and scores it refuses. How it looks and
//! sorts is tested in a browser (python/tests/test_report.py).

use std::fs;
use std::path::Path;

use crate::program::{l48, run, train_command};
use crate::recordings::Workplace;

/// The page that the program writes of `what`.
fn page(what: &Path, out: &Path) -> String {
    l48!("report", what, "--out", out)
        .expect(0)
        .prints(&out.display().to_string());
    fs::read_to_string(out).unwrap()
}

#[test]
fn a_page_says_what_the_tables_say() {
    let place = Workplace::with_every_table(8);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let html = page(&out, &place.path("report.html"));
    let stats = l48!("stats", &out, "--json").expect(0).json();
    let total = &stats["splits"][3];
    for count in [&total["assets"], &total["clips"]] {
        assert!(html.contains(&format!("<dd>{count}</dd>")), "{count}");
    }
    let mean = format!("{:.2}", total["positives"]["mean"].as_f64().unwrap());
    assert!(html.contains(&mean) && html.contains("Wood Thrush"), "{html}");
    assert!(html.contains("1 box starts after its recording&#39;s end"), "{html}");
    assert!(!html.contains("://"), "nothing from elsewhere");
    assert_eq!(page(&out, &place.path("again.html")), html, "the same page every time");
}

#[test]
fn leaks_and_rejects_are_told() {
    let place = Workplace::with_recordings("", &[(1, 4.0), (2, 4.0), (3, 4.0)]);
    fs::copy(place.path("audio/1.wav"), place.path("audio/2.wav")).unwrap();
    place.write("audio/3.wav", "RIFF<b>");
    place.write(
        "recordings.csv",
        "asset_id,path,split,latitude,longitude,checklist_id\n1,audio/1.wav,train,40.1,-79.2,S1\n\
         2,audio/2.wav,test,40.1,-79.2,S1\n3,audio/3.wav,train,,,\n",
    );
    l48!("build", place.manifest(), "--out", place.path("out")).expect(1);
    let html = page(&place.path("out"), &place.path("report.html"));
    for leak in [
        "leakage: 1 recording is in two splits, byte for byte: assets 1 (train) and 2 (test)",
        "leakage: 1 checklist is in more than one split: S1 (train, test)",
        "leakage: 1 coordinate pair is in more than one split: (40.1, -79.2) (train, test)",
    ] {
        assert!(html.contains(leak), "{leak}: {html}");
    }
    assert!(html.contains("audio/3.wav") && !html.contains("RIFF<b>"), "{html}");
}

#[test]
fn a_run_is_shown_with_its_own_dataset_and_scores_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for seed in ["1", "2"] {
        l48!("demo", at("recordings").join(seed), "--seed", seed).expect(0);
        l48!(
            "build",
            at("recordings").join(seed).join("manifest.toml"),
            "--out",
            at(seed)
        )
        .expect(0);
    }
    let train = |arguments: &[&Path]| {
        run(train_command().args(arguments).args(["--device", "cpu"])).expect(0);
    };
    let (tiny, predictions) = (at("tiny"), at("tiny/predictions.parquet"));
    let mut fit = train_command();
    fit.arg("fit")
        .arg(at("1"))
        .arg("--out")
        .arg(&tiny)
        .args(["--arch", "tiny", "--epochs", "1", "--device", "cpu"]);
    run(&mut fit).expect(0);
    let html = page(&tiny, &at("run.html"));
    assert!(html.contains("<dt>test mAP</dt>") && html.contains("Classes on test, the worst first"));
    assert!(
        html.contains("l48-train predict RUN DATASET"),
        "what pictures of mistakes need"
    );

    train(&["predict".as_ref(), &tiny, &at("1"), "--out".as_ref(), &predictions]);
    let html = page(&tiny, &at("run.html"));
    assert!(html.contains("not there, probability") && html.contains("missed, probability"));

    l48!("report", &tiny, "--dataset", at("2"), "--out", at("other.html"))
        .expect(2)
        .complains("the run was trained on another dataset")
        .complains("--dataset");
    train(&["predict".as_ref(), &tiny, &at("2"), "--out".as_ref(), &predictions]);
    l48!("report", &tiny, "--out", at("other.html"))
        .expect(2)
        .complains("or not in its order");
    let whole = fs::read(&predictions).unwrap();
    for bytes in [&whole[..whole.len() / 2], b"PAR1"] {
        fs::write(&predictions, bytes).unwrap();
        l48!("report", &tiny, "--out", at("other.html"))
            .expect(2)
            .complains("write it again with `l48-train predict");
    }
    assert!(!at("other.html").exists(), "no page of what was refused");
}
