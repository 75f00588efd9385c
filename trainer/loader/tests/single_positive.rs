//! Single positives that are drawn in place of the recordings' targets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use loader::{Catalogue, Filters, FullUnknown, Labels, Mode, Rows};
use shardfmt::{LabelRow, LabelSource, PriorRow, Split};

const CLASSES: usize = 6;
const CLIPS: u32 = 600;

/// Clips of two recordings, all labels known: in even clips the classes 1, 3 and 4 are present, in odd ones none.
/// Class 0 is the target, and never present.
fn catalogue() -> Catalogue {
    let row = |asset_id, clip_index: u32| {
        let present: &[u32] = if clip_index.is_multiple_of(2) { &[1, 3, 4] } else { &[] };
        LabelRow {
            asset_id,
            clip_index,
            shard: 0,
            row: 0,
            start_s: 0.0,
            end_s: 3.0,
            valid_s: 3.0,
            split: Split::Train,
            target: Some(0),
            present: present.to_vec(),
            absent: (0..6).filter(|class| !present.contains(class)).collect(),
            unknown: vec![],
            fully_annotated: true,
            label_source: LabelSource::Given,
            silent: false,
            rms_dbfs: None,
            boxes: vec![],
            source_index: None,
            source_id: None,
            others: None,
            from_recording: Vec::new(),
        }
    };
    let rows: Vec<_> = (0..2 * CLIPS)
        .map(|number| row(i64::from(number / CLIPS), number % CLIPS))
        .collect();
    let prior = |asset_id| PriorRow {
        asset_id,
        geo_possible: Some(vec![0, 1, 3, 4, 5]),
        ..PriorRow::default()
    };
    Catalogue::from_rows(Path::new("set"), CLASSES, &rows, &[prior(0), prior(1)]).unwrap()
}

fn labels(catalogue: &Catalogue, mode: Mode) -> Labels {
    let of_all = Filters::default();
    let training = catalogue.training(mode, Rows::Own, FullUnknown::AssumeNegative, &of_all);
    training.unwrap().labels
}

/// The single positive of each row of mode `target`, which has to be all that is known of it.
fn singles(catalogue: &Catalogue) -> Vec<u32> {
    let labels = labels(catalogue, Mode::Target);
    let [labels_of_all, masks] = labels.matrices();
    assert_eq!(labels_of_all, masks, "nothing else is known");
    let of_row = |row| match labels.positives(row)[..] {
        [single] => single,
        ref more => panic!("{more:?}"),
    };
    (0..labels.rows()).map(of_row).collect()
}

#[test]
fn one_of_a_clips_positives_is_drawn_each_equally_likely() {
    let whole = catalogue();
    let drawn = singles(&whole.with_uniform_positives(48));
    // A clip without a positive has none to draw.
    assert_eq!(drawn.len(), CLIPS as usize);
    for class in [1, 3, 4] {
        let count = drawn.iter().filter(|single| **single == class).count() as f64;
        // Five standard deviations.
        assert!(
            (count - 200.0).abs() < 5.0 * (600.0 * 2.0 / 9.0_f64).sqrt(),
            "{class}: {count}"
        );
    }
    // Recordings do not share numbers.
    assert_ne!(drawn[..300], drawn[300..]);
}

#[test]
fn seeds_decide_what_is_drawn() {
    let whole = catalogue();
    let drawn = |seed| singles(&whole.with_uniform_positives(seed));
    assert_eq!(drawn(48), drawn(48));
    assert_ne!(drawn(48), drawn(49));
    // Without, the target counts, which is never there.
    let none = whole.training(
        Mode::Target,
        Rows::Own,
        FullUnknown::AssumeNegative,
        &Filters::default(),
    );
    assert!(none.is_err());
}

#[test]
fn priors_and_full_labels_stay_what_they_are() {
    let (whole, drawn) = (catalogue(), catalogue().with_uniform_positives(48));
    let full = |catalogue| labels(catalogue, Mode::Full).matrices();
    assert_eq!(full(&whole), full(&drawn));
    // The prior rules out class 2.
    let geo = labels(&drawn, Mode::Geo);
    let [positives, mask] = geo.matrices();
    let even = singles(&drawn);
    let rows = positives.chunks_exact(CLASSES).zip(mask.chunks_exact(CLASSES));
    assert_eq!(rows.len(), 2 * CLIPS as usize);
    let mut singles = even.into_iter();
    for (row, (positives, mask)) in rows.enumerate() {
        let single = row.is_multiple_of(2).then(|| singles.next().unwrap() as usize);
        for class in 0..CLASSES {
            let is_single = single == Some(class);
            assert_eq!(
                (positives[class], mask[class]),
                (is_single.into(), (is_single || class == 2).into())
            );
        }
    }
    // What was hidden is still known to those who ask.
    assert_eq!(
        labels(&drawn, Mode::Target).everything().positive_count(),
        3 * u64::from(CLIPS)
    );
}
