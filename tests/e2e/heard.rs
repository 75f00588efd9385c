//! Recordings of which only the species heard in them are known: what of it is stored, the weak labels that each
//! rule makes, and a model that is trained and measured on nothing else.

use std::path::Path;

use serde_json::{Value, json};
use shardfmt::{LabelRow, Split};

use crate::dataset_rows::{asset, clips_of, codes, open};
use crate::file_tree::{Tree, assert_same, tree};
use crate::outside::python;
use crate::program::{l48, run, train_command, workspace};
use crate::recordings::{MINIMAL, RATE_HZ, TAXA, Workplace, noise};

/// Three recordings of two clips and one of a single clip, with what was heard in them.
const RECORDINGS: &str = "asset_id,path,split,target_species,heard\n\
    1,audio/1.wav,train,woothr,woothr;TOWHEE\n\
    2,audio/2.wav,train,,norcar\n\
    3,audio/3.wav,val,eastow,eastow\n\
    4,audio/4.wav,test,,\n";

fn place(labels: &str) -> Workplace {
    let place = Workplace::new();
    place.write("taxa.csv", TAXA);
    place.write("recordings.csv", RECORDINGS);
    for (asset_id, seconds) in [(1, 6.0), (2, 2.5), (3, 6.0), (4, 6.0)] {
        place.wav(
            &format!("audio/{asset_id}.wav"),
            RATE_HZ,
            1,
            &noise(RATE_HZ, seconds, asset_id),
        );
    }
    place.write(
        "manifest.toml",
        &format!("{MINIMAL}\n[labels]\naliases = {{ TOWHEE = \"eastow\" }}\n{labels}\n[shards]\nclips = 2\n"),
    );
    place
}

fn built(place: &Workplace) -> std::path::PathBuf {
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out, "--overwrite").expect(0);
    out
}

/// The tables of labels, priors and assets.
fn tables(out: &Path) -> Tree {
    let mut found = tree(out);
    found.retain(|name, _| {
        ["labels/", "priors/", "assets/"]
            .iter()
            .any(|folder| name.starts_with(folder))
    });
    found
}

/// What a clip has of its recording: code, source, and score to a tenth.
fn of_recording(out: &Path, asset_id: i64) -> Vec<Vec<(String, String, Option<f32>)>> {
    let dataset = open(out);
    let code = |class| dataset.taxa().code(class).unwrap().to_owned();
    let of_clip = |row: &LabelRow| {
        let items = row.from_recording.iter();
        items
            .map(|item| (code(item.class), item.label_source.to_string(), item.score))
            .collect()
    };
    clips_of(&dataset, asset_id).iter().map(of_clip).collect()
}

#[test]
fn what_was_heard_is_stored_of_the_recording_and_present_only_in_a_clip_that_holds_all_of_it() {
    let place = place("");
    let out = built(&place);
    let dataset = open(&out);
    assert_eq!(dataset.info().head.features_optional, ["heard"]);
    let heard = |asset_id| asset(&dataset, asset_id).heard.map(|heard| codes(&dataset, &heard));
    assert_eq!(
        [1, 2, 3, 4].map(heard),
        [Some("woothr eastow"), Some("norcar"), Some("eastow"), None].map(|codes| codes.map(str::to_owned))
    );
    for asset_id in [1, 3, 4] {
        let clips = clips_of(&dataset, asset_id);
        assert!(
            clips
                .iter()
                .all(|row| row.unknown.len() == 4 && row.from_recording.is_empty())
        );
    }
    let [whole] = &clips_of(&dataset, 2)[..] else {
        panic!("one clip")
    };
    assert_eq!(
        (codes(&dataset, &whole.present), whole.unknown.len()),
        ("norcar".to_owned(), 3)
    );
    assert_eq!(
        of_recording(&out, 2),
        [[("norcar".to_owned(), "heard".to_owned(), None)]]
    );
    l48!("verify", &out).expect(0);
    let config = l48!("inspect", &out, "--json").expect(0).json()["config"]["labels"].clone();
    assert_eq!(config.get("weak"), None, "{config}");
}

#[test]
fn weak_labels_are_made_by_rule_in_training_only_and_counted_wherever_somebody_looks() {
    let place = place("weak = \"all\"");
    let out = place.path("out");
    let summary = l48!("build", place.manifest(), "--out", &out).expect(0);
    summary.prints("4 labels are weak: a rule takes species heard in the recording for present in the clip: all/1 (4)");
    let both = |code: &str| (code.to_owned(), "weak:all/1".to_owned(), None);
    let clip = vec![both("woothr"), both("eastow")];
    assert_eq!(of_recording(&out, 1), [clip.clone(), clip]);
    for asset_id in [3, 4] {
        assert!(
            of_recording(&out, asset_id).iter().all(Vec::is_empty),
            "not in val or test"
        );
    }
    let dataset = open(&out);
    let rows = clips_of(&dataset, 1);
    assert!(rows.iter().all(|row| row.unknown.len() == 4 && !row.fully_annotated));
    assert_eq!(dataset.info().tallies["weak_labels:all/1"], 4);
    assert_eq!(dataset.info().head.config["labels"]["weak"], "all");
    let stats = l48!("stats", &out, "--json").expect(0).json();
    let train = &stats["splits"][0];
    assert_eq!(
        (&train["with_heard"], &train["with_weak"], &train["with_positive"]),
        (&json!(2), &json!(2), &json!(1))
    );
    let of_class = |code: &str, split: Split| -> Value {
        let found = stats["classes"].as_array().unwrap().iter();
        let mut found = found.filter(|class| class["species_code"] == code && class["split"] == split.as_str());
        let class = found.next().unwrap();
        json!([class["heard"], class["weak"], class["present"], class["unknown"]])
    };
    assert_eq!(of_class("eastow", Split::Train), json!([1, 2, 0, 3]));
    assert_eq!(of_class("eastow", Split::Val), json!([1, 0, 0, 2]));
    assert_eq!(of_class("norcar", Split::Train), json!([1, 0, 1, 2]));
    let text = l48!("stats", &out).expect(0).stdout;
    for expected in [
        "recordings with heard species",
        "clips with a weak label",
        "heard  weak",
        "4 labels are weak",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn python_reads_what_was_heard() {
    let Some(mut command) = python(&workspace().join("tests/python/heard.py")) else {
        return;
    };
    let place = place("weak = \"first\"");
    let weak = json!([{"species_code": "woothr", "label_source": "weak:first/1", "score": null}]);
    let whole = json!([{"species_code": "norcar", "label_source": "heard", "score": null}]);
    let expected = json!({
        "heard": {"1": ["woothr", "eastow"], "2": ["norcar"], "3": ["eastow"], "4": null},
        "clips": [[1, weak], [1, []], [2, whole], [3, []], [3, []], [4, []], [4, []]],
    });
    command.arg(workspace()).arg(built(&place)).arg(expected.to_string());
    run(&mut command).expect(0).prints("heard equal");
}

#[test]
fn each_rule_labels_its_clips_and_relabel_does_what_a_build_does() {
    let place = place("weak = \"none\"");
    place.write(
        "scores.csv",
        "asset_id,start_s,species_code,score\n1,0.0,TOWHEE,0.2\n1,3.0,eastow,0.9\n1,3.0,norcar,0.9\n1,1.5,woothr,0.9\n\
         9,0.0,woothr,0.9\n1,0.0,frog,0.9\n",
    );
    place.edit(
        "manifest.toml",
        "taxa = \"taxa.csv\"\n",
        "taxa = \"taxa.csv\"\nclip_scores = \"scores.csv\"\n",
    );
    let out = built(&place);
    let relabelled = place.path("relabelled");
    l48!("build", place.manifest(), "--out", &relabelled).expect(0);
    let mut before = "weak = \"none\"".to_owned();
    for (rule, chosen) in [
        ("first", [true, false]),
        ("peaks", [false, true]),
        ("scores", [false, true]),
    ] {
        let threshold = if rule == "scores" { "\nweak_threshold = 0.5" } else { "" };
        let now = format!("weak = {rule:?}{threshold}");
        place.edit("manifest.toml", &before, &now);
        before = now;
        built(&place);
        l48!("relabel", &relabelled, place.manifest()).expect(0);
        assert_same(&tables(&out), &tables(&relabelled), rule);
        assert_eq!(open(&out).info().tallies, open(&relabelled).info().tallies);
        l48!("verify", &out).expect(0);
        let found = of_recording(&out, 1);
        let has = |clip: &Vec<(String, String, Option<f32>)>| !clip.is_empty();
        assert_eq!([has(&found[0]), has(&found[1])], chosen, "{rule}: {found:?}");
        let (code, source, score) = found.concat()[0].clone();
        let target = if rule == "scores" { "eastow" } else { "woothr" };
        assert_eq!((code.as_str(), source), (target, format!("weak:{rule}/1")));
        assert_eq!(score.is_some(), rule != "first");
    }
    let dataset = open(&out);
    let tallies = &dataset.info().tallies;
    let reasons = [
        "scores_of_other_assets",
        "scores_of_other_codes",
        "scores_of_species_not_heard",
        "scores_without_clip",
    ];
    assert_eq!(reasons.map(|reason| tallies[reason]), [1, 1, 1, 1]);
}

/// The clip whose mean level in dB, from the stored bytes, is higher.
#[test]
fn peaks_are_those_of_the_images() {
    let place = place("weak = \"peaks\"");
    // The second half is 20 dB louder.
    let mut samples = noise(RATE_HZ, 6.0, 1);
    let (quiet, _) = samples.split_at_mut(3 * RATE_HZ as usize);
    quiet.iter_mut().for_each(|sample| *sample *= 0.1);
    place.wav("audio/1.wav", RATE_HZ, 1, &samples);
    let out = built(&place);
    let found = of_recording(&out, 1);
    assert!(found[0].is_empty(), "{found:?}");
    let dataset = open(&out);
    let location = dataset.asset(1).unwrap();
    let shard = dataset.open_shard(location.shard, shardfmt::Checks::Always).unwrap();
    let (row, values) = (location.first_row + 1, &dataset.head().values);
    let stored = shard.clip(row).unwrap();
    let mean = stored.iter().map(|&value| f64::from(value)).sum::<f64>() / stored.len() as f64;
    let level_db = f64::from(shard.ref_db(row).unwrap()) + values.offset + values.step * mean;
    let score = found[1][0].2.unwrap();
    assert!(
        (f64::from(score) - level_db).abs() < 1e-4,
        "{score} dB, {level_db} dB from the image"
    );
}

#[test]
fn reworks_keep_what_was_heard() {
    let place = place("weak = \"all\"");
    let out = built(&place);
    let rows = |name: &str| -> Vec<_> {
        let dataset = open(&place.path(name));
        let of = |asset_id| {
            let clips = clips_of(&dataset, asset_id).into_iter().map(|row| row.from_recording);
            (asset(&dataset, asset_id).heard, clips.collect::<Vec<_>>())
        };
        [1, 2].map(of).into()
    };
    let expected = rows("out");
    l48!("reshard", &out, "--clips", "100", "--out", place.path("resharded")).expect(0);
    place.write("clips.csv", "1\n2\n");
    l48!(
        "subset",
        &out,
        "--clips",
        place.path("clips.csv"),
        "--out",
        place.path("subset")
    )
    .expect(0);
    // Beside a set of which nobody said what was heard.
    place.write("recordings.csv", "asset_id,path,split\n5,audio/4.wav,test\n");
    l48!("build", place.manifest(), "--out", place.path("silent")).expect(0);
    assert_eq!(open(&place.path("silent")).info().head.features_optional, [""; 0]);
    l48!(
        "merge",
        place.path("silent"),
        place.path("subset"),
        "--out",
        place.path("merged")
    )
    .expect(0);
    for name in ["resharded", "subset", "merged"] {
        assert_eq!(rows(name), expected, "{name}");
        l48!("verify", place.path(name)).expect(0);
    }
    assert_eq!(asset(&open(&place.path("merged")), 5).heard, None);
}

#[test]
fn mistakes_in_what_was_heard_and_in_the_rules_are_named() {
    let place = place("weak = \"scores\"");
    place.edit("recordings.csv", "val,eastow,eastow", "val,eastow,eastow;robin");
    let refused = l48!("build", place.manifest(), "--out", place.path("out")).expect(2);
    refused
        .complains("recordings.csv:4: heard = \"eastow;robin\": unknown species code")
        .complains("weak = \"scores\" needs `weak_threshold`")
        .complains("weak = \"scores\" needs `clip_scores` in [tables]");
    place.edit(
        "manifest.toml",
        "weak = \"scores\"",
        "weak = \"first\"\nweak_threshold = 0.5\nother_codes = \"keep-box\"",
    );
    let refused = l48!("build", place.manifest(), "--out", place.path("out")).expect(2);
    refused.complains("weak_threshold");
    place.edit("manifest.toml", "weak_threshold = 0.5\n", "");
    let summary = l48!("build", place.manifest(), "--out", place.path("out")).expect(0);
    summary.prints(
        "1 species in the column heard is outside the taxa table and [labels], so it labels nothing: robin (1)",
    );

    place.write("geo.csv", "asset_id,possible_species\n1,woothr\n");
    place.edit(
        "manifest.toml",
        "taxa = \"taxa.csv\"\n",
        "taxa = \"taxa.csv\"\ngeo_prior = \"geo.csv\"\n",
    );
    let refused = l48!("build", place.manifest(), "--out", place.path("out"), "--overwrite").expect(2);
    refused.complains("a species was heard that the recording's geographic prior says is absent");
    place.edit(
        "manifest.toml",
        "weak = \"first\"",
        "prior_conflict = \"positive-wins\"\nweak = \"all\"",
    );
    let summary = l48!("build", place.manifest(), "--out", place.path("out"), "--overwrite").expect(0);
    summary.prints("1 species heard in a recording contradicts a prior; what was heard won");
    let dataset = open(&place.path("out"));
    let row = &clips_of(&dataset, 1)[0];
    assert_eq!(
        (codes(&dataset, &row.absent), codes(&dataset, &row.unknown)),
        ("norcar bkcchi".into(), "woothr eastow".into())
    );
}

/// Each recording of two clips has one of two pitches throughout, or both, over noise. Nothing but the column `heard`
/// says which.
#[test]
fn a_model_is_trained_and_measured_on_what_was_heard_alone() {
    let place = place("weak = \"all\"");
    let mut table = String::from("asset_id,path,split,heard\n");
    for number in 0..48_u64 {
        let sings = [number % 3 != 1, number % 3 != 0];
        let split = ["train", "train", "val", "test"][(number / 3 % 4) as usize];
        let mut samples = noise(RATE_HZ, 6.0, 16 * number);
        samples.iter_mut().for_each(|sample| *sample *= 0.2);
        for (pitch_hz, _) in [2500.0, 6000.0].into_iter().zip(sings).filter(|(_, sings)| *sings) {
            for (sample, frame) in samples.iter_mut().zip(0..) {
                let time_s = f64::from(frame) / f64::from(RATE_HZ);
                *sample += 0.3 * (std::f64::consts::TAU * pitch_hz * time_s).sin() as f32;
            }
        }
        place.wav(&format!("audio/{number}.wav"), RATE_HZ, 1, &samples);
        let heard: Vec<&str> = ["woothr", "eastow"]
            .into_iter()
            .zip(sings)
            .filter(|(_, sings)| *sings)
            .map(|(code, _)| code)
            .collect();
        table += &format!("{number},audio/{number}.wav,{split},{}\n", heard.join(";"));
    }
    place.write("recordings.csv", &table);
    place.write(
        "taxa.csv",
        "species_code,common_name,scientific_name\nwoothr,,\neastow,,\nnorcar,,\n",
    );
    let out = built(&place);
    let stats = l48!("stats", &out, "--json").expect(0).json();
    // Of 24 training recordings a third has both species, so 8 + 8 + 16 labels of recordings, in two clips each.
    assert_eq!(stats["tallies"]["weak_labels:all/1"], 64);
    assert_eq!(
        (&stats["splits"][0]["with_weak"], &stats["splits"][0]["with_label"]),
        (&json!(48), &json!(0))
    );

    let fit = |name: &str, settings: &[&str]| {
        let mut command = train_command();
        command.arg("fit").arg(&out).arg("--out").arg(place.path(name));
        command.args([
            "--arch", "tiny", "--mode", "full", "--epochs", "6", "--lr", "3e-3", "--batch", "8",
        ]);
        command.args(["--device", "cpu", "--threads", "1"]).args(settings);
        run(&mut command)
    };
    fit("clips", &[]).expect(2).complains("--level recording");
    fit("unheard", &["--level", "recording"])
        .expect(2)
        .complains("--unheard absent");
    let whole = ["--level", "recording", "--unheard", "absent"];
    fit("run", &whole).expect(0).prints("12 recordings, 0 left out");
    let log = place.read("run/metrics.jsonl");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = "64 of 64 known positives are weak: heard in the recording, and taken for present in the clip by a rule";
    assert!(events.iter().any(|event| event["text"] == text), "{log}");
    let test = events.iter().rfind(|event| event["split"] == "test").unwrap();
    let figure = |name: &str| test[name].as_f64().unwrap();
    // Two of three recordings have each species, and none the third.
    assert!((figure("chance") - 4.0 / 9.0).abs() < 1e-9, "{test}");
    assert!(figure("map_occurring") > 0.95, "{test}");
    let map = figure("map");

    let mut eval = train_command();
    eval.arg("eval")
        .arg(place.path("run"))
        .args(["--bootstrap", "0", "--device", "cpu"]);
    let line = run(&mut eval).expect(0).stdout;
    assert!(
        line.contains(&format!("mAP {map:.4}")) && line.contains("12 recordings"),
        "{line}"
    );
    let mut eval = train_command();
    eval.arg("eval")
        .arg(place.path("run"))
        .args(["--level", "clip", "--device", "cpu"]);
    run(&mut eval)
        .expect(2)
        .complains("no clip of split test has every class known");
    // The table of the regulariser may start with what was heard, and has to be told.
    let heard = ["--asset-reg", "0.1", "--asset-reg-positives", "heard"];
    fit("reg", &[&whole[..], &heard].concat()).expect(0);
}
