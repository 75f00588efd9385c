//! Draws kinds of song other than the benchmark's usual ones, to train a network on before it meets those.

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::species::{KINDS, Triple, model};
use crate::seeding::{Draw, keyed};
use crate::song::Syllable;

/// Range of the kinds' pitch, divided among them evenly in the logarithm: with the movement within a note and the
/// distance of the highest member, 1.42, it stays below the ceiling.
const LOWEST_HZ: f64 = 650.0;
const OCTAVES: f64 = 3.0;

/// Largest factor of a note's movement around its pitch.
const MOVEMENT: f64 = 1.25;

/// Length of a song before members and individuals differ in tempo: so long that a song never counts in a clip that it
/// overran into, and so short that it always fits into its own (`singing`).
const SONG_S: (f64, f64) = (0.72, 1.1);

/// What a kind's notes are.
#[derive(Clone, Copy)]
enum Manner {
    Notes,
    Trill,
    Buzz,
    Stack,
    Whistle,
}

/// As many kinds as there are usual ones, of other names and songs, from low to high voices in random order.
pub(super) fn other_kinds(seed: u64) -> Vec<Triple> {
    use Manner::{Buzz, Notes, Stack, Trill, Whistle};
    let mut rng = keyed(seed, Draw::Species, 0);
    let mut manners = [Notes, Notes, Trill, Trill, Buzz, Stack, Whistle, Whistle];
    manners.shuffle(&mut rng);
    let mut steps: Vec<usize> = (0..KINDS.len()).collect();
    steps.shuffle(&mut rng);
    let mut triples: Vec<Triple> = Vec::new();
    for (step, manner) in steps.into_iter().zip(manners) {
        let step = (step as f64 + rng.random_range(0.0..1.0)) / KINDS.len() as f64;
        let syllables = syllables(manner, LOWEST_HZ * (OCTAVES * step).exp2(), &mut rng);
        let phrases = match manner {
            Notes | Buzz => 1,
            Stack | Whistle => rng.random_range(2..=3),
            Trill => rng.random_range(5..=9),
        };
        let (name, code) = loop {
            let name = name(&mut rng);
            let code = name.get(..3).unwrap_or_default().to_lowercase();
            let is_taken = KINDS.iter().any(|kind| kind.code == code) || triples.iter().any(|other| other.code == code);
            if !is_taken {
                break (name, code);
            }
        };
        let length_s = rng.random_range(SONG_S.0..SONG_S.1);
        triples.push(Triple {
            genus: format!("{name}ornis"),
            name,
            code,
            song: model(of_length(syllables, phrases, length_s), phrases),
        });
    }
    triples
}

/// The phrase of a kind around `pitch_hz`; its length is set later.
fn syllables(manner: Manner, pitch_hz: f64, rng: &mut ChaCha8Rng) -> Vec<Syllable> {
    let mut tone = |duration_s: f64, knots: usize| {
        let knot = |_| pitch_hz * (rng.random_range(-1.0..1.0) * MOVEMENT.ln()).exp();
        let contour: Vec<f64> = (0..knots).map(knot).collect();
        Syllable::tone(duration_s, &contour)
    };
    match manner {
        Manner::Notes => (0..2).map(|_| tone(0.3, 3).partials(&[1.0, 0.08]).gap(0.07)).collect(),
        Manner::Trill => vec![tone(0.07, 2).gap(0.06)],
        Manner::Buzz => {
            let buzz = tone(0.8, 2);
            vec![
                buzz.tremolo(rng.random_range(40.0..90.0), 0.9)
                    .rough(rng.random_range(100.0..250.0)),
            ]
        }
        Manner::Stack => {
            let rasp = tone(0.2, 3).partials(&[0.5, 0.9, 1.0, 0.6, 0.3]);
            vec![rasp.rough(rng.random_range(40.0..80.0)).gap(0.12)]
        }
        Manner::Whistle => {
            let whistle = tone(0.3, 2);
            vec![
                whistle
                    .vibrato(rng.random_range(10.0..25.0), rng.random_range(40.0..100.0))
                    .gap(0.1),
            ]
        }
    }
}

/// The phrase, stretched so that a song of so many lasts `length_s` without the gap behind it.
fn of_length(mut phrase: Vec<Syllable>, phrases: u32, length_s: f64) -> Vec<Syllable> {
    let one: f64 = phrase.iter().map(|syllable| syllable.duration_s + syllable.gap_s).sum();
    let behind = phrase.last().map_or(0.0, |syllable| syllable.gap_s);
    let factor = length_s / (f64::from(phrases) * one - behind);
    for syllable in &mut phrase {
        syllable.duration_s *= factor;
        syllable.gap_s *= factor;
    }
    phrase
}

/// A word of two syllables.
fn name(rng: &mut ChaCha8Rng) -> String {
    let mut part = |parts: &[&str]| parts.choose(rng).copied().unwrap_or_default().to_owned();
    let heads = ["B", "D", "F", "G", "K", "L", "M", "N", "P", "R", "S", "T", "V", "Z"];
    let vowels = ["a", "e", "i", "o", "u"];
    let middles = ["b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v"];
    [
        part(&heads),
        part(&vowels),
        part(&middles),
        part(&vowels),
        part(&["l", "n", "r", "s"]),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::species::{benchmark_species, species_of};

    #[test]
    fn a_seed_draws_its_own_species_and_none_of_the_usual() {
        let usual = benchmark_species(0.3);
        let codes = |seed| -> HashSet<String> {
            let species = species_of(Some(seed), 0.3);
            assert!(
                usual
                    .iter()
                    .all(|one| species.iter().all(|other| one.song != other.song))
            );
            species.into_iter().map(|species| species.code).collect()
        };
        for seed in 0..20 {
            let codes = codes(seed);
            assert_eq!(codes.len(), 24);
            assert!(usual.iter().all(|species| !codes.contains(&species.code)), "{codes:?}");
        }
        assert_eq!(species_of(Some(7), 0.3), species_of(Some(7), 0.3));
        assert_ne!(species_of(Some(7), 0.3), species_of(Some(8), 0.3));
        assert_eq!(species_of(None, 0.3), usual);
    }
}
