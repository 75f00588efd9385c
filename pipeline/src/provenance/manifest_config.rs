//! Provides `manifest_config`, the settings of a manifest as the JSON that `dataset.json` keeps, with a hash over the
//! tables' content.

use serde_json::{Value, json};
use shardfmt::checksum::{Hasher, hex};

use crate::audio::Channel;
use crate::manifest::{AssetBox, Manifest, Recording, Span, SpanScope};

/// Everything that decides the dataset besides the sources' bytes. No paths: a dataset moves.
pub(crate) fn manifest_config(manifest: &Manifest) -> Value {
    let settings = &manifest.settings;
    let channel = match settings.audio.channel {
        Channel::Mean => json!("mean"),
        Channel::Index(index) => json!(index),
    };
    json!({
        "dataset": { "name": settings.name },
        "audio": { "sample_rate_hz": settings.audio.sample_rate_hz, "channel": channel },
        "clips": settings.clips,
        "spectrogram": settings.spectrogram,
        "labels": settings.labels,
        "shards": { "clips": settings.shard_clips },
        "tables_xxh3": hex(tables_xxh3(manifest)),
    })
}

/// Hash over what the tables say of every recording, in table order, and over the classes.
fn tables_xxh3(manifest: &Manifest) -> u64 {
    let mut hasher = Hasher::default();
    for taxon in manifest.taxa.iter() {
        let taxon = json!([taxon.species_code, taxon.common_name, taxon.scientific_name]);
        hasher.update(taxon.to_string().as_bytes());
    }
    for recording in &manifest.recordings {
        hasher.update(recording_json(recording).to_string().as_bytes());
    }
    hasher.finish().xxh3
}

fn recording_json(recording: &Recording) -> Value {
    let Recording { geo, checklist, .. } = recording;
    json!({
        "asset_id": recording.asset_id,
        "path": recording.path,
        "split": recording.split.as_str(),
        "target": recording.target,
        "place": [recording.latitude, recording.longitude],
        "recorded_at": recording.recorded_at.map(|at| (at.unix_us, at.utc_offset_min)),
        "checklist_id": recording.checklist_id,
        "license": recording.license,
        "source_url": recording.source_url,
        "boxes": recording.boxes.iter().map(box_json).collect::<Vec<_>>(),
        "spans": recording.spans.iter().map(span_json).collect::<Vec<_>>(),
        "geo": geo.as_ref().map(|geo| (&geo.possible, &*geo.modelled)),
        "checklist": checklist.as_ref().map(|list| (&list.observed, list.complete)),
    })
}

fn box_json(found: &AssetBox) -> Value {
    let status = found.status.map(|status| status.as_str());
    json!([
        found.start_ns,
        found.end_ns,
        found.low_hz,
        found.high_hz,
        format!("{:?}", found.code),
        status
    ])
}

fn span_json(span: &Span) -> Value {
    let scope = match span.scope {
        SpanScope::All => "all",
        SpanScope::Target => "target",
    };
    json!([span.start_ns, span.end_ns, scope])
}
