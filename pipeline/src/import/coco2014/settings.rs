//! Provides what `dataset.json` says of imported photographs: settings, a hash over the annotations, axes and values.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shardfmt::checksum::{Hasher, hex, xxh3};
use shardfmt::dataset::{FORMAT, NO_FREQUENCY, SCHEMA_VERSION};
use shardfmt::{Axes, ClipSpec, Counts, DatasetInfo, Dtype, ValueScale};

use super::photographs::Photographs;
use super::simulated_priors::SimulatedPriors;
use super::split;
use crate::build::PROGRAM;
use crate::picture::{Channels, SIDE_PIXELS, instruction_set};

/// Name of the dataset, and of its source.
const NAME: &str = "coco2014";

/// Everything that decides the dataset besides the pictures. No paths: a dataset moves.
pub(super) fn to_json(set: &Photographs, shard_clips: u32, priors: Option<&SimulatedPriors>) -> Value {
    let categories = set.categories.iter();
    let simulated = priors.map(|priors| {
        json!({
            "geo": priors.rates.geo(),
            "checklist": priors.rates.checklist(),
            "seed": priors.seed,
        })
    });
    json!({
        "dataset": { "name": NAME },
        "source": NAME,
        "image": { "resize": "bilinear, antialiased", "side": SIDE_PIXELS },
        "target": "largest annotation",
        "split": { "order": "image ids as text", "random_state": split::SEED, "validation_one_in": split::VALIDATION_ONE_IN },
        "simulated_priors": simulated,
        // Exporters need the ids; a class index is a place in this list.
        "categories": categories
            .map(|category| json!({ "id": category.id, "name": category.name, "supercategory": category.supercategory }))
            .collect::<Vec<_>>(),
        "shards": { "clips": shard_clips },
        "tables_xxh3": hex(annotations_xxh3(set)),
    })
}

/// Hash over what the annotations say of every picture.
fn annotations_xxh3(set: &Photographs) -> u64 {
    let mut hasher = Hasher::default();
    for one in &set.photographs {
        let annotations = set.annotations(one).iter();
        let annotations: Vec<Value> = annotations
            .map(|annotation| json!([annotation.class, annotation.is_crowd, annotation.edges_px]))
            .collect();
        let size_px = [one.width_px, one.height_px];
        let known = (one.split.as_str(), one.target, one.license.as_deref(), &one.source_url);
        let row = json!([one.image_id, one.path, size_px, known, annotations]);
        hasher.update(row.to_string().as_bytes());
    }
    hasher.finish().xxh3
}

/// What `dataset.json` says, without counts and files.
pub(super) fn dataset_info(config: &Value) -> DatasetInfo {
    let side = SIDE_PIXELS as u32;
    DatasetInfo {
        format: FORMAT.into(),
        schema_version: SCHEMA_VERSION,
        features_required: Vec::new(),
        features_optional: Vec::new(),
        name: NAME.into(),
        program: PROGRAM.into(),
        config: config.clone(),
        config_xxh3: xxh3(config.to_string().as_bytes()),
        clips: ClipSpec {
            dtype: Dtype::U8,
            channels: Some(Channels::Rgb.count() as u32),
            height: side,
            width: side,
        },
        axes: Axes {
            frequency_scale: NO_FREQUENCY.into(),
            fmin_hz: 0.0,
            fmax_hz: 0.0,
            row_0: "highest".into(),
            frame_rate_hz: 0.0,
            clip_duration_s: 0.0,
            hop_s: 0.0,
            sample_rate_hz: None,
        },
        values: ValueScale {
            unit: "level".into(),
            reference: "none".into(),
            offset: 0.0,
            step: 1.0,
        },
        instruction_set: instruction_set(),
        counts: Counts {
            shards: 0,
            clips: 0,
            assets: 0,
            rejects: 0,
        },
        files: Vec::new(),
    }
}

/// Metadata of every shard.
pub(super) fn shard_metadata(info: &DatasetInfo) -> BTreeMap<String, String> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    BTreeMap::from([
        ("dataset".into(), info.name.clone()),
        ("program".into(), info.program.clone()),
        ("config_xxh3".into(), hex(info.config_xxh3)),
        ("axes".into(), json(serde_json::to_string(&info.axes))),
        ("values".into(), json(serde_json::to_string(&info.values))),
    ])
}
