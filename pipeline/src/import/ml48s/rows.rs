//! Provides the sidecar rows of one asset: labels and priors as given, boxes in seconds and Hz.

use shardfmt::{AssetRow, ClipBox, LabelRow, LabelSource, PriorRow, Row0};

use super::assets::Asset;
use super::box_order::BoxOrder;
use super::clip::{Clip, GivenBox};
use super::reader::GivenClip;
use super::{CLIP_S, RATE_HZ};
use crate::dataset_source::{AssetRecord, Placement};
use crate::tally::Tallies;

/// The rows of an asset of which these clips were read.
pub(super) fn record(
    asset: &Asset,
    path: &str,
    clips: &[GivenClip],
    place: &Placement,
    (order, row_0): (BoxOrder, Row0),
) -> AssetRecord {
    let labels = clips
        .iter()
        .zip(place.rows.clone())
        .zip(0..)
        .map(|((given, row), clip_index)| {
            let clip = &given.clip;
            let start_s = start_s(clip);
            let fully_annotated = clip.unknown.is_empty();
            LabelRow {
                asset_id: asset.id,
                clip_index,
                shard: place.shard,
                row,
                start_s,
                end_s: start_s + CLIP_S,
                // The set does not say whether a last clip was padded.
                valid_s: CLIP_S,
                split: asset.split,
                target: asset.target,
                present: clip.present.clone(),
                absent: clip.absent.clone(),
                unknown: clip.unknown.clone(),
                fully_annotated,
                label_source: if fully_annotated {
                    LabelSource::Given
                } else {
                    LabelSource::Incomplete
                },
                silent: false,
                rms_dbfs: None,
                boxes: clip
                    .boxes
                    .iter()
                    .map(|given| clip_box(given, start_s, (order, row_0)))
                    .collect(),
                source_index: Some(given.source_index),
                source_id: Some(clip.id),
                others: None,
                from_recording: Vec::new(),
            }
        });
    AssetRecord {
        labels: labels.collect(),
        asset: asset_row(asset, path, clips, place),
        prior: prior_row(asset),
        tallies: Tallies::default(),
    }
}

fn start_s(clip: &Clip) -> f64 {
    f64::from(clip.order) * CLIP_S
}

fn clip_box(given: &GivenBox, start_s: f64, (order, row_0): (BoxOrder, Row0)) -> ClipBox {
    let [left, upper, right, lower] = order.edges(given.edges);
    let top_hz = f64::from(RATE_HZ) / 2.0;
    let (low, high) = match row_0 {
        Row0::Highest => (1.0 - lower, 1.0 - upper),
        Row0::Lowest => (upper, lower),
    };
    ClipBox {
        species_code: given.species_code.clone(),
        status: given.status,
        start_s: start_s + left * CLIP_S,
        end_s: start_s + right * CLIP_S,
        low_hz: Some(low * top_hz),
        high_hz: Some(high * top_hz),
        x_min: left as f32,
        x_max: right as f32,
        y_min: Some(upper as f32),
        y_max: Some(lower as f32),
    }
}

fn asset_row(asset: &Asset, path: &str, clips: &[GivenClip], place: &Placement) -> AssetRow {
    let ends_s = clips.iter().map(|given| start_s(&given.clip) + CLIP_S);
    AssetRow {
        asset_id: asset.id,
        path: path.into(),
        source_bytes: place.source_bytes,
        source_xxh3: place.source_xxh3,
        codec: "jpeg".into(),
        native_rate_hz: RATE_HZ,
        channels: 1,
        duration_s: ends_s.fold(0.0, f64::max),
        shard: place.shard,
        first_row: place.rows.start,
        clips: place.rows.end - place.rows.start,
        split: asset.split,
        target: asset.target,
        license: None,
        source_url: None,
        heard: None,
    }
}

fn prior_row(asset: &Asset) -> PriorRow {
    PriorRow {
        asset_id: asset.id,
        // The set does not say which recordings share a checklist.
        checklist_id: asset.observed.as_ref().map(|_| asset.id.to_string()),
        geo_possible: asset.possible.clone(),
        checklist_complete: asset.observed.as_ref().map(|_| true),
        checklist_observed: asset.observed.clone(),
        ..PriorRow::default()
    }
}
