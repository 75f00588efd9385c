//! Tests implied labels end to end: a set with more than 1,000 classes says of each clip what the same set with four
//! says.

use std::path::Path;

use serde_json::json;
use shardfmt::verify::{Depth, verify};
use shardfmt::{Checks, Dataset, GeoPrior, Label, LabelForm, Others};

use crate::dataset_rows::{labels, open};
use crate::outside::{python, skip};
use crate::program::{l48, run, workspace};
use crate::recordings::{TAXA, Workplace};

/// Classes that no recording has anything of.
const MORE_CLASSES: u32 = 1000;

/// The set with every table, built with four classes and with 1,004.
fn built() -> Workplace {
    let place = Workplace::with_every_table(8);
    l48!("build", place.manifest(), "--out", place.path("few")).expect(0);
    let more: String = (0..MORE_CLASSES).map(|class| format!("extra{class:04},,\n")).collect();
    place.write("taxa.csv", &format!("{TAXA}{more}"));
    l48!("build", place.manifest(), "--out", place.path("many")).expect(0);
    place
}

/// What is known of some classes in every clip: asset, clip index, species code, label.
fn labels_of(dataset: &Dataset, classes: &[u32]) -> Vec<(i64, u32, String, &'static str)> {
    let mut all = Vec::new();
    for shard in 0..dataset.shard_count() {
        let shard = dataset.open_shard(shard, Checks::Off).unwrap();
        let (priors, no_prior) = (dataset.geo_priors(&shard).unwrap(), GeoPrior::default());
        for row in dataset.labels(&shard).unwrap() {
            let geo = priors.get(&row.asset_id).unwrap_or(&no_prior);
            for &class in classes {
                let label = match row.label(class, geo) {
                    Label::Present => "present",
                    Label::Absent => "absent",
                    Label::Unknown => "unknown",
                };
                let code = dataset.taxa().code(class).unwrap().to_owned();
                all.push((row.asset_id, row.clip_index, code, label));
            }
        }
    }
    all
}

#[test]
fn many_classes_are_implied_and_say_what_few_say() {
    let place = built();
    let (few, many) = (open(&place.path("few")), open(&place.path("many")));
    assert_eq!(few.head().label_form(), LabelForm::Listed);
    assert_eq!(many.head().features_required, ["implied_labels"]);
    assert_eq!(labels_of(&many, &[0, 1, 2, 3]), labels_of(&few, &[0, 1, 2, 3]));
    let rows = labels(&many);
    for others in Others::ALL {
        assert!(
            rows.iter().any(|row| row.others == Some(others)),
            "no row with {others}"
        );
    }
    let named = |row: &shardfmt::LabelRow| row.present.len() + row.absent.len() + row.unknown.len();
    assert!(rows.iter().all(|row| named(row) <= 4));
    assert!(
        verify(&place.path("many"), Depth::Full, &mut |_, _| {})
            .unwrap()
            .findings
            .is_empty()
    );
    // Of asset 7 every class is modelled and two are possible.
    let extra = labels_of(&many, &[500]);
    let of_7 = || extra.iter().filter(|(id, ..)| *id == 7);
    assert!(
        of_7().count() > 1 && of_7().all(|(.., label)| *label == "absent"),
        "{extra:?}"
    );
}

#[test]
fn datasets_made_of_one_with_implied_labels_keep_them() {
    let place = built();
    let many = place.path("many");
    let expected = labels_of(&open(&many), &[0, 1, 2, 3, 500]);
    let same = |out: &Path| {
        let dataset = open(out);
        assert_eq!(dataset.head().label_form(), LabelForm::Implied);
        assert_eq!(labels_of(&dataset, &[0, 1, 2, 3, 500]), expected, "{}", out.display());
        assert!(verify(out, Depth::Full, &mut |_, _| {}).unwrap().findings.is_empty());
    };
    l48!("reshard", &many, "--clips", "5", "--out", place.path("resharded")).expect(0);
    same(&place.path("resharded"));
    let all: String = open(&many)
        .assets()
        .iter()
        .map(|asset| format!("{}\n", asset.asset_id))
        .collect();
    place.write("all.csv", &format!("asset_id\n{all}"));
    l48!(
        "subset",
        &many,
        "--clips",
        place.path("all.csv"),
        "--out",
        place.path("chosen")
    )
    .expect(0);
    same(&place.path("chosen"));
    l48!("relabel", &many, place.manifest()).expect(0);
    same(&many);
    let asset = open(&many).assets()[0].asset_id.to_string();
    l48!("preview", &many, "--asset", asset, "--out", place.path("sheet.png")).expect(0);
    l48!("stats", &many).expect(0);
}

#[test]
fn python_duckdb_and_r_answer_for_both_forms() {
    let Some(mut command) = python(&workspace().join("tests/python/is_absent.py")) else {
        return;
    };
    let place = built();
    place.write_bytes("scratch/x", b"");
    command.arg(workspace()).arg(place.path("scratch"));
    for name in ["few", "many"] {
        let dataset = open(&place.path(name));
        let classes: &[u32] = if name == "few" {
            &[0, 1, 2, 3]
        } else {
            &[0, 1, 2, 3, 500]
        };
        place.write(
            &format!("{name}.json"),
            &json!(labels_of(&dataset, classes)).to_string(),
        );
        command.arg(place.path(name)).arg(place.path(&format!("{name}.json")));
    }
    let ended = run(&mut command).expect(0).prints("labels equal: python, duckdb");
    if !ended.stdout.contains("duckdb, r") {
        skip("there is no Rscript on PATH, so is_absent.R was not run");
    }
}
