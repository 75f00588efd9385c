//! Tests the counts of a few clips against those made by hand.
#![allow(clippy::unwrap_used, reason = "tests")]
use shardfmt::{FromRecording, HeardSource, LabelForm, LabelSource, PriorRow, WeakRule};

use super::*;

#[test]
fn spreads_by_hand() {
    let even = Spread::of(vec![4, 1, 3, 0]);
    assert_eq!(
        even,
        Spread {
            total: 8,
            min: 0,
            max: 4,
            mean: 2.0,
            median: 2.0
        }
    );
    assert_eq!(Spread::of(vec![5, 1, 1]).median, 1.0);
    assert_eq!(Spread::of(vec![]), Spread::default());
}

/// The same counts from rows with implied labels: of each recording, class 0 is possible and 1 ruled out.
fn implied(taxa: &Taxa, clips: &[LabelRow]) -> Stats {
    let mut prior = PriorRow {
        geo_possible: Some(vec![0]),
        geo_modelled: Some(vec![0, 1]),
        ..PriorRow::default()
    };
    let geo = GeoPrior::new(&prior, 3);
    let mut clips = clips.to_vec();
    LabelForm::Implied.apply(&mut prior, &mut clips, 3);
    let mut counter = Counter::new(taxa);
    clips.iter().for_each(|row| counter.add(row, &geo));
    counter.finish()
}

/// A clip of a recording, with the classes that are present, absent and unknown.
fn clip(asset_id: i64, split: Split, lists: [&[u32]; 3]) -> LabelRow {
    let [present, absent, unknown] = lists.map(<[u32]>::to_vec);
    LabelRow {
        asset_id,
        clip_index: 0,
        shard: 0,
        row: 0,
        start_s: 0.0,
        end_s: 3.0,
        valid_s: 1.8,
        split,
        target: None,
        fully_annotated: unknown.is_empty(),
        present,
        absent,
        unknown,
        label_source: LabelSource::Given,
        silent: false,
        rms_dbfs: None,
        boxes: Vec::new(),
        source_index: None,
        source_id: None,
        others: None,
        from_recording: Vec::new(),
    }
}

#[test]
fn counts_by_hand() {
    let taxon = |code: &str| Taxon {
        species_code: code.into(),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new(["a", "b", "c"].map(taxon).to_vec()).unwrap();
    let mut counter = Counter::new(&taxa);
    let boxed = |row: LabelRow, species_code: &str, status: BoxStatus| LabelRow {
        boxes: vec![
            ClipBox {
                species_code: species_code.into(),
                status,
                start_s: 0.0,
                end_s: 1.0,
                low_hz: None,
                high_hz: None,
                x_min: 0.0,
                x_max: 0.5,
                y_min: None,
                y_max: None,
            };
            2
        ],
        ..row
    };
    let clips = [
        boxed(clip(1, Split::Train, [&[0], &[1, 2], &[]]), "a", BoxStatus::Active),
        clip(1, Split::Train, [&[0], &[], &[1, 2]]),
        // Ignored boxes do not count, nor those whose code is not a class.
        boxed(
            clip(1, Split::Train, [&[], &[], &[0, 1, 2]]),
            "Unknown bird",
            BoxStatus::Active,
        ),
        boxed(clip(2, Split::Train, [&[], &[0, 1, 2], &[]]), "a", BoxStatus::Ignore),
        boxed(clip(3, Split::Train, [&[0, 1], &[2], &[]]), "a", BoxStatus::Passive),
        clip(4, Split::Test, [&[1], &[0, 2], &[]]),
        // What the prior of the implied rows says.
        clip(5, Split::Val, [&[], &[1], &[0, 2]]),
    ];
    let no_prior = GeoPrior::default();
    clips.iter().for_each(|row| counter.add(row, &no_prior));
    let stats = counter.finish();
    assert_eq!(implied(&taxa, &clips), stats);
    let counts = |s: &SplitStats| {
        let labels = [s.positives.total, s.negatives.total];
        (
            [
                s.assets,
                s.clips,
                s.fully_annotated,
                s.with_positive,
                s.with_label,
                s.with_box,
            ],
            labels,
        )
    };
    let found: Vec<_> = stats.splits.iter().map(|s| (s.split.as_str(), counts(s))).collect();
    let expected = [
        ("train", ([3, 5, 3, 3, 4, 2], [4, 6])),
        ("val", ([1, 1, 0, 0, 1, 0], [0, 1])),
        ("test", ([1, 1, 1, 1, 1, 0], [1, 2])),
        ("total", ([5, 7, 4, 4, 6, 2], [5, 9])),
    ];
    assert_eq!(found, expected);
    let with_positive = &stats.train_with_positive;
    assert_eq!(counts(with_positive), ([2, 3, 2, 3, 3, 2], [4, 3]));
    let (positives, negatives) = (with_positive.positives, with_positive.negatives);
    assert_eq!((positives.min, positives.max, positives.median), (1, 2, 1.0));
    assert_eq!((negatives.min, negatives.max, negatives.mean), (0, 2, 1.0));
    assert!((with_positive.hours - 3.0 * 1.8 / 3600.0).abs() < 1e-12);

    let of_class = |c: &ClassStats| [c.assets, c.present, c.absent, c.unknown, c.evaluable];
    let classes = stats.classes.iter();
    let found: Vec<_> = classes
        .map(|c| (c.species_code.as_str(), c.split.as_str(), of_class(c)))
        .collect();
    let expected = [
        ("a", "train", [2, 3, 1, 1, 2]),
        ("a", "val", [0, 0, 0, 1, 0]),
        ("a", "test", [0, 0, 1, 0, 0]),
        ("b", "train", [1, 1, 2, 2, 1]),
        ("b", "val", [0, 0, 1, 0, 0]),
        ("b", "test", [1, 1, 0, 0, 1]),
        ("c", "train", [0, 0, 3, 2, 0]),
        ("c", "val", [0, 0, 0, 1, 0]),
        ("c", "test", [0, 0, 1, 0, 0]),
    ];
    assert_eq!(found, expected);
}

/// A recording of which these classes were heard.
fn asset(asset_id: i64, split: Split, heard: Option<&[u32]>) -> AssetRow {
    AssetRow {
        asset_id,
        path: String::new(),
        source_bytes: 0,
        source_xxh3: Default::default(),
        codec: String::new(),
        native_rate_hz: 22_050,
        channels: 1,
        duration_s: 6.0,
        shard: 0,
        first_row: 0,
        clips: 2,
        split,
        target: None,
        license: None,
        source_url: None,
        heard: heard.map(<[u32]>::to_vec),
    }
}

#[test]
fn what_was_heard_is_counted_by_recording_and_weak_labels_by_clip() {
    let taxon = |code: &str| Taxon {
        species_code: code.into(),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new(["a", "b"].map(taxon).to_vec()).unwrap();
    let mut counter = Counter::new(&taxa);
    let assets = [
        (1, Split::Train, Some(&[0, 1][..])),
        (2, Split::Train, None),
        (3, Split::Val, Some(&[1][..])),
    ];
    for (asset_id, split, heard) in assets {
        counter.add_heard(&asset(asset_id, split, heard));
    }
    let weak = |classes: &[u32]| {
        let item = |class: &u32| FromRecording {
            class: *class,
            label_source: HeardSource::Weak(WeakRule::new("all", 1).unwrap()),
            score: None,
        };
        classes.iter().map(item).collect()
    };
    let rows = [
        LabelRow {
            from_recording: weak(&[0, 1]),
            ..clip(1, Split::Train, [&[], &[], &[0, 1]])
        },
        LabelRow {
            from_recording: weak(&[0]),
            ..clip(1, Split::Train, [&[1], &[], &[0]])
        },
        clip(2, Split::Train, [&[], &[], &[0, 1]]),
        clip(3, Split::Val, [&[], &[], &[0, 1]]),
    ];
    rows.iter().for_each(|row| counter.add(row, &GeoPrior::default()));
    let stats = counter.finish();
    let found: Vec<_> = stats
        .splits
        .iter()
        .map(|split| (split.with_heard, split.with_weak))
        .collect();
    assert_eq!(found, [(1, 2), (1, 0), (0, 0), (2, 2)]);
    assert_eq!(
        (
            stats.train_with_positive.with_heard,
            stats.train_with_positive.with_weak
        ),
        (1, 1)
    );
    let of_class = |class: &ClassStats| (class.heard, class.weak, class.present);
    let found: Vec<_> = stats.classes.iter().map(of_class).collect();
    assert_eq!(
        found,
        [(1, 2, 0), (0, 0, 0), (0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 0, 0)]
    );
}
