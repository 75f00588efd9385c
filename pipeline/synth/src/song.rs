//! Defines song models: what a species sings, as data, and how one individual sings it once.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// No voice sounds above this frequency, whatever the recording's rate; it lies below the Nyquist
/// frequency of a 22,050 Hz recording, so a box is true at every native rate.
pub const CEILING_HZ: f64 = 10_500.0;

/// Partials weaker than this (-20 dB) against the song's strongest do not widen its band.
const AUDIBLE_PARTIAL: f64 = 0.1;

/// One continuous sound: a tone along a contour, with partials, modulation and roughness.
#[derive(Clone, Debug, PartialEq)]
pub struct Syllable {
    /// Length.
    pub duration_s: f64,
    /// Silence after it.
    pub gap_s: f64,
    /// Fundamental at equally spaced knots, joined by straight lines; one knot is a constant tone.
    pub contour_hz: Vec<f64>,
    /// Amplitudes of the fundamental and its multiples.
    pub partials: Vec<f64>,
    /// Rate and depth (peak deviation of the fundamental) of frequency modulation.
    pub vibrato: Modulation,
    /// Rate and depth (0 to 1) of amplitude modulation.
    pub tremolo: Modulation,
    /// Bandwidth of the noise that multiplies the tone; 0 leaves a pure tone.
    pub roughness_hz: f64,
    /// Amplitude against the song's other syllables.
    pub level: f64,
}

/// A sinusoidal modulation; a rate of 0 switches it off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Modulation {
    /// Cycles per second.
    pub rate_hz: f64,
    /// Depth, in the unit of what is modulated.
    pub depth: f64,
}

impl Syllable {
    /// A pure tone along a contour, without a gap after it.
    pub fn tone(duration_s: f64, contour_hz: &[f64]) -> Self {
        Self {
            duration_s,
            gap_s: 0.0,
            contour_hz: contour_hz.to_vec(),
            partials: vec![1.0],
            vibrato: Modulation::default(),
            tremolo: Modulation::default(),
            roughness_hz: 0.0,
            level: 1.0,
        }
    }

    /// The same with silence after it.
    #[must_use]
    pub fn gap(mut self, gap_s: f64) -> Self {
        self.gap_s = gap_s;
        self
    }

    /// The same with these amplitudes of fundamental and multiples.
    #[must_use]
    pub fn partials(mut self, partials: &[f64]) -> Self {
        self.partials = partials.to_vec();
        self
    }

    /// The same with frequency modulation.
    #[must_use]
    pub fn vibrato(mut self, rate_hz: f64, depth_hz: f64) -> Self {
        self.vibrato = Modulation {
            rate_hz,
            depth: depth_hz,
        };
        self
    }

    /// The same with amplitude modulation.
    #[must_use]
    pub fn tremolo(mut self, rate_hz: f64, depth: f64) -> Self {
        self.tremolo = Modulation { rate_hz, depth };
        self
    }

    /// The same with a rough tone.
    #[must_use]
    pub fn rough(mut self, bandwidth_hz: f64) -> Self {
        self.roughness_hz = bandwidth_hz;
        self
    }

    /// Length of the raised-cosine rise and of the fall: a fifth of the syllable, 3 to 40 ms.
    pub fn edge_s(&self) -> f64 {
        (0.2 * self.duration_s).clamp(0.003, 0.04)
    }

    /// The fundamental at `position` (0 to 1) along the syllable, without vibrato.
    pub fn fundamental_hz(&self, position: f64) -> f64 {
        let Some(last) = self.contour_hz.len().checked_sub(1) else {
            return 0.0;
        };
        let place = position.clamp(0.0, 1.0) * last as f64;
        let left = (place as usize).min(last);
        let right = (left + 1).min(last);
        let weight = place - left as f64;
        self.contour_hz[left] * (1.0 - weight) + self.contour_hz[right] * weight
    }

    /// Lowest and highest fundamental, vibrato included.
    fn fundamental_range_hz(&self) -> (f64, f64) {
        let low = self.contour_hz.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.contour_hz.iter().copied().fold(0.0, f64::max);
        (low - self.vibrato.depth, high + self.vibrato.depth)
    }

    /// Whether the partial `index` (0 = fundamental) stays below [`CEILING_HZ`] throughout.
    pub fn sounds(&self, index: usize) -> bool {
        self.fundamental_range_hz().1 * (index + 1) as f64 <= CEILING_HZ
    }

    /// Spectral spread beyond the partials' tracks: modulation sidebands, roughness, and the main
    /// lobe of a raised-cosine edge (its first zero lies 1.5/edge from the centre; half of that
    /// holds nearly all energy, and less the longer the steady part).
    fn spread_hz(&self) -> f64 {
        let edges = 0.75 / self.edge_s().max(0.2 * self.duration_s);
        self.vibrato.rate_hz + self.tremolo.rate_hz + 0.75 * self.roughness_hz + edges
    }
}

/// What a species sings.
#[derive(Clone, Debug, PartialEq)]
pub struct SongModel {
    /// The phrase.
    pub syllables: Vec<Syllable>,
    /// Whether the syllables come in a new order in each phrase.
    pub shuffled: bool,
    /// Fewest and most phrases in a song.
    pub phrases: (u32, u32),
    /// Shortest and longest silence between two songs of a bout.
    pub pause_s: (f64, f64),
    /// Largest relative deviation of an individual's pitch from the species'.
    pub pitch_spread: f64,
    /// Largest relative deviation of an individual's tempo from the species'.
    pub tempo_spread: f64,
}

/// How one bird differs from its species.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Individual {
    /// Factor on every frequency.
    pub pitch: f64,
    /// Divisor of every duration.
    pub tempo: f64,
}

/// A syllable at its place in a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Start within the recording.
    pub start_s: f64,
    /// What sounds there.
    pub syllable: Syllable,
}

/// One song: the unit that an annotator draws a box around.
#[derive(Clone, Debug, PartialEq)]
pub struct Song {
    /// Its notes, at least one, in order.
    pub notes: Vec<Note>,
    /// Key of its rough voices and phases.
    pub voice_seed: u64,
}

impl SongModel {
    /// A bird of this species.
    pub fn individual(&self, rng: &mut ChaCha8Rng) -> Individual {
        Individual {
            pitch: 1.0 + self.pitch_spread * rng.random_range(-1.0..1.0),
            tempo: 1.0 + self.tempo_spread * rng.random_range(-1.0..1.0),
        }
    }

    /// One song of `bird` that starts at `start_s`, or none if the model holds no syllable.
    pub fn sing(&self, bird: &Individual, start_s: f64, rng: &mut ChaCha8Rng) -> Option<Song> {
        let phrases = rng.random_range(self.phrases.0..=self.phrases.1.max(self.phrases.0));
        // A bird repeats itself to about one per cent of pitch and 1.5 dB of level.
        let song_pitch = bird.pitch * rng.random_range(0.99..1.01);
        let mut order: Vec<usize> = (0..self.syllables.len()).collect();
        let mut notes = Vec::new();
        let mut clock_s = start_s;
        for _ in 0..phrases {
            if self.shuffled {
                order.shuffle(rng);
            }
            for &index in &order {
                let mut syllable = self.syllables[index].clone();
                let pitch = song_pitch * rng.random_range(0.995..1.005);
                for hz in &mut syllable.contour_hz {
                    *hz *= pitch;
                }
                syllable.duration_s /= bird.tempo;
                syllable.gap_s /= bird.tempo * rng.random_range(0.93..1.07);
                syllable.level *= rng.random_range(0.84..1.19);
                let note = Note {
                    start_s: clock_s,
                    syllable,
                };
                clock_s = note.end_s() + note.syllable.gap_s;
                notes.push(note);
            }
        }
        (!notes.is_empty()).then(|| Song {
            notes,
            voice_seed: rng.random(),
        })
    }
}

impl Note {
    /// End within the recording.
    pub fn end_s(&self) -> f64 {
        self.start_s + self.syllable.duration_s
    }
}

impl Song {
    /// Start of the first note.
    pub fn start_s(&self) -> f64 {
        self.notes.first().map_or(0.0, |note| note.start_s)
    }

    /// End of the last note.
    pub fn end_s(&self) -> f64 {
        self.notes.last().map_or(0.0, Note::end_s)
    }

    /// Total length of the notes.
    pub fn sounding_s(&self) -> f64 {
        self.notes.iter().map(|note| note.syllable.duration_s).sum()
    }

    /// Lowest and highest frequency of the partials an annotator would see.
    pub fn band_hz(&self) -> (f64, f64) {
        let strength = |syllable: &Syllable, index: usize| syllable.level * syllable.partials[index];
        let partials = || {
            self.notes.iter().flat_map(|Note { syllable, .. }| {
                (0..syllable.partials.len())
                    .filter(|&index| syllable.sounds(index))
                    .map(move |index| (syllable, index))
            })
        };
        let strongest = partials()
            .map(|(syllable, index)| strength(syllable, index))
            .fold(0.0, f64::max);
        let mut band = (CEILING_HZ, 0.0_f64);
        for (syllable, index) in partials() {
            if strength(syllable, index) < AUDIBLE_PARTIAL * strongest {
                continue;
            }
            let (low, high) = syllable.fundamental_range_hz();
            let multiple = (index + 1) as f64;
            let spread = syllable.spread_hz();
            band.0 = band.0.min(low * multiple - spread);
            band.1 = band.1.max(high * multiple + spread);
        }
        (band.0.max(0.0), band.1.min(CEILING_HZ + 300.0))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Individual, SongModel, Syllable};
    use crate::seeding::{Draw, keyed};

    fn trill() -> SongModel {
        SongModel {
            syllables: vec![
                Syllable::tone(0.05, &[4000.0, 3000.0]).gap(0.05),
                Syllable::tone(0.1, &[2000.0]).partials(&[1.0, 0.5, 0.01]),
            ],
            shuffled: false,
            phrases: (3, 3),
            pause_s: (1.0, 2.0),
            pitch_spread: 0.0,
            tempo_spread: 0.0,
        }
    }

    #[test]
    fn a_song_lays_its_phrases_end_to_end() {
        let mut rng = keyed(5, Draw::Songs, 1);
        let bird = Individual { pitch: 1.0, tempo: 1.0 };
        let song = trill().sing(&bird, 2.0, &mut rng).unwrap();
        assert_eq!(song.notes.len(), 6);
        assert!((song.start_s() - 2.0).abs() < 1e-12);
        assert!((song.sounding_s() - 0.45).abs() < 1e-9);
        // Three gaps of 50 ms, each within 1/0.93 of its length.
        assert!((song.end_s() - song.start_s() - 0.6).abs() <= 3.0 * 0.05 * (1.0 / 0.93 - 1.0));
    }

    #[test]
    fn the_band_holds_audible_partials_only() {
        let mut rng = keyed(5, Draw::Songs, 1);
        let bird = Individual { pitch: 1.0, tempo: 1.0 };
        let (low, high) = trill().sing(&bird, 0.0, &mut rng).unwrap().band_hz();
        // The third partial at 6 kHz is 40 dB down; pitch wanders by at most 1.5 %.
        assert!(low < 2000.0 && low > 1850.0, "{low}");
        assert!(high > 4000.0 && high < 4200.0, "{high}");
    }

    #[test]
    fn a_contour_is_piecewise_linear() {
        let syllable = Syllable::tone(1.0, &[1000.0, 3000.0, 2000.0]);
        for (position, hz) in [(0.0, 1000.0), (0.25, 2000.0), (0.75, 2500.0), (1.0, 2000.0)] {
            assert!((syllable.fundamental_hz(position) - hz).abs() < 1e-9);
        }
    }
}
