//! Tests `l48-train suggest`: which clips it lists, and that its tables for Raven are labels once they are filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::dataset_rows::{clips_of, codes, labels, open};
use crate::program::{Ended, l48, run, train_command};
use crate::recordings::Workplace;
use crate::table_rows::csv;
use crate::tunes::{self, CODES, RECORDINGS, WINDOWS, l48_train, present, split};

/// Whether somebody has annotated a recording: all of val and test, and a third of train.
fn is_annotated(recording: u32) -> bool {
    split(recording) != "train" || recording.is_multiple_of(3)
}

/// The set, with boxes and spans of the annotated recordings alone, built and learnt from.
fn trained() -> Workplace {
    let place = tunes::place("3");
    for table in ["boxes.csv", "spans.csv"] {
        let text = place.read(table);
        let is_kept = |line: &&str| {
            let recording = line.split(',').next().unwrap().parse();
            recording.is_ok_and(is_annotated) || line.starts_with("asset_id")
        };
        let kept: Vec<&str> = text.lines().filter(is_kept).collect();
        place.write(table, &(kept.join("\n") + "\n"));
    }
    tunes::trained(&place);
    place
}

fn suggest(place: &Workplace, settings: &[&str]) -> Ended {
    let mut command = train_command();
    command.arg("suggest").arg(place.path("run")).arg(place.path("data"));
    run(command.args(settings).args(["--device", "cpu"]))
}

/// Asset id and number of each clip, with its worth, as listed.
fn listed(table: &str) -> Vec<(i64, u32, f64)> {
    assert_eq!(
        table.lines().next(),
        Some("rank,asset_id,path,clip_index,start_s,end_s,bits,likely")
    );
    let row = |(row, rank): (Vec<String>, u32)| {
        assert_eq!(row[0], rank.to_string());
        assert_eq!(row[2], format!("audio/{}.wav", row[1]));
        let clip: u32 = row[3].parse().unwrap();
        assert_eq!(row[4..6], [3 * clip, 3 * clip + 3].map(|second| second.to_string()));
        // Three classes with their probabilities, the most probable first.
        let likely: Vec<(&str, f64)> = row[7]
            .split("; ")
            .map(|one| one.split_once(' ').unwrap())
            .map(|(code, probability)| (code, probability.parse().unwrap()))
            .collect();
        assert!(likely.len() == 3 && likely.is_sorted_by(|a, b| a.1 >= b.1), "{row:?}");
        assert!(likely.iter().all(|(code, _)| CODES.contains(code)), "{row:?}");
        (row[1].parse().unwrap(), clip, row[6].parse().unwrap())
    };
    csv(table).into_iter().zip(1..).map(row).collect()
}

#[test]
fn clips_that_nobody_knows_are_listed_and_filled_in() {
    let place = trained();
    let unknown = (0..RECORDINGS).filter(|recording| !is_annotated(*recording)).count();
    let all = listed(&suggest(&place, &["--clips", "1000"]).expect(0).stdout);
    assert_eq!(
        all.len(),
        unknown * WINDOWS as usize,
        "every clip that is not complete, and no other"
    );
    assert!(all.iter().all(|(asset_id, ..)| !is_annotated(*asset_id as u32)));
    assert!(all.is_sorted_by(|a, b| a.2 >= b.2), "{all:?}");
    // Of four classes, no more than four bits.
    assert!(all.iter().all(|(.., bits)| *bits > 0.0 && *bits <= 4.0), "{all:?}");
    let few = listed(
        &suggest(&place, &["--clips", "5", "--per-recording", "1"])
            .expect(0)
            .stdout,
    );
    let recordings: BTreeSet<i64> = few.iter().map(|(asset_id, ..)| *asset_id).collect();
    assert!(few.len() == 5 && recordings.len() == 5 && few[0] == all[0], "{few:?}");
    let by_others = listed(
        &suggest(&place, &["--clips", "1000", "--by", "disagreement"])
            .expect(0)
            .stdout,
    );
    let order = |rows: &[(i64, u32, f64)]| rows.iter().map(|row| (row.0, row.1)).collect::<Vec<_>>();
    assert!(order(&by_others) != order(&all) && by_others.is_sorted_by(|a, b| a.2 >= b.2));

    let (table, raven) = (place.path("next.csv"), place.path("next"));
    let [out, folder] = [&table, &raven].map(|path| path.to_str().unwrap());
    let ended = suggest(&place, &["--clips", "12", "--out", out, "--raven", folder]).expect(0);
    assert_eq!(ended.stdout, "", "the table is in a file");
    let wanted = listed(&place.read("next.csv"));
    assert_eq!(wanted, all[..12]);
    filled_in(&place, &raven, &wanted);
    refusals(&place);
}

/// Somebody fills in the tables: `l48 build` reads them before and after.
fn filled_in(place: &Workplace, raven: &Path, wanted: &[(i64, u32, f64)]) {
    let mut of_recording: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (asset_id, clip, _) in wanted {
        of_recording.entry(*asset_id as u32).or_default().insert(*clip);
    }
    let files = std::fs::read_dir(raven).unwrap().count();
    assert_eq!(files, of_recording.len(), "a table for each recording");
    let boxes = "boxes = { format = \"raven\", files = \"next/{stem}.Table.*.selections.txt\", label_column = \"Species Code\" }\n";
    place.write(
        "next.toml",
        &tunes::manifest(boxes, "3").replace("completeness = \"span\"", "completeness = \"box\""),
    );
    let (manifest, out) = (place.path("next.toml"), place.path("next-data"));
    l48!("build", &manifest, "--out", &out)
        .expect(0)
        .prints("12 boxes without a label were dropped");
    for (recording, clips) in &of_recording {
        let name = format!("next/{recording}.Table.1.selections.txt");
        let text = place.read(&name);
        let mut lines = vec![text.lines().next().unwrap().to_owned()];
        assert_eq!(text.lines().count(), 1 + clips.len(), "{text}");
        for (line, clip) in text.lines().skip(1).zip(clips) {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(cells[3..5], [format!("{}.0", 3 * clip), format!("{}.0", 3 * clip + 3)]);
            assert_eq!([cells[7], cells[8], cells[9]], [""; 3], "to be filled in");
            // The row is copied for a second species.
            for class in present(*recording, *clip) {
                let mut cells = cells.clone();
                cells[8] = CODES[class];
                lines.push(cells.join("\t"));
            }
        }
        place.write(&name, &(lines.join("\n") + "\n"));
    }
    l48!("build", &manifest, "--out", &out, "--overwrite").expect(0);
    let dataset = open(&out);
    for (recording, clips) in &of_recording {
        for (clip, window) in clips_of(&dataset, i64::from(*recording)).iter().zip(0..) {
            let truth = if clips.contains(&window) {
                present(*recording, window)
            } else {
                Vec::new()
            };
            let expected: Vec<&str> = truth.iter().map(|class| CODES[*class]).collect();
            assert_eq!(
                codes(&dataset, &clip.present),
                expected.join(" "),
                "{recording}, {window}"
            );
        }
    }
    let known = |row: &&shardfmt::LabelRow| !row.present.is_empty() && !is_annotated(row.asset_id as u32);
    assert!(labels(&dataset).iter().filter(known).count() > 0);
}

fn refusals(place: &Workplace) {
    suggest(place, &["--clips", "5", "--split", "val"])
        .expect(0)
        .complains("every class is known in every clip of val: there is nothing to look at");
    suggest(place, &[]).expect(2).complains("--clips");
    suggest(place, &["--clips", "5", "--split", "dev"])
        .expect(2)
        .complains("dev");
    suggest(place, &["--clips", "5", "--by", "whim"])
        .expect(2)
        .complains("disagreement");
    let (run, audio) = (place.path("run"), place.path("audio"));
    l48_train!("suggest", &run, &audio, "--clips", "5")
        .expect(2)
        .complains("dataset.json");
    l48_train!("suggest", &audio, place.path("data"), "--clips", "5")
        .expect(2)
        .complains("run.json");
    place.edit(
        "manifest.toml",
        "\n[clips]",
        "\n[spectrogram]\nfmin_hz = 100\n\n[clips]",
    );
    let other = place.path("other");
    l48!("build", place.manifest(), "--out", &other).expect(0);
    l48_train!("suggest", &run, &other, "--clips", "5")
        .expect(2)
        .complains("in the run");
}
