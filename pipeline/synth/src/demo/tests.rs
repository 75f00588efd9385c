//! Tests of the demo as a whole: quotas, leakage, priors, tables, determinism, restart.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use shardfmt::Split;

use super::plan::LONGEST_SONG_S;
use super::{MANIFEST, balanced_plan, synthesise};
use crate::error::Error;
use crate::options::{DemoForm, DemoOptions, MIN_RECORDINGS};
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::presence::oracle::counts_in;
use crate::presence::{CLIP_S, clip_count};
use crate::quota::{MIN_SPLIT_SHARE, OVERALL_SHARE};
use crate::seeding::{Draw, keyed};
use crate::species::{demo_species, unknown_birds};
use crate::summary::SetSummary;
use crate::tables::write_tables;

fn default_plan() -> SetPlan {
    balanced_plan(&DemoOptions::default(), &demo_species()).unwrap().0
}

fn small(seed: u64) -> DemoOptions {
    DemoOptions {
        seed,
        recordings: MIN_RECORDINGS,
        ..DemoOptions::default()
    }
}

fn make(dir: &Path, options: &DemoOptions) -> Result<SetSummary, Error> {
    synthesise(dir, options, &|_, _| {})
}

/// Rows of a table by column name.
fn rows(dir: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(dir.join(name)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [dir.to_owned(), dir.join("audio")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn any_seed_and_size_meets_the_quotas() {
    for seed in 0..20 {
        for recordings in [MIN_RECORDINGS, 240] {
            balanced_plan(
                &DemoOptions {
                    seed,
                    recordings,
                    ..DemoOptions::default()
                },
                &demo_species(),
            )
            .unwrap();
        }
    }
}

#[test]
fn the_default_demo_has_a_thousand_clips() {
    let plan = default_plan();
    let clips: usize = plan.recordings.iter().map(PlannedRecording::clips).sum();
    assert!((900..=1100).contains(&clips), "{clips}");
    for recording in &plan.recordings {
        assert!((9.0..=18.0).contains(&recording.scene.duration_s));
        let frames = recording.scene.duration_s * f64::from(recording.scene.rate_hz);
        // Whole frames, to the rounding of one multiplication of numbers below 2^20.
        assert!((frames - frames.round()).abs() < 1e-9);
    }
}

#[test]
fn targets_sing_through_most_of_their_recordings() {
    let mut shares = Vec::new();
    for recording in &default_plan().recordings {
        let singers = recording.classes().len();
        if singers == 0 {
            continue;
        }
        assert!((2..=4).contains(&singers));
        let target = Bird::Class(recording.target);
        shares.push(recording.clips_with(target) as f64 / recording.clips() as f64);
    }
    assert!(shares.iter().all(|&share| share > 0.5), "{shares:?}");
    assert!(shares.iter().sum::<f64>() / shares.len() as f64 > 0.85);
}

#[test]
fn some_recordings_hold_no_bird_and_some_an_unknown_one() {
    let plan = default_plan();
    let silent = plan
        .recordings
        .iter()
        .filter(|recording| recording.birds.is_empty())
        .count();
    assert!((3..=12).contains(&silent), "{silent}");
    let unknown: Vec<_> = plan
        .recordings
        .iter()
        .filter(|recording| recording.birds.contains(&Bird::Unknown))
        .collect();
    assert!((4..=12).contains(&unknown.len()), "{}", unknown.len());
    assert!(unknown.iter().all(|recording| recording.split == Split::Train));
}

#[test]
fn every_song_lies_within_its_recording() {
    let mut songs = 0;
    for recording in default_plan().recordings {
        for song in recording.scene.singers.iter().flat_map(|singer| &singer.songs) {
            assert!(song.start_s() >= 0.0 && song.end_s() <= recording.scene.duration_s);
            let (low_hz, high_hz) = song.band_hz();
            assert!(350.0 < low_hz && low_hz < high_hz && high_hz < 11_025.0);
            songs += 1;
        }
    }
    assert!(songs > 1000, "{songs}");
}

#[test]
fn no_song_is_longer_than_the_bound() {
    for model in demo_species()
        .into_iter()
        .map(|species| species.song)
        .chain(unknown_birds())
    {
        let mut rng = keyed(8, Draw::Songs, 0);
        for _ in 0..300 {
            let bird = model.individual(&mut rng);
            let song = model.sing(&bird, 0.0, &mut rng).unwrap();
            assert!(song.end_s() <= LONGEST_SONG_S, "{}", song.end_s());
        }
    }
}

#[test]
fn no_place_or_checklist_is_in_two_splits() {
    let plan = default_plan();
    let mut split_of = BTreeMap::new();
    let mut shared = BTreeMap::new();
    let mut without = 0;
    for recording in &plan.recordings {
        let visit = &plan.visits[recording.visit];
        let place = format!("{:?}", visit.place);
        let checklist = visit.checklist.as_ref().map(|checklist| checklist.id.clone());
        without += usize::from(checklist.is_none());
        for key in [Some(place), checklist.clone()].into_iter().flatten() {
            assert_eq!(*split_of.entry(key).or_insert(recording.split), recording.split);
        }
        *shared.entry(checklist).or_insert(0) += 1;
    }
    assert!((10..80).contains(&without), "{without}");
    assert!(shared.values().filter(|&&count| count > 1).count() > 20);
}

#[test]
fn birds_lie_within_the_priors() {
    let plan = default_plan();
    let classes = demo_species().len();
    let (mut excluded, mut rows, mut complete, mut checklists) = (0, 0, 0, 0);
    for recording in &plan.recordings {
        let visit = &plan.visits[recording.visit];
        let possible = visit.possible();
        assert!(possible.contains(&recording.target));
        assert!(recording.classes().is_subset(&possible));
        if let Some(checklist) = &visit.checklist {
            assert!(recording.classes().is_subset(&checklist.observed));
            assert!(checklist.observed.is_subset(&possible));
            complete += usize::from(checklist.complete);
            checklists += 1;
        }
        if recording.has_geo_row {
            excluded += classes - possible.len();
            rows += 1;
        } else {
            assert_eq!(recording.split, Split::Train);
        }
    }
    assert_eq!(plan.recordings.len() - rows, 2);
    let share = excluded as f64 / (rows * classes) as f64;
    assert!((0.35..0.45).contains(&share), "{share}");
    assert!(
        complete < checklists && complete > checklists / 2,
        "{complete} of {checklists}"
    );
}

#[test]
fn held_out_splits_are_fully_annotated() {
    let plan = default_plan();
    let train: Vec<_> = plan
        .recordings
        .iter()
        .filter(|recording| recording.split == Split::Train)
        .collect();
    let full = train
        .iter()
        .filter(|recording| recording.annotation == AnnotationScope::All)
        .count();
    assert_eq!((train.len(), full), (150, 60));
    for recording in &plan.recordings {
        assert!(recording.split == Split::Train || recording.annotation == AnnotationScope::All);
    }
}

/// Checks the written tables alone: what a reader of the CSV files would find.
#[test]
fn the_tables_agree_with_the_quotas_and_with_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let species = demo_species();
    let (plan, shares) = balanced_plan(&DemoOptions::default(), &species).unwrap();
    let written = write_tables(dir.path(), &plan, &species).unwrap();
    let recordings = rows(dir.path(), "recordings.csv");
    let spans = rows(dir.path(), "annotated_spans.csv");
    let codes: BTreeSet<String> = rows(dir.path(), "taxa.csv")
        .iter()
        .map(|row| row["species_code"].clone())
        .collect();
    let mut boxes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in rows(dir.path(), "boxes.csv") {
        assert!(codes.contains(&row["species_code"]) || row["species_code"] == "unkbrd");
        assert!(["active", "passive"].contains(&row["status"].as_str()));
        boxes.entry(row["asset_id"].clone()).or_default().push(row);
    }
    assert_eq!(written, boxes.values().map(Vec::len).sum::<usize>());

    let mut clips = BTreeMap::new();
    let mut present: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (recording, span) in recordings.iter().zip(&spans) {
        let (asset, split) = (&recording["asset_id"], &recording["split"]);
        assert_eq!(&span["asset_id"], asset);
        assert!(recording["path"].starts_with(&format!("audio/{asset}.")));
        assert_eq!(recording["license"], "CC0-1.0");
        let end_s: f64 = span["end_s"].parse().unwrap();
        *clips.entry(split.clone()).or_insert(0) += clip_count(end_s);
        let boxes = boxes.get(asset).map(Vec::as_slice).unwrap_or_default();
        let number = |row: &BTreeMap<String, String>, key: &str| row[key].parse::<f64>().unwrap();
        for clip in 0..clip_count(end_s) {
            let here: BTreeSet<&String> = boxes
                .iter()
                .filter(|row| counts_in(number(row, "start_s"), number(row, "end_s"), clip))
                .map(|row| &row["species_code"])
                .collect();
            for code in here {
                *present.entry((split.clone(), code.clone())).or_insert(0) += 1;
            }
        }
        for row in boxes {
            assert!(number(row, "start_s") >= 0.0 && number(row, "end_s") <= end_s);
            let annotated = span["scope"] == "all"
                || [&recording["target_species"], "unkbrd"].contains(&row["species_code"].as_str());
            assert!(annotated, "{row:?}");
        }
    }
    // Held-out splits are fully boxed, so their shares follow from the tables alone.
    for share in &shares {
        for (split, name) in [(1, "val"), (2, "test")] {
            let count = present[&(name.to_owned(), share.code.clone())];
            assert_eq!((count, clips[name]), (share.present[split], share.clips[split]));
            assert!(count as f64 >= MIN_SPLIT_SHARE * clips[name] as f64);
        }
        assert_eq!(share.clips[0], clips["train"]);
        assert!(share.overall() >= OVERALL_SHARE.0 && share.overall() <= OVERALL_SHARE.1);
    }
}

/// Makes a demo twice, since that takes a while: whole, and again after a kill, with another number of threads.
#[test]
fn a_finished_demo_is_kept_and_an_unfinished_one_rewritten_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Mutex::new(Vec::new());
    let progress = |done, total| {
        assert_eq!(total, MIN_RECORDINGS);
        seen.lock().unwrap().push(done);
    };
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let first = pool(1)
        .install(|| synthesise(dir.path(), &small(7), &progress))
        .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (1..=MIN_RECORDINGS).collect::<Vec<_>>());
    let written = files(dir.path());

    // An edited manifest is the user's and stays.
    fs::write(dir.path().join("manifest.toml"), "edited").unwrap();
    let second = make(dir.path(), &small(7)).unwrap();
    assert!(!first.unchanged && second.unchanged);
    assert_eq!(
        second,
        SetSummary {
            unchanged: true,
            ..first
        }
    );
    assert_eq!(fs::read(dir.path().join("manifest.toml")).unwrap(), b"edited");

    assert!(matches!(make(dir.path(), &small(8)), Err(Error::OtherSet { .. })));

    let audio = written.keys().find(|name| name.starts_with("audio")).unwrap();
    fs::remove_file(dir.path().join(audio)).unwrap();
    assert!(matches!(make(dir.path(), &small(7)), Err(Error::Damaged { .. })));

    // As a run killed half way leaves it: no final marker, a stray recording.
    fs::rename(dir.path().join("demo.json"), dir.path().join("demo.started")).unwrap();
    fs::write(dir.path().join("audio/1.wav"), "cut").unwrap();
    pool(4).install(|| make(dir.path(), &small(7))).unwrap();
    let rewritten = files(dir.path());
    assert_eq!(written.keys().collect::<Vec<_>>(), rewritten.keys().collect::<Vec<_>>());
    for (name, bytes) in &written {
        assert!(bytes == &rewritten[name], "{name}");
    }
}

#[test]
fn another_seed_makes_another_demo() {
    let boxes = |seed| {
        let (dir, species) = (tempfile::tempdir().unwrap(), demo_species());
        let (plan, _) = balanced_plan(&small(seed), &species).unwrap();
        write_tables(dir.path(), &plan, &species).unwrap();
        fs::read(dir.path().join("boxes.csv")).unwrap()
    };
    assert_ne!(boxes(5), boxes(6));
}

#[test]
fn other_data_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("thesis.txt");
    fs::write(&file, "precious").unwrap();
    assert!(matches!(make(dir.path(), &small(1)), Err(Error::NotEmpty { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    assert!(matches!(make(&file, &small(1)), Err(Error::Io { .. })));

    let few = DemoOptions {
        seed: 1,
        recordings: MIN_RECORDINGS - 1,
        ..DemoOptions::default()
    };
    assert!(matches!(make(dir.path(), &few), Err(Error::TooFew { .. })));
}

#[test]
fn the_manifest_cuts_clips_as_the_quotas_do() {
    let manifest: toml::Table = MANIFEST.parse().unwrap();
    assert_eq!(manifest["clips"]["duration_s"].as_float(), Some(CLIP_S));
    assert_eq!(manifest["clips"]["hop_s"].as_float(), Some(CLIP_S));
    assert_eq!(manifest["clips"]["tail"].as_str(), Some("pad"));
    let dir = tempfile::tempdir().unwrap();
    let species = demo_species();
    let (plan, _) = balanced_plan(&small(1), &species).unwrap();
    write_tables(dir.path(), &plan, &species).unwrap();
    for table in manifest["tables"].as_table().unwrap().values() {
        assert!(dir.path().join(table.as_str().unwrap()).is_file(), "{table}");
    }
}

#[test]
fn a_damaged_marker_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("demo.json"), "{").unwrap();
    assert!(matches!(make(dir.path(), &small(1)), Err(Error::Damaged { .. })));
}

#[test]
fn a_card_of_audiomoth_has_the_recorders_names_comments_and_its_truth() {
    let options = DemoOptions {
        form: DemoForm::AudioMoth,
        ..small(5)
    };
    let dir = tempfile::tempdir().unwrap();
    let summary = make(dir.path(), &options).unwrap();
    let truth = rows(dir.path(), "truth.csv");
    assert_eq!(truth.len(), summary.boxes);
    let paths: BTreeSet<&str> = truth.iter().map(|row| row["path"].as_str()).collect();
    for path in &paths {
        let bytes = fs::read(dir.path().join(path)).unwrap();
        let metadata = frontend::audio::recorder_metadata(&dir.path().join(path)).unwrap();
        let items = metadata[0].items();
        let comment = String::from_utf8_lossy(items[0].1).into_owned();
        let name = path.rsplit('/').next().unwrap();
        let [day, month, year] = [8..10, 5..7, 0..4].map(|range| {
            let date = format!("{}-{}-{}", &name[..4], &name[4..6], &name[6..8]);
            date[range].to_owned()
        });
        assert!(
            comment.contains(&format!(" {day}/{month}/{year} (UTC")),
            "{path}: {comment}"
        );
        assert!(items[1].1.starts_with(b"AudioMoth 24F31904603C0D") && bytes.len() > 488);
        assert!(frontend::audio::look(&dir.path().join(path)).is_ok());
    }
    // Some are without birds; one is a copy, and one a stub.
    assert!(paths.len() < summary.recordings);
    assert!(make(dir.path(), &options).unwrap().unchanged);
    assert!(matches!(make(dir.path(), &small(5)), Err(Error::OtherSet { .. })));
}
