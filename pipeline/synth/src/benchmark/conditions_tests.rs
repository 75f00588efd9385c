//! Tests that every condition of a benchmark does what it says to the plan, and that the default ones do nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use shardfmt::{Split, Xxh3};

use super::plan::plan;
use super::species::{MEMBERS, benchmark_species};
use crate::clip_range::ClipRange;
use crate::conditions::Conditions;
use crate::planned::{Bird, PlannedRecording, SetPlan};
use crate::presence::counts_in;
use crate::song::Song;
use crate::{encode, tables};

pub(super) fn usual() -> Conditions {
    Conditions::default()
}

fn clips(fewest: usize, most: usize) -> Conditions {
    Conditions {
        clips: ClipRange { fewest, most },
        ..usual()
    }
}

pub(super) fn plan_of(conditions: &Conditions) -> SetPlan {
    plan(48, &benchmark_species(0.0), conditions)
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sets that were made before there were conditions are made again to the byte: all tables, and sound.
#[test]
fn by_default_every_byte_is_as_before() {
    let species = benchmark_species(0.9);
    let plan = plan(48, &species, &usual());
    let dir = tempfile::tempdir().unwrap();
    tables::write_tables(dir.path(), &plan, &species).unwrap();
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let mut hashes = vec![];
    for name in [
        "recordings",
        "boxes",
        "geo_prior",
        "checklist_prior",
        "annotated_spans",
        "taxa",
    ] {
        hashes.push((name, Xxh3::of(&read(&format!("{name}.csv"))).to_string()));
    }
    let (path, recording) = (dir.path().join("sound.wav"), &plan.recordings[0]);
    encode::write_audio(
        &path,
        &recording.scene.render(),
        recording.scene.rate_hz,
        recording.encoding,
    )
    .unwrap();
    hashes.push(("sound", Xxh3::of(&read("sound.wav")).to_string()));
    let expected = [
        ("recordings", "cffc83b83a69715d"),
        ("boxes", "1e8d672a0f37fcf8"),
        ("geo_prior", "7eca9de66a20f18c"),
        ("checklist_prior", "c1f3be0c60d55726"),
        ("annotated_spans", "0e66c65483ffcfbf"),
        ("taxa", "af2c0d7ced533332"),
        ("sound", "a56d9071250b00b1"),
    ];
    let hashes: Vec<(&str, &str)> = hashes.iter().map(|(name, hash)| (*name, hash.as_str())).collect();
    assert_eq!(hashes, expected);
}

#[test]
fn recordings_are_as_many_as_asked_in_the_same_shares() {
    for (recordings, each) in [
        (96, [2, 1, 1]),
        (384, [9, 3, 4]),
        (768, [18, 6, 8]),
        (1920, [45, 15, 20]),
    ] {
        let plan = plan_of(&Conditions { recordings, ..usual() });
        assert_eq!(plan.recordings.len(), recordings);
        let mut counts = BTreeMap::new();
        for recording in &plan.recordings {
            *counts.entry((recording.target, recording.split)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 3 * 24);
        assert!(counts.iter().all(|((_, split), &count)| count == each[*split as usize]));
        let ids: BTreeSet<u32> = plan.recordings.iter().map(|recording| recording.asset_id).collect();
        assert_eq!(ids.len(), recordings);
        let test = plan
            .recordings
            .iter()
            .filter(|recording| recording.split == Split::Test);
        let first_test = test.map(|recording| recording.asset_id).min().unwrap();
        let rest = plan
            .recordings
            .iter()
            .filter(|recording| recording.split != Split::Test);
        assert!(rest.map(|recording| recording.asset_id).max().unwrap() < first_test);
    }
}

#[test]
fn recordings_have_the_clips_asked_for() {
    let lengths = |conditions: &Conditions| -> Vec<usize> {
        plan_of(conditions)
            .recordings
            .iter()
            .map(PlannedRecording::clips)
            .collect()
    };
    for (fewest, most) in [(4, 6), (12, 14), (10, 100)] {
        let lengths = lengths(&clips(fewest, most));
        assert!(lengths.iter().all(|length| (fewest..=most).contains(length)));
        assert!(lengths.iter().any(|&length| length < fewest + 2) && lengths.iter().any(|&length| length + 20 > most));
    }
    // 38.9 on average with a deviation of 25, so a standard error of 1.3.
    let wide = mean(lengths(&clips(10, 100)).into_iter().map(|length| length as f64));
    assert!((wide - 38.9).abs() < 4.0, "{wide}");
}

/// The clips that a recording's target sings in.
fn target_clips(recording: &PlannedRecording) -> Vec<bool> {
    let target = Bird::Class(recording.target);
    let songs = recording.songs();
    let sings = |clip: usize| {
        let mut of_target = songs.iter().filter(|(_, bird, _)| *bird == target);
        of_target.any(|(song, ..)| counts_in(song.start_s(), song.end_s(), clip))
    };
    (0..recording.clips()).map(sings).collect()
}

/// Every recording has one stretch without its target, as long as asked, and beside it the target sings as before.
#[test]
fn targets_are_away_for_the_stretch_asked_for() {
    for (share, expected) in [(0.0, 0.6), (0.4, 0.36), (0.8, 0.12)] {
        let conditions = Conditions {
            target_free: share,
            ..clips(20, 30)
        };
        let plan = plan_of(&conditions);
        let sings: Vec<Vec<bool>> = plan.recordings.iter().map(target_clips).collect();
        for clips in &sings {
            let longest = clips.split(|&sings| sings).map(<[bool]>::len).max().unwrap();
            assert!(
                longest >= (share * clips.len() as f64).round() as usize,
                "{longest} of {}",
                clips.len()
            );
            assert!(clips.contains(&true));
        }
        // 384 recordings of 25 clips: a standard error of 0.005.
        let found = mean(sings.iter().flatten().map(|&sings| f64::from(u8::from(sings))));
        assert!((found - expected).abs() < 0.02, "{share}: {found}");
        // Beside the stretch the target sings in 0.6, and not in a longer stretch of silence.
        let ends = plan
            .recordings
            .iter()
            .zip(&sings)
            .filter(|(_, clips)| !clips[0] && !clips[clips.len() - 1]);
        assert!(ends.count() < plan.recordings.len() / 2);
    }
    // A recording of two clips keeps one with its target, whatever the share.
    let short = plan_of(&Conditions {
        target_free: 0.8,
        ..clips(2, 2)
    });
    assert!(
        short
            .recordings
            .iter()
            .all(|recording| target_clips(recording).iter().filter(|&&sings| sings).count() == 1)
    );
}

/// In the logarithm of pitch, the first and last song of every bird of several songs, less the mean of the class:
/// variants of a species all lie to the side of its look-alikes.
fn deviations(plan: &SetPlan) -> Vec<[f64; 2]> {
    let pitch = |song: &Song| song.notes[0].syllable.contour_hz[0].ln();
    let birds = plan
        .recordings
        .iter()
        .flat_map(|recording| recording.birds.iter().zip(&recording.scene.singers));
    let birds = birds.filter_map(|(bird, singer)| match (bird, singer.songs.as_slice()) {
        (Bird::Class(class), [first, .., last]) => Some((*class, [first, last].map(pitch))),
        _ => None,
    });
    let mut by_class: BTreeMap<usize, Vec<[f64; 2]>> = BTreeMap::new();
    for (class, pair) in birds {
        by_class.entry(class).or_default().push(pair);
    }
    let centred = by_class.into_values().flat_map(|pairs| {
        let centre = mean(pairs.iter().flatten().copied());
        pairs.into_iter().map(move |pair| pair.map(|pitch| pitch - centre))
    });
    centred.collect()
}

/// The share of birds that keep to a variant is the correlation of the songs of a bird, and does not change how far
/// songs vary.
#[test]
fn the_same_confusion_is_the_correlation_within_a_recording() {
    let plans = [None, Some(0.0), Some(0.5), Some(1.0)].map(|same_confusion| {
        plan_of(&Conditions {
            same_confusion,
            ..usual()
        })
    });
    let figures = plans.each_ref().map(|plan| {
        let pairs = deviations(plan);
        let power = |side: usize| mean(pairs.iter().map(|pair| pair[side].powi(2)));
        let product = mean(pairs.iter().map(|pair| pair[0] * pair[1]));
        (pairs.len(), power(0), product / (power(0) * power(1)).sqrt())
    });
    let [(_, usual_power, _), varied @ ..] = figures;
    for ((count, power, correlation), expected) in varied.into_iter().zip([0.0, 0.5, 1.0]) {
        // Some thousand birds: a standard error of 0.03. What an individual's own pitch adds is next to nothing.
        assert!(
            count > 800 && (correlation - expected).abs() < 0.1,
            "{expected}: {correlation}"
        );
        assert!(
            power > 20.0 * usual_power && (power / varied[0].1 - 1.0).abs() < 0.2,
            "{power} {usual_power}"
        );
    }
    let [plain, changing, _, keeping] = &plans;
    for other in [changing, keeping] {
        for (one, other) in plain.recordings.iter().zip(&other.recordings) {
            assert_eq!(
                (one.asset_id, one.clips(), &one.birds),
                (other.asset_id, other.clips(), &other.birds)
            );
        }
    }
    let pairs = deviations(keeping);
    // A bird repeats itself to about one per cent, of a song and of each syllable.
    assert!(pairs.iter().all(|[first, last]| (first - last).abs() < 0.04));
}

/// Variants lie between a species and its look-alikes, nearer to the species.
#[test]
fn variants_stay_nearer_to_their_own_species() {
    let species = benchmark_species(0.0);
    let plan = plan_of(&Conditions {
        same_confusion: Some(0.0),
        ..usual()
    });
    for recording in &plan.recordings {
        for (bird, singer) in recording.birds.iter().zip(&recording.scene.singers) {
            let Bird::Class(class) = *bird else { continue };
            let pitch = |class: usize| species[class].song.syllables[0].contour_hz[0];
            let first = class - class % MEMBERS;
            let (own, others) = (pitch(class), (first..first + MEMBERS).map(pitch));
            // An individual's pitch and a song's own make 3 % together.
            let (low, high) = others.fold((own, own), |(low, high), other| {
                let midway = (own * other).sqrt();
                (low.min(midway), high.max(midway))
            });
            let found = singer.songs.iter().map(|song| song.notes[0].syllable.contour_hz[0]);
            assert!(
                found.clone().all(|hz| hz > 0.965 * low && hz < 1.035 * high),
                "{own} {low} {high}"
            );
        }
    }
}
