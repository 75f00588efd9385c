//! Defines the benchmark's birds: eight kinds of song, each shared by three species that differ as far as is asked.
//!
//! The members of a triple differ in pitch, in whether their notes rise or fall, and in tempo, each by a factor that
//! shrinks to one as the confusability grows to 1. Everything else is the triple's, so an individual's own deviation
//! from its species decides how hard a given confusability is.

use super::other_kinds::other_kinds;
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

/// The usual 24 species in class order: member `m` of triple `t` is class `3t + m`.
pub(super) fn benchmark_species(confusability: f64) -> Vec<Species> {
    let triple = |kind: &Kind| Triple {
        name: kind.name.to_owned(),
        code: kind.code.to_owned(),
        genus: kind.genus.to_owned(),
        song: (kind.song)(),
    };
    members_of(KINDS.iter().map(triple), '1', confusability)
}

/// The 24 species that a seed draws, or else the usual ones.
pub(super) fn species_of(seed: Option<u64>, confusability: f64) -> Vec<Species> {
    match seed {
        Some(seed) => members_of(other_kinds(seed), '2', confusability),
        None => benchmark_species(confusability),
    }
}

/// What the members of a triple share.
pub(super) struct Triple {
    pub(super) name: String,
    /// End of the species codes, but for a digit.
    pub(super) code: String,
    pub(super) genus: String,
    pub(super) song: SongModel,
}

/// The members of all triples; their codes end in `digit`.
fn members_of(triples: impl IntoIterator<Item = Triple>, digit: char, confusability: f64) -> Vec<Species> {
    let members = [
        ("Dawn", "dwn", "matutina"),
        ("Noon", "non", "meridiana"),
        ("Dusk", "dsk", "vespertina"),
    ];
    let mut species = Vec::with_capacity(KINDS.len() * MEMBERS);
    for (number, triple) in triples.into_iter().enumerate() {
        for (member, (adjective, prefix, epithet)) in members.into_iter().enumerate() {
            species.push(Species {
                code: format!("{prefix}{}{digit}", triple.code),
                common_name: format!("{adjective} {}", triple.name),
                scientific_name: format!("{} {epithet}", triple.genus),
                abundance: ABUNDANCE[(number + member) % MEMBERS],
                song: member_song(triple.song.clone(), PLACES[member], 1.0 - confusability),
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

/// The song at `amount` of the way from that of one member of a triple (0) to that of another (1).
///
/// Members differ by factors, so the way is straight in the logarithms, and what lies on it has a place between theirs.
pub(super) fn between(one: &SongModel, other: &SongModel, amount: f64) -> SongModel {
    let mut song = one.clone();
    let moved = |from: &mut f64, to: f64| {
        if *from > 0.0 && to > 0.0 {
            *from *= (to / *from).powf(amount);
        }
    };
    for (syllable, other) in song.syllables.iter_mut().zip(&other.syllables) {
        for (from, &to) in syllable.contour_hz.iter_mut().zip(&other.contour_hz) {
            moved(from, to);
        }
        moved(&mut syllable.duration_s, other.duration_s);
        moved(&mut syllable.gap_s, other.gap_s);
    }
    song
}

/// What the members of a usual triple share.
pub(super) struct Kind {
    name: &'static str,
    pub(super) code: &'static str,
    genus: &'static str,
    song: fn() -> SongModel,
}

/// The usual triples, from low to high voices by turns. Every contour has two knots at least, or it could not rise.
pub(super) const KINDS: [Kind; 8] = [
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

/// A song of so many phrases, of a bird that deviates little from its species.
pub(super) fn model(syllables: Vec<Syllable>, phrases: u32) -> SongModel {
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

    use super::{MEMBERS, PLACES, benchmark_species, between, member_song, species_of};
    use crate::benchmark::singing::{FIRST_SONG_S, OVERRUN_S};
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

    #[test]
    fn between_two_members_lies_the_member_of_the_place_between() {
        let kind = &super::KINDS[7];
        let [one, other] = [0, 1].map(|member| member_song((kind.song)(), PLACES[member], 0.5));
        let half: [f64; 3] = std::array::from_fn(|way| f64::midpoint(PLACES[0][way], PLACES[1][way]));
        let (found, expected) = (between(&one, &other, 0.5), member_song((kind.song)(), half, 0.5));
        for (found, expected) in found.syllables.iter().zip(&expected.syllables) {
            let [found, expected] = [found, expected].map(|syllable| {
                let hz = syllable.contour_hz.iter().copied();
                hz.chain([syllable.duration_s, syllable.gap_s]).collect::<Vec<f64>>()
            });
            // Rounding of a few operations on numbers of up to some thousands.
            assert!(
                found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-8),
                "{found:?} {expected:?}"
            );
        }
        assert_eq!(between(&one, &other, 0.0), one);
    }

    /// At every confusability each song can be heard, in every partial that carries it, and fits where the plan puts
    /// it.
    #[test]
    fn songs_stay_below_the_ceiling_and_short() {
        let sets = (0..20).map(Some).chain([None]);
        for (seed, confusability) in sets.flat_map(|seed| [0.0, 0.5, 1.0].map(|confusability| (seed, confusability))) {
            for species in species_of(seed, confusability) {
                for (pitch, tempo) in [(1.02, 0.95), (0.98, 1.05)] {
                    let mut rng = keyed(3, Draw::Songs, 0);
                    let song = species.song.sing(&Individual { pitch, tempo }, 0.0, &mut rng).unwrap();
                    let syllables = song.notes.iter().map(|note| &note.syllable);
                    assert!(syllables.clone().all(|syllable| syllable.sounds(0)), "{}", species.code);
                    // Overtones of drawn species may lie just below the ceiling, and their edges beyond it.
                    let edges_hz = if seed.is_some() { 300.0 } else { 0.0 };
                    assert!(
                        song.band_hz().1 <= CEILING_HZ + edges_hz,
                        "{} {:?}",
                        species.code,
                        song.band_hz()
                    );
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
