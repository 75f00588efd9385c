//! Provides when a bird sings in a recording, and in which variants of its song.

use std::ops::Range;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::species::{MEMBERS, between};
use crate::planned::{Bird, PlannedRecording};
use crate::presence::CLIP_S;
use crate::seeding::{Draw, keyed};
use crate::song::{Song, SongModel};
use crate::species::Species;

/// When the first song of a clip starts, earliest and latest: late enough to show beyond the clip's edge, 200 ms, and
/// early enough to end within it, whatever the species.
pub(super) const FIRST_SONG_S: (f64, f64) = (0.2, 0.9);

/// A song may run on into a clip without its bird by so much: less than the edge where a song does not count (L48
/// protocol).
pub(super) const OVERRUN_S: f64 = 0.15;

/// How far a variant lies between its own species (0) and a look-alike (1), at most: midway.
const FURTHEST_VARIANT: f64 = 0.5;

/// A bird to be added to a recording.
pub(super) struct Role<'a> {
    pub(super) bird: Bird,
    /// What its species sings.
    pub(super) model: &'a SongModel,
    /// What the other members of its triple sing; none of a bird outside the classes.
    pub(super) look_alikes: Vec<&'a SongModel>,
    /// Share of the clips in which it sings, of those that it is there in.
    pub(super) share: f64,
    /// Levels above the background noise in dB.
    pub(super) snr_db: (f64, f64),
    /// Clips that it is not there in; one at least is left.
    pub(super) away: Range<usize>,
}

impl<'a> Role<'a> {
    /// A species in all clips.
    pub(super) fn of_class(class: usize, species: &'a [Species], share: f64, snr_db: (f64, f64)) -> Self {
        let triple = class - class % MEMBERS..class - class % MEMBERS + MEMBERS;
        let look_alikes = triple.filter(|&other| other != class).map(|other| &species[other].song);
        Self {
            bird: Bird::Class(class),
            model: &species[class].song,
            look_alikes: look_alikes.collect(),
            share,
            snr_db,
            away: 0..0,
        }
    }
}

/// The clips of a recording's one stretch without its target, `share` of all, but one less than all at most.
pub(super) fn target_free_stretch(recording: &PlannedRecording, share: f64) -> Range<usize> {
    let clips = recording.clips();
    let length = ((share * clips as f64).round() as usize).min(clips.saturating_sub(1));
    let start = keyed(recording.scene.seed, Draw::Stretch, 0).random_range(0..=clips - length);
    start..start + length
}

/// Adds a bird that sings in about its share of the clips that it is there in, in one at least.
pub(super) fn add_singer(
    recording: &mut PlannedRecording,
    role: &Role<'_>,
    same_confusion: Option<f64>,
    rng: &mut ChaCha8Rng,
) {
    let open: Vec<usize> = (0..recording.clips())
        .filter(|clip| !role.away.contains(clip))
        .collect();
    let certain = open[rng.random_range(0..open.len())];
    // One clip is certain; the others make up for it, so that the mean is `share`.
    let others = (role.share * open.len() as f64 - 1.0) / (open.len() as f64 - 1.0).max(1.0);
    let others = others.max(0.0);
    let mut sings = vec![false; recording.clips()];
    for clip in open {
        sings[clip] = rng.random_bool(others) || clip == certain;
    }
    let individual = role.model.individual(rng);
    let snr_db = rng.random_range(role.snr_db.0..role.snr_db.1);
    // Whether a song fits depends on its species: with draws of their own, songs leave the rest of the plan as it is.
    let key = rng.random();
    let mut song_rng = keyed(key, Draw::Songs, 0);
    let mut variants = Variants::new(role, same_confusion, keyed(key, Draw::Variants, 0));
    let mut songs: Vec<Song> = Vec::new();
    for clip in (0..sings.len()).filter(|&clip| sings[clip]) {
        let end_s = (clip + 1) as f64 * CLIP_S;
        let limit_s = match sings.get(clip + 1) {
            Some(_) => end_s + OVERRUN_S,
            None => end_s,
        };
        let mut clock_s = clip as f64 * CLIP_S + song_rng.random_range(FIRST_SONG_S.0..FIRST_SONG_S.1);
        for _ in 0..song_rng.random_range(1..=2) {
            let song = variants
                .next()
                .sing(&individual, clock_s, &mut song_rng)
                .filter(|song| song.end_s() <= limit_s);
            let Some(song) = song else { break };
            clock_s = song.end_s() + song_rng.random_range(role.model.pause_s.0..role.model.pause_s.1);
            songs.push(song);
        }
    }
    recording.add(role.bird, songs, snr_db, rng);
}

/// What a bird sings, song after song.
struct Variants<'a> {
    role: &'a Role<'a>,
    current: SongModel,
    /// Whether the next song is another variant.
    changes: bool,
    rng: ChaCha8Rng,
}

impl<'a> Variants<'a> {
    /// With `same_confusion`, one variant throughout by that probability, else another one in every song; without it,
    /// the species' own song throughout.
    fn new(role: &'a Role<'a>, same_confusion: Option<f64>, rng: ChaCha8Rng) -> Self {
        let mut variants = Self {
            role,
            current: role.model.clone(),
            changes: false,
            rng,
        };
        if let Some(share) = same_confusion {
            variants.vary();
            variants.changes = !variants.rng.random_bool(share);
        }
        variants
    }

    fn vary(&mut self) {
        if let Some(other) = self.role.look_alikes.choose(&mut self.rng) {
            let amount = self.rng.random_range(0.0..FURTHEST_VARIANT);
            self.current = between(self.role.model, other, amount);
        }
    }

    fn next(&mut self) -> &SongModel {
        if self.changes {
            self.vary();
        }
        &self.current
    }
}
