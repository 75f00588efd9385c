//! Provides the benchmark's plan: the hidden full truth of who sings when, before anything is rendered or labelled.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shardfmt::Split;

use super::habitat::REGIONS;
use crate::encode::Encoding;
use crate::noise::Ambience;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::presence::CLIP_S;
use crate::render::{Band, Scene};
use crate::seeding::{Draw, keyed, weighted};
use crate::song::{Song, SongModel};
use crate::species::{Species, unknown_birds};
use crate::visit::{ChecklistPolicy, plan_visits};

/// Recordings of each species as a target, by split.
const RECORDINGS_PER_SPECIES: [(Split, usize); 3] = [(Split::Train, 9), (Split::Val, 3), (Split::Test, 4)];

/// Rate of the recordings: that of the images, so that nothing is resampled.
pub(super) const RATE_HZ: u32 = 22_050;

/// Fewest and most clips of a recording; it lasts a whole number of them.
const CLIPS: (usize, usize) = (4, 6);

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

/// First asset id of the test split, as in the published data.
const FIRST_TEST_ID: u32 = 8000;

/// When the first song of a clip starts, earliest and latest: late enough to show beyond the clip's edge, 200 ms, and
/// early enough to end within it, whatever the species.
pub(super) const FIRST_SONG_S: (f64, f64) = (0.2, 0.9);

/// A song may run on into a clip without its bird by so much: less than the edge where a song does not count (L48
/// protocol).
pub(super) const OVERRUN_S: f64 = 0.15;

/// Number of recordings with so many species.
pub(super) fn recordings(species: usize) -> usize {
    RECORDINGS_PER_SPECIES.iter().map(|(_, count)| species * count).sum()
}

/// Plans who sings when.
pub(super) fn plan(seed: u64, species: &[Species]) -> SetPlan {
    let mut rng = keyed(seed, Draw::BenchmarkPlan, 0);
    let slots = deal(species.len(), &mut rng);
    let (mut visits, visit_of) = plan_visits(&slots, &REGIONS, ChecklistPolicy::Complete, &mut rng);
    let (mut next_id, mut next_test_id, mut nth_train) = (0, FIRST_TEST_ID, 0);
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
            scene: scene(&mut rng),
            birds: Vec::new(),
        };
        let song = &species[target].song;
        add_singer(
            &mut recording,
            Bird::Class(target),
            song,
            TARGET_SHARE,
            TARGET_SNR_DB,
            &mut rng,
        );
        for class in background(&visits[visit].possible(), target, species, &mut rng) {
            let song = &species[class].song;
            add_singer(
                &mut recording,
                Bird::Class(class),
                song,
                BACKGROUND_SHARE,
                BACKGROUND_SNR_DB,
                &mut rng,
            );
        }
        if split == Split::Train {
            if nth_train % TARGET_ONLY_EVERY == 1 {
                recording.annotation = AnnotationScope::Target;
            }
            if nth_train % UNKNOWN_BIRD_EVERY == 4 {
                let models = unknown_birds();
                let model = &models[rng.random_range(0..models.len())];
                add_singer(
                    &mut recording,
                    Bird::Unknown,
                    model,
                    BACKGROUND_SHARE,
                    BACKGROUND_SNR_DB,
                    &mut rng,
                );
            }
            nth_train += 1;
        }
        recordings.push(recording);
    }
    let mut plan = SetPlan { recordings, visits };
    plan.complete_checklists(&mut rng);
    plan
}

/// Split and target of each recording, in random order.
fn deal(classes: usize, rng: &mut ChaCha8Rng) -> Vec<(Split, usize)> {
    let mut slots: Vec<(Split, usize)> = RECORDINGS_PER_SPECIES
        .iter()
        .flat_map(|&(split, count)| (0..classes).flat_map(move |class| (0..count).map(move |_| (split, class))))
        .collect();
    slots.shuffle(rng);
    slots
}

/// A place, a microphone and a gain of the recording's own, without birds.
fn scene(rng: &mut ChaCha8Rng) -> Scene {
    let bells = [(250.0, 700.0), (900.0, 2500.0), (3000.0, 5500.0), (6000.0, 9500.0)];
    let equaliser = bells.map(|(low_hz, high_hz)| Band {
        centre_hz: rng.random_range(low_hz..high_hz),
        quality: rng.random_range(0.5..1.2),
        gain_db: rng.random_range(-9.0..9.0),
    });
    Scene {
        rate_hz: RATE_HZ,
        duration_s: CLIP_S * rng.random_range(CLIPS.0..=CLIPS.1) as f64,
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

/// Adds a bird that sings in about `share` of the recording's clips, in one at least.
fn add_singer(
    recording: &mut PlannedRecording,
    bird: Bird,
    model: &SongModel,
    share: f64,
    snr_db: (f64, f64),
    rng: &mut ChaCha8Rng,
) {
    let clips = recording.clips();
    let certain = rng.random_range(0..clips);
    // One clip is certain; the others make up for it, so that the mean is `share`.
    let others = (share * clips as f64 - 1.0) / (clips as f64 - 1.0);
    let sings: Vec<bool> = (0..clips)
        .map(|clip| rng.random_bool(others) || clip == certain)
        .collect();
    let individual = model.individual(rng);
    let snr_db = rng.random_range(snr_db.0..snr_db.1);
    // Whether a song fits depends on its species: with draws of their own, songs leave the rest of the plan as it is.
    let mut song_rng = keyed(rng.random(), Draw::Songs, 0);
    let mut songs: Vec<Song> = Vec::new();
    for clip in (0..clips).filter(|&clip| sings[clip]) {
        let end_s = (clip + 1) as f64 * CLIP_S;
        let limit_s = match sings.get(clip + 1) {
            Some(_) => end_s + OVERRUN_S,
            None => end_s,
        };
        let mut clock_s = clip as f64 * CLIP_S + song_rng.random_range(FIRST_SONG_S.0..FIRST_SONG_S.1);
        for _ in 0..song_rng.random_range(1..=2) {
            let song = model
                .sing(&individual, clock_s, &mut song_rng)
                .filter(|song| song.end_s() <= limit_s);
            let Some(song) = song else { break };
            clock_s = song.end_s() + song_rng.random_range(model.pause_s.0..model.pause_s.1);
            songs.push(song);
        }
    }
    recording.add(bird, songs, snr_db, rng);
}
