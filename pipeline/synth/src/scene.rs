//! Provides the demo's plan: which bird sings when in which recording, before any sound is made.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use shardfmt::Split;

use super::encode::Encoding;
use super::noise::Ambience;
use super::presence::{clip_count, counts_in};
use super::region::REGIONS;
use super::render::{Scene, Singer};
use super::seeding::{Purpose, keyed};
use super::song::{Song, SongModel};
use super::species::{Species, unknown_birds};
use super::visit::{Checklists, Visit, plan_visits};

/// What the annotator drew boxes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    /// Every bird.
    All,
    /// The target species, and birds that could not be named.
    Target,
}

/// Who a singer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bird {
    /// A class index.
    Class(usize),
    /// A bird outside the classes.
    Unknown,
}

/// One recording, ready to be rendered and described.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) asset_id: u32,
    pub(super) split: Split,
    /// Index into [`Plan::visits`].
    pub(super) visit: usize,
    /// Class that the recordist was after.
    pub(super) target: usize,
    pub(super) recorded_at: String,
    pub(super) annotation: Annotation,
    /// Whether the geographic prior has a row for it.
    pub(super) has_geo_row: bool,
    pub(super) encoding: Encoding,
    pub(super) scene: Scene,
    /// Who `scene.singers[i]` is; each at most once.
    pub(super) birds: Vec<Bird>,
}

/// The whole demo before any sound is made.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) recordings: Vec<Recording>,
    pub(super) visits: Vec<Visit>,
}

/// Every this-manieth recording of a split is without birds.
const SILENT_EVERY: usize = 30;

/// No model's song takes longer, however slow the individual.
pub(super) const LONGEST_SONG_S: f64 = 4.5;

/// Plans `recordings` recordings; `attempt` numbers the tries at meeting the quotas.
pub(super) fn plan(seed: u64, attempt: u64, recordings: usize, species: &[Species]) -> Plan {
    let mut rng = keyed(seed, Purpose::Plan, attempt);
    let slots = deal(recordings, species.len(), &mut rng);
    let places: Vec<(Split, usize)> = slots.iter().map(|slot| (slot.split, slot.target)).collect();
    let (mut visits, visit_of) = plan_visits(&places, &REGIONS, Checklists::Patchy, &mut rng);

    let mut asset_id = 20_000;
    let mut seen = [0; Split::ALL.len()];
    let mut recordings: Vec<Recording> = Vec::with_capacity(slots.len());
    for (slot, visit) in slots.iter().zip(visit_of) {
        asset_id += rng.random_range(1..=5);
        let nth = seen[slot.split as usize];
        seen[slot.split as usize] += 1;
        let mut recording = empty_recording(asset_id, slot, visit, visits[visit].next_start(&mut rng), &mut rng);
        if slot.split == Split::Train {
            // Two in five train recordings are fully annotated; the others are single-positive.
            recording.annotation = if nth % 5 < 2 {
                Annotation::All
            } else {
                Annotation::Target
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
    report_visits(&mut visits, &recordings, &mut rng);
    Plan { recordings, visits }
}

/// Completes the visits' checklists from what was recorded on them.
pub(super) fn report_visits(visits: &mut [Visit], recordings: &[Recording], rng: &mut ChaCha8Rng) {
    for (index, visit) in visits.iter_mut().enumerate() {
        let recorded = recordings
            .iter()
            .filter(|recording| recording.visit == index)
            .flat_map(Recording::classes)
            .collect();
        visit.report(&recorded, rng);
    }
}

/// A recording to be made.
struct Slot {
    split: Split,
    target: usize,
    sings: bool,
}

/// Five recordings in eight train, three in sixteen each for val and test; targets in equal shares
/// within each split; all in random order.
fn deal(recordings: usize, classes: usize, rng: &mut ChaCha8Rng) -> Vec<Slot> {
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
        slots.extend((0..count).map(|index| Slot {
            split,
            target: order[index % classes],
            sings: index % SILENT_EVERY != SILENT_EVERY - 1,
        }));
    }
    slots.shuffle(rng);
    slots
}

fn empty_recording(asset_id: u32, slot: &Slot, visit: usize, recorded_at: String, rng: &mut ChaCha8Rng) -> Recording {
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
    Recording {
        asset_id,
        split: slot.split,
        visit,
        target: slot.target,
        recorded_at,
        annotation: Annotation::All,
        has_geo_row: true,
        encoding,
        scene,
        birds: Vec::new(),
    }
}

/// One of `choices` by its weight in per cent; `fallback` for what the weights leave.
pub(super) fn weighted<T: Copy>(choices: &[(T, u32)], fallback: T, rng: &mut ChaCha8Rng) -> T {
    let mut roll = rng.random_range(0..100);
    for &(choice, weight) in choices {
        if roll < weight {
            return choice;
        }
        roll -= weight;
    }
    fallback
}

/// The target sings from near the start to near the end; mostly it is the loudest.
fn add_target(recording: &mut Recording, model: &SongModel, rng: &mut ChaCha8Rng) {
    let duration_s = recording.scene.duration_s;
    let from_s = rng.random_range(0.1..1.2);
    let until_s = duration_s * rng.random_range(0.85..1.0);
    let songs = bout(model, (from_s, until_s), duration_s, rng);
    recording.add(Bird::Class(recording.target), songs, rng.random_range(4.0..25.0), rng);
}

/// A background bird sings for a few seconds, fainter.
fn add_other(recording: &mut Recording, bird: Bird, model: &SongModel, rng: &mut ChaCha8Rng) {
    let duration_s = recording.scene.duration_s;
    let latest_s = (duration_s - LONGEST_SONG_S).max(0.1);
    let from_s = rng.random_range(0.0..latest_s);
    let until_s = from_s + rng.random_range(1.0..4.5);
    let songs = bout(model, (from_s, until_s), duration_s, rng);
    recording.add(bird, songs, rng.random_range(0.0..16.0), rng);
}

fn add_unknown(recording: &mut Recording, rng: &mut ChaCha8Rng) {
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
    recordings: &mut [Recording],
    slots: &[Slot],
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

impl Recording {
    /// Adds a singer with its songs, unless there are none.
    pub(super) fn add(&mut self, bird: Bird, songs: Vec<Song>, snr_db: f64, rng: &mut ChaCha8Rng) {
        if songs.is_empty() {
            return;
        }
        self.birds.push(bird);
        self.scene.singers.push(Singer {
            songs,
            snr_db,
            air_hz: rng.random_range(5500.0..12_000.0),
            pan: rng.random_range(-0.6..0.6),
        });
    }

    /// Classes that sing in it.
    pub(super) fn classes(&self) -> BTreeSet<usize> {
        self.birds
            .iter()
            .filter_map(|bird| match bird {
                Bird::Class(class) => Some(*class),
                Bird::Unknown => None,
            })
            .collect()
    }

    /// What the annotator drew boxes around, by start: the song, who sang it, its level above the background in dB.
    pub(super) fn annotated_songs(&self) -> Vec<(&Song, Bird, f64)> {
        let is_annotated = |bird: Bird| match (self.annotation, bird) {
            (Annotation::All, _) | (Annotation::Target, Bird::Unknown) => true,
            (Annotation::Target, Bird::Class(class)) => class == self.target,
        };
        let singers = self.birds.iter().zip(&self.scene.singers);
        let mut songs: Vec<(&Song, Bird, f64)> = singers
            .filter(|&(&bird, _)| is_annotated(bird))
            .flat_map(|(&bird, singer)| singer.songs.iter().map(move |song| (song, bird, singer.snr_db)))
            .collect();
        songs.sort_by(|a, b| a.0.start_s().total_cmp(&b.0.start_s()));
        songs
    }

    /// Length; recordings last a multiple of 20 ms.
    pub(super) fn duration_ms(&self) -> u64 {
        (self.scene.duration_s * 1000.0).round() as u64
    }

    /// Number of its clips, the padded last one included.
    pub(super) fn clips(&self) -> usize {
        clip_count(self.scene.duration_s)
    }

    /// Number of its clips in which `bird` counts as present.
    pub(super) fn clips_with(&self, bird: Bird) -> usize {
        let songs = self.birds.iter().zip(&self.scene.singers);
        let songs: Vec<&Song> = songs
            .filter(|&(&singer, _)| singer == bird)
            .flat_map(|(_, singer)| &singer.songs)
            .collect();
        (0..self.clips())
            .filter(|&clip| songs.iter().any(|song| counts_in(song.start_s(), song.end_s(), clip)))
            .count()
    }
}
