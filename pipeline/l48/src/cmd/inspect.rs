//! Provides `l48 inspect`: what a dataset or a single shard holds.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use shardfmt::{Checks, Dataset, Shard};
use storage::Location;

use super::output::say;
use super::{Exit, human_bytes};
use crate::cli::InspectArgs;

/// Most items of a list that are printed as text; `--json` prints all.
const LISTED_ASSETS: usize = 20;

pub(super) fn run(args: InspectArgs) -> Result<Exit> {
    let value = if args.path.is_dir() || Location::is_address(&args.path) {
        dataset(&args.cache.open(&args.path)?)?
    } else {
        shard(&args.path)?
    };
    if args.json {
        say!("{}", serde_json::to_string_pretty(&value)?);
    } else {
        print_text(&value);
    }
    Ok(Exit::Clean)
}

fn dataset(dataset: &Dataset) -> Result<Value> {
    let mut value = serde_json::to_value(dataset.info())?;
    if let Some(object) = value.as_object_mut() {
        let codes: Vec<&str> = dataset.taxa().iter().map(|taxon| taxon.species_code.as_str()).collect();
        let bytes: u64 = dataset.info().files.iter().map(|file| file.bytes).sum();
        object.insert("classes".into(), json!(codes));
        object.insert("bytes".into(), json!(bytes));
    }
    Ok(value)
}

fn shard(path: &Path) -> Result<Value> {
    let shard = Shard::open(path, Checks::Always)?;
    let spec = shard.spec();
    let mut assets: Vec<Value> = Vec::new();
    let mut first = 0;
    while first < shard.rows() {
        let asset_id = shard.asset_id(first)?;
        let end = shard.asset_rows(asset_id).map_or(first + 1, |rows| rows.end);
        assets.push(json!({"asset_id": asset_id, "first_row": first, "clips": end - first}));
        first = end;
    }
    let mut damaged = Vec::new();
    for row in 0..shard.rows() {
        if let Err(error) = shard.clip(row) {
            damaged.push(error.to_string());
        }
    }
    Ok(json!({
        "shard": path.display().to_string(),
        "rows": shard.rows(),
        "clips": spec,
        "clip_bytes": spec.clip_bytes(),
        "metadata": shard.metadata(),
        "xxh3": shardfmt::hash_file(path)?.xxh3,
        "damaged": damaged,
        "assets": assets,
    }))
}

/// Prints a line per fact; long lists are cut.
fn print_text(value: &Value) {
    let Some(object) = value.as_object() else { return };
    for (key, value) in object {
        match (key.as_str(), value) {
            ("bytes" | "clip_bytes", Value::Number(bytes)) => {
                say!("{key:<20}{}", human_bytes(bytes.as_u64().unwrap_or(0)))
            }
            (_, Value::Array(items)) => {
                say!("{key:<20}{} entries", items.len());
                items
                    .iter()
                    .take(LISTED_ASSETS)
                    .for_each(|item| say!("{:<20}{}", "", plain(item)));
                if items.len() > LISTED_ASSETS {
                    say!("{:<20}... ({} more; --json lists all)", "", items.len() - LISTED_ASSETS);
                }
            }
            (_, Value::Object(fields)) => {
                say!("{key}");
                fields
                    .iter()
                    .for_each(|(name, field)| say!("  {name:<18}{}", plain(field)));
            }
            (_, other) => say!("{key:<20}{}", plain(other)),
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
