//! Defines `BuildIdentity`, the build that a shard's header names, and which builds the shards of one dataset may be
//! of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::info::DatasetHead;
use crate::difference::difference;
use crate::error::{Error, Result};

/// Keys of a shard's metadata that a build fills in; other writers may leave them out.
const CONFIG: &str = "config_xxh3";
const PROGRAM: &str = "program";
const NAME: &str = "dataset";
const AXES: &str = "axes";
const VALUES: &str = "values";

/// A shard and the build that its header names.
///
/// A dataset made of another keeps the shards as they are or the metadata in their headers, so a header need not name
/// the build of `dataset.json`. But then no shard does: what changes a dataset gives it another configuration, whatever
/// the parts came from. So either every shard is of the configuration in `dataset.json`, and of one program, or none
/// is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildIdentity {
    shard: PathBuf,
    config: String,
    program: Option<String>,
    name: Option<String>,
}

impl BuildIdentity {
    /// The build that the header of `shard` names, if it does.
    pub(super) fn of(shard: &Path, metadata: &BTreeMap<String, String>) -> Option<Self> {
        Some(Self {
            shard: shard.to_path_buf(),
            config: metadata.get(CONFIG)?.clone(),
            program: metadata.get(PROGRAM).cloned(),
            name: metadata.get(NAME).cloned(),
        })
    }

    /// Refuses two shards of which at least one is not the dataset's.
    pub(super) fn check_beside(&self, other: &Self, head: &DatasetHead) -> Result<()> {
        let config = head.config_xxh3.to_string();
        let (own, others) = (self.config == config, other.config == config);
        let (odd, even) = match (own, others) {
            (false, false) => return Ok(()),
            (true, true) if (&self.program, &self.name) == (&other.program, &other.name) => return Ok(()),
            (true, false) => (other, self),
            (false, true) | (true, true) => (self, other),
        };
        let text = |identity: &Self| {
            let word = |word: &Option<String>| word.clone().unwrap_or_default();
            format!(
                "{} by {}, config_xxh3 {}",
                word(&identity.name),
                word(&identity.program),
                identity.config
            )
        };
        Err(Error::Mismatch {
            path: odd.shard.clone(),
            field: "the build in the header",
            expected: format!("{} (dataset.json and {})", text(even), even.shard.display()),
            got: text(odd),
        })
    }
}

/// Refuses a shard whose header says something else of axes and values than `dataset.json`.
pub(super) fn check_meaning(shard: &Path, metadata: &BTreeMap<String, String>, head: &DatasetHead) -> Result<()> {
    let meaning = |key, of_dataset: serde_json::Result<Value>| {
        let of_shard: Value = serde_json::from_str(metadata.get(key)?).ok()?;
        let found = difference(key, &of_dataset.ok()?, &of_shard);
        // What only one of both says is of a newer or an older program.
        found
            .into_iter()
            .find(|found| found.was.is_some() && found.is.is_some())
    };
    let of_axes = meaning(AXES, serde_json::to_value(&head.axes));
    let Some(found) = of_axes.or_else(|| meaning(VALUES, serde_json::to_value(&head.values))) else {
        return Ok(());
    };
    let [expected, got] = found.values();
    Err(Error::Mismatch {
        path: shard.to_path_buf(),
        field: "the meaning of clips in the header",
        expected: format!("{} {expected} (dataset.json)", found.path),
        got: format!("{} {got}", found.path),
    })
}
