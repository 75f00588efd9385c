//! Short lists say what matrices said: labels, masks, kept rows, counts and controls, in every mode and form.
#![allow(clippy::unwrap_used, reason = "tests")]

mod dense;

use std::path::Path;

use dense::Matrices;
use loader::random::{Purpose, keyed, shuffle_forward};
use loader::{Catalogue, Filters, Mode, Rows, Supervision};
use proptest::prelude::*;
use shardfmt::{GeoPrior, LabelForm, LabelRow, LabelSource, Others, PriorRow, Split};

const CLASSES: u32 = 9;

fn matrices(supervision: &Supervision) -> Matrices {
    let [labels, mask] = supervision.labels.matrices();
    Matrices {
        clips: supervision
            .clips
            .iter()
            .map(|clip| (clip.asset_id, clip.clip_index))
            .collect(),
        labels,
        mask,
        report: supervision.report.clone(),
    }
}

fn reordered(matrix: &[u8], order: &[usize]) -> Vec<u8> {
    let rows: Vec<&[u8]> = matrix.chunks_exact(CLASSES as usize).collect();
    order.iter().flat_map(|&row| rows[row]).copied().collect()
}

/// What is said of a clip: a number for each class, 0 for present, 1 absent, 2 unknown, 3 not listed.
type Said = (Vec<u8>, Option<u32>, bool);

fn row(asset: usize, clip_index: u32, (said, target, silent): Said, split: Split) -> LabelRow {
    let list = |number| (0..CLASSES).filter(|class| said[*class as usize] == number).collect();
    LabelRow {
        asset_id: asset as i64 * 7 - 3,
        clip_index,
        shard: 0,
        row: 0,
        start_s: 0.0,
        end_s: 3.0,
        valid_s: 3.0,
        split,
        target,
        present: list(0),
        absent: list(1),
        unknown: list(2),
        fully_annotated: false,
        label_source: LabelSource::Given,
        silent,
        rms_dbfs: None,
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: Vec::new(),
    }
}

fn any_said() -> impl Strategy<Value = Said> {
    let of = |numbers: &'static [u8]| prop::collection::vec(prop::sample::select(numbers), CLASSES as usize);
    let said = prop_oneof![of(&[0, 1, 2, 3]), of(&[0, 1, 1, 1, 1]), of(&[0, 3, 3, 3, 3, 3, 2])];
    (said, prop::option::of(0..CLASSES), prop::bool::weighted(0.2))
}

fn any_classes() -> impl Strategy<Value = Option<Vec<u32>>> {
    let some = prop::sample::subsequence((0..CLASSES).collect::<Vec<u32>>(), 0..=CLASSES as usize);
    prop::option::weighted(0.7, some.prop_shuffle())
}

/// A recording: its clips, and its priors, if it has any.
type Recording = (Vec<Said>, Split, Option<PriorRow>);

fn any_recording() -> impl Strategy<Value = Recording> {
    let split = prop::sample::select(vec![Split::Train, Split::Train, Split::Train, Split::Val]);
    let prior = (any_classes(), any_classes(), any_classes(), any::<Option<bool>>());
    let prior = prior.prop_map(
        |(geo_possible, geo_modelled, checklist_observed, checklist_complete)| PriorRow {
            geo_possible,
            geo_modelled,
            checklist_observed,
            checklist_complete,
            ..PriorRow::default()
        },
    );
    (
        prop::collection::vec(any_said(), 1..4),
        split,
        prop::option::weighted(0.8, prior),
    )
}

/// The rows of the tables, in one of the two forms.
fn tables(recordings: Vec<Recording>, form: LabelForm) -> (Vec<LabelRow>, Vec<PriorRow>) {
    let (mut labels, mut priors) = (Vec::new(), Vec::new());
    for (asset, (said, split, prior)) in recordings.into_iter().enumerate() {
        let prior = prior.map(|prior| PriorRow {
            asset_id: asset as i64 * 7 - 3,
            ..prior
        });
        let geo = prior
            .as_ref()
            .map_or_else(GeoPrior::default, |prior| GeoPrior::new(prior, CLASSES));
        for (said, clip_index) in said.into_iter().zip(0..) {
            let mut row = row(asset, clip_index, said, split);
            form.apply_to(&mut row, &geo, CLASSES);
            labels.push(row);
        }
        priors.extend(prior);
    }
    (labels, priors)
}

fn any_filters() -> impl Strategy<Value = Filters> {
    any::<[bool; 3]>().prop_map(|[remove_unannotated, remove_empty, keep_silent]| Filters {
        remove_unannotated,
        remove_empty,
        keep_silent,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_mode_shows_what_matrices_showed(
        recordings in prop::collection::vec(any_recording(), 1..8),
        form in prop::sample::select(vec![LabelForm::Listed, LabelForm::Implied]),
        rows in prop::sample::select(vec![Rows::Own, Rows::Common]),
        filters in any_filters(),
        seed: u64,
    ) {
        let (labels, priors) = tables(recordings, form);
        let catalogue = Catalogue::from_rows(Path::new("set"), CLASSES as usize, &labels, &priors).unwrap();
        for mode in Mode::ALL {
            for split in [Split::Train, Split::Val] {
                let expected = dense::select(CLASSES, &labels, &priors, (split, mode, rows), &filters);
                // A mode without its priors and a selection without rows are refused, which other tests are about.
                let Ok(mut found) = catalogue.select(split, mode, rows, &filters) else {
                    continue;
                };
                prop_assert_eq!(&matrices(&found), &expected, "{} {}", mode, split);
                for row in 0..found.rows() {
                    let ones = |matrix: &[u8]| {
                        let entries = (0..).zip(&matrix[row * CLASSES as usize..][..CLASSES as usize]);
                        entries.filter(|(_, entry)| **entry == 1).map(|(class, _)| class).collect::<Vec<u32>>()
                    };
                    prop_assert_eq!(found.labels.positives(row), ones(&expected.labels));
                    prop_assert_eq!(found.labels.is_whole(row), ones(&expected.mask).len() == CLASSES as usize);
                }
                prop_assert_eq!(found.labels.positive_count(), expected.report.known_positives);
                let whole: Vec<usize> = (0..found.rows()).filter(|&row| found.labels.is_whole(row)).collect();
                let known = matrices(&found.fully_known());
                prop_assert_eq!(known.labels, reordered(&expected.labels, &whole));
                prop_assert_eq!(known.mask, reordered(&expected.mask, &whole));
                let mut order: Vec<usize> = (0..found.rows()).collect();
                shuffle_forward(&mut keyed(seed, Purpose::LabelShuffle, &[]), &mut order);
                found.permute_labels(seed);
                let permuted = matrices(&found);
                prop_assert_eq!(permuted.labels, reordered(&expected.labels, &order));
                prop_assert_eq!(permuted.mask, reordered(&expected.mask, &order));
                prop_assert_eq!(permuted.clips, expected.clips);
            }
            let expected: Vec<(i64, bool)> = {
                let all = Filters { remove_unannotated: false, remove_empty: false, keep_silent: true };
                let full = |split| dense::select(CLASSES, &labels, &priors, (split, Mode::Full, Rows::Own), &all);
                let of = |all: Matrices| {
                    let masks = all.mask.chunks_exact(CLASSES as usize).map(|mask| !mask.contains(&0)).collect::<Vec<_>>();
                    all.clips.into_iter().map(|(asset, _)| asset).zip(masks).collect::<Vec<_>>()
                };
                [of(full(Split::Train)), of(full(Split::Val))].concat()
            };
            let clips = |split| catalogue.clips().iter().filter(move |clip| clip.split == split);
            let found = clips(Split::Train).chain(clips(Split::Val)).map(|clip| (clip.asset_id, clip.fully_annotated));
            prop_assert!(found.eq(expected));
        }
    }
}

#[test]
fn where_lists_contradict_each_other_the_last_one_holds() {
    // No file may hold such rows, but `from_rows` takes any.
    let prior = PriorRow {
        asset_id: -3,
        geo_possible: Some(vec![8, 0, 0]),
        ..PriorRow::default()
    };
    for others in [None, Some(Others::Absent), Some(Others::Unknown), Some(Others::Prior)] {
        let row = LabelRow {
            present: vec![3, 1, 2, 1, 8],
            absent: vec![2, 5, 5],
            unknown: vec![3, 5, 0],
            others,
            ..row(0, 0, (vec![3; CLASSES as usize], Some(2), false), Split::Train)
        };
        for priors in [vec![], vec![prior.clone()]] {
            let rows = [row.clone()];
            let catalogue = Catalogue::from_rows(Path::new("set"), CLASSES as usize, &rows, &priors).unwrap();
            let all = Filters {
                remove_unannotated: false,
                ..Filters::default()
            };
            let found = catalogue.select(Split::Train, Mode::Full, Rows::Own, &all).unwrap();
            let of = (Split::Train, Mode::Full, Rows::Own);
            let expected = dense::select(CLASSES, &rows, &priors, of, &all);
            assert_eq!(matrices(&found), expected, "{others:?}, {} priors", priors.len());
        }
    }
}

#[test]
fn matrices_come_back() {
    let (labels, mask) = ([1, 0, 0, 0, 1, 1, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0]);
    let given = loader::Labels::from_matrices(3, &labels, &mask).unwrap();
    assert_eq!((given.classes(), given.rows(), given.positive_count()), (3, 3, 2));
    // A label that is not known is none.
    assert_eq!(given.matrices(), [vec![1, 0, 0, 0, 0, 1, 0, 0, 0], mask.to_vec()]);
    assert_eq!([0, 1, 2, 3].map(|row| given.is_whole(row)), [true, false, false, false]);
    let (mut labels, mut mask) = ([7; 3], [7; 3]);
    given.write(3, &mut labels, &mut mask);
    assert_eq!((labels, mask), ([0; 3], [0; 3]), "there is no such row");
    for (classes, labels, mask) in [(0, 0, 0), (3, 4, 4), (3, 3, 6)] {
        let error = loader::Labels::from_matrices(classes, &vec![0; labels], &vec![0; mask])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("training labels: ") && error.contains(&format!("{classes} classes")),
            "{error}"
        );
    }
}
