#![allow(clippy::unwrap_used, reason = "tests")]
//! The label rules, row by row, and the cases their documentation names.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use shardfmt::{Split, Taxon};

use super::*;
use crate::manifest::{BoxTable, Checklist, GeoPrior, OtherCodes, PriorConflict, Span, WeakLabels};
use crate::tally::{Reason, Tallies};

#[path = "heard_tests.rs"]
mod heard_tests;

/// Clip of 3 s, image of 50 to 11,025 Hz on a linear scale.
struct Linear;

impl ImageAxes for Linear {
    fn x_of_s(&self, time_s: f64) -> f64 {
        time_s / 3.0
    }
    fn y_of_hz(&self, hz: f64) -> f64 {
        (hz - 50.0) / (11_025.0 - 50.0)
    }
    fn range_hz(&self) -> (f64, f64) {
        (50.0, 11_025.0)
    }
}

const CLASSES: u32 = 4;

fn taxa() -> Taxa {
    let taxon = |i| Taxon {
        species_code: format!("sp{i}"),
        common_name: None,
        scientific_name: None,
    };
    Taxa::new((0..CLASSES).map(taxon).collect()).unwrap()
}

fn rules() -> LabelRules {
    LabelRules {
        completeness: Completeness::Box,
        unknown_bird_codes: vec!["unk".into()],
        no_bird_codes: vec!["none".into()],
        aliases: BTreeMap::new(),
        ignored_only: IgnoredOnly::Absent,
        other_codes: OtherCodes::Error,
        prior_conflict: PriorConflict::Error,
        weak: WeakLabels::None,
        weak_threshold: None,
    }
}

fn class_box(class: u32, start_s: f64, end_s: f64) -> AssetBox {
    coded(BoxCode::Class(class), start_s, end_s)
}

fn coded(code: BoxCode, start_s: f64, end_s: f64) -> AssetBox {
    let (start_ns, end_ns) = (nanoseconds(start_s), nanoseconds(end_s));
    AssetBox {
        start_ns,
        end_ns,
        low_hz: Some(2000.0),
        high_hz: Some(4000.0),
        code,
        status: None,
        table: Arc::new(BoxTable {
            file: "boxes.csv".into(),
            label_column: "species_code".into(),
        }),
        line: 2,
    }
}

fn recording(boxes: Vec<AssetBox>) -> Recording {
    Recording {
        asset_id: 7,
        path: "a.wav".into(),
        file: "a.wav".into(),
        split: Split::Train,
        target: Some(0),
        latitude: None,
        longitude: None,
        recorded_at: None,
        checklist_id: None,
        license: None,
        source_url: None,
        heard: None,
        annotation: None,
        boxes,
        spans: vec![],
        geo: None,
        checklist: None,
        scores: Vec::new(),
        line: 2,
    }
}

fn span(start_s: f64, end_s: f64, scope: SpanScope) -> Span {
    Span {
        start_ns: nanoseconds(start_s),
        end_ns: nanoseconds(end_s),
        scope,
    }
}

fn clip(index: u32, audio_end_s: f64) -> ClipSpan {
    let start_s = 3.0 * f64::from(index);
    let (start_ns, end_ns) = (nanoseconds(start_s), nanoseconds(start_s + 3.0));
    ClipSpan {
        start_ns,
        end_ns,
        real_end_ns: end_ns.min(nanoseconds(audio_end_s)),
    }
}

fn labels_of(rules: &LabelRules, recording: &Recording, index: u32, audio_end_s: f64) -> (ClipLabels, Tallies) {
    let taxa = taxa();
    let labeller = Labeller::new(rules, recording, &taxa, audio_end_s, 11_025.0);
    let (span, mut conflicts) = (clip(index, audio_end_s), 0);
    let labels = labeller.label(span, &Linear, &mut conflicts);
    let mut tallies = labeller.tallies(&[span], &Linear);
    tallies.add(Reason::PriorConflict, conflicts);
    (labels, tallies)
}

fn label(recording: &Recording, index: u32) -> ClipLabels {
    labels_of(&rules(), recording, index, 10.0).0
}

#[test]
fn a_box_with_42_ms_in_the_next_clip_is_ignored_there() {
    // The box of asset 1023: 0.507-3.042 s; its own duration counts, not the 42 ms that show.
    let song = recording(vec![class_box(1, 0.507, 3.042)]);
    assert_eq!(label(&song, 0).present, [1]);
    let next = label(&song, 1);
    assert_eq!(next.boxes[0].status, BoxStatus::Ignore);
    assert_eq!((next.present, next.unknown.len()), (vec![], 4));
}

#[test]
fn the_edge_rule_spares_short_sounds_and_is_exact_at_its_limits() {
    let status = |start, end| label(&recording(vec![class_box(1, start, end)]), 1).boxes[0].status;
    assert_eq!(status(2.9, 3.2), BoxStatus::Ignore, "shows exactly in the first 200 ms");
    assert_eq!(status(2.9, 3.201), BoxStatus::Active);
    assert_eq!(status(5.8, 7.0), BoxStatus::Ignore, "shows exactly in the last 200 ms");
    assert_eq!(status(5.799, 7.0), BoxStatus::Active);
    assert_eq!(status(3.0, 3.08), BoxStatus::Active, "80 ms is not longer than 80 ms");
    assert_eq!(status(3.0, 3.081), BoxStatus::Ignore);
    // 0.58 - 0.5 is 0.07999... in binary; 3.58 - 3.5 is more. Neither is longer than 80 ms.
    assert_eq!(status(5.90, 5.98), BoxStatus::Active);
}

#[test]
fn the_last_200_ms_are_the_clips_even_when_it_is_padded() {
    // The recording ends at 4.0 s: 3.85-4.0 s is the end of the audio but the middle of the clip.
    let song = recording(vec![class_box(1, 3.85, 4.2)]);
    let (labels, _) = labels_of(&rules(), &song, 1, 4.0);
    assert_eq!(labels.present, [1]);
    assert_eq!((labels.boxes[0].start_s, labels.boxes[0].end_s), (3.85, 4.0));
}

#[test]
fn what_lies_past_the_end_is_dropped_and_counted() {
    let song = recording(vec![class_box(1, 4.0, 4.5), class_box(2, 3.5, 4.5)]);
    let (labels, counts) = labels_of(&rules(), &song, 1, 4.0);
    assert_eq!(
        (labels.present, labels.boxes.len(), counts.count(Reason::BoxPastEnd)),
        (vec![2], 1, 1)
    );
}

#[test]
fn boxes_above_the_image_are_ignored_and_counted() {
    let high = AssetBox {
        low_hz: Some(11_025.0),
        high_hz: Some(12_000.0),
        ..class_box(1, 1.0, 2.0)
    };
    let (labels, counts) = labels_of(&rules(), &recording(vec![high]), 0, 10.0);
    assert_eq!(
        (
            labels.present,
            labels.boxes[0].status,
            counts.count(Reason::BoxAboveRange)
        ),
        (vec![], BoxStatus::Ignore, 1)
    );
    let partly = AssetBox {
        high_hz: Some(20_000.0),
        ..class_box(1, 1.0, 2.0)
    };
    let labels = label(&recording(vec![partly]), 0);
    assert_eq!(
        (labels.present, labels.boxes[0].high_hz, labels.boxes[0].y_max),
        (vec![1], Some(11_025.0), Some(1.0))
    );
}

#[test]
fn a_status_of_the_table_holds_and_an_empty_one_is_derived() {
    let ignored = AssetBox {
        status: Some(BoxStatus::Ignore),
        ..class_box(1, 1.0, 2.0)
    };
    let passive = AssetBox {
        status: Some(BoxStatus::Passive),
        ..class_box(2, 1.0, 2.0)
    };
    let labels = label(&recording(vec![ignored, passive, class_box(3, 1.0, 2.0)]), 0);
    let statuses: Vec<_> = labels.boxes.iter().map(|b| b.status).collect();
    assert_eq!(statuses, [BoxStatus::Ignore, BoxStatus::Passive, BoxStatus::Active]);
    assert_eq!((labels.present, labels.absent), (vec![2, 3], vec![0, 1]));
}

#[test]
fn one_counting_box_completes_a_clip_under_box_and_not_under_span() {
    let song = recording(vec![class_box(1, 1.0, 2.0)]);
    let labels = label(&song, 0);
    assert_eq!((labels.absent, labels.source), (vec![0, 2, 3], LabelSource::Box));
    let spans_only = LabelRules {
        completeness: Completeness::Span,
        ..rules()
    };
    let (labels, _) = labels_of(&spans_only, &song, 0, 10.0);
    assert_eq!(
        (labels.unknown, labels.source),
        (vec![0, 2, 3], LabelSource::Incomplete)
    );
    // Ignored boxes, unknown birds and codes that are no class complete nothing.
    let none = recording(vec![
        AssetBox {
            status: Some(BoxStatus::Ignore),
            ..class_box(1, 1.0, 2.0)
        },
        coded(BoxCode::Other("frog".into()), 1.0, 2.0),
    ]);
    assert_eq!(label(&none, 0).source, LabelSource::Incomplete);
}

#[test]
fn unknown_birds_leave_the_others_unknown_whatever_their_status_but_not_what_the_prior_rules_out() {
    let bird = AssetBox {
        status: Some(BoxStatus::Ignore),
        ..coded(BoxCode::UnknownBird("unk".into()), 1.0, 2.0)
    };
    let mut song = recording(vec![class_box(1, 1.0, 2.0), bird]);
    song.geo = Some(GeoPrior {
        possible: vec![1, 2],
        modelled: [0, 1, 2].into(),
    });
    let labels = label(&song, 0);
    // 0 is modelled and not possible; 3 is not modelled, so nothing rules it out.
    assert_eq!(
        (labels.present, labels.absent, labels.unknown),
        (vec![1], vec![0], vec![2, 3])
    );
}

#[test]
fn a_prior_without_a_row_says_nothing_and_an_empty_row_rules_everything_out() {
    assert_eq!(label(&recording(vec![]), 0).unknown, [0, 1, 2, 3]);
    let mut song = recording(vec![]);
    song.geo = Some(GeoPrior {
        possible: vec![],
        modelled: [0, 1, 2, 3].into(),
    });
    assert_eq!(label(&song, 0).absent, [0, 1, 2, 3]);
}

#[test]
fn a_box_wins_over_a_prior_and_is_counted() {
    let mut song = recording(vec![class_box(1, 1.0, 2.0), class_box(2, 1.0, 2.0)]);
    song.geo = Some(GeoPrior {
        possible: vec![2],
        modelled: [1, 2].into(),
    });
    song.checklist = Some(Arc::new(Checklist {
        observed: vec![1],
        unsure: vec![],
        complete: true,
    }));
    let (labels, counts) = labels_of(&rules(), &song, 0, 10.0);
    assert_eq!((labels.present, counts.count(Reason::PriorConflict)), (vec![1, 2], 2));
}

#[test]
fn the_checklist_makes_no_labels_here() {
    let mut song = recording(vec![]);
    song.checklist = Some(Arc::new(Checklist {
        observed: vec![],
        unsure: vec![],
        complete: true,
    }));
    assert_eq!(label(&song, 0).unknown, [0, 1, 2, 3]);
}

#[test]
fn spans_complete_what_they_cover() {
    let spans_only = LabelRules {
        completeness: Completeness::Span,
        ..rules()
    };
    let mut song = recording(vec![]);
    song.spans = vec![
        span(0.0, 1.0, SpanScope::All),
        span(1.0, 3.0, SpanScope::All),
        span(3.0, 5.9, SpanScope::All),
    ];
    let source = |index, end| labels_of(&spans_only, &song, index, end).0.source;
    assert_eq!(
        source(0, 10.0),
        LabelSource::Span,
        "two spans that touch cover the clip"
    );
    assert_eq!(source(1, 10.0), LabelSource::Incomplete, "0.1 s is not covered");
    assert_eq!(
        source(1, 5.9003),
        LabelSource::Span,
        "only real audio has to be covered, to the half millisecond"
    );
    assert_eq!(source(1, 5.9006), LabelSource::Incomplete);
}

#[test]
fn a_target_span_settles_the_target_only() {
    let mut song = recording(vec![]);
    song.spans = vec![span(0.0, 10.0, SpanScope::Target)];
    let labels = label(&song, 0);
    assert_eq!((labels.absent, labels.source), (vec![0], LabelSource::Incomplete));
    song.target = None;
    assert!(label(&song, 0).absent.is_empty());
}

#[test]
fn a_no_bird_box_completes_the_clip_it_covers() {
    let song = recording(vec![coded(BoxCode::NoBird("none".into()), 0.0, 4.0)]);
    assert_eq!(
        (label(&song, 0).absent.len(), label(&song, 0).source),
        (4, LabelSource::NoBird)
    );
    assert_eq!(label(&song, 1).source, LabelSource::Incomplete);
}

#[test]
fn ignored_only_decides_what_ignored_boxes_leave() {
    let ignored = AssetBox {
        status: Some(BoxStatus::Ignore),
        ..class_box(1, 1.0, 2.0)
    };
    let mut song = recording(vec![ignored, class_box(2, 1.0, 2.0)]);
    assert_eq!(label(&song, 0).absent, [0, 1, 3]);
    let stops = LabelRules {
        ignored_only: IgnoredOnly::Unknown,
        ..rules()
    };
    assert_eq!(labels_of(&stops, &song, 0, 10.0).0.unknown, [1]);
    song.boxes.push(class_box(1, 1.0, 2.0));
    assert_eq!(
        labels_of(&stops, &song, 0, 10.0).0.present,
        [1, 2],
        "a counting box beside the ignored one"
    );
}

#[test]
fn boxes_are_clipped_to_clip_and_image() {
    let song = recording(vec![AssetBox {
        low_hz: Some(0.0),
        ..class_box(1, 2.0, 4.5)
    }]);
    let found = &label(&song, 1).boxes[0];
    assert_eq!((found.start_s, found.end_s, found.low_hz), (3.0, 4.5, Some(50.0)));
    assert_eq!((found.x_min, found.x_max, found.y_min), (0.0, 0.5, Some(0.0)));
    assert_eq!(found.species_code, "sp1");
}

proptest! {
    /// Every class stands in exactly one list, whatever the boxes, spans and priors.
    #[test]
    fn every_class_gets_one_label(
        boxes in prop::collection::vec((0u32..6, 0u32..12_000, 0u32..4_000, 0u8..4), 0..8),
        spans in prop::collection::vec((0u32..10_000, 0u32..10_000, any::<bool>()), 0..4),
        geo in prop::option::of((prop::collection::btree_set(0u32..4, 0..4), prop::collection::btree_set(0u32..4, 0..4))),
        flags in any::<(bool, bool)>(),
        index in 0u32..4,
    ) {
        let status = [None, Some(BoxStatus::Active), Some(BoxStatus::Passive), Some(BoxStatus::Ignore)];
        let code = |c| match c {
            4 => BoxCode::UnknownBird("unk".into()),
            5 => BoxCode::NoBird("none".into()),
            class => BoxCode::Class(class),
        };
        let boxes = boxes.into_iter().map(|(c, start, length, s)| {
            let (start_s, end_s) = (f64::from(start) / 1000.0, f64::from(start + length) / 1000.0);
            AssetBox { status: status[s as usize], ..coded(code(c), start_s, end_s) }
        });
        let mut song = recording(boxes.collect());
        let scope = |all| if all { SpanScope::All } else { SpanScope::Target };
        song.spans = spans.iter().map(|&(a, b, all)| span(f64::from(a.min(b)) / 1e3, f64::from(a.max(b)) / 1e3, scope(all))).collect();
        song.geo = geo.map(|(possible, modelled)| GeoPrior {
            possible: possible.into_iter().collect(),
            modelled: modelled.into_iter().collect(),
        });
        let rules = LabelRules {
            completeness: if flags.0 { Completeness::Box } else { Completeness::Span },
            ignored_only: if flags.1 { IgnoredOnly::Absent } else { IgnoredOnly::Unknown },
            ..rules()
        };
        let (labels, _) = labels_of(&rules, &song, index, 11.0);
        let mut all = [labels.present.clone(), labels.absent, labels.unknown].concat();
        all.sort_unstable();
        prop_assert_eq!(all, vec![0, 1, 2, 3]);
        let counting = |class: &u32| labels.boxes.iter().any(|b| b.species_code == format!("sp{class}") && b.status != BoxStatus::Ignore);
        prop_assert!(labels.present.iter().all(counting));
        for b in &labels.boxes {
            prop_assert!(b.start_s <= b.end_s && (0.0..=1.0).contains(&b.x_min) && (0.0..=1.0).contains(&b.x_max));
        }
    }
}

/// What is left out of a recording of 10 s with three clips, of which the second and third have a gap between them.
fn left_out(recording: &Recording) -> Vec<String> {
    let (rules, taxa) = (rules(), taxa());
    let labeller = Labeller::new(&rules, recording, &taxa, 10.0, 11_025.0);
    let clips = [(0, 3), (3, 6), (7, 10)].map(|(start_s, end_s)| ClipSpan {
        start_ns: start_s * 1_000_000_000,
        end_ns: end_s * 1_000_000_000,
        real_end_ns: end_s * 1_000_000_000,
    });
    labeller.tallies(&clips, &Linear).sentences()
}

#[test]
fn boxes_that_no_clip_shows_whole_are_counted_by_reason() {
    let boxes = [
        (1.0, 2.0),
        (6.1, 6.9),
        (6.5, 6.5),
        (9.0, 12.0),
        (10.0, 11.0),
        (6.0, 7.1),
    ];
    let boxes = boxes.map(|(start_s, end_s)| class_box(0, start_s, end_s)).to_vec();
    assert_eq!(
        left_out(&recording(boxes)),
        [
            "1 box starts after its recording's end and was dropped",
            "1 box ends after its recording's end and was cut there",
            "1 box shows only at the edges of clips and is ignored in each of them",
            "2 boxes lie in parts of their recordings that no clip holds",
        ]
    );
}

#[test]
fn a_label_that_every_clip_ignores_at_its_edge_is_counted() {
    // 300 ms over the border of two clips, 150 ms in each; and one that is ignored because the table says so.
    let ignored = AssetBox {
        status: Some(BoxStatus::Ignore),
        ..class_box(1, 2.85, 3.15)
    };
    let song = recording(vec![class_box(0, 2.85, 3.15), ignored, class_box(0, 2.7, 3.15)]);
    assert!(label(&recording(vec![class_box(0, 2.85, 3.15)]), 0).present.is_empty());
    assert_eq!(
        left_out(&song),
        ["1 box shows only at the edges of clips and is ignored in each of them"]
    );
}

#[test]
fn boxes_cut_in_frequency_are_counted() {
    let reaching = |low_hz, high_hz| AssetBox {
        low_hz,
        high_hz,
        ..class_box(0, 1.0, 2.0)
    };
    let whole = [reaching(Some(50.0), Some(11_025.0)), reaching(None, None)];
    assert!(left_out(&recording(whole.to_vec())).is_empty());
    let cut = [
        reaching(Some(0.0), Some(900.0)),
        reaching(Some(60.0), Some(12_000.0)),
        reaching(Some(49.0), None),
    ];
    assert_eq!(
        left_out(&recording(cut.to_vec())),
        ["3 boxes reach beyond the image's frequencies and were cut there"]
    );
}

#[test]
fn spans_past_the_end_are_counted_but_for_the_whole_recording() {
    let mut song = recording(vec![]);
    song.spans = vec![span(0.0, 10.0004, SpanScope::All), Span::WHOLE];
    assert!(left_out(&song).is_empty());
    song.spans.push(span(7.0, 10.1, SpanScope::All));
    assert_eq!(
        left_out(&song),
        ["1 annotated span ends after its recording's end and was cut there"]
    );
}

#[test]
fn spans_that_complete_no_clip_are_counted() {
    let mut song = recording(vec![]);
    // Two halves cover the second clip together.
    song.spans = vec![
        span(2.0, 4.5, SpanScope::All),
        span(4.5, 6.0, SpanScope::All),
        span(7.0, 9.0, SpanScope::All),
        span(0.0, 3.0, SpanScope::Target),
        span(20.0, 30.0, SpanScope::All),
    ];
    song.target = None;
    assert_eq!(
        left_out(&song),
        [
            "2 annotated spans cover no whole clip, so they complete none",
            "1 annotated span looks for the target of a recording that has none, so it says nothing",
        ]
    );
    song.target = Some(0);
    assert_eq!(
        left_out(&song),
        ["2 annotated spans cover no whole clip, so they complete none"]
    );
}
