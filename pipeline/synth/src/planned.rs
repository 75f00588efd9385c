//! Defines the plan of a synthetic set: which bird sings when in which recording, before any sound is made.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shardfmt::Split;

use crate::encode::Encoding;
use crate::presence::{clip_count, counts_in};
use crate::render::{Scene, Singer};
use crate::song::Song;
use crate::visit::Visit;

/// What the annotator drew boxes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnnotationScope {
    /// Every bird.
    All,
    /// The target species, and birds that could not be named.
    Target,
}

/// Who a singer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bird {
    /// A class index.
    Class(usize),
    /// A bird outside the classes.
    Unknown,
}

/// One recording, ready to be rendered and described.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRecording {
    pub(crate) asset_id: u32,
    pub(crate) split: Split,
    /// Index into [`SetPlan::visits`].
    pub(crate) visit: usize,
    /// Class that the recordist was after.
    pub(crate) target: usize,
    pub(crate) recorded_at: String,
    pub(crate) annotation: AnnotationScope,
    /// Whether the geographic prior has a row for it.
    pub(crate) has_geo_row: bool,
    pub(crate) encoding: Encoding,
    pub(crate) scene: Scene,
    /// Who `scene.singers[i]` is; each at most once.
    pub(crate) birds: Vec<Bird>,
}

/// A whole set before any sound is made.
#[derive(Clone, Debug)]
pub(crate) struct SetPlan {
    pub(crate) recordings: Vec<PlannedRecording>,
    pub(crate) visits: Vec<Visit>,
}

impl SetPlan {
    /// Completes the visits' checklists from what was recorded on them.
    pub(crate) fn complete_checklists(&mut self, rng: &mut ChaCha8Rng) {
        for (index, visit) in self.visits.iter_mut().enumerate() {
            let on_visit = self.recordings.iter().filter(|recording| recording.visit == index);
            visit.complete_checklist(&on_visit.flat_map(PlannedRecording::classes).collect(), rng);
        }
    }

    /// Number of recordings in each split, in [`Split::ALL`]'s order.
    pub(crate) fn split_sizes(&self) -> [usize; 3] {
        Split::ALL.map(|split| {
            self.recordings
                .iter()
                .filter(|recording| recording.split == split)
                .count()
        })
    }
}

impl PlannedRecording {
    /// Adds a singer with its songs, unless there are none.
    pub(crate) fn add(&mut self, bird: Bird, songs: Vec<Song>, snr_db: f64, rng: &mut ChaCha8Rng) {
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
    pub(crate) fn classes(&self) -> BTreeSet<usize> {
        self.birds
            .iter()
            .filter_map(|bird| match bird {
                Bird::Class(class) => Some(*class),
                Bird::Unknown => None,
            })
            .collect()
    }

    /// What the annotator drew boxes around, by start: the song, who sang it, its level above the background in dB.
    pub(crate) fn annotated_songs(&self) -> Vec<(&Song, Bird, f64)> {
        self.songs_of(|bird| match (self.annotation, bird) {
            (AnnotationScope::All, _) | (AnnotationScope::Target, Bird::Unknown) => true,
            (AnnotationScope::Target, Bird::Class(class)) => class == self.target,
        })
    }

    /// Every song, annotated or not, in the same way.
    pub(crate) fn songs(&self) -> Vec<(&Song, Bird, f64)> {
        self.songs_of(|_| true)
    }

    fn songs_of(&self, is_meant: impl Fn(Bird) -> bool) -> Vec<(&Song, Bird, f64)> {
        let singers = self.birds.iter().zip(&self.scene.singers);
        let mut songs: Vec<(&Song, Bird, f64)> = singers
            .filter(|&(&bird, _)| is_meant(bird))
            .flat_map(|(&bird, singer)| singer.songs.iter().map(move |song| (song, bird, singer.snr_db)))
            .collect();
        songs.sort_by(|a, b| a.0.start_s().total_cmp(&b.0.start_s()));
        songs
    }

    /// Length; recordings last a multiple of 20 ms.
    pub(crate) fn duration_ms(&self) -> u64 {
        (self.scene.duration_s * 1000.0).round() as u64
    }

    /// Number of its clips, the padded last one included.
    pub(crate) fn clips(&self) -> usize {
        clip_count(self.scene.duration_s)
    }

    /// Number of its clips in which `bird` counts as present.
    pub(crate) fn clips_with(&self, bird: Bird) -> usize {
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
