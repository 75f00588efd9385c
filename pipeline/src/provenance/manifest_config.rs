//! Provides `manifest_config`, the settings of a manifest as the JSON that `dataset.json` keeps, with a hash over the
//! tables' content.

use serde_json::{Value, json};
use shardfmt::Xxh3;
use shardfmt::checksum::Hasher;

use crate::manifest::{AssetBox, BoxCode, ClipScore, Manifest, NamedClip, Recording, Span, SpanScope};

/// Everything that decides the dataset besides the sources' bytes. No paths: a dataset moves.
pub(crate) fn manifest_config(manifest: &Manifest) -> Value {
    let (settings, images) = (&manifest.settings, manifest.frontend.settings());
    json!({
        "dataset": { "name": settings.name },
        "audio": images.audio,
        "clips": images.clips,
        "spectrogram": images.spectrogram,
        "labels": settings.labels,
        "shards": { "clips": settings.shard_clips },
        "tables_xxh3": tables_xxh3(manifest),
    })
}

/// Hash over what the tables say of every recording, in table order, and over the classes.
fn tables_xxh3(manifest: &Manifest) -> Xxh3 {
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
    let mut value = json!({
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
    });
    // Only where there is any, so that the hash of other sets stays what it is.
    if let (Some(heard), Some(value)) = (&recording.heard, value.as_object_mut()) {
        value.insert("heard".into(), json!(heard));
        let score = |score: &ClipScore| match score.clip {
            NamedClip::Index(index) => json!(["index", index, score.class, score.score]),
            NamedClip::Start(start_ns) => json!(["start", start_ns, score.class, score.score]),
        };
        value.insert("scores".into(), recording.scores.iter().map(score).collect());
    }
    value
}

fn box_json(found: &AssetBox) -> Value {
    let status = found.status.map(|status| status.as_str());
    json!([
        found.start_ns,
        found.end_ns,
        found.low_hz,
        found.high_hz,
        code_text(&found.code),
        status
    ])
}

/// The code of a box as it enters the hash: the words are those of every dataset there is, whatever the variants are
/// called.
fn code_text(code: &BoxCode) -> String {
    match code {
        BoxCode::Class(index) => format!("Class({index})"),
        BoxCode::UnknownBird(code) => format!("UnknownBird({code:?})"),
        BoxCode::NoBird(code) => format!("NoBird({code:?})"),
        BoxCode::Other(code) => format!("Other({code:?})"),
    }
}

fn span_json(span: &Span) -> Value {
    let scope = match span.scope {
        SpanScope::All => "all",
        SpanScope::Target => "target",
    };
    json!([span.start_ns, span.end_ns, scope])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_enter_the_hash_as_they_always_have() {
        let codes = [
            (BoxCode::Class(3), "Class(3)"),
            (BoxCode::UnknownBird("unknown".into()), r#"UnknownBird("unknown")"#),
            (BoxCode::NoBird("nobird".into()), r#"NoBird("nobird")"#),
            (
                BoxCode::Other("a \"frog\" \\ toad".into()),
                r#"Other("a \"frog\" \\ toad")"#,
            ),
        ];
        for (code, text) in codes {
            assert_eq!(code_text(&code), text);
        }
    }
}
