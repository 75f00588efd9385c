//! Provides `config` of `dataset.json`, which says where a dataset comes from: its keys, and what each command enters
//! there.

mod manifest_config;

use frontend::ImageSettings;
use serde_json::{Value, json};
use shardfmt::{DatasetHead, Xxh3};

pub(crate) use manifest_config::manifest_config;

/// What makes two builds by the same code: written into plans, shard records and `dataset.json`.
pub const PROGRAM: &str = concat!("l48 ", env!("CARGO_PKG_VERSION"));

/// The parts of a build's configuration that decide clips and images; the others decide labels and files.
pub(crate) const IMAGE_KEYS: [&str; 3] = ImageSettings::KEYS;

/// Where the configuration of an imported set names the set.
pub(crate) const IMPORTED_KEY: &str = "source";

/// Where the configuration lists the datasets that a merged one was made of.
pub(crate) const PARTS_KEY: &str = "parts";

/// Where the configuration says how many clips a shard aims at.
pub(crate) const SHARDS_KEY: &str = "shards";

/// Where the configuration lists which clips of which dataset were chosen, the first choice first; absent from a
/// whole one.
pub(crate) const SUBSETS_KEY: &str = "subsets";

/// All choices of clips that made a dataset, those of merged parts included; none for a whole one.
pub(crate) fn subsets(config: &Value) -> Vec<Value> {
    let list = |key| config.get(key).and_then(Value::as_array).into_iter().flatten();
    list(PARTS_KEY)
        .flat_map(subsets)
        .chain(list(SUBSETS_KEY).cloned())
        .collect()
}

/// `dataset.json` of a subset of the dataset that `old` describes: the list of clips, by its file name and checksum,
/// is added.
pub(crate) fn of_subset(old: &DatasetHead, list: &str, list_xxh3: Xxh3) -> DatasetHead {
    let mut head = old.clone();
    head.program = PROGRAM.into();
    let mut config = head.config.clone();
    if let Some(config) = config.as_object_mut() {
        let clips = json!({ "name": list, "xxh3": list_xxh3 });
        let choice = json!({ "of": old.name, "config_xxh3": old.config_xxh3, "clips": clips });
        // The subset of a subset lists both, the first one first.
        match config.entry(SUBSETS_KEY).or_insert_with(|| json!([])) {
            Value::Array(subsets) => subsets.push(choice),
            other => *other = json!([choice]),
        }
    }
    set_config(&mut head, config);
    head
}

/// Clips that a shard of the dataset was to hold; `None` where parts of a merged set had their own aims.
pub(crate) fn shard_clips(config: &Value) -> Option<u32> {
    let clips = config.get(SHARDS_KEY)?.get("clips")?.as_u64()?;
    u32::try_from(clips).ok()
}

/// Puts a configuration in the place of the old one, with its hash.
pub(crate) fn set_config(head: &mut DatasetHead, config: Value) {
    head.config_xxh3 = Xxh3::of(config.to_string().as_bytes());
    head.config = config;
}
