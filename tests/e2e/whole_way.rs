//! Tests the whole way: a card is scanned, its manifest edited, a dataset built and a network trained on it; what that
//! detects is corrected in the tables of Raven, the dataset is relabelled, and the network trained again. Once with boxes,
//! and once with no more than which species are heard in each recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type};

use crate::card::Card;
use crate::dataset_rows::{labels, open};
use crate::program::l48;
use crate::table_rows::{batches, csv};
use crate::tunes::{self, CODES, RECORDINGS, l48_train};

/// A window of 3 s of a recording, and a class.
type Key = (u32, u32, usize);

/// The least that counts as detected.
const LEAST: f32 = 0.5;

/// A run, and the dataset that it was trained on.
struct Trained<'a> {
    card: &'a Card,
    data: PathBuf,
    run: PathBuf,
    /// What `l48 scan` wrote.
    tables: &'a str,
}

impl<'a> Trained<'a> {
    fn new(card: &'a Card, tables: &'a str, [data, run]: [&str; 2], settings: &[&str]) -> Self {
        let [data, run] = [data, run].map(|name| card.place.path(name));
        tunes::fit_with(&data, &run, &[settings, &["--epochs", "14", "--batch", "16"]].concat())
            .expect(0)
            .prints("test");
        Trained {
            card,
            data,
            run,
            tables,
        }
    }

    /// The probabilities that `predict` gives the clips.
    fn predicted(&self) -> BTreeMap<Key, f32> {
        let table = self.run.join("predictions.parquet");
        l48_train!("predict", &self.run, &self.data, "--out", &table, "--device", "cpu").expect(0);
        let recordings = self.card.recordings(self.tables);
        let mut scores = BTreeMap::new();
        for batch in batches(&table) {
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let assets = column("asset_id").as_primitive::<Int64Type>().values();
            let clips = column("clip_index").as_primitive::<UInt32Type>().values();
            for (row, (asset, &clip)) in assets.iter().zip(clips).enumerate() {
                for (class, code) in CODES.iter().enumerate() {
                    let score = column(code).as_primitive::<Float32Type>().value(row);
                    scores.insert((recordings[asset].0, clip, class), score);
                }
            }
        }
        scores
    }

    /// What `detect` finds of at least this probability, in `out` below the run.
    fn detected(&self, out: &str, least: &str) -> BTreeMap<Key, f32> {
        let (out, table) = (
            self.run.join(out),
            self.card.place.path(self.tables).join("recordings.csv"),
        );
        l48_train!(
            "detect",
            &self.run,
            table,
            "--out",
            &out,
            "--min-score",
            least,
            "--raven",
            "--resume"
        )
        .expect(0);
        let table = std::fs::read_to_string(out.join("detections.csv")).unwrap();
        let of_row = |cells: Vec<String>| {
            let class = CODES.iter().position(|code| *code == cells[3]).unwrap();
            let window = (cells[1].parse::<f64>().unwrap() / 3.0).round() as u32;
            ((self.card.number(&cells[0]), window, class), cells[7].parse().unwrap())
        };
        csv(&table).into_iter().map(of_row).collect()
    }

    /// Precision and recall on test, of windows or whole recordings, by what is detected and by what is predicted; they
    /// are the same within .01.
    fn measured(&self, level: Level) -> [f64; 2] {
        let detected: BTreeSet<Key> = self.detected("found", &LEAST.to_string()).into_keys().collect();
        let predicted = self.predicted().into_iter().filter(|(_, score)| *score >= LEAST);
        let predicted: BTreeSet<Key> = predicted.map(|(key, _)| key).collect();
        let [detected, predicted] = [&detected, &predicted].map(|found| self.precision_and_recall(found, level));
        for (a, b) in detected.iter().zip(&predicted) {
            assert!((a - b).abs() < 0.01, "{detected:?} by detect, {predicted:?} by predict");
        }
        detected
    }

    fn precision_and_recall(&self, found: &BTreeSet<Key>, level: Level) -> [f64; 2] {
        let in_test = self.in_test();
        let of_level = |keys: &mut dyn Iterator<Item = Key>| -> BTreeSet<Key> {
            let keys = keys.filter(|key| in_test.contains(&key.0));
            keys.map(|(recording, window, class)| match level {
                Level::Clip => (recording, window, class),
                Level::Recording => (recording, 0, class),
            })
            .collect()
        };
        let true_of = |(recording, window)| {
            let classes = (self.card.truth)(recording, window).into_iter();
            classes.map(move |class| (recording, window, class))
        };
        let truth = of_level(&mut self.card.windows().flat_map(true_of));
        let found = of_level(&mut found.iter().copied());
        let right = found.intersection(&truth).count() as f64;
        [right / found.len() as f64, right / truth.len() as f64]
    }

    fn in_test(&self) -> BTreeSet<u32> {
        let recordings = self.card.recordings(self.tables).into_values();
        recordings
            .filter(|(_, split)| split == "test")
            .map(|(number, _)| number)
            .collect()
    }

    /// The mean average precision that `eval` prints is that of the scores of `detect`, over the windows of test that are
    /// in `measured` or over its recordings.
    fn assert_eval_agrees(&self, level: Level, measured: &BTreeSet<(u32, u32)>) {
        let printed = l48_train!(
            "eval",
            &self.run,
            "--split",
            "test",
            "--device",
            "cpu",
            "--bootstrap",
            "0"
        )
        .expect(0);
        let words: Vec<&str> = printed.stdout.split([' ', ',']).collect();
        let at = words.iter().position(|word| *word == "mAP").unwrap();
        let printed_map: f64 = words[at + 1].parse().unwrap();
        let in_test = self.in_test();
        // The score and the truth of each thing that is measured.
        let mut of: BTreeMap<(usize, u32, u32), (f32, bool)> = BTreeMap::new();
        for ((recording, window, class), score) in self.detected("all", "0") {
            let is_there = (self.card.truth)(recording, window).contains(&class);
            let key = match level {
                Level::Clip => (class, recording, window),
                Level::Recording => (class, recording, 0),
            };
            if in_test.contains(&recording) && measured.contains(&(recording, window)) {
                let (best, any) = of.entry(key).or_insert((score, false));
                (*best, *any) = (best.max(score), *any || is_there);
            }
        }
        let precisions = (0..CODES.len()).map(|class| {
            let of_class = of.range((class, 0, 0)..(class + 1, 0, 0));
            let mut ranked: Vec<(f32, bool)> = of_class.map(|(_, scored)| *scored).collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
            let positives = ranked.iter().zip(1..).filter(|((_, is_there), _)| *is_there);
            let precisions = positives
                .zip(1..)
                .map(|((_, rank), right)| f64::from(right) / f64::from(rank));
            let precisions: Vec<f64> = precisions.collect();
            precisions.iter().sum::<f64>() / precisions.len() as f64
        });
        let map = precisions.sum::<f64>() / CODES.len() as f64;
        assert!((map - printed_map).abs() < 0.01, "{map} of detect; {}", printed.stdout);
    }
}

/// What is measured.
#[derive(Clone, Copy)]
enum Level {
    Clip,
    Recording,
}

#[test]
fn with_boxes() {
    // Recorders on one schedule: every name is there at every site.
    let name = |recording: u32| format!("s{}/20240501_0{}0000", recording / 4, recording % 4);
    let card = Card::new(name, sings);
    let is_annotated = |recording: u32| recording % 4 != 3;
    (0..RECORDINGS)
        .filter(|recording| is_annotated(*recording))
        .for_each(|recording| card.draw(recording));
    let site = ["--site", "{site}", "--shares", "0.6,0.2,0.2"];
    let edit = ("completeness = \"span\"", "completeness = \"box\"");
    let manifest = card.scan("field", &site, edit);
    let data = card.place.path("data");
    l48!("build", &manifest, "--out", &data)
        .expect(0)
        .prints("10 recordings have no annotation file");
    let first = Trained::new(&card, "field", ["data", "run"], &[]);
    let [precision, recall] = first.measured(Level::Clip);
    assert!(precision > 0.7 && recall > 0.3, "{precision}, {recall}");
    let known = card.windows().filter(|(recording, _)| is_annotated(*recording));
    first.assert_eval_agrees(Level::Clip, &known.collect());

    // Tables of recordings that nobody had annotated, corrected and put beside them; the card is scanned once more.
    let labelled = |data: &Path| labels(&open(data)).iter().filter(|clip| clip.fully_annotated).count();
    let before = labelled(&data);
    for recording in (0..RECORDINGS).filter(|recording| !is_annotated(*recording)) {
        let table = format!("{}.Table.1.selections.txt", name(recording));
        card.correct(recording, &format!("run/found/raven/{table}"), &format!("card/{table}"));
    }
    let table = card.place.path("field/recordings.csv");
    let ids = ["--ids", table.to_str().unwrap()];
    let manifest = card.scan("field-2", &[&site[..], &ids].concat(), edit);
    assert!(
        card.place
            .read("field-2/manifest.toml")
            .contains("label_column = [\"Species\", \"Species Code\"]")
    );
    assert_eq!(card.recordings("field-2"), card.recordings("field"));
    l48!("relabel", &data, &manifest).expect(0);
    card.assert_true("field-2", &data);
    assert!(
        labelled(&data) > before + 20,
        "{before} clips labelled, {} then",
        labelled(&data)
    );
    let second = Trained::new(&card, "field-2", ["data", "run-2"], &[]);
    let again = second.measured(Level::Clip);
    assert!(again[0] > 0.7 && again[1] > 0.3, "{again:?}");
    second.assert_eval_agrees(Level::Clip, &card.windows().collect());
}

/// Classes that are heard in a recording.
fn heard(recording: u32) -> [usize; 2] {
    let first = recording % 4;
    [first, (first + 1 + recording / 4 % 3) % 4].map(|class| class as usize)
}

/// They sing in three of four windows each, and at least one of them in each.
fn sings(recording: u32, window: u32) -> Vec<usize> {
    let rests = |class: &usize| (window + recording + *class as u32).is_multiple_of(4);
    heard(recording).into_iter().filter(|class| !rests(class)).collect()
}

#[test]
fn with_what_was_heard_alone() {
    let name = |recording: u32| {
        let [a, b] = heard(recording).map(|class| CODES[class]);
        format!("{a},{b}/{recording}")
    };
    let card = Card::new(name, sings);
    let settings = [
        "--labels",
        "folders",
        "--split-by",
        "recording",
        "--shares",
        "0.6,0.2,0.2",
    ];
    let manifest = card.scan(
        "field",
        &settings,
        ("\n[tables]", "\n[labels]\nweak = \"all\"\n\n[tables]"),
    );
    let data = card.place.path("data");
    l48!("build", &manifest, "--out", &data)
        .expect(0)
        .prints("labels are weak");
    let whole = ["--level", "recording", "--unheard", "absent"];
    let first = Trained::new(&card, "field", ["data", "run"], &whole);
    let [precision, recall] = first.measured(Level::Recording);
    assert!(precision > 0.7 && recall > 0.3, "{precision}, {recall}");
    first.assert_eval_agrees(Level::Recording, &card.windows().collect());
    let by_window = first.measured(Level::Clip);

    // Corrected where they are, and named in another manifest of the same recordings.
    let mut changed = [0; 2];
    for recording in 0..RECORDINGS {
        let table = format!("run/found/raven/{}.Table.1.selections.txt", name(recording));
        let [out, in_] = card.correct(recording, &table, &table);
        changed = [changed[0] + out, changed[1] + in_];
    }
    assert!(changed[0] > 0, "nothing was wrong: {changed:?}");
    let boxes = "\n[tables.boxes]\nformat = \"raven\"\nfiles = \"../run/found/raven/**/{stem}.Table.*.selections.txt\"\n\
                 label_column = \"Species Code\"\n\n[labels]\ncompleteness = \"box\"\n";
    let text = card
        .place
        .read("field/manifest.toml")
        .replacen("[labels]\nweak = \"all\"\n", "", 1);
    card.place.write("field/corrected.toml", &(text + boxes));
    l48!("relabel", &data, card.place.path("field/corrected.toml")).expect(0);
    card.assert_true("field", &data);
    let second = Trained::new(&card, "field", ["data", "run-2"], &[]);
    let again = second.measured(Level::Clip);
    second.assert_eval_agrees(Level::Clip, &card.windows().collect());
    assert!(again[0] > 0.7 && again[1] > 0.2, "{again:?} after {by_window:?}");
}
