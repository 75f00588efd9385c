//! What was heard in recordings, as a run sees it: weak labels in training, and labels of whole recordings.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

use loader::{Catalogue, Filters, FullUnknown, Mode, Rows, Supervision, Unheard};
use shardfmt::{AssetRow, FromRecording, HeardSource, LabelRow, LabelSource, PriorRow, Split, WeakRule, Xxh3};

const CLASSES: usize = 4;

fn row(asset_id: i64, clip_index: u32, lists: [&[u32]; 2], weak: &[u32]) -> LabelRow {
    let rule = WeakRule::new("all", 1).unwrap();
    let item = |class: &u32| FromRecording {
        class: *class,
        label_source: HeardSource::Weak(rule.clone()),
        score: None,
    };
    LabelRow {
        asset_id,
        clip_index,
        shard: 0,
        row: 0,
        start_s: 0.0,
        end_s: 3.0,
        valid_s: 3.0,
        split: Split::Train,
        target: Some(1),
        present: lists[0].to_vec(),
        absent: lists[1].to_vec(),
        unknown: vec![],
        fully_annotated: false,
        label_source: LabelSource::Incomplete,
        silent: false,
        rms_dbfs: None,
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: weak.iter().map(item).collect(),
    }
}

fn asset(asset_id: i64, heard: Option<&[u32]>) -> AssetRow {
    AssetRow {
        asset_id,
        path: String::new(),
        source_bytes: 0,
        source_xxh3: Xxh3(0),
        codec: String::new(),
        native_rate_hz: 0,
        channels: 1,
        duration_s: 6.0,
        shard: 0,
        first_row: 0,
        clips: 2,
        split: Split::Train,
        target: Some(1),
        license: None,
        source_url: None,
        heard: heard.map(<[u32]>::to_vec),
    }
}

/// In recording 1 classes 1 and 3 were heard, with a box of class 0 in its first clip; of recording 2 nobody said.
fn catalogue(split: Split) -> Catalogue {
    let mut rows = [
        row(1, 0, [&[0], &[]], &[1, 3]),
        row(1, 1, [&[], &[2]], &[1]),
        row(2, 0, [&[1], &[0, 2, 3]], &[]),
        row(2, 1, [&[], &[0, 1, 2, 3]], &[]),
    ];
    for row in &mut rows {
        row.split = split;
        // Only training has weak labels.
        row.from_recording.retain(|_| split == Split::Train);
    }
    // 0 is possible, 1, 2 and 3 are ruled out: but 1 and 3 were heard in recording 1.
    let prior = |asset_id| PriorRow {
        asset_id,
        geo_possible: Some(vec![0]),
        ..PriorRow::default()
    };
    let assets = [asset(1, Some(&[1, 3])), asset(2, None)];
    Catalogue::from_tables(Path::new("set"), CLASSES, &rows, &[prior(1), prior(2)], &assets).unwrap()
}

fn train(mode: Mode) -> Supervision {
    let filters = Filters::default();
    let catalogue = catalogue(Split::Train);
    catalogue
        .training(mode, Rows::Own, FullUnknown::AssumeNegative, &filters)
        .unwrap()
}

#[test]
fn weak_labels_are_known_positives_in_training_only_and_counted() {
    let full = train(Mode::Full);
    let [labels, mask] = full.labels.matrices();
    assert_eq!(
        labels,
        [
            1, 1, 0, 1, /**/ 0, 1, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 0, 0, 0
        ]
    );
    assert_eq!(
        mask,
        [
            1, 1, 0, 1, /**/ 0, 1, 1, 0, /**/ 1, 1, 1, 1, /**/ 1, 1, 1, 1
        ]
    );
    assert_eq!((full.report.known_positives, full.report.weak_positives), (5, 3));
    assert!(
        full.report
            .notes()
            .iter()
            .any(|note| note.starts_with("3 of 5 known positives are weak"))
    );
    // A clip is not complete by a weak label.
    assert_eq!(full.clips.iter().filter(|clip| clip.fully_annotated).count(), 2);
    // The target alone, where it is present or taken for it.
    let [labels, mask] = train(Mode::Target).labels.matrices();
    assert_eq!((&labels, labels.len()), (&mask, 12));
    assert_eq!(labels, [0, 1, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 1, 0, 0]);
}

#[test]
fn a_prior_does_not_rule_out_what_was_heard() {
    let geo = train(Mode::Geo);
    let [labels, mask] = geo.labels.matrices();
    assert_eq!(
        labels,
        [
            0, 1, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 0, 0, 0
        ]
    );
    assert_eq!(
        mask,
        [
            0, 1, 1, 0, /**/ 0, 1, 1, 0, /**/ 0, 1, 1, 1, /**/ 0, 0, 1, 1
        ]
    );
}

#[test]
fn evaluation_sees_no_weak_label() {
    let found = catalogue(Split::Train).evaluation(Split::Train).unwrap();
    assert_eq!(
        found.labels.matrices()[0],
        [
            1, 0, 0, 0, /**/ 0, 0, 0, 0, /**/ 0, 1, 0, 0, /**/ 0, 0, 0, 0
        ]
    );
    assert_eq!(found.fully_known().rows(), 2);
}

#[test]
fn a_recording_has_what_its_clips_and_what_was_heard_in_it_say() {
    let found = catalogue(Split::Val).evaluation(Split::Val).unwrap();
    assert_eq!(
        (found.labels.heard(1), found.labels.heard(2)),
        (Some(&[1, 3][..]), None)
    );
    // 0 is present in a clip, 1 and 3 were heard; 2 is absent from one clip only. In the other recording, 1 is present
    // once, and the rest is absent from both clips.
    let matrices = |unheard| {
        let recordings = found.recordings(unheard);
        assert_eq!(
            (&recordings.asset_ids[..], &recordings.of_clip[..]),
            (&[1, 2][..], &[0, 0, 1, 1][..])
        );
        let [mut labels, mut mask] = [(); 2].map(|()| vec![7; 2 * CLASSES]);
        let rows = labels.chunks_mut(CLASSES).zip(mask.chunks_mut(CLASSES));
        for (place, (labels, mask)) in rows.enumerate() {
            recordings.write(place, labels, mask);
        }
        (labels, mask)
    };
    let labels = vec![1, 1, 0, 1, /**/ 0, 1, 0, 0];
    let mut mask = vec![1, 1, 0, 1, /**/ 1, 1, 1, 1];
    assert_eq!(matrices(Unheard::Unknown), (labels.clone(), mask.clone()));
    mask[2] = 1;
    assert_eq!(matrices(Unheard::Absent), (labels, mask));
}

#[test]
fn clips_of_a_recording_need_not_follow_one_another() {
    let all = [
        row(1, 0, [&[0], &[1, 2, 3]], &[]),
        row(2, 0, [&[1], &[0, 2, 3]], &[]),
        row(1, 1, [&[2], &[0, 1, 3]], &[]),
    ];
    let found = Catalogue::from_rows(Path::new("set"), CLASSES, &all, &[]).unwrap();
    let recordings = found.evaluation(Split::Train).unwrap().recordings(Unheard::Unknown);
    assert_eq!(
        (recordings.asset_ids.len(), &recordings.of_clip[..]),
        (2, &[0, 1, 0][..])
    );
    let [mut labels, mut mask] = [[7; CLASSES]; 2];
    recordings.write(0, &mut labels, &mut mask);
    assert_eq!((labels, mask), ([1, 0, 1, 0], [1; CLASSES]));
    recordings.write(2, &mut labels, &mut mask);
    assert_eq!(
        (labels, mask),
        ([0; CLASSES], [0; CLASSES]),
        "there is no such recording"
    );
}
