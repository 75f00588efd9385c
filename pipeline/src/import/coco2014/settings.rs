//! Provides what `dataset.json` says of imported photographs: settings, a hash over the annotations.

use serde::Deserialize;
use serde_json::{Value, json};
use shardfmt::Xxh3;
use shardfmt::checksum::Hasher;

use super::annotations::CategoryEntry;
use super::photographs::Photographs;
use super::simulated_priors::SimulatedPriors;
use super::split;

/// Name of the dataset, and of its source.
pub(super) const NAME: &str = "coco2014";

/// Everything that decides the dataset besides the pictures. No paths: a dataset moves.
pub(super) fn to_json(set: &Photographs, shard_clips: u32, priors: Option<&SimulatedPriors>) -> Value {
    let categories = set.categories.entries.iter();
    let simulated = priors.map(|priors| {
        json!({
            "geo": priors.rates.geo(),
            "checklist": priors.rates.checklist(),
            "seed": priors.seed,
        })
    });
    json!({
        "source": NAME,
        "target": "largest annotation",
        "split": { "order": "image ids as text", "random_state": split::SEED, "validation_one_in": split::VALIDATION_ONE_IN },
        "simulated_priors": simulated,
        // Exporters need the ids; a class index is a place in this list.
        "categories": categories
            .map(|category| json!({ "id": category.id, "name": category.name, "supercategory": category.supercategory }))
            .collect::<Vec<_>>(),
        "shards": { "clips": shard_clips },
        "tables_xxh3": annotations_xxh3(set),
    })
}

/// The categories that the configuration of an imported set names, in class order; `None` where it is of another
/// source.
pub(crate) fn categories(config: &Value) -> Option<Vec<CategoryEntry>> {
    let is_ours = config.get("source")? == NAME;
    is_ours.then(|| Vec::deserialize(config.get("categories")?).ok())?
}

/// Hash over what the annotations say of every picture.
fn annotations_xxh3(set: &Photographs) -> Xxh3 {
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
