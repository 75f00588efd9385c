//! Draws the small demo's plan, whose background species even out how often each is heard.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shardfmt::Split;

use crate::encode::Encoding;
use crate::noise::Ambience;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::region::REGIONS;
use crate::render::Scene;
use crate::seeding::{Draw, keyed, weighted};
use crate::song::{Song, SongModel};
use crate::species::{Species, unknown_birds};
use crate::visit::{ChecklistPolicy, Visit, plan_visits};

/// One recording in this many, in each split, is without birds.
const SILENT_EVERY: usize = 30;

/// No model's song takes longer, however slow the individual.
pub(super) const LONGEST_SONG_S: f64 = 4.5;

/// Plans `recordings` recordings; `attempt` numbers the tries at meeting the quotas.
pub(super) fn plan(seed: u64, attempt: u64, recordings: usize, species: &[Species]) -> SetPlan {
    let mut rng = keyed(seed, Draw::Plan, attempt);
    let slots = deal(recordings, species.len(), &mut rng);
    let places: Vec<(Split, usize)> = slots.iter().map(|slot| (slot.split, slot.target)).collect();
    let (mut visits, visit_of) = plan_visits(&places, &REGIONS, ChecklistPolicy::Patchy, &mut rng);

    let mut asset_id = 20_000;
    let mut seen = [0; Split::ALL.len()];
    let mut recordings: Vec<PlannedRecording> = Vec::with_capacity(slots.len());
    for (slot, visit) in slots.iter().zip(visit_of) {
        asset_id += rng.random_range(1..=5);
        let nth = seen[slot.split as usize];
        seen[slot.split as usize] += 1;
        let mut recording = empty_recording(asset_id, slot, visit, visits[visit].next_start(&mut rng), &mut rng);
        if slot.split == Split::Train {
            // Two in five train recordings are fully annotated; the others are single-positive.
            recording.annotation = if nth % 5 < 2 {
                AnnotationScope::All
            } else {
                AnnotationScope::Target
            };
            // The range model failed for two of them.
            recording.has_geo_row = nth % 75 != 34;
        }
        if slot.sings {
            add_target(&mut recording, &species[slot.target].song, &mut rng);
            if slot.split == Split::Train && nth % 19 == 6 {
                add_unknown(&mut recording, &mut rng);
            }
        }
        recordings.push(recording);
    }
    fill_background(&mut recordings, &slots, &visits, species, &mut rng);
    let mut plan = SetPlan { recordings, visits };
    plan.complete_checklists(&mut rng);
    plan
}

/// A recording to be made.
struct TargetSlot {
    split: Split,
    target: usize,
    sings: bool,
}

/// Five recordings in eight train, three in sixteen each for val and test; targets in equal shares
/// within each split; all in random order.
fn deal(recordings: usize, classes: usize, rng: &mut ChaCha8Rng) -> Vec<TargetSlot> {
    let held_out = recordings * 3 / 16;
    let mut slots = Vec::with_capacity(recordings);
    for split in Split::ALL {
        let count = if split == Split::Train {
            recordings - 2 * held_out
        } else {
            held_out
        };
        let mut order: Vec<usize> = (0..classes).collect();
        order.shuffle(rng);
        slots.extend((0..count).map(|index| TargetSlot {
            split,
            target: order[index % classes],
            sings: index % SILENT_EVERY != SILENT_EVERY - 1,
        }));
    }
    slots.shuffle(rng);
    slots
}

fn empty_recording(
    asset_id: u32,
    slot: &TargetSlot,
    visit: usize,
    recorded_at: String,
    rng: &mut ChaCha8Rng,
) -> PlannedRecording {
    // Weights in per cent; high rates are rarer to keep the demo small.
    let rate_hz = weighted(
        &[(22_050, 36), (24_000, 22), (32_000, 22), (44_100, 10), (48_000, 10)],
        22_050,
        rng,
    );
    let encoding = weighted(
        &[
            (Encoding::Flac16, 58),
            (Encoding::Wav16, 28),
            (Encoding::Wav24, 8),
            (Encoding::WavFloat, 6),
        ],
        Encoding::Flac16,
        rng,
    );
    // Mostly 9 to 12 s, some up to 18 s. Steps of 20 ms are whole frames at every rate above; a
    // last clip of under 0.8 s is cut off.
    let length_s = 9.0 + 9.0 * rng.random_range(0.0_f64..1.0).powf(2.4);
    let whole_s = 3.0 * (length_s / 3.0).floor();
    let duration_s = if length_s - whole_s < 0.8 {
        whole_s
    } else {
        (length_s * 50.0).floor() / 50.0
    };
    let scene = Scene {
        rate_hz,
        duration_s,
        stereo: rng.random_bool(0.07),
        ambience: Ambience::draw(rng),
        equaliser: Vec::new(),
        background_dbfs: rng.random_range(-56.0..-34.0),
        singers: Vec::new(),
        seed: rng.random(),
    };
    PlannedRecording {
        asset_id,
        split: slot.split,
        visit,
        target: slot.target,
        recorded_at,
        annotation: AnnotationScope::All,
        has_geo_row: true,
        encoding,
        scene,
        birds: Vec::new(),
    }
}

/// The target sings from near the start to near the end; mostly it is the loudest.
fn add_target(recording: &mut PlannedRecording, model: &SongModel, rng: &mut ChaCha8Rng) {
    let duration_s = recording.scene.duration_s;
    let from_s = rng.random_range(0.1..1.2);
    let until_s = duration_s * rng.random_range(0.85..1.0);
    let songs = bout(model, (from_s, until_s), duration_s, rng);
    recording.add(Bird::Class(recording.target), songs, rng.random_range(4.0..25.0), rng);
}

/// A background bird sings for a few seconds, fainter.
fn add_other(recording: &mut PlannedRecording, bird: Bird, model: &SongModel, rng: &mut ChaCha8Rng) {
    let duration_s = recording.scene.duration_s;
    let latest_s = (duration_s - LONGEST_SONG_S).max(0.1);
    let from_s = rng.random_range(0.0..latest_s);
    let until_s = from_s + rng.random_range(1.0..4.5);
    let songs = bout(model, (from_s, until_s), duration_s, rng);
    recording.add(bird, songs, rng.random_range(0.0..16.0), rng);
}

fn add_unknown(recording: &mut PlannedRecording, rng: &mut ChaCha8Rng) {
    let models = unknown_birds();
    let index = rng.random_range(0..models.len());
    add_other(recording, Bird::Unknown, &models[index], rng);
}

/// Songs of one individual, one after another: the first starts with the window, the last starts
/// within it, and all end within the recording.
fn bout(model: &SongModel, window_s: (f64, f64), duration_s: f64, rng: &mut ChaCha8Rng) -> Vec<Song> {
    let bird = model.individual(rng);
    let mut songs: Vec<Song> = Vec::new();
    let mut clock_s = window_s.0;
    while clock_s < window_s.1 {
        // Near the end, a song of fewer phrases may still fit.
        let song = (0..4)
            .filter_map(|_| model.sing(&bird, clock_s, rng))
            .find(|song| song.end_s() <= duration_s);
        let Some(song) = song else {
            break;
        };
        clock_s = song.end_s() + rng.random_range(model.pause_s.0..model.pause_s.1);
        songs.push(song);
    }
    songs
}

/// Adds one to three background species to each recording that holds its target, always the one
/// that the split has least of against its abundance.
fn fill_background(
    recordings: &mut [PlannedRecording],
    slots: &[TargetSlot],
    visits: &[Visit],
    species: &[Species],
    rng: &mut ChaCha8Rng,
) {
    let mut clips = [const { Vec::new() }; Split::ALL.len()];
    for split in Split::ALL {
        clips[split as usize] = vec![0; species.len()];
    }
    for recording in recordings.iter() {
        for class in recording.classes() {
            clips[recording.split as usize][class] += recording.clips_with(Bird::Class(class));
        }
    }
    for (recording, slot) in recordings.iter_mut().zip(slots) {
        if !slot.sings {
            continue;
        }
        let clips = &mut clips[recording.split as usize];
        let possible = visits[recording.visit].possible();
        for _ in 0..weighted(&[(1, 58), (2, 30), (3, 12)], 1, rng) {
            let here = recording.classes();
            let rarest = possible
                .difference(&here)
                .map(|&class| {
                    let share = clips[class] as f64 / species[class].abundance;
                    (share * rng.random_range(0.85..1.15), class)
                })
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, class)) = rarest {
                add_other(recording, Bird::Class(class), &species[class].song, rng);
                clips[class] += recording.clips_with(Bird::Class(class));
            }
        }
    }
}
