//! Provides the benchmark's plan: the hidden full truth of who sings when, before anything is rendered or labelled.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shardfmt::Split;

use super::checklists;
use super::habitat::REGIONS;
use super::singing::{Role, add_singer, target_free_stretch};
use crate::clip_range::ClipRange;
use crate::conditions::Conditions;
use crate::encode::Encoding;
use crate::noise::Ambience;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::presence::CLIP_S;
use crate::render::{Band, Scene};
use crate::seeding::{Draw, keyed, weighted};
use crate::species::{Species, unknown_birds};
use crate::visit::{ChecklistPolicy, plan_visits};

/// Rate of the recordings: that of the images, so that nothing is resampled.
pub(super) const RATE_HZ: u32 = 22_050;

/// Share of its recording's clips in which a target sings.
const TARGET_SHARE: f64 = 0.6;

/// Share of its recording's clips in which a background species sings.
const BACKGROUND_SHARE: f64 = 0.7;

/// Levels above the background noise in dB: mostly, but not always, the target is the loudest.
const TARGET_SNR_DB: (f64, f64) = (10.0, 22.0);
const BACKGROUND_SNR_DB: (f64, f64) = (3.0, 13.0);

/// Number of background species in a recording, with weights in per cent.
const BACKGROUND_SPECIES: [(usize, u32); 3] = [(1, 25), (2, 45), (3, 30)];

/// One training recording in this many has boxes of its target only.
const TARGET_ONLY_EVERY: usize = 6;

/// One training recording in this many, another one, has a bird that nobody could name.
const UNKNOWN_BIRD_EVERY: usize = 12;

/// First asset id of the test split, as in the published data, for each so many recordings: the ids before it are
/// enough for the other splits.
const FIRST_TEST_ID: u32 = 8000;
const RECORDINGS_OF_IDS: usize = 384;

/// Plans who sings when.
pub(super) fn plan(seed: u64, species: &[Species], conditions: &Conditions) -> SetPlan {
    let mut rng = keyed(seed, Draw::BenchmarkPlan, 0);
    let slots = deal(species.len(), conditions, &mut rng);
    let (mut visits, visit_of) = plan_visits(&slots, &REGIONS, ChecklistPolicy::Complete, &mut rng);
    let first_test_id = FIRST_TEST_ID * slots.len().div_ceil(RECORDINGS_OF_IDS) as u32;
    let (mut next_id, mut next_test_id, mut nth_train) = (0, first_test_id, 0);
    let mut recordings = Vec::with_capacity(slots.len());
    for (&(split, target), visit) in slots.iter().zip(visit_of) {
        // Ids have gaps, as in the published data.
        let id = if split == Split::Test {
            &mut next_test_id
        } else {
            &mut next_id
        };
        *id += rng.random_range(1..=20);
        let mut recording = PlannedRecording {
            asset_id: *id,
            split,
            visit,
            target,
            recorded_at: visits[visit].next_start(&mut rng),
            annotation: AnnotationScope::All,
            has_geo_row: true,
            encoding: Encoding::Wav16,
            scene: scene(conditions.clips, &mut rng),
            birds: Vec::new(),
        };
        let same_confusion = conditions.same_confusion;
        let away = target_free_stretch(&recording, conditions.target_free);
        let role = Role {
            away,
            ..Role::of_class(target, species, TARGET_SHARE, TARGET_SNR_DB)
        };
        add_singer(&mut recording, &role, same_confusion, &mut rng);
        for class in background(&visits[visit].possible(), target, species, &mut rng) {
            let role = Role::of_class(class, species, BACKGROUND_SHARE, BACKGROUND_SNR_DB);
            add_singer(&mut recording, &role, same_confusion, &mut rng);
        }
        if split == Split::Train {
            if nth_train % TARGET_ONLY_EVERY == 1 {
                recording.annotation = AnnotationScope::Target;
            }
            if nth_train % UNKNOWN_BIRD_EVERY == 4 {
                add_unknown_bird(&mut recording, &mut rng);
            }
            nth_train += 1;
        }
        recordings.push(recording);
    }
    let mut plan = SetPlan { recordings, visits };
    plan.complete_checklists(&mut rng);
    checklists::make_mistakes(&mut plan, species.len(), conditions, seed);
    plan
}

/// Adds a bird that nobody could name.
fn add_unknown_bird(recording: &mut PlannedRecording, rng: &mut ChaCha8Rng) {
    let models = unknown_birds();
    let role = Role {
        bird: Bird::Unknown,
        model: &models[rng.random_range(0..models.len())],
        look_alikes: Vec::new(),
        share: BACKGROUND_SHARE,
        snr_db: BACKGROUND_SNR_DB,
        away: 0..0,
    };
    add_singer(recording, &role, None, rng);
}

/// Split and target of each recording, in random order.
fn deal(classes: usize, conditions: &Conditions, rng: &mut ChaCha8Rng) -> Vec<(Split, usize)> {
    let per_species = conditions.per_species();
    let mut slots: Vec<(Split, usize)> = per_species
        .into_iter()
        .flat_map(|(split, count)| (0..classes).flat_map(move |class| (0..count).map(move |_| (split, class))))
        .collect();
    slots.shuffle(rng);
    slots
}

/// A place, a microphone and a gain of the recording's own, without birds.
fn scene(clips: ClipRange, rng: &mut ChaCha8Rng) -> Scene {
    let bells = [(250.0, 700.0), (900.0, 2500.0), (3000.0, 5500.0), (6000.0, 9500.0)];
    let equaliser = bells.map(|(low_hz, high_hz)| Band {
        centre_hz: rng.random_range(low_hz..high_hz),
        quality: rng.random_range(0.5..1.2),
        gain_db: rng.random_range(-9.0..9.0),
    });
    Scene {
        rate_hz: RATE_HZ,
        duration_s: CLIP_S * clips.draw(rng) as f64,
        stereo: false,
        ambience: Ambience::draw(rng),
        equaliser: equaliser.to_vec(),
        background_dbfs: rng.random_range(-56.0..-34.0),
        singers: Vec::new(),
        seed: rng.random(),
    }
}

/// Background species of a recording: possible there, the abundant ones more often.
fn background(possible: &BTreeSet<usize>, target: usize, species: &[Species], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut left: Vec<usize> = possible.iter().copied().filter(|&class| class != target).collect();
    let mut chosen = Vec::new();
    for _ in 0..weighted(&BACKGROUND_SPECIES, 1, rng) {
        let total: f64 = left.iter().map(|&class| species[class].abundance).sum();
        let mut roll = rng.random_range(0.0..1.0) * total;
        let index = left.iter().position(|&class| {
            roll -= species[class].abundance;
            roll < 0.0
        });
        if let Some(index) = index {
            chosen.push(left.swap_remove(index));
        }
    }
    chosen
}
