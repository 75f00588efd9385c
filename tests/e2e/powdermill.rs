//! Tests `manifests/powdermill.toml` on a made set in the layout of Chronister et al. 2021: the tables as
//! docs/official-data.md makes them, labels, splits by day, and training on single positives that are drawn.

use std::fs;
use std::process::Command;

use serde_json::Value;
use shardfmt::Split;

use crate::dataset_rows::{clips_of, codes, labels, open};
use crate::program::{l48, run, train_command, workspace};
use crate::recordings::{Workplace, noise};

/// Rate of the published recordings, and seconds here of a segment, which there has 300.
const RATE_HZ: u32 = 32_000;
const SEGMENT_S: f64 = 12.5;
/// Segments of each day.
const SEGMENTS: [(u32, u32); 4] = [(1, 3), (2, 1), (3, 1), (4, 2)];
const HEADER: &str =
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\r\n";
/// Two species at once in the first clip, one that goes on into the third, nothing in the last.
const ROWS: &str = "1\tSpectrogram 1\t1\t0.5\t2.4\t2878.2\t4049.0\tEATO\r\n\
    2\tSpectrogram 1\t1\t1.1\t1.9\t2200.0\t5100.5\tWOTH\r\n\
    3\tSpectrogram 1\t1\t4.5\t7.5\t3000.0\t6000.0\tNOCA";

/// The unpacked archives.
fn archives() -> Workplace {
    let place = Workplace::new();
    for (day, segments) in SEGMENTS {
        for segment in 1..=segments {
            let name = format!("Recording_{day}/Recording_{day}_Segment_{segment:02}");
            let samples = noise(RATE_HZ, SEGMENT_S, u64::from(10 * day + segment));
            place.wav(&format!("wav_Files/{name}.wav"), RATE_HZ, 1, &samples);
            place.write(
                &format!("annotation_Files/{name}.Table.1.selections.txt"),
                &format!("{HEADER}{ROWS}"),
            );
        }
    }
    place
}

/// The commands of docs/official-data.md that make the tables: the first of its section.
fn commands() -> String {
    let page = fs::read_to_string(workspace().join("docs/official-data.md")).unwrap();
    let section = page.split("\n## Powdermill\n").nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn days_become_splits_and_single_positives_are_drawn() {
    let place = archives();
    run(Command::new("sh")
        .args(["-e", "-c", &commands()])
        .current_dir(place.folder()))
    .expect(0);
    assert_eq!(place.read("taxa.csv"), "species_code\nEATO\nNOCA\nWOTH\n");
    let manifest = fs::read_to_string(workspace().join("manifests/powdermill.toml")).unwrap();
    place.write("manifest.toml", &manifest);
    let out = place.path("powdermill");
    l48!("build", place.manifest(), "--out", &out).expect(0);

    let dataset = open(&out);
    assert_eq!(dataset.head().name, "powdermill");
    let of_clip: Vec<_> = clips_of(&dataset, 1)
        .iter()
        .map(|clip| codes(&dataset, &clip.present))
        .collect();
    // What is left after the last whole clip is dropped.
    assert_eq!(of_clip, ["EATO WOTH", "NOCA", "NOCA", ""]);
    let all = labels(&dataset);
    assert!(
        all.iter().all(|clip| clip.fully_annotated),
        "clips without a box are known too"
    );
    let count = |split| all.iter().filter(|clip| clip.split == split).count();
    // Recordings 1 and 3, 2, and 4; four clips each.
    assert_eq!(Split::ALL.map(count), [16, 4, 8]);

    let folder = place.path("run");
    let mut fit = train_command();
    fit.arg("fit").arg(&out).arg("--out").arg(&folder);
    fit.args([
        "--single-positive",
        "uniform",
        "--arch",
        "tiny",
        "--epochs",
        "1",
        "--device",
        "cpu",
    ]);
    run(&mut fit).expect(0).prints("test");
    let log = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let started = events.iter().find(|event| event["event"] == "started").unwrap();
    assert_eq!(started["rows"], 12, "three of four clips have a positive: {started}");
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    assert!(config.contains("single_positive = \"uniform\""), "{config}");
}
