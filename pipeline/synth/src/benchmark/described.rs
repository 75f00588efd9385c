//! Provides a planned recording as the annotators and priors describe it, and its clips' labels by the L48 rules.

use std::sync::Arc;

use shardfmt::{BoxStatus, Taxa, Taxon};

use crate::error::Error;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::presence::CLIP_S;
use crate::species::Species;
use crate::tables::{UNKNOWN_BIRD, is_active};
use pipeline::labels::{ClipLabels, ClipSpan, ImageAxes, Labeller};
use pipeline::manifest::{
    self, AssetBox, BoxCode, BoxTable, Checklist, Completeness, GeoPrior, IgnoredOnly, LabelRules, OtherCodes,
    PriorConflict, Span, SpanScope, WeakLabels, nanoseconds,
};

/// The classes.
///
/// # Errors
/// [`Error::Classes`].
pub(super) fn taxa(species: &[Species]) -> Result<Taxa, Error> {
    let taxon = |species: &Species| Taxon {
        species_code: species.code.clone(),
        common_name: Some(species.common_name.clone()),
        scientific_name: Some(species.scientific_name.clone()),
    };
    Taxa::new(species.iter().map(taxon).collect()).map_err(|source| Error::Classes { source })
}

/// The rules of the benchmark's manifest.
fn rules() -> LabelRules {
    LabelRules {
        completeness: Completeness::Span,
        unknown_bird_codes: vec![UNKNOWN_BIRD.to_owned()],
        no_bird_codes: Vec::new(),
        aliases: Default::default(),
        ignored_only: IgnoredOnly::Absent,
        other_codes: OtherCodes::Error,
        prior_conflict: PriorConflict::Error,
        weak: WeakLabels::None,
        weak_threshold: None,
    }
}

/// Labels of each clip of `recording`, with its boxes in the image that `axes` describe.
pub(super) fn clip_labels(
    recording: &PlannedRecording,
    plan: &SetPlan,
    taxa: &Taxa,
    axes: &dyn ImageAxes,
) -> Vec<ClipLabels> {
    let (rules, described) = (rules(), described(recording, plan, taxa));
    let ceiling_hz = f64::from(recording.scene.rate_hz) / 2.0;
    let labeller = Labeller::new(&rules, &described, taxa, recording.scene.duration_s, ceiling_hz);
    let mut counts = 0;
    let mut label = |clip: usize| {
        let end_ns = nanoseconds((clip + 1) as f64 * CLIP_S);
        let span = ClipSpan {
            start_ns: nanoseconds(clip as f64 * CLIP_S),
            end_ns,
            real_end_ns: end_ns.min(nanoseconds(recording.scene.duration_s)),
        };
        labeller.label(span, axes, &mut counts)
    };
    (0..recording.clips()).map(&mut label).collect()
}

/// The recording as a manifest's tables would give it.
fn described(recording: &PlannedRecording, plan: &SetPlan, taxa: &Taxa) -> manifest::Recording {
    let visit = &plan.visits[recording.visit];
    let classes = |set: &std::collections::BTreeSet<usize>| set.iter().map(|&class| class as u32).collect();
    let table = Arc::new(BoxTable {
        file: "boxes.csv".into(),
        label_column: "species_code".to_owned(),
    });
    let boxes = recording.annotated_songs().into_iter().map(|(song, bird, snr_db)| {
        let (low_hz, high_hz) = song.band_hz();
        AssetBox {
            start_ns: nanoseconds(song.start_s()),
            end_ns: nanoseconds(song.end_s()),
            low_hz: Some(low_hz),
            high_hz: Some(high_hz),
            code: match bird {
                Bird::Class(class) => BoxCode::Class(class as u32),
                Bird::Unknown => BoxCode::UnknownBird(UNKNOWN_BIRD.to_owned()),
            },
            status: Some(if is_active(snr_db) {
                BoxStatus::Active
            } else {
                BoxStatus::Passive
            }),
            table: Arc::clone(&table),
            line: 0,
        }
    });
    manifest::Recording {
        asset_id: recording.asset_id.into(),
        path: String::new(),
        file: Default::default(),
        split: recording.split,
        target: Some(recording.target as u32),
        latitude: None,
        longitude: None,
        recorded_at: None,
        checklist_id: None,
        license: None,
        source_url: None,
        heard: None,
        annotation: None,
        boxes: boxes.collect(),
        spans: vec![Span {
            start_ns: 0,
            end_ns: nanoseconds(recording.scene.duration_s),
            scope: match recording.annotation {
                AnnotationScope::All => SpanScope::All,
                AnnotationScope::Target => SpanScope::Target,
            },
        }],
        geo: recording.has_geo_row.then(|| GeoPrior {
            possible: classes(&visit.possible()),
            modelled: (0..taxa.len() as u32).collect(),
        }),
        checklist: visit.checklist.as_ref().map(|checklist| {
            Arc::new(Checklist {
                observed: classes(&checklist.observed),
                unsure: classes(&checklist.unsure),
                complete: checklist.complete,
            })
        }),
        scores: Vec::new(),
        line: 0,
    }
}
