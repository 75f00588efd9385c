//! Tests `l48-train detect`: the scores of `predict` at the same windows, its tables, and what it does with bad files and
//! kills.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, UInt32Type};
use arrow_array::{Array, RecordBatch};

use crate::dataset_rows::{labels, open};
use crate::outside::python;
use crate::program::{l48, train_command, workspace};
use crate::recordings::{RATE_HZ, Workplace, noise};
use crate::table_rows::{batches, csv};
use crate::tunes::{self, CODES, RECORDINGS, WINDOWS, l48_train, present, split};

/// What Raven and BirdNET-Analyzer 2.4.0 call their columns.
const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t\
    Common Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)";

/// Probability by recording, microsecond of the start, and class.
type Scores = BTreeMap<(i64, i64, usize), f32>;

fn microseconds(start_s: f64) -> i64 {
    (start_s * 1e6).round() as i64
}

fn predicted(place: &Workplace, data: &Path) -> Scores {
    let table = place.path("predictions.parquet");
    l48_train!("predict", place.path("run"), data, "--out", &table, "--device", "cpu").expect(0);
    let dataset = open(data);
    let starts = labels(&dataset)
        .into_iter()
        .map(|row| ((row.asset_id, row.clip_index), row.start_s));
    let starts: BTreeMap<(i64, u32), f64> = starts.collect();
    let mut scores = Scores::new();
    for batch in batches(&table) {
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let assets = column("asset_id").as_primitive::<Int64Type>().values();
        let clips = column("clip_index").as_primitive::<UInt32Type>().values();
        for (row, (&asset, &clip)) in assets.iter().zip(clips).enumerate() {
            for (class, code) in CODES.iter().enumerate() {
                let score = column(code).as_primitive::<Float32Type>().value(row);
                scores.insert((asset, microseconds(starts[&(asset, clip)]), class), score);
            }
        }
    }
    scores
}

/// What `detections.csv` says; logit and probability belong together in each row.
fn detected(out: &Path) -> Scores {
    let rows = csv(&fs::read_to_string(out.join("detections.csv")).unwrap());
    let scores = rows.into_iter().map(|row| {
        let stem = Path::new(&row[0]).file_stem().unwrap().to_str().unwrap();
        let [start_s, logit, probability] = [&row[1], &row[6], &row[7]].map(|cell| cell.parse::<f64>().unwrap());
        assert!((1.0 / (1.0 + (-logit).exp()) - probability).abs() < 1e-6, "{row:?}");
        let class = CODES.iter().position(|code| *code == row[3]).unwrap();
        (
            (stem.parse().unwrap(), microseconds(start_s), class),
            probability as f32,
        )
    });
    scores.collect()
}

#[track_caller]
fn assert_close(detected: &Scores, predicted: &Scores) {
    assert!(
        detected.keys().eq(predicted.keys()),
        "{} and {} scores",
        detected.len(),
        predicted.len()
    );
    for (key, score) in predicted {
        let found = detected[key];
        assert!((found - score).abs() < 1e-5, "{key:?}: {found} instead of {score}");
    }
}

/// Precision and recall on test of what is in `scores`.
fn precision_and_recall(scores: &Scores, least: f32) -> (f64, f64) {
    let (mut found, mut right, mut there) = (0.0, 0.0, 0.0);
    for recording in (0..RECORDINGS).filter(|recording| split(*recording) == "test") {
        for window in 0..WINDOWS {
            for class in 0..CODES.len() {
                let key = (i64::from(recording), i64::from(window) * 3_000_000, class);
                let is_found = scores.get(&key).is_some_and(|score| *score >= least);
                let is_there = present(recording, window).contains(&class);
                found += f64::from(is_found);
                there += f64::from(is_there);
                right += f64::from(is_found && is_there);
            }
        }
    }
    (right / found, right / there)
}

#[test]
fn windows_have_the_scores_that_predict_gives_their_clips() {
    let place = tunes::place("3");
    let (data, run) = tunes::trained(&place);
    let from_dataset = predicted(&place, &data);
    let out = place.path("all");
    let ended = l48_train!(
        "detect",
        &run,
        place.path("recordings.csv"),
        "--out",
        &out,
        "--min-score",
        "0"
    );
    let windows = RECORDINGS * WINDOWS;
    ended
        .expect(0)
        .prints(&format!(
            "{} detections in {RECORDINGS} recordings (0.13 h, {windows} windows)",
            windows * 4
        ))
        .prints("times real time");
    assert_close(&detected(&out), &from_dataset);

    // Threshold and measure: the same as of the scores of `predict`, and something was learnt.
    let out = place.path("likely");
    l48_train!("detect", &run, place.path("audio"), "--out", &out, "--min-score", "0.5").expect(0);
    let of_detect = precision_and_recall(&detected(&out), 0.0);
    let of_predict = precision_and_recall(&from_dataset, 0.5);
    assert!(
        (of_detect.0 - of_predict.0).abs() < 0.01 && (of_detect.1 - of_predict.1).abs() < 0.01,
        "{of_detect:?} and {of_predict:?}"
    );
    assert!(of_detect.0 > 0.8 && of_detect.1 > 0.8, "{of_detect:?}");

    // Other windows: those of a build with this hop.
    place.write("manifest.toml", &tunes::manifest("boxes = \"boxes.csv\"\n", "1.25"));
    let (data, out) = (place.path("dense-data"), place.path("dense"));
    l48!("build", place.manifest(), "--out", &data).expect(0);
    l48_train!(
        "detect",
        &run,
        place.path("audio"),
        "--out",
        &out,
        "--min-score",
        "0",
        "--hop",
        "1.25"
    )
    .expect(0);
    assert_close(&detected(&out), &predicted(&place, &data));
    thresholds_and_merging(&place, &run);
    embeddings(&place, &run);
}

fn thresholds_and_merging(place: &Workplace, run: &Path) {
    place.write("thresholds.csv", "species_code,threshold\nlowpip,1\nmidpip,0.9\n");
    let detect = |name: &str, more: &[&str]| {
        let out = place.path(name);
        let mut command = train_command();
        command
            .arg("detect")
            .arg(run)
            .arg(place.path("audio/1.wav"))
            .arg("--out")
            .arg(&out)
            .args(more);
        crate::program::run(command.arg("--thresholds").arg(place.path("thresholds.csv"))).expect(0);
        detected(&out)
    };
    let all = detect("some", &["--min-score", "0", "--hop", "1"]);
    let count = |scores: &Scores, class: usize| scores.keys().filter(|key| key.2 == class).count();
    assert_eq!((count(&all, 0), count(&all, 2), count(&all, 3)), (0, 10, 10));
    assert!(all.iter().all(|(key, score)| key.2 != 1 || *score >= 0.9), "{all:?}");
    let top = detect("top", &["--min-score", "0", "--hop", "1", "--top-k", "1"]);
    assert_eq!(top.len(), 10);
    // One detection of each of the two from the start to the end, with the best of its scores.
    let merged = detect("merged", &["--min-score", "0", "--hop", "1", "--merge"]);
    for class in [2, 3] {
        let best = all
            .iter()
            .filter(|(key, _)| key.2 == class)
            .map(|(_, score)| *score)
            .fold(0.0, f32::max);
        assert_eq!(merged.get(&(1, 0, class)), Some(&best));
        assert_eq!(count(&merged, class), 1);
    }
    let rows = csv(&place.read("merged/detections.csv"));
    assert!(rows.iter().any(|row| row[1..4] == ["0", "12", "toppip"]), "{rows:?}");
}

fn embeddings(place: &Workplace, run: &Path) {
    let out = place.path("features");
    l48_train!("detect", run, place.path("audio/7.wav"), "--out", &out, "--embeddings").expect(0);
    let batches = batches(&out.join("embeddings/7.parquet"));
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        WINDOWS as usize
    );
    let starts = batches[0]
        .column_by_name("start_s")
        .unwrap()
        .as_primitive::<Float64Type>();
    assert_eq!(starts.values().to_vec(), [0.0, 3.0, 6.0, 9.0]);
    let lists = batches[0].column_by_name("embedding").unwrap().as_list::<i32>();
    let of = |row: usize| lists.value(row).as_primitive::<Float32Type>().values().to_vec();
    assert!(of(0).len() == 896 && of(0) != of(1), "{} features", of(0).len());
}

#[test]
fn every_recording_has_its_tables_and_bad_ones_are_listed() {
    let place = tunes::place("3");
    let (_, run) = tunes::trained(&place);
    place.wav("night/s1/dawn.wav", RATE_HZ, 1, &tunes::sound(2));
    place.wav("night/s2/dawn.wav", 16_000, 1, &noise(16_000, 7.5, 1));
    place.flac("night/s2/dawn.flac", RATE_HZ, &tunes::sound(4)[..5 * RATE_HZ as usize]);
    place.write_bytes("night/s2/cut.wav", b"RIFF, but no more than that");
    place.write("night/s2/notes.txt", "not looked at");
    place.write(
        "thresholds.csv",
        "code,threshold\nlowpip,0.4\nmidpip,0.4\nhighpip,0.4\ntoppip,0.4\n",
    );
    let out = place.path("out");
    let detect = |more: &[&str]| {
        let mut command = train_command();
        command
            .arg("detect")
            .arg(&run)
            .arg(place.path("night"))
            .arg("--out")
            .arg(&out)
            .args(more);
        command.arg("--thresholds").arg(place.path("thresholds.csv"));
        crate::program::run(command.args(["--raven", "--birdnet", "--audacity"]))
    };
    detect(&[])
        .expect(1)
        .complains("cut.wav: refused (open)")
        .prints("Refused recordings: 1,");
    let path = |name: &str| place.path("night").join(name).display().to_string();
    let rejects = csv(&place.read("out/rejects.csv"));
    assert_eq!(
        (rejects.len(), &rejects[0][0], rejects[0][1].as_str()),
        (1, &path("s2/cut.wav"), "open")
    );
    let recordings = csv(&place.read("out/recordings.csv"));
    let listed: Vec<&[String]> = recordings.iter().map(|row| &row[..3]).collect();
    let expected = [
        [path("s1/dawn.wav"), "12".into(), "4".into()],
        [path("s2/dawn.flac"), "5".into(), "2".into()],
        [path("s2/dawn.wav"), "7.5".into(), "3".into()],
    ];
    assert_eq!(listed, expected);
    tables_agree(&place);
    nothing_found(&place, &run);
    resumed(&place, &detect);
}

/// All tables say the same, in each program's own form.
fn tables_agree(place: &Workplace) {
    let rows = csv(&place.read("out/detections.csv"));
    assert!(!rows.is_empty());
    for (recording, name) in [
        ("s1/dawn.wav", "s1/dawn"),
        ("s2/dawn.wav", "s2/dawn.wav"),
        ("s2/dawn.flac", "s2/dawn.flac"),
    ] {
        let path = place.path("night").join(recording).display().to_string();
        let raven = place.read(&format!("out/raven/{name}.Table.1.selections.txt"));
        assert_eq!(
            place.read(&format!("out/birdnet/{name}.BirdNET.selection.table.txt")),
            raven
        );
        assert_eq!(raven.lines().next(), Some(HEADER));
        let of_recording: Vec<&Vec<String>> = rows.iter().filter(|row| row[0] == path).collect();
        let ceiling_hz = if recording == "s2/dawn.wav" { "8000" } else { "11025" };
        let mut track = String::new();
        let lines = raven.lines().skip(1);
        assert_eq!(lines.clone().count(), of_recording.len(), "{raven}");
        for (number, (line, row)) in (1..).zip(lines.zip(of_recording)) {
            let [start, end, code, name] = [1, 2, 3, 4].map(|at| &row[at]);
            let confidence: f32 = row[7].parse().unwrap();
            let [begin, until] = [start, end].map(|time| {
                if time.contains('.') {
                    time.clone()
                } else {
                    format!("{time}.0")
                }
            });
            let expected = format!(
                "{number}\tSpectrogram 1\t1\t{begin}\t{until}\t50.0\t{ceiling_hz}.0\t{name}\t{code}\t{confidence:.4}\t{path}\t{begin}"
            );
            assert_eq!(line, expected);
            track += &format!("{start}\t{end}\t{code}\n\\\t50\t{ceiling_hz}\n");
        }
        assert_eq!(place.read(&format!("out/audacity/{name}.txt")), track);
    }
    // The last window ends with its recording.
    let ends = rows
        .iter()
        .filter(|row| row[0].ends_with("dawn.flac"))
        .map(|row| row[2].as_str());
    assert!(
        ends.clone().all(|end| end == "3" || end == "5"),
        "{:?}",
        ends.collect::<Vec<_>>()
    );
    let table: usize = batches(&place.path("out/detections.parquet"))
        .iter()
        .map(RecordBatch::num_rows)
        .sum();
    assert_eq!(table, rows.len());
    let batch = &batches(&place.path("out/detections.parquet"))[0];
    let text = |name: &str, row: usize| {
        batch
            .column_by_name(name)
            .unwrap()
            .as_string::<i32>()
            .value(row)
            .to_owned()
    };
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(
            [text("path", at), text("species_code", at), text("scientific_name", at)],
            [&row[0], &row[3], &row[5]].map(String::clone)
        );
    }
    assert!(!batch.column_by_name("probability").unwrap().is_empty());
    read_by_peers(place);
}

/// Tables without rows have their header, and nothing else.
fn nothing_found(place: &Workplace, run: &Path) {
    let (audio, out) = (place.path("audio/1.wav"), place.path("nothing"));
    let flags = ["--raven", "--birdnet", "--audacity"];
    let mut command = train_command();
    command
        .arg("detect")
        .arg(run)
        .arg(audio)
        .arg("--out")
        .arg(&out)
        .args(flags)
        .args(["--min-score", "1"]);
    crate::program::run(&mut command)
        .expect(0)
        .prints("0 detections in 1 recordings");
    let header = format!("{HEADER}\n");
    assert_eq!(place.read("nothing/raven/1.Table.1.selections.txt"), header);
    assert_eq!(place.read("nothing/birdnet/1.BirdNET.selection.table.txt"), header);
    assert_eq!(place.read("nothing/audacity/1.txt"), "");
    assert_eq!(place.read("nothing/rejects.csv"), "path,stage,reason\n");
    assert_eq!(place.read("nothing/detections.csv").lines().count(), 1);
    assert_eq!(
        batches(&out.join("detections.parquet"))
            .iter()
            .map(RecordBatch::num_rows)
            .sum::<usize>(),
        0
    );
}

/// Crowsetta reads the tables of Raven.
fn read_by_peers(place: &Workplace) {
    let Some(mut command) = python(&workspace().join("tests/python/raven_tables.py")) else {
        return;
    };
    let ended = crate::program::run(command.arg(place.path("out/raven")));
    let all = csv(&place.read("out/detections.csv")).len();
    ended.expect(0).prints(&format!("{all} selections"));
}

/// A folder is refused without --resume and with other settings; with the same ones nothing is decoded again.
fn resumed(place: &Workplace, detect: &dyn Fn(&[&str]) -> crate::program::Ended) {
    let before = place.read("out/detections.csv");
    detect(&[])
        .expect(2)
        .complains("already has detections; continue with --resume");
    detect(&["--resume", "--hop", "1.5"])
        .expect(2)
        .complains("image.clips.hop_s: \"3\" -> \"1.5\"; give the same ones, or another --out");
    let again = detect(&["--resume"]).expect(1);
    assert!(
        !again.stdout.contains("times real time"),
        "nothing was decoded: {}",
        again.stdout
    );
    // What was refused and stays the same is not tried again; what has changed is.
    assert!(!again.stderr.contains("cut.wav"), "{}", again.stderr);
    assert_eq!(place.read("out/detections.csv"), before);
    place.wav("night/s2/cut.wav", RATE_HZ, 1, &tunes::sound(6));
    detect(&["--resume"])
        .expect(0)
        .complains("3 recordings were done before")
        .prints("4 recordings");
    assert!(place.read("out/detections.csv").len() > before.len());
}

#[test]
fn a_killed_run_continues_to_the_same_tables() {
    let place = tunes::place("3");
    let (_, run) = tunes::trained(&place);
    let command = |out: &str| {
        let mut command = train_command();
        command
            .arg("detect")
            .arg(&run)
            .arg(place.path("audio"))
            .arg("--out")
            .arg(place.path(out));
        command.args(["--resume", "--raven", "--embeddings", "--threads", "2"]);
        command
    };
    let log = place.path("points.log");
    crate::program::run(command("whole").env("L48_FAIL_LOG", &log)).expect(0);
    let points = fs::read_to_string(&log).unwrap().lines().count();
    assert!(points > 4 * RECORDINGS as usize, "{points} write boundaries");
    let mut done = 0;
    for kill in 1..=6 {
        let at = (points * kill / 6).to_string();
        let status = command("killed").env("L48_FAIL_AT", &at).output().unwrap();
        if status.status.signal() != Some(9) {
            break;
        }
        let parts = fs::read_dir(place.path("killed/.parts")).map_or(0, |parts| {
            let names = parts.map(|part| part.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.ends_with(".part")).count()
        });
        assert!(parts >= done, "{parts} parts after {done}");
        done = parts;
    }
    assert!(done > 0, "no kill left a part");
    crate::program::run(&mut command("killed")).expect(0);
    for table in [
        "detections.csv",
        "detections.parquet",
        "recordings.csv",
        "rejects.csv",
        "raven/11.Table.1.selections.txt",
    ] {
        let bytes = |out: &str| fs::read(place.path(out).join(table)).unwrap();
        assert_eq!(bytes("killed"), bytes("whole"), "{table}");
    }
    assert_eq!(
        fs::read_dir(place.path("killed/embeddings")).unwrap().count(),
        RECORDINGS as usize
    );
}
