//! The asset regulariser against reference numbers, its start, its controls and its state.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use loader::{Catalogue, Labels};
use tch::{Device, Kind, Tensor};
use trainer::asset_reg::{AssetRegConfig, AssetTable, Average, Clips, Control, Init, On, Positives};
use trainer::state::snapshot;

/// The committed numbers, or another folder's of the same layout.
fn folder() -> PathBuf {
    let committed = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::env::var_os("L48_FIXTURES")
        .map_or_else(committed, PathBuf::from)
        .join("asset_reg")
}

fn read(name: &str) -> HashMap<String, Tensor> {
    Tensor::read_safetensors(folder().join(name))
        .unwrap()
        .into_iter()
        .collect()
}

fn config(alpha: f64, eps: f64) -> AssetRegConfig {
    AssetRegConfig {
        alpha,
        eps,
        ..AssetRegConfig::default()
    }
}

/// A mask under which nothing is known.
fn nothing_known(logits: &Tensor) -> Tensor {
    logits.detach().zeros_like()
}

/// Compares, entry by entry.
fn check(what: &str, got: &Tensor, expected: &Tensor, relative: f64) {
    let (got, expected) = (got.detach().to_kind(Kind::Double), expected.to_kind(Kind::Double));
    let excess = ((&got - &expected).abs() - expected.abs() * relative)
        .max()
        .double_value(&[]);
    assert!(excess <= 1e-16, "{what}: {excess:e} beyond {relative:e} of the value");
}

#[test]
fn losses_gradients_and_tables_are_the_references() {
    let parameters: serde_json::Value =
        serde_json::from_reader(std::fs::File::open(folder().join("parameters.json")).unwrap()).unwrap();
    for file in ["unique.safetensors", "duplicates.safetensors"] {
        let numbers = read(file);
        for eps in parameters["eps"].as_array().unwrap() {
            for (kind, suffix, relative) in [(Kind::Double, "f64", 1e-9), (Kind::Float, "f32", 2e-6)] {
                println!("{file} eps {eps} {suffix}");
                let config = config(parameters["alpha"].as_f64().unwrap(), eps.as_f64().unwrap());
                let field = |name: &str| &numbers[&format!("eps{eps}.{name}_{suffix}")];
                // Only one kind of table is recorded.
                let tables = &numbers[&format!("eps{eps}.table_f64")];
                steps(&numbers, &config, (kind, relative), tables, field);
            }
        }
    }
}

fn steps<'a>(
    numbers: &HashMap<String, Tensor>,
    config: &AssetRegConfig,
    (kind, relative): (Kind, f64),
    tables: &Tensor,
    field: impl Fn(&str) -> &'a Tensor,
) {
    let (assets, classes) = numbers["table0"].size2().unwrap();
    // A training clip for each asset, so that training rows are table rows.
    let asset_ids: Vec<i64> = (0..assets).collect();
    let nothing = vec![0; usize::try_from(assets * classes).unwrap()];
    let classes = usize::try_from(classes).unwrap();
    let labels = Labels::from_matrices(classes, &nothing, &nothing).unwrap();
    let clips = Clips {
        asset_ids: &asset_ids,
        labels: &labels,
    };
    let start = Vec::<f64>::try_from(numbers["table0"].to_kind(Kind::Double).flatten(0, -1)).unwrap();
    let mut table = AssetTable::with_start(&clips, config, 1, &start, (kind, Device::Cpu)).unwrap();
    for step in 0..numbers["logits"].size()[0] {
        let logits = numbers["logits"].get(step).copy().to_kind(kind).set_requires_grad(true);
        let rows: Vec<u32> = numbers["rows"]
            .get(step)
            .iter::<i64>()
            .unwrap()
            .map(|row| u32::try_from(row).unwrap())
            .collect();
        let places = table.table_rows(&rows).unwrap();
        let penalty = table.penalty(&logits, &nothing_known(&logits), &places, None).unwrap();
        penalty.backward();
        table.update(&logits, &nothing_known(&logits), &places).unwrap();
        check("loss", &penalty, &field("loss").get(step), relative);
        // Entries near their target cancel, in f32 to the rounding of 1.
        let cancelled = if kind == Kind::Float { 1e-8 } else { 0.0 };
        let off = (logits.grad().to_kind(Kind::Double) - field("grad").get(step).to_kind(Kind::Double)).abs();
        assert!(
            off.max().double_value(&[]) <= cancelled + 1e-12,
            "gradient off by {off}"
        );
        check("table", table.table(), &tables.get(step), relative);
    }
}

#[test]
fn a_table_starts_with_the_known_positives_of_all_clips() {
    let numbers = read("init/init.safetensors");
    let asset_ids = Vec::<i64>::try_from(&numbers["clip_asset_id"]).unwrap();
    let bytes = |name: &str| Vec::<u8>::try_from(numbers[name].flatten(0, -1)).unwrap();
    let (labels, mask) = (bytes("labels"), bytes("mask"));
    let classes = usize::try_from(numbers["labels"].size()[1]).unwrap();
    let labels = Labels::from_matrices(classes, &labels, &mask).unwrap();
    let clips = Clips {
        asset_ids: &asset_ids,
        labels: &labels,
    };
    let base = Vec::<f64>::try_from(numbers["base"].to_kind(Kind::Double).flatten(0, -1)).unwrap();
    let table = AssetTable::with_start(&clips, &config(0.3, 0.01), 1, &base, (Kind::Float, Device::Cpu)).unwrap();
    assert_eq!(table.asset_ids(), Vec::<i64>::try_from(&numbers["asset_ids"]).unwrap());
    assert_eq!(*table.table(), numbers["table"]);

    // What the released code makes of the same clips, starting at .5.
    let published = AssetRegConfig {
        positives: Positives::Published,
        init: Init::Value(0.5),
        ..config(0.3, 0.01)
    };
    let table = AssetTable::new(&clips, &published, 1, (Kind::Float, Device::Cpu)).unwrap();
    assert_eq!(*table.table(), numbers["published_table_from_half"]);
}

/// Four clips of the assets 9, 2, 9, 5; the first has class 0.
fn small(config: &AssetRegConfig, asset_ids: &[i64; 4], seed: u64) -> AssetTable {
    let labels = [1, 0, 0, 0, 0, 0, 0, 0];
    let labels = Labels::from_matrices(2, &labels, &labels).unwrap();
    let clips = Clips {
        asset_ids,
        labels: &labels,
    };
    AssetTable::new(&clips, config, seed, (Kind::Double, Device::Cpu)).unwrap()
}

const IDS: [i64; 4] = [9, 2, 9, 5];

#[test]
fn starts_are_keyed_by_asset() {
    let at = |table: &AssetTable, row, class| table.table().double_value(&[row, class]);
    let table = small(&config(1.0, 0.1), &IDS, 3);
    assert_eq!(table.asset_ids(), [2, 5, 9]);
    assert_eq!(at(&table, 2, 0), 1.0);
    assert!((0.4..0.6).contains(&at(&table, 0, 0)) && at(&table, 0, 0) != at(&table, 1, 0));
    let others = small(&config(1.0, 0.1), &[9, 2, 9, 3], 3);
    assert_eq!(at(&others, 0, 1), at(&table, 0, 1), "asset 2, whatever the others are");
    assert_ne!(at(&small(&config(1.0, 0.1), &IDS, 4), 0, 0), at(&table, 0, 0));
    let half = AssetRegConfig {
        init: Init::Value(0.5),
        ..config(1.0, 0.1)
    };
    assert_eq!(at(&small(&half, &IDS, 3), 0, 0), 0.5);
}

#[test]
fn controls_take_the_consistency_away() {
    let logits = Tensor::from_slice(&[2.0, -2.0]).reshape([1, 2]);
    let moved = |control| {
        let mut table = small(
            &AssetRegConfig {
                control,
                ..config(1.0, 0.1)
            },
            &IDS,
            3,
        );
        let before = table.table().copy();
        let places = table.table_rows(&[1]).unwrap();
        let penalty = table.penalty(&logits, &nothing_known(&logits), &places, None).unwrap();
        assert!(penalty.double_value(&[]) > 0.0);
        table.update(&logits, &nothing_known(&logits), &places).unwrap();
        (table.table() - before).abs().sum_dim_intlist(1, false, None)
    };
    let rows = |moved: &Tensor| Vec::<f64>::try_from(moved.ne(0.0).to_kind(Kind::Double)).unwrap();
    assert_eq!(rows(&moved(Control::None)), [1.0, 0.0, 0.0]);
    assert_eq!(rows(&moved(Control::Frozen)), [0.0, 0.0, 0.0]);
    assert_eq!(rows(&moved(Control::Constant)), [0.0, 0.0, 0.0]);
    let constant = AssetRegConfig {
        control: Control::Constant,
        init: Init::Value(0.5),
        ..config(1.0, 0.1)
    };
    let table = small(&constant, &IDS, 3);
    assert_eq!(
        *table.table(),
        Tensor::full([3, 2], 0.5, (Kind::Double, Device::Cpu)),
        "no positive"
    );

    // Ids are permuted over clips: each id keeps its number of clips, and for some seed clip 1 is not asset 2.
    let of_clip = |seed| {
        let shuffled = AssetRegConfig {
            control: Control::Shuffled,
            ..config(1.0, 0.1)
        };
        let mut table = small(&shuffled, &IDS, seed);
        let mut counts = [0; 3];
        let mut first = 0;
        for clip in 0..4 {
            let before = table.table().copy();
            let places = table.table_rows(&[clip]).unwrap();
            table.update(&logits, &nothing_known(&logits), &places).unwrap();
            let row = (table.table() - before)
                .abs()
                .sum_dim_intlist(1, false, None)
                .argmax(0, false)
                .int64_value(&[]);
            counts[usize::try_from(row).unwrap()] += 1;
            first = if clip == 1 { row } else { first };
        }
        assert_eq!(counts, [1, 1, 2]);
        first
    };
    assert!((0..10).any(|seed| of_clip(seed) != 0));
}

#[test]
fn a_saved_table_goes_on() {
    let logits = Tensor::from_slice(&[2.0, -2.0, 1.0, 0.5]).reshape([2, 2]);
    let step = |table: &mut AssetTable, rows: &[u32], sign: f64| {
        let (logits, places) = (&logits * sign, table.table_rows(rows).unwrap());
        table.update(&logits, &nothing_known(&logits), &places).unwrap();
    };
    for average in [Average::Ema, Average::EmaCorrected, Average::Others] {
        let config = AssetRegConfig {
            average,
            on: On::Unknown,
            ..config(1.0, 0.1)
        };
        let mut whole = small(&config, &IDS, 3);
        step(&mut whole, &[0, 2], 1.0);
        let saved = snapshot(&whole.state().unwrap()).unwrap();
        step(&mut whole, &[2, 3], -1.0);
        let mut resumed = small(&config, &IDS, 8);
        resumed.load_state(&saved).unwrap();
        step(&mut resumed, &[2, 3], -1.0);
        let [resumed, whole] = [&resumed, &whole].map(|table| {
            let places = table.table_rows(&[0, 1, 2, 3]).unwrap();
            table.beliefs(&places).unwrap()
        });
        assert_eq!(resumed, whole, "{average:?}");
    }
    let saved = snapshot(&small(&config(1.0, 0.1), &IDS, 3).state().unwrap()).unwrap();
    let message = small(&config(1.0, 0.1), &[9, 2, 9, 6], 3)
        .load_state(&saved)
        .unwrap_err()
        .to_string();
    assert!(message.contains("other assets"), "{message}");
}

#[test]
fn mistakes_are_named() {
    let [labels, more] = [8, 10].map(|entries| Labels::from_matrices(2, &vec![0; entries], &vec![0; entries]).unwrap());
    let clips = Clips {
        asset_ids: &IDS,
        labels: &labels,
    };
    let error = |clips: &Clips, config: &AssetRegConfig| {
        AssetTable::new(clips, config, 1, (Kind::Float, Device::Cpu))
            .err()
            .unwrap()
            .to_string()
    };
    assert!(error(&clips, &config(-1.0, 0.1)).contains("asset_reg.alpha"));
    assert!(error(&clips, &config(1.0, 1.5)).contains("asset_reg.eps"));
    let start = AssetRegConfig {
        init: Init::Value(f64::NAN),
        ..config(1.0, 0.1)
    };
    assert!(error(&clips, &start).contains("asset_reg.init"));
    let still = AssetRegConfig {
        average: Average::EmaCorrected,
        ..config(1.0, 0.0)
    };
    assert!(error(&clips, &still).contains("asset_reg.eps"));
    let by_site = AssetRegConfig {
        positives: Positives::Published,
        group: "site".parse().unwrap(),
        ..config(1.0, 0.1)
    };
    assert!(error(&clips, &by_site).contains("asset_reg.positives"));
    assert!(error(&Clips { labels: &more, ..clips }, &config(1.0, 0.1)).contains("5 rows of labels for 4 clips"));
    assert!(small(&config(1.0, 0.1), &IDS, 1).table_rows(&[4]).is_err());
}

/// Classes 0 to 2; 0 is a known positive of asset 5, in which 1 was heard; in asset 2 class 2 was.
#[test]
fn a_table_may_start_with_what_was_heard() {
    let row = |asset_id, clip_index, present: &[u32]| shardfmt::LabelRow {
        present: present.to_vec(),
        ..label_row(asset_id, clip_index)
    };
    let rows = [row(5, 0, &[0]), row(5, 1, &[]), row(2, 0, &[]), row(9, 0, &[])];
    let assets = [(5, Some(vec![1])), (2, Some(vec![2])), (9, None)].map(|(asset_id, heard)| heard_in(asset_id, heard));
    let catalogue = Catalogue::from_tables(Path::new("set"), 3, &rows, &[], &assets).unwrap();
    let found = catalogue.evaluation(shardfmt::Split::Train).unwrap();
    let asset_ids = found.asset_ids();
    let clips = Clips {
        asset_ids: &asset_ids,
        labels: &found.labels,
    };
    let start = |positives| {
        let config = AssetRegConfig {
            init: Init::Value(0.5),
            positives,
            ..config(1.0, 0.1)
        };
        let table = AssetTable::new(&clips, &config, 1, (Kind::Float, Device::Cpu)).unwrap();
        Vec::<f32>::try_from(table.table().flatten(0, -1)).unwrap()
    };
    assert_eq!(
        start(Positives::Union),
        [0.5, 0.5, 0.5, /**/ 1.0, 0.5, 0.5, /**/ 0.5, 0.5, 0.5]
    );
    assert_eq!(start(Positives::None), [0.5; 9]);
    assert_eq!(
        start(Positives::Heard),
        [0.5, 0.5, 1.0, /**/ 1.0, 1.0, 0.5, /**/ 0.5, 0.5, 0.5]
    );
}

pub(crate) fn label_row(asset_id: i64, clip_index: u32) -> shardfmt::LabelRow {
    shardfmt::LabelRow {
        asset_id,
        clip_index,
        shard: 0,
        row: 0,
        start_s: 0.0,
        end_s: 3.0,
        valid_s: 3.0,
        split: shardfmt::Split::Train,
        target: None,
        present: vec![],
        absent: vec![],
        unknown: vec![],
        fully_annotated: false,
        label_source: shardfmt::LabelSource::Incomplete,
        silent: false,
        rms_dbfs: None,
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: vec![],
    }
}

pub(crate) fn heard_in(asset_id: i64, heard: Option<Vec<u32>>) -> shardfmt::AssetRow {
    shardfmt::AssetRow {
        asset_id,
        path: String::new(),
        source_bytes: 0,
        source_xxh3: shardfmt::Xxh3(0),
        codec: String::new(),
        native_rate_hz: 0,
        channels: 1,
        duration_s: 6.0,
        shard: 0,
        first_row: 0,
        clips: 1,
        split: shardfmt::Split::Train,
        target: None,
        license: None,
        source_url: None,
        heard,
    }
}
