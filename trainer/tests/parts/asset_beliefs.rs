//! What the asset regulariser's table believes after scripted batches, against the definitions in loops, for every
//! average and with known entries in and out; and how its beliefs are measured.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use loader::Labels;
use loader::random::{Purpose, keyed};
use rand::RngExt;
use tch::{Device, Kind, Tensor};
use trainer::asset_reg::{AssetRegConfig, AssetTable, Average, Clips, Control, Init, On, Positives, quality};

const CLASSES: usize = 3;
/// Groups of the clips; the last one is alone.
const GROUPS: [i64; 6] = [4, 4, 9, 4, 9, 11];
const LABELS: [u8; 18] = [
    1, 0, 0, /**/ 0, 0, 0, /**/ 0, 1, 0, /**/ 0, 0, 0, /**/ 0, 1, 0, /**/ 0, 0, 1,
];
const MASK: [u8; 18] = [
    1, 0, 0, /**/ 0, 1, 0, /**/ 0, 1, 1, /**/ 0, 0, 0, /**/ 0, 1, 0, /**/ 1, 0, 1,
];
/// Batches of training rows; groups and clips stand twice in some.
const BATCHES: [&[u32]; 5] = [&[0, 2], &[1, 0, 5], &[3, 1, 0, 4], &[2, 2, 4], &[0, 1, 2, 3, 4, 5]];
const EPS: f64 = 0.2;
const ALPHA: f64 = 0.7;
const INIT: f64 = 0.3;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Probabilities that counted, one after another, each with its clip.
#[derive(Default)]
struct History(Vec<(u32, usize, f64)>);

impl History {
    /// The belief about class `class` of clip `clip`, from its definition.
    fn belief(&self, average: Average, clip: u32, class: usize) -> f64 {
        let group = |clip: u32| GROUPS[clip as usize];
        let is_positive = |other: usize| GROUPS[other] == group(clip) && LABELS[other * CLASSES + class] == 1;
        let start = if (0..GROUPS.len()).any(is_positive) { 1.0 } else { INIT };
        let of_group = self
            .0
            .iter()
            .filter(|(other, c, _)| group(*other) == group(clip) && *c == class);
        let of_group: Vec<(u32, f64)> = of_group.map(|(other, _, p)| (*other, *p)).collect();
        let weights = (0..of_group.len()).rev().map(|age| EPS * (1.0 - EPS).powi(age as i32));
        let weights: Vec<f64> = weights.collect();
        let sum: f64 = of_group.iter().zip(&weights).map(|((_, p), weight)| p * weight).sum();
        let total: f64 = weights.iter().sum();
        match average {
            Average::Ema => (1.0 - total) * start + sum,
            Average::EmaCorrected if of_group.is_empty() => start,
            Average::EmaCorrected => sum / total,
            Average::Others => {
                let latest = |other: u32| of_group.iter().rev().find(|(clip, _)| *clip == other).map(|(_, p)| *p);
                let others: Vec<f64> = (0..6).filter(|other| *other != clip).filter_map(latest).collect();
                if others.is_empty() {
                    start
                } else {
                    others.iter().sum::<f64>() / others.len() as f64
                }
            }
        }
    }
}

fn new(config: &AssetRegConfig) -> AssetTable {
    let labels = Labels::from_matrices(CLASSES, &LABELS, &MASK).unwrap();
    let clips = Clips {
        asset_ids: &GROUPS,
        labels: &labels,
    };
    AssetTable::new(&clips, config, 1, (Kind::Double, Device::Cpu)).unwrap()
}

fn matrix(values: &[f64]) -> Tensor {
    Tensor::from_slice(values).reshape([-1, CLASSES as i64])
}

#[test]
fn beliefs_and_penalties_are_what_their_definitions_say() {
    for average in [Average::Ema, Average::EmaCorrected, Average::Others] {
        for on in [On::All, On::Unknown] {
            println!("{average:?} {on:?}");
            let config = AssetRegConfig {
                alpha: ALPHA,
                eps: EPS,
                init: Init::Value(INIT),
                on,
                average,
                ..AssetRegConfig::default()
            };
            let mut table = new(&config);
            let mut history = History::default();
            let mut random = keyed(5, Purpose::Augment, &[]);
            for batch in BATCHES {
                let x: Vec<f64> = batch
                    .iter()
                    .flat_map(|_| [(); CLASSES])
                    .map(|()| random.random_range(-3.0..3.0))
                    .collect();
                let known = batch
                    .iter()
                    .flat_map(|clip| &MASK[*clip as usize * CLASSES..][..CLASSES]);
                let known: Vec<f64> = known.map(|&known| f64::from(known)).collect();
                let places = table.table_rows(batch).unwrap();
                let beliefs = table.beliefs(&places).unwrap();
                let penalty = table.penalty(&matrix(&x), &matrix(&known), &places, None).unwrap();
                table.update(&matrix(&x), &matrix(&known), &places).unwrap();
                let mut expected = 0.0;
                let mut counted = Vec::new();
                for (place, (x, known)) in x.iter().zip(&known).enumerate() {
                    let (clip, class) = (batch[place / CLASSES], place % CLASSES);
                    let belief = history.belief(average, clip, class);
                    let ours = beliefs.double_value(&[(place / CLASSES) as i64, class as i64]);
                    assert!(
                        (ours - belief).abs() < 1e-12,
                        "{batch:?} clip {clip} class {class}: {ours} for {belief}"
                    );
                    if on == On::All || *known == 0.0 {
                        expected -= belief * sigmoid(*x).ln() + (1.0 - belief) * (1.0 - sigmoid(*x)).ln();
                        counted.push((clip, class, sigmoid(*x)));
                    }
                }
                expected *= ALPHA / x.len() as f64;
                let ours = penalty.double_value(&[]);
                assert!((ours - expected).abs() < 1e-12, "{batch:?}: {ours} for {expected}");
                history.0.extend(counted);
            }
        }
    }
}

#[test]
fn known_entries_are_left_alone_under_every_control() {
    for control in [Control::None, Control::Frozen, Control::Shuffled, Control::Constant] {
        let config = AssetRegConfig {
            on: On::Unknown,
            control,
            positives: Positives::None,
            init: Init::Value(INIT),
            eps: EPS,
            ..AssetRegConfig::default()
        };
        let mut table = new(&config);
        let (logits, known) = (matrix(&[2.0; 6]), matrix(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]));
        let places = table.table_rows(&[0, 2]).unwrap();
        let penalty = table.penalty(&logits, &known, &places, None).unwrap().double_value(&[]);
        let expected = 0.1 / 6.0 * (2.0_f64.exp().ln_1p() - 2.0 * INIT);
        assert!((penalty - expected).abs() < 1e-12, "{control:?}");
        table.update(&logits, &known, &places).unwrap();
        let moved = table
            .table()
            .ne(INIT)
            .to_kind(Kind::Int64)
            .sum_dim_intlist(0, false, Kind::Int64);
        let moves = i64::from(matches!(control, Control::None | Control::Shuffled));
        assert_eq!(Vec::<i64>::try_from(moved).unwrap(), [0, 0, moves], "{control:?}");
    }
}

#[test]
fn settings_that_came_later_are_written_only_where_they_are_set() {
    let written = |text: &str| toml::to_string(&toml::from_str::<AssetRegConfig>(text).unwrap()).unwrap();
    let before = "alpha = 0.1\neps = 0.001\ninit = \"uniform\"\ncontrol = \"none\"\n";
    assert_eq!(written(""), before);
    assert_eq!(
        written("positives = \"clips\""),
        before,
        "what the union was once called"
    );
    let set = "positives = \"published\"\non = \"unknown\"\naverage = \"ema-corrected\"\n";
    assert_eq!(written(set), format!("{before}{set}"));
    assert_eq!(written("group = \"site\""), format!("{before}group = \"site\"\n"));
    let unknown = toml::from_str::<AssetRegConfig>("group = \"sites\"")
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("checklist, site"), "{unknown}");
}

/// Beliefs are .9, .8 and .7 in class 0 of the groups 4, 9 and 11, and the other way round in class 1.
#[test]
fn beliefs_are_measured_on_what_is_hidden() {
    let labels = Labels::from_matrices(CLASSES, &LABELS, &MASK).unwrap();
    let clips = Clips {
        asset_ids: &GROUPS,
        labels: &labels,
    };
    let config = AssetRegConfig {
        positives: Positives::None,
        ..AssetRegConfig::default()
    };
    let start = [0.9, 0.7, 0.5, /**/ 0.8, 0.8, 0.5, /**/ 0.7, 0.9, 0.5];
    let table = AssetTable::with_start(&clips, &config, 1, &start, (Kind::Float, Device::Cpu)).unwrap();
    // Class 0 is present in clips 1 and 2, class 1 in 0 and 4, class 2 nowhere it is hidden; of clip 3 nothing is
    // known.
    let truth = [
        1, 1, 0, /**/ 1, 0, 0, /**/ 1, 1, 0, /**/ 0, 0, 0, /**/ 0, 1, 0, /**/ 0, 0, 1,
    ];
    let known: Vec<u8> = (0..18).map(|entry| u8::from(entry / 3 != 3)).collect();
    let whole = Labels::from_matrices(CLASSES, &truth, &known).unwrap();
    let found = quality(&table, &labels, &whole).unwrap().unwrap();
    // Hidden: class 0 in clips 1 (.9, present), 2 (.8, present), 4 (.8, absent); class 1 in 0 (.7, present), 5 (.9,
    // absent); class 2 in 0, 1 and 4 (.5, absent).
    assert_eq!(found.entries, 8);
    assert_eq!(found.auc, Some((0.75 + 0.0) / 2.0));
    assert_eq!(found.prevalence, 3.0 / 8.0);
    // One place for two beliefs of .9, of which one is right.
    assert_eq!(found.precision, 0.5);
    assert_eq!(quality(&table, &whole, &whole).unwrap(), None, "nothing is hidden");
}
