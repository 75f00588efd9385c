//! Defines the benchmark's birds: eight kinds of song, each shared by three species that differ as far as is asked.
//!
//! The members of a triple differ in pitch, in whether their notes rise or fall, and in tempo, each by a factor that
//! shrinks to one as the confusability grows to 1. Everything else is the triple's, so an individual's own deviation
//! from its species decides how hard a given confusability is.

use crate::song::{SongModel, Syllable};
use crate::species::Species;

/// Members of a triple.
pub(super) const MEMBERS: usize = 3;

/// Natural logarithms of the factors between neighbouring members at confusability 0: of pitch, of the rise within a
/// note, of tempo. Tuned so that a small network tells most members apart at 0, and few at 0.9.
const PITCH_STEP: f64 = 0.35;
const RISE_STEP: f64 = 0.5;
const TEMPO_STEP: f64 = 0.45;

/// Largest relative deviation of an individual's pitch and tempo from its species'.
const PITCH_SPREAD: f64 = 0.02;
const TEMPO_SPREAD: f64 = 0.05;

/// Where each member stands in pitch, rise and tempo: in another order each time, so that no member is the middle one
/// of all.
pub(super) const PLACES: [[f64; 3]; MEMBERS] = [[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [1.0, 0.0, -1.0]];

/// Abundance in the background against 1 for the average species; each triple has all three, its members in turn.
const ABUNDANCE: [f64; MEMBERS] = [2.0, 0.7, 0.3];

/// The 24 species in class order: member `m` of triple `t` is class `3t + m`.
pub(super) fn benchmark_species(confusability: f64) -> Vec<Species> {
    let members = [
        ("Dawn", "dwn", "matutina"),
        ("Noon", "non", "meridiana"),
        ("Dusk", "dsk", "vespertina"),
    ];
    let mut species = Vec::with_capacity(KINDS.len() * MEMBERS);
    for (triple, kind) in KINDS.iter().enumerate() {
        for (member, (adjective, prefix, epithet)) in members.into_iter().enumerate() {
            species.push(Species {
                code: format!("{prefix}{}1", kind.code),
                common_name: format!("{adjective} {}", kind.name),
                scientific_name: format!("{} {epithet}", kind.genus),
                abundance: ABUNDANCE[(triple + member) % MEMBERS],
                song: member_song((kind.song)(), PLACES[member], 1.0 - confusability),
            });
        }
    }
    species
}

/// The song of the member at `place`, `distinctness` 0 (all alike) to 1.
fn member_song(mut song: SongModel, place: [f64; 3], distinctness: f64) -> SongModel {
    let [pitch, rise, tempo] = place;
    let pitch = (PITCH_STEP * distinctness * pitch).exp();
    let tempo = (TEMPO_STEP * distinctness * tempo).exp();
    for syllable in &mut song.syllables {
        let knots = (syllable.contour_hz.len() - 1).max(1) as f64;
        for (index, hz) in syllable.contour_hz.iter_mut().enumerate() {
            let position = index as f64 / knots - 0.5;
            *hz *= pitch * (RISE_STEP * distinctness * rise * position).exp();
        }
        syllable.duration_s *= tempo;
        syllable.gap_s *= tempo;
    }
    song
}

/// What the members of a triple share.
struct Kind {
    name: &'static str,
    /// End of the species codes.
    code: &'static str,
    genus: &'static str,
    song: fn() -> SongModel,
}

/// The triples, from low to high voices by turns. Every contour has two knots at least, or it could not rise.
const KINDS: [Kind; 8] = [
    Kind {
        name: "Hooter",
        code: "hoo",
        genus: "Ululophila",
        song: || {
            let hoot = Syllable::tone(0.38, &[820.0, 860.0, 820.0]).partials(&[1.0, 0.15]);
            model(vec![hoot.clone().gap(0.12), hoot], 1)
        },
    },
    Kind {
        name: "Flutist",
        code: "flu",
        genus: "Auletornis",
        song: || {
            let flute = |contour: &[f64]| Syllable::tone(0.32, contour).partials(&[1.0, 0.05]);
            model(vec![flute(&[1900.0, 1950.0]).gap(0.06), flute(&[2500.0, 2420.0])], 1)
        },
    },
    Kind {
        name: "Buzzer",
        code: "buz",
        genus: "Bombiphona",
        song: || {
            let buzz = Syllable::tone(0.85, &[4600.0, 4600.0]).tremolo(70.0, 0.9).rough(180.0);
            model(vec![buzz], 1)
        },
    },
    Kind {
        name: "Ticker",
        code: "tic",
        genus: "Crepitula",
        song: || {
            let tick = Syllable::tone(0.07, &[5200.0, 4500.0]).gap(0.075);
            model(vec![tick], 7)
        },
    },
    Kind {
        name: "Seeper",
        code: "see",
        genus: "Acuticula",
        song: || {
            let seep = Syllable::tone(0.3, &[6300.0, 6300.0]).vibrato(20.0, 90.0);
            model(vec![seep.gap(0.1)], 2)
        },
    },
    Kind {
        name: "Rasper",
        code: "ras",
        genus: "Raucicola",
        song: || {
            let rasp = Syllable::tone(0.2, &[700.0, 760.0, 720.0])
                .partials(&[0.4, 0.8, 1.0, 0.85, 0.5, 0.3])
                .rough(50.0);
            model(vec![rasp.gap(0.12)], 3)
        },
    },
    Kind {
        name: "Archer",
        code: "arc",
        genus: "Arcuavis",
        song: || {
            model(
                vec![Syllable::tone(0.7, &[1300.0, 1900.0, 1300.0]).partials(&[1.0, 0.2])],
                1,
            )
        },
    },
    Kind {
        name: "Warbler",
        code: "war",
        genus: "Tremulina",
        song: || {
            let note = |contour: &[f64]| Syllable::tone(0.11, contour).gap(0.03);
            model(vec![note(&[3000.0, 3300.0]), note(&[4000.0, 3600.0])], 4)
        },
    },
];

fn model(syllables: Vec<Syllable>, phrases: u32) -> SongModel {
    SongModel {
        syllables,
        shuffled: false,
        phrases: (phrases, phrases),
        pause_s: (0.3, 0.9),
        pitch_spread: PITCH_SPREAD,
        tempo_spread: TEMPO_SPREAD,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashSet;

    use super::{MEMBERS, benchmark_species};
    use crate::benchmark::plan::{FIRST_SONG_S, OVERRUN_S};
    use crate::presence::CLIP_S;
    use crate::seeding::{Draw, keyed};
    use crate::song::{CEILING_HZ, Individual};

    #[test]
    fn codes_are_distinct_and_songs_only_where_they_should_be() {
        let species = benchmark_species(0.0);
        let codes: HashSet<_> = species.iter().map(|species| &species.code).collect();
        assert_eq!(codes.len(), 24);
        for (index, one) in species.iter().enumerate() {
            assert!(species[index + 1..].iter().all(|other| other.song != one.song));
        }
        for triple in benchmark_species(1.0).chunks(MEMBERS) {
            assert!(triple.iter().all(|member| member.song == triple[0].song));
        }
    }

    #[test]
    fn abundance_averages_one_and_is_skewed() {
        let species = benchmark_species(0.5);
        let mean = species.iter().map(|species| species.abundance).sum::<f64>() / 24.0;
        assert!((mean - 1.0).abs() < 1e-12);
    }

    /// At every confusability each song can be heard, in every partial that carries it, and fits where the plan puts
    /// it.
    #[test]
    fn songs_stay_below_the_ceiling_and_short() {
        for confusability in [0.0, 0.5, 1.0] {
            for species in benchmark_species(confusability) {
                for (pitch, tempo) in [(1.02, 0.95), (0.98, 1.05)] {
                    let mut rng = keyed(3, Draw::Songs, 0);
                    let song = species.song.sing(&Individual { pitch, tempo }, 0.0, &mut rng).unwrap();
                    let syllables = song.notes.iter().map(|note| &note.syllable);
                    assert!(syllables.clone().all(|syllable| syllable.sounds(0)), "{}", species.code);
                    assert!(song.band_hz().1 < CEILING_HZ, "{} {:?}", species.code, song.band_hz());
                    // What overran the clip's end began before its edge of 200 ms.
                    assert!(song.end_s() > OVERRUN_S + 0.2, "{} {}", species.code, song.end_s());
                    assert!(
                        FIRST_SONG_S.1 + song.end_s() <= CLIP_S,
                        "{} {}",
                        species.code,
                        song.end_s()
                    );
                }
            }
        }
    }
}
