//! Provides the sidecar rows of one photograph: every class present or absent, boxes without time, priors as simulated.

use shardfmt::{AssetRow, BoxStatus, ClipBox, LabelRow, LabelSource, PriorRow, Taxa};

use super::photographs::{Annotation, Photograph};
use super::simulated_priors::SimulatedPriors;
use crate::dataset_source::{AssetRecord, Placement};
use crate::tally::Tallies;
use frontend::picture::Channels;

/// The rows of the photograph with this number in the set.
pub(super) fn record(
    photograph: &Photograph,
    annotations: &[Annotation],
    number: usize,
    place: &Placement,
    priors: Option<&SimulatedPriors>,
    taxa: &Taxa,
) -> AssetRecord {
    let classes = taxa.len() as u32;
    let (present, absent): (Vec<u32>, Vec<u32>) =
        (0..classes).partition(|class| annotations.iter().any(|one| one.class == *class));
    let prior = prior_row(photograph, priors, &present, classes);
    let boxes = annotations.iter().map(|one| clip_box(photograph, one, taxa)).collect();
    let label = LabelRow {
        asset_id: photograph.image_id,
        clip_index: 0,
        shard: place.shard,
        row: place.rows.start,
        start_s: 0.0,
        end_s: 0.0,
        valid_s: 0.0,
        split: photograph.split,
        target: Some(photograph.target),
        present,
        absent,
        unknown: Vec::new(),
        fully_annotated: true,
        label_source: LabelSource::Given,
        silent: false,
        rms_dbfs: None,
        boxes,
        source_index: i64::try_from(number).ok(),
        source_id: Some(photograph.image_id),
        others: None,
        from_recording: Vec::new(),
    };
    AssetRecord {
        asset: asset_row(photograph, place),
        prior,
        labels: vec![label],
        tallies: Tallies::default(),
    }
}

fn clip_box(photograph: &Photograph, annotation: &Annotation, taxa: &Taxa) -> ClipBox {
    let [left, upper, right, lower] = annotation.edges_px;
    let share = |edge_px: f32, size_px: u32| (edge_px / size_px as f32).clamp(0.0, 1.0);
    // A crowd says that the class is there, but not where one of it ends and the next begins.
    let status = if annotation.is_crowd {
        BoxStatus::Passive
    } else {
        BoxStatus::Active
    };
    ClipBox {
        species_code: taxa.code(annotation.class).unwrap_or_default().into(),
        status,
        start_s: 0.0,
        end_s: 0.0,
        low_hz: None,
        high_hz: None,
        x_min: share(left, photograph.width_px),
        x_max: share(right, photograph.width_px),
        y_min: Some(share(upper, photograph.height_px)),
        y_max: Some(share(lower, photograph.height_px)),
    }
}

fn asset_row(photograph: &Photograph, place: &Placement) -> AssetRow {
    AssetRow {
        asset_id: photograph.image_id,
        path: photograph.path.clone(),
        source_bytes: place.source_bytes,
        source_xxh3: place.source_xxh3,
        codec: "jpeg".into(),
        native_rate_hz: 0,
        channels: Channels::Rgb.count() as u32,
        duration_s: 0.0,
        shard: place.shard,
        first_row: place.rows.start,
        clips: 1,
        split: photograph.split,
        target: Some(photograph.target),
        license: photograph.license.as_deref().map(str::to_owned),
        source_url: photograph.source_url.clone(),
        heard: None,
    }
}

fn prior_row(photograph: &Photograph, priors: Option<&SimulatedPriors>, present: &[u32], classes: u32) -> PriorRow {
    let left_open = priors.map(|priors| priors.draw(photograph.image_id, present, classes));
    let (geo_possible, checklist_observed) = left_open
        .map(|left| (left.geo_possible, left.checklist_observed))
        .unzip();
    PriorRow {
        asset_id: photograph.image_id,
        checklist_complete: priors.map(|_| true),
        checklist_id: priors.map(|_| photograph.image_id.to_string()),
        geo_possible,
        checklist_observed,
        ..PriorRow::default()
    }
}
