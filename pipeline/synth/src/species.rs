//! Defines the demo's birds: invented species, each with a song model.
//!
//! Four pairs are confusable by design: Fen Owl and Ash Dove (pitch, rhythm), Larch and Mire Thrush
//! (a final trill), Wharf and Heath Bunting (falling or rising), Stone and Pale Finch (tempo).

use super::song::{SongModel, Syllable};

/// A class of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Species {
    /// Code in the tables, in the style of eBird's.
    pub code: String,
    /// Invented English name.
    pub common_name: String,
    /// Invented binomial.
    pub scientific_name: String,
    /// How common it is in the background, against 1 for the average species.
    pub abundance: f64,
    /// What it sings.
    pub song: SongModel,
}

/// The demo's species; their order is the class order.
pub fn demo_species() -> Vec<Species> {
    let table = [
        ("fenowl1", "Fen Owl", "Strigops palustris", 0.9, fen_owl()),
        ("ashdov1", "Ash Dove", "Palumbula cinerea", 1.1, ash_dove()),
        (
            "pebnig1",
            "Pebble Nightjar",
            "Nyctiphona lapidum",
            0.8,
            pebble_nightjar(),
        ),
        ("rivcra1", "River Crake", "Crexula fluviatilis", 0.9, river_crake()),
        ("moojay1", "Moor Jay", "Garrulella ericeti", 1.0, moor_jay()),
        ("larthr1", "Larch Thrush", "Turdiola laricis", 1.2, larch_thrush()),
        ("mirthr1", "Mire Thrush", "Turdiola limosa", 1.0, mire_thrush()),
        ("gorwre1", "Gorse Wren", "Troglonympha ulicis", 1.2, gorse_wren()),
        ("whabun1", "Wharf Bunting", "Emberizula portus", 1.0, bunting(true)),
        ("heabun1", "Heath Bunting", "Emberizula montivaga", 1.0, bunting(false)),
        ("stofin1", "Stone Finch", "Frigillula saxorum", 1.1, stone_finch()),
        ("palfin1", "Pale Finch", "Frigillula pallens", 0.9, pale_finch()),
        ("sedbuz1", "Sedge Buzzer", "Caricicola stridens", 0.9, sedge_buzzer()),
        ("goltit1", "Gold Tit", "Parellus aurifrons", 1.0, gold_tit()),
    ];
    table
        .into_iter()
        .map(|(code, common_name, scientific_name, abundance, song)| Species {
            code: code.to_owned(),
            common_name: common_name.to_owned(),
            scientific_name: scientific_name.to_owned(),
            abundance,
            song,
        })
        .collect()
}

/// Birds that no annotator named; they are not classes.
pub fn unknown_birds() -> Vec<SongModel> {
    let seep = Syllable::tone(0.35, &[6200.0, 6900.0, 6400.0]).vibrato(18.0, 120.0);
    let tock = Syllable::tone(0.07, &[1500.0, 1150.0])
        .partials(&[1.0, 0.5, 0.3])
        .gap(0.16);
    vec![
        model(vec![seep], (1, 1), (2.0, 5.0)),
        model(vec![tock], (3, 6), (2.0, 4.0)),
    ]
}

/// A model of middling variation, its syllables in order.
fn model(syllables: Vec<Syllable>, phrases: (u32, u32), pause_s: (f64, f64)) -> SongModel {
    SongModel {
        syllables,
        shuffled: false,
        phrases,
        pause_s,
        pitch_spread: 0.06,
        tempo_spread: 0.1,
    }
}

/// Three hoots, the last one long.
fn fen_owl() -> SongModel {
    let hoot = |duration_s, contour: &[f64]| Syllable::tone(duration_s, contour).partials(&[1.0, 0.15, 0.04]);
    let phrase = vec![
        hoot(0.26, &[418.0, 436.0, 424.0]).gap(0.34),
        hoot(0.24, &[424.0, 438.0, 426.0]).gap(0.2),
        hoot(0.72, &[432.0, 446.0, 438.0, 408.0]),
    ];
    model(phrase, (1, 1), (1.2, 2.6))
}

/// Two slurred coos, repeated; just above the owl.
fn ash_dove() -> SongModel {
    let coo = |duration_s, contour: &[f64]| Syllable::tone(duration_s, contour).partials(&[1.0, 0.22, 0.08]);
    let phrase = vec![
        coo(0.28, &[515.0, 580.0, 560.0]).gap(0.12),
        coo(0.5, &[590.0, 640.0, 570.0, 530.0]).gap(0.3),
    ];
    model(phrase, (2, 3), (0.9, 2.2))
}

/// A long churr in two gears.
fn pebble_nightjar() -> SongModel {
    let churr = |duration_s, hz, rate_hz| {
        Syllable::tone(duration_s, &[hz])
            .partials(&[1.0, 0.45, 0.2])
            .tremolo(rate_hz, 0.92)
    };
    model(
        vec![churr(1.6, 1320.0, 34.0), churr(0.9, 1080.0, 27.0)],
        (1, 1),
        (0.8, 2.0),
    )
}

/// Paired harsh notes: a stack of partials strongest at the third.
fn river_crake() -> SongModel {
    let rasp = |duration_s| {
        Syllable::tone(duration_s, &[640.0, 780.0, 690.0])
            .partials(&[0.4, 0.8, 1.0, 0.85, 0.5, 0.3, 0.15])
            .rough(60.0)
    };
    model(vec![rasp(0.14).gap(0.1), rasp(0.2).gap(0.4)], (2, 4), (0.8, 2.0))
}

/// Two or three noisy screams.
fn moor_jay() -> SongModel {
    let scream = Syllable::tone(0.46, &[1850.0, 2250.0, 1950.0])
        .partials(&[1.0, 0.55, 0.2])
        .rough(520.0)
        .tremolo(48.0, 0.35)
        .gap(0.17);
    model(vec![scream], (2, 3), (1.2, 2.8))
}

/// Four fluted notes.
fn larch_thrush() -> SongModel {
    let flute = |duration_s, contour: &[f64]| Syllable::tone(duration_s, contour).partials(&[1.0, 0.03]);
    let phrase = vec![
        flute(0.24, &[2020.0, 2050.0]).gap(0.06),
        flute(0.2, &[2640.0, 2500.0]).gap(0.05),
        flute(0.3, &[2250.0, 2920.0, 2740.0]).gap(0.08),
        flute(0.36, &[1900.0, 1850.0, 1790.0]),
    ];
    model(phrase, (1, 1), (1.0, 2.2))
}

/// Three fluted notes, a little higher, and a rattle.
fn mire_thrush() -> SongModel {
    let flute = |duration_s, contour: &[f64]| Syllable::tone(duration_s, contour).partials(&[1.0, 0.03]);
    let mut phrase = vec![
        flute(0.2, &[2300.0, 2260.0]).gap(0.05),
        flute(0.24, &[2900.0, 2760.0]).gap(0.05),
        flute(0.22, &[2480.0, 3180.0]).gap(0.07),
    ];
    phrase.extend((0..6).map(|_| flute(0.05, &[3350.0, 2850.0]).gap(0.028)));
    model(phrase, (1, 1), (1.0, 2.2))
}

/// A hurried warble of sweeps, in a new order each time.
fn gorse_wren() -> SongModel {
    let sweeps: [&[f64]; 8] = [
        &[3000.0, 5200.0],
        &[6900.0, 4100.0],
        &[4500.0, 6300.0, 4700.0],
        &[3600.0, 3700.0],
        &[7200.0, 5600.0, 6600.0],
        &[2900.0, 4300.0, 3300.0],
        &[5400.0, 3200.0],
        &[6100.0, 6200.0],
    ];
    let syllables = sweeps
        .iter()
        .enumerate()
        .map(|(index, contour)| Syllable::tone(0.045 + 0.012 * (index % 4) as f64, contour).gap(0.022))
        .collect();
    SongModel {
        shuffled: true,
        ..model(syllables, (2, 4), (0.9, 2.2))
    }
}

/// A chip and one long whistle: falling in the Wharf Bunting, rising in the Heath Bunting.
fn bunting(falling: bool) -> SongModel {
    let chip = Syllable::tone(0.06, &[4350.0, 4700.0]).gap(0.11);
    let whistle: &[f64] = if falling {
        &[4750.0, 4450.0, 3700.0]
    } else {
        &[3650.0, 4250.0, 4700.0]
    };
    model(vec![chip, Syllable::tone(0.85, whistle)], (1, 1), (1.0, 2.2))
}

/// A fast dry trill.
fn stone_finch() -> SongModel {
    let chip = Syllable::tone(0.042, &[4750.0, 3900.0]).gap(0.026);
    model(vec![chip], (14, 24), (0.9, 2.2))
}

/// A slower, slightly higher trill.
fn pale_finch() -> SongModel {
    let chip = Syllable::tone(0.058, &[5150.0, 4250.0]).gap(0.056);
    model(vec![chip], (9, 16), (0.9, 2.2))
}

/// Two insect-like buzzes, the second short and high.
fn sedge_buzzer() -> SongModel {
    let buzz = |duration_s, contour: &[f64]| {
        Syllable::tone(duration_s, contour)
            .tremolo(88.0, 0.95)
            .vibrato(88.0, 260.0)
            .rough(120.0)
    };
    let phrase = vec![
        buzz(0.8, &[5200.0, 5700.0, 6000.0]).gap(0.12),
        buzz(0.32, &[6900.0, 7100.0]),
    ];
    model(phrase, (1, 1), (1.0, 2.2))
}

/// Thin high couplets.
fn gold_tit() -> SongModel {
    let phrase = vec![
        Syllable::tone(0.12, &[8150.0, 7750.0]).gap(0.05),
        Syllable::tone(0.1, &[8900.0, 8600.0]).gap(0.09),
    ];
    model(phrase, (3, 6), (0.9, 2.2))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::demo_species;

    #[test]
    fn codes_and_songs_are_distinct() {
        let species = demo_species();
        let codes: HashSet<_> = species.iter().map(|species| &species.code).collect();
        assert_eq!(codes.len(), 14);
        for (index, one) in species.iter().enumerate() {
            assert!(species[index + 1..].iter().all(|other| other.song != one.song));
        }
    }
}
