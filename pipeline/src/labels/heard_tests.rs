//! What was heard in a recording, as labels of its clips: certain ones, and weak ones by each rule.

use shardfmt::{FromRecording, HeardSource, Label, LabelRow};

use super::*;
use crate::manifest::{ClipScore, NamedClip};

/// A recording of whose classes these were heard.
fn heard(classes: &[u32]) -> Recording {
    Recording {
        heard: Some(classes.to_vec()),
        ..recording(vec![])
    }
}

fn whole(class: u32) -> FromRecording {
    FromRecording {
        class,
        label_source: HeardSource::Whole,
        score: None,
    }
}

#[test]
fn what_was_heard_is_present_in_a_clip_that_holds_the_whole_recording() {
    let song = heard(&[0, 2]);
    // A recording of 2.5 s in a clip of 3 s; the class that was not heard stays unknown.
    let (labels, _) = labels_of(&rules(), &song, 0, 2.5);
    assert_eq!(
        (labels.present, labels.absent, labels.unknown),
        (vec![0, 2], vec![], vec![1, 3])
    );
    assert_eq!(
        (labels.from_recording, labels.source),
        (vec![whole(0), whole(2)], LabelSource::Incomplete)
    );
    // One that is a second longer: nothing is known of either clip.
    for index in [0, 1] {
        let (labels, _) = labels_of(&rules(), &song, index, 4.0);
        assert_eq!((labels.unknown, labels.from_recording), (vec![0, 1, 2, 3], vec![]));
    }
}

#[test]
fn a_box_says_more_than_the_recording_and_completes_a_clip_in_which_the_heard_are_present() {
    let mut song = heard(&[0, 2]);
    song.boxes = vec![class_box(0, 1.0, 2.0)];
    let (labels, _) = labels_of(&rules(), &song, 0, 3.0);
    assert_eq!((labels.present, labels.absent), (vec![0, 2], vec![1, 3]));
    assert_eq!(
        (labels.from_recording, labels.source),
        (vec![whole(2)], LabelSource::Box)
    );
    // In one clip of several, whoever drew the box did not hear class 2 there.
    let (labels, _) = labels_of(&rules(), &song, 0, 6.0);
    assert_eq!((labels.present, labels.absent), (vec![0], vec![1, 2, 3]));
}

#[test]
fn what_was_heard_is_not_ruled_out_by_a_prior_and_is_counted() {
    let mut song = heard(&[1, 2]);
    song.geo = Some(GeoPrior {
        possible: vec![2],
        modelled: [0, 1, 2].into(),
    });
    song.checklist = Some(Arc::new(Checklist {
        observed: vec![1],
        unsure: vec![],
        complete: true,
    }));
    let (labels, counts) = labels_of(&rules(), &song, 0, 9.0);
    assert_eq!((labels.absent, labels.unknown), (vec![0], vec![1, 2, 3]));
    assert_eq!(
        counts.count(Reason::HeardConflict),
        2,
        "1 by the geographic prior, 2 by the checklist"
    );
    let (labels, counts) = labels_of(&rules(), &song, 0, 3.0);
    assert_eq!((labels.present, counts.count(Reason::PriorConflict)), (vec![1, 2], 0));
}

/// Five clips of which nothing is known but that class 3 is absent from the second; the third is silent.
fn rows() -> Vec<LabelRow> {
    let row = |index: u32| LabelRow {
        asset_id: 7,
        clip_index: index,
        shard: 0,
        row: index,
        start_s: 3.0 * f64::from(index),
        end_s: 3.0 * f64::from(index) + 3.0,
        valid_s: 3.0,
        split: Split::Train,
        target: Some(0),
        present: vec![],
        absent: if index == 1 { vec![3] } else { vec![] },
        unknown: vec![0, 1, 2],
        fully_annotated: false,
        label_source: LabelSource::Incomplete,
        silent: index == 2,
        rms_dbfs: None,
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: vec![],
    };
    (0..5).map(row).collect()
}

/// Mean levels of the five clips in dB.
const LEVELS: [Option<f32>; 5] = [Some(-60.0), Some(-40.0), Some(-100.0), Some(-50.0), Some(-55.0)];

/// Clip, class, source and score of a weak label.
type Made = (u32, u32, String, Option<f32>);

/// The weak labels that a rule makes, and what was counted.
fn made(rule: WeakLabels, song: &Recording) -> (Vec<Made>, Tallies) {
    let mut rows = rows();
    rows.iter_mut().for_each(|row| row.split = song.split);
    let tallies = add_weak(rule, song, &LEVELS, &shardfmt::GeoPrior::default(), &mut rows);
    let items = rows.iter().flat_map(|row| {
        let item = |item: &FromRecording| (row.clip_index, item.class, item.label_source.to_string(), item.score);
        row.from_recording.iter().map(item)
    });
    (items.collect(), tallies)
}

fn clips_and_classes(rule: WeakLabels, song: &Recording) -> Vec<(u32, u32)> {
    made(rule, song)
        .0
        .into_iter()
        .map(|(clip, class, ..)| (clip, class))
        .collect()
}

#[test]
fn each_rule_chooses_its_clips_and_classes() {
    let song = heard(&[0, 3]);
    assert_eq!(made(WeakLabels::None, &song), (vec![], Tallies::default()));
    let (first, counts) = made(WeakLabels::First, &song);
    assert_eq!(first, [(0, 0, "weak:first/1".to_owned(), None)]);
    assert_eq!(counts.count_detail(Reason::WeakLabel, "first/1"), 1);
    // Class 3 is absent from the second clip, and the third is silent.
    assert_eq!(
        clips_and_classes(WeakLabels::All, &song),
        [(0, 0), (0, 3), (1, 0), (3, 0), (3, 3), (4, 0), (4, 3)]
    );
    assert_eq!(
        made(WeakLabels::Peaks, &song).0,
        [
            (1, 0, "weak:peaks/1".to_owned(), Some(-40.0)),
            (3, 0, "weak:peaks/1".to_owned(), Some(-50.0))
        ]
    );
    // Without a target, what was heard is what the rule is about; a target that was not heard gets no label.
    let nobody = Recording {
        target: None,
        ..song.clone()
    };
    assert_eq!(clips_and_classes(WeakLabels::First, &nobody), [(0, 0), (0, 3)]);
    let other = Recording {
        target: Some(1),
        ..song.clone()
    };
    assert_eq!(clips_and_classes(WeakLabels::First, &other), []);
    for split in [Split::Val, Split::Test] {
        let held_out = Recording { split, ..song.clone() };
        assert_eq!(clips_and_classes(WeakLabels::All, &held_out), []);
    }
    assert_eq!(
        clips_and_classes(WeakLabels::All, &recording(vec![])),
        [],
        "nobody said what was heard"
    );
}

#[test]
fn scores_are_of_the_clips_they_name_and_others_are_counted() {
    let mut song = heard(&[0, 3]);
    let start = |start_s: f64| NamedClip::Start(nanoseconds(start_s));
    let score = |clip, class, score| ClipScore { clip, class, score };
    song.scores = vec![
        score(NamedClip::Index(0), 3, 0.75),
        score(start(0.0), 3, 0.5),
        score(start(9.0004), 0, 0.9),
        score(start(9.5), 0, 0.9),
        // Absent from this clip; silent; no such clip.
        score(NamedClip::Index(1), 3, 1.0),
        score(NamedClip::Index(2), 0, 1.0),
        score(NamedClip::Index(9), 0, 1.0),
    ];
    let (made, counts) = made(WeakLabels::Scores(0.5), &song);
    assert_eq!(
        made,
        [
            (0, 3, "weak:scores/1".to_owned(), Some(0.75)),
            (3, 0, "weak:scores/1".to_owned(), Some(0.9))
        ]
    );
    assert_eq!(counts.count(Reason::ScoreWithoutClip), 2);
}

#[test]
fn a_weak_label_leaves_the_class_unknown() {
    let mut rows = rows();
    add_weak(
        WeakLabels::All,
        &heard(&[0]),
        &LEVELS,
        &shardfmt::GeoPrior::default(),
        &mut rows,
    );
    let none = shardfmt::GeoPrior::default();
    assert!(
        rows.iter()
            .all(|row| row.label(0, &none) == Label::Unknown && !row.fully_annotated)
    );
}
