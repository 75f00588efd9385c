//! Tests of the benchmark's truth: shares, balance, priors, labels by the rules.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use shardfmt::Split;

use super::described;
use super::plan::plan;
use super::sonogram::{CLIP_SAMPLES, SonogramAxes};
use super::species::benchmark_species;
use crate::conditions::Conditions;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};

fn the_plan() -> SetPlan {
    plan(48, &benchmark_species(0.9), &Conditions::default())
}

/// Mean share of a recording's clips in which those of its birds that `choose` picks are present.
fn persistence(plan: &SetPlan, choose: impl Fn(&PlannedRecording, Bird) -> bool) -> f64 {
    let shares: Vec<f64> = plan
        .recordings
        .iter()
        .flat_map(|recording| recording.birds.iter().map(move |&bird| (recording, bird)))
        .filter(|&(recording, bird)| choose(recording, bird))
        .map(|(recording, bird)| recording.clips_with(bird) as f64 / recording.clips() as f64)
        .collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}

#[test]
fn targets_are_balanced_and_background_species_skewed() {
    let plan = the_plan();
    let mut targets = BTreeMap::new();
    let mut background = [0; 24];
    for recording in &plan.recordings {
        *targets.entry((recording.split, recording.target)).or_insert(0) += 1;
        for class in recording.classes() {
            background[class] += usize::from(class != recording.target);
        }
    }
    for ((split, _), count) in targets {
        assert_eq!(count, [9, 3, 4][split as usize]);
    }
    let total: usize = background.iter().sum();
    background.sort_unstable();
    let common: usize = background[16..].iter().sum();
    let rare: usize = background[..8].iter().sum();
    // A third of the species makes two thirds (2 of 3) of the background by abundance, the rarest third a tenth.
    assert!(common * 10 > total * 5 && rare * 10 < total * 2, "{background:?}");
}

#[test]
fn background_species_persist_and_are_quieter() {
    let plan = the_plan();
    let is_target = |recording: &PlannedRecording, bird| bird == Bird::Class(recording.target);
    // Some 750 and 380 birds of four to six clips each: standard errors of 0.007 and 0.01.
    let others = persistence(&plan, |recording, bird| !is_target(recording, bird));
    assert!((others - 0.7).abs() < 0.03, "{others}");
    let targets = persistence(&plan, is_target);
    assert!((targets - 0.6).abs() < 0.04, "{targets}");

    let levels = |of_target: bool| {
        let pairs = plan.recordings.iter().flat_map(|recording| {
            let singers = recording.birds.iter().zip(&recording.scene.singers);
            singers
                .filter(move |&(&bird, _)| is_target(recording, bird) == of_target)
                .map(|(_, singer)| singer.snr_db)
        });
        let levels: Vec<f64> = pairs.collect();
        levels.iter().sum::<f64>() / levels.len() as f64
    };
    assert!(levels(true) > levels(false) + 6.0);
}

#[test]
fn the_size_is_for_two_cores() {
    let plan = the_plan();
    assert_eq!(plan.recordings.len(), Conditions::default().recordings);
    let mut clips = [0; 3];
    let mut with_target = 0;
    for recording in &plan.recordings {
        clips[recording.split as usize] += recording.clips();
        if recording.split == Split::Train {
            with_target += recording.clips_with(Bird::Class(recording.target));
        }
    }
    assert!((1000..=1200).contains(&clips[0]), "{clips:?}");
    assert!(
        (300..=420).contains(&clips[1]) && (420..=540).contains(&clips[2]),
        "{clips:?}"
    );
    assert!((600..=720).contains(&with_target), "{with_target}");
}

#[test]
fn every_bird_is_possible_and_reported() {
    let plan = the_plan();
    let (mut possible, mut observed) = (0, 0);
    for recording in &plan.recordings {
        let visit = &plan.visits[recording.visit];
        let checklist = visit.checklist.as_ref().unwrap();
        assert!(checklist.complete);
        assert!(recording.classes().is_subset(&checklist.observed));
        assert!(checklist.observed.is_subset(&visit.possible()));
        possible += visit.possible().len();
        observed += checklist.observed.len();
    }
    assert_eq!(possible, 12 * plan.recordings.len());
    // Informative beyond place and season: a third of what is possible was not reported.
    assert!(3 * observed < 2 * possible, "{observed} of {possible}");
}

/// Recordings, their targets and who sings in them stay the same when the species become harder to tell apart; song
/// lengths move where.
#[test]
fn confusability_leaves_the_truth_alone() {
    let [apart, alike] =
        [0.0, 0.9].map(|confusability| plan(48, &benchmark_species(confusability), &Conditions::default()));
    let (mut same, mut all) = (0, 0);
    for (one, other) in apart.recordings.iter().zip(&alike.recordings) {
        assert_eq!(
            (one.asset_id, one.split, one.target),
            (other.asset_id, other.split, other.target)
        );
        all += 1;
        same += usize::from(one.birds == other.birds);
    }
    assert_eq!(same, all);
}

#[test]
fn labels_follow_from_the_truth_by_the_rules() {
    let species = benchmark_species(0.9);
    let (plan, taxa) = (
        plan(48, &species, &Conditions::default()),
        described::taxa(&species).unwrap(),
    );
    let (mut target_only, mut unknown, mut border) = (0, 0, 0);
    for recording in &plan.recordings {
        let possible = plan.visits[recording.visit].possible();
        let is_full = recording.annotation == AnnotationScope::All;
        assert!(is_full || recording.split == Split::Train);
        target_only += usize::from(!is_full);
        for (clip, labels) in described::clip_labels(recording, &plan, &taxa, &SonogramAxes)
            .iter()
            .enumerate()
        {
            let sings = |class: usize| {
                let songs = recording.birds.iter().zip(&recording.scene.singers);
                let mut songs = songs
                    .filter(|&(&bird, _)| bird == Bird::Class(class))
                    .flat_map(|(_, singer)| &singer.songs);
                songs.any(|song| crate::presence::oracle::counts_in(song.start_s(), song.end_s(), clip))
            };
            let stranger = labels
                .boxes
                .iter()
                .any(|found| taxa.index(&found.species_code).is_none());
            unknown += usize::from(stranger);
            border += labels
                .boxes
                .iter()
                .filter(|found| found.status == shardfmt::BoxStatus::Ignore)
                .count();
            for class in 0..24 {
                let expected = if sings(class) && (is_full || class == recording.target) {
                    &labels.present
                } else if !possible.contains(&class) {
                    &labels.absent
                } else if stranger {
                    &labels.unknown
                } else if is_full || class == recording.target {
                    &labels.absent
                } else {
                    &labels.unknown
                };
                assert!(
                    expected.contains(&(class as u32)),
                    "asset {} clip {clip} class {class}",
                    recording.asset_id
                );
            }
            assert!(recording.split == Split::Train || labels.unknown.is_empty());
        }
    }
    assert_eq!(target_only, 36);
    assert!(unknown > 40 && border > 30, "{unknown} {border}");
}

/// Equalisation, noise and gain are a recording's own: no two have the same, and its clips sound alike by them.
#[test]
fn recordings_sound_of_their_own_place_and_microphone() {
    let plan = the_plan();
    for (number, one) in plan.recordings.iter().enumerate() {
        for other in &plan.recordings[number + 1..] {
            let (one, other) = (&one.scene, &other.scene);
            assert!(one.equaliser != other.equaliser && one.ambience != other.ambience);
            assert!(one.background_dbfs != other.background_dbfs && one.seed != other.seed);
        }
    }
    // Clips without their birds: the mean level of each octave, in dB, and so the recording's colour and gain.
    let clips: Vec<(u32, Vec<f64>)> = plan.recordings[..SOUNDING]
        .iter()
        .flat_map(|recording| {
            let mut scene = recording.scene.clone();
            scene.singers.clear();
            let samples = scene.render().swap_remove(0);
            let colours = samples.chunks_exact(CLIP_SAMPLES).map(octave_levels_db);
            colours.map(|levels| (recording.asset_id, levels)).collect::<Vec<_>>()
        })
        .collect();
    let distance = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let at_home = clips.iter().enumerate().filter(|(number, (asset, levels))| {
        let others = clips.iter().enumerate().filter(|(other, _)| other != number);
        let nearest = others.min_by(|(_, a), (_, b)| distance(levels, &a.1).total_cmp(&distance(levels, &b.1)));
        nearest.unwrap().1.0 == *asset
    });
    let at_home = at_home.count();
    assert!(at_home * 10 >= clips.len() * 9, "{at_home} of {}", clips.len());
}

/// Recordings whose sound is looked at.
const SOUNDING: usize = 12;

/// Level in dB of the differences over 1, 2, 4, ... samples: octave by octave from the highest, roughly.
fn octave_levels_db(samples: &[f32]) -> Vec<f64> {
    let level_db = |octave: u32| {
        let step = 1 << octave;
        let pairs = samples.iter().zip(&samples[step..]);
        let power: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        10.0 * (power / samples.len() as f64).log10()
    };
    (0..8).map(level_db).collect()
}

/// The largest object of a photograph is mostly that of the target, but not always.
#[test]
fn area_decides_for_the_target_mostly() {
    let (plan, looks) = (the_plan(), super::look::looks(0.9));
    let (mut largest, mut all) = (0, 0);
    for recording in plan.recordings.iter().step_by(8) {
        for clip in 0..recording.clips() {
            let objects = super::photograph::photograph(recording, clip, &looks).objects;
            if objects.iter().any(|object| object.class == recording.target) && objects.len() > 1 {
                let most = objects.iter().max_by_key(|object| object.mask.len()).unwrap();
                largest += usize::from(most.class == recording.target);
                all += 1;
            }
        }
    }
    assert!(largest * 10 > all * 7 && largest < all, "{largest} of {all}");
}
