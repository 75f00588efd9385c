//! Tests that other languages and stock libraries read a dataset as the Rust reader does: values, types, nulls and
//! lists.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::{AssetRow, Checks, ClipBox, Dataset, LabelRow, PriorRow};

use crate::dataset_rows::open;
use crate::outside::{json as read_json, node, python};
use crate::program::{l48, run, workspace};
use crate::recordings::Workplace;

/// A dataset with a reject, several shards, and all kinds of gaps; what the Rust reader makes of it lies beside it.
pub(crate) fn with_expectations() -> (Workplace, PathBuf, PathBuf) {
    let place = Workplace::with_every_table(8);
    place.write_bytes("audio/dusk.wav", b"RIFF, but no more than that");
    let (out, expected) = (place.path("out"), place.path("expected.json"));
    l48!("build", place.manifest(), "--out", &out).expect(1);
    let dataset = open(&out);
    let value = tables(&dataset);
    place.write("expected.json", &value.to_string());
    (place, out, expected)
}

/// Every table by its path: the types of its columns and its rows.
pub(crate) fn tables(dataset: &Dataset) -> Value {
    let mut tables = Map::new();
    let taxa = dataset.taxa().iter().enumerate().map(|(index, taxon)| {
        json!({"class_index": index, "species_code": taxon.species_code, "common_name": taxon.common_name,
               "scientific_name": taxon.scientific_name})
    });
    let text = json!("string");
    let columns = json!({"class_index": "uint32", "species_code": text, "common_name": text, "scientific_name": text});
    tables.insert(
        TAXA.into(),
        json!({"columns": columns, "rows": taxa.collect::<Vec<_>>()}),
    );
    let rejects = dataset.rejects().unwrap();
    let rejects = rejects
        .iter()
        .map(|row| json!({"asset_id": row.asset_id, "path": row.path, "stage": row.stage, "reason": row.reason}));
    let columns = json!({"asset_id": "int64", "path": text, "stage": text, "reason": text});
    tables.insert(
        REJECTS.into(),
        json!({"columns": columns, "rows": rejects.collect::<Vec<_>>()}),
    );
    for shard in 0..dataset.shard_count() {
        let opened = dataset.open_shard(shard, Checks::Off).unwrap();
        let labels: Vec<Value> = dataset
            .labels(&opened)
            .unwrap()
            .iter()
            .map(|row| label(dataset, row))
            .collect();
        tables.insert(labels_path(shard), json!({"columns": label_columns(), "rows": labels}));
        let priors: Vec<Value> = dataset
            .priors(&opened)
            .unwrap()
            .iter()
            .map(|row| prior(dataset, row))
            .collect();
        tables.insert(priors_path(shard), json!({"columns": prior_columns(), "rows": priors}));
        let assets = dataset.assets().iter().filter(|row| row.shard == shard);
        let assets: Vec<Value> = assets.map(|row| asset(dataset, row)).collect();
        tables.insert(assets_path(shard), json!({"columns": asset_columns(), "rows": assets}));
    }
    Value::Object(tables)
}

fn codes(dataset: &Dataset, classes: &[u32]) -> Value {
    classes.iter().map(|&class| dataset.taxa().code(class)).collect()
}

fn code(dataset: &Dataset, class: Option<u32>) -> Value {
    json!(class.map(|class| dataset.taxa().code(class)))
}

fn label(dataset: &Dataset, row: &LabelRow) -> Value {
    let found = |found: &ClipBox| {
        json!({"species_code": found.species_code, "status": found.status.as_str(), "start_s": found.start_s, "end_s": found.end_s,
               "low_hz": found.low_hz, "high_hz": found.high_hz, "x_min": single(Some(found.x_min)), "x_max": single(Some(found.x_max)),
               "y_min": single(found.y_min), "y_max": single(found.y_max)})
    };
    json!({"asset_id": row.asset_id, "clip_index": row.clip_index, "shard": row.shard, "row": row.row, "start_s": row.start_s,
           "end_s": row.end_s, "valid_s": row.valid_s, "split": row.split.as_str(), "target": code(dataset, row.target),
           "present": codes(dataset, &row.present), "absent": codes(dataset, &row.absent), "unknown": codes(dataset, &row.unknown),
           "fully_annotated": row.fully_annotated, "label_source": row.label_source.as_str(), "silent": row.silent,
           "rms_dbfs": single(row.rms_dbfs), "boxes": row.boxes.iter().map(found).collect::<Vec<_>>(),
           "source_index": row.source_index, "source_id": row.source_id})
}

/// A single-precision number as the double that other languages make of it.
fn single(value: Option<f32>) -> Option<f64> {
    value.map(f64::from)
}

fn label_columns() -> Value {
    let (f64, f32, u32, text) = ("float64", "float32", "uint32", "string");
    json!({"asset_id": "int64", "clip_index": u32, "shard": u32, "row": u32, "start_s": f64, "end_s": f64, "valid_s": f64,
           "split": text, "target": text, "present": [text], "absent": [text], "unknown": [text], "fully_annotated": "bool",
           "label_source": text, "silent": "bool", "rms_dbfs": f32,
           "boxes": [{"species_code": text, "status": text, "start_s": f64, "end_s": f64, "low_hz": f64, "high_hz": f64,
                      "x_min": f32, "x_max": f32, "y_min": f32, "y_max": f32}],
           "source_index": "int64", "source_id": "int64"})
}

fn prior(dataset: &Dataset, row: &PriorRow) -> Value {
    let list = |classes: &Option<Vec<u32>>| json!(classes.as_ref().map(|classes| codes(dataset, classes)));
    json!({"asset_id": row.asset_id, "latitude": row.latitude, "longitude": row.longitude, "recorded_at": row.recorded_at_unix_us,
           "utc_offset_min": row.utc_offset_min, "checklist_id": row.checklist_id, "geo_possible": list(&row.geo_possible),
           "geo_modelled": list(&row.geo_modelled), "checklist_observed": list(&row.checklist_observed),
           "checklist_complete": row.checklist_complete})
}

fn prior_columns() -> Value {
    let list = json!(["string"]);
    json!({"asset_id": "int64", "latitude": "float64", "longitude": "float64", "recorded_at": "timestamp", "utc_offset_min": "int32",
           "checklist_id": "string", "geo_possible": list, "geo_modelled": list, "checklist_observed": list,
           "checklist_complete": "bool"})
}

fn asset(dataset: &Dataset, row: &AssetRow) -> Value {
    json!({"asset_id": row.asset_id, "path": row.path, "source_bytes": row.source_bytes, "source_xxh3": row.source_xxh3,
           "codec": row.codec, "native_rate_hz": row.native_rate_hz, "channels": row.channels, "duration_s": row.duration_s,
           "shard": row.shard, "first_row": row.first_row, "clips": row.clips, "split": row.split.as_str(),
           "target": code(dataset, row.target), "license": row.license, "source_url": row.source_url})
}

fn asset_columns() -> Value {
    let (u32, text) = ("uint32", "string");
    json!({"asset_id": "int64", "path": text, "source_bytes": "uint64", "source_xxh3": text, "codec": text, "native_rate_hz": u32,
           "channels": u32, "duration_s": "float64", "shard": u32, "first_row": u32, "clips": u32, "split": text, "target": text,
           "license": text, "source_url": text})
}

/// What the other readers are compared with holds every case worth comparing.
#[test]
fn the_expectations_hold_every_kind_of_gap() {
    let (_place, _, expected) = with_expectations();
    let tables = read_json(&expected);
    let rows = |kind: &str| -> Vec<Value> {
        let tables = tables
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.starts_with(kind));
        tables
            .flat_map(|(_, table)| table["rows"].as_array().unwrap().clone())
            .collect()
    };
    let (priors, labels) = (rows("priors/"), rows("labels/"));
    for column in ["geo_possible", "checklist_observed"] {
        assert!(priors.iter().any(|row| row[column].is_null()), "a null {column}");
        assert!(priors.iter().any(|row| row[column] == json!([])), "an empty {column}");
        assert!(
            priors
                .iter()
                .any(|row| row[column].as_array().is_some_and(|list| list.len() > 1)),
            "a long {column}"
        );
    }
    for column in ["latitude", "recorded_at", "utc_offset_min", "checklist_complete"] {
        assert!(
            priors.iter().any(|row| row[column].is_null()) && priors.iter().any(|row| !row[column].is_null()),
            "{column}"
        );
    }
    assert!(
        priors
            .iter()
            .any(|row| row["recorded_at"].as_i64().is_some_and(|us| us % 1_000_000 == 250_000))
    );
    assert!(labels.iter().any(|row| row["boxes"] == json!([])) && labels.iter().any(|row| row["rms_dbfs"].is_null()));
    let boxes: Vec<Value> = labels
        .iter()
        .flat_map(|row| row["boxes"].as_array().unwrap().clone())
        .collect();
    assert!(
        boxes.iter().any(|found| found["low_hz"].is_null()) && boxes.iter().any(|found| found["y_max"].is_number())
    );
    assert!(
        labels.iter().any(|row| row["target"].is_null()) && rows("rejects").len() == 1 && rows("assets/").len() == 7
    );
}

fn python_reads_the_tables(library: &str) {
    let Some(mut command) = python(&workspace().join("tests/python/tables.py")) else {
        return;
    };
    let (_place, out, expected) = with_expectations();
    run(command.arg(library).arg(&out).arg(&expected))
        .expect(0)
        .prints("tables equal");
}

#[test]
fn pyarrow_reads_every_table() {
    python_reads_the_tables("pyarrow");
}

#[test]
fn duckdb_reads_every_table() {
    python_reads_the_tables("duckdb");
}

#[test]
fn polars_reads_every_table() {
    python_reads_the_tables("polars");
}

#[test]
fn node_reads_every_table() {
    let Some(mut command) = node(&workspace().join("tests/node/read.mjs")) else {
        return;
    };
    let (_place, out, expected) = with_expectations();
    run(command.arg(&out).arg(&expected)).expect(0).prints("tables equal");
}

#[test]
fn a_reader_that_sees_something_else_says_so() {
    let (place, out, expected) = with_expectations();
    let wrong = [
        (labels_path(0), "valid_s", json!(2.999)),
        (priors_path(1), "geo_possible", json!([])),
    ];
    for (table, column, wrong) in &wrong {
        let mut tables = read_json(&expected);
        let cell = &mut tables[table]["rows"][0][column];
        assert_ne!(cell, wrong);
        *cell = wrong.clone();
        place.write("wrong.json", &tables.to_string());
        let python = python(&workspace().join("tests/python/tables.py")).map(|mut command| {
            command.arg("pyarrow");
            command
        });
        for mut command in python.into_iter().chain(node(&workspace().join("tests/node/read.mjs"))) {
            let ended = run(command.arg(&out).arg(place.path("wrong.json")));
            assert!(ended.code == Some(1) && ended.stderr.contains(table), "{ended:?}");
        }
    }
}

/// The rows of a shard as the Rust reader sees them.
fn shard_rows(dataset: &Dataset, shard: u32) -> Vec<Value> {
    let shard = dataset.open_shard(shard, Checks::Always).unwrap();
    let row = |row: u32| {
        let bytes = shard.clip(row).unwrap();
        json!({"asset_id": shard.asset_id(row).unwrap(), "clip_index": shard.clip_index(row).unwrap(),
               "ref_db": f64::from(shard.ref_db(row).unwrap()), "xxh3": shard.record_xxh3(row).unwrap(),
               "byte_sum": bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>()})
    };
    (0..shard.rows()).map(row).collect()
}

/// Runs `check` on each shard of a dataset of bytes and one of floats.
fn each_shard(check: impl Fn(&Dataset, u32, &Path)) {
    let place = Workplace::with_every_table(8);
    for dtype in ["u8", "f32", "f16"] {
        let manifest = format!("{}\n[spectrogram]\ndtype = \"{dtype}\"\n", place.read("manifest.toml"));
        place.write("typed.toml", &manifest);
        let out = place.path(dtype);
        l48!("build", place.path("typed.toml"), "--out", &out).expect(0);
        let dataset = open(&out);
        (0..dataset.shard_count()).for_each(|shard| check(&dataset, shard, &out.join(shard_path(shard))));
    }
}

#[test]
fn the_stock_safetensors_library_reads_every_shard() {
    let script = workspace().join("tests/python/shard.py");
    if python(&script).is_none() {
        return;
    }
    let scratch = Workplace::new();
    each_shard(|dataset, shard, path| {
        let rows = shard_rows(dataset, shard);
        let (n, spec) = (rows.len(), dataset.head().clips);
        let dtype = serde_json::to_value(spec.dtype).unwrap();
        let tensors = json!({"clips": [dtype, [n, spec.height, spec.width]], "asset_id": ["I64", [n]], "clip_index": ["U32", [n]],
                             "ref_db": ["F32", [n]], "xxh3": ["U64", [n]]});
        let metadata = json!(dataset.open_shard(shard, Checks::Always).unwrap().metadata());
        scratch.write(
            "expected.json",
            &json!({"tensors": tensors, "rows": rows, "metadata": metadata}).to_string(),
        );
        let mut command = python(&script).unwrap();
        run(command.arg(path).arg(scratch.path("expected.json")))
            .expect(0)
            .prints(&format!("{n} clips equal"));
    });
}

/// The Rust crate `safetensors` is another stock reader, and always at hand.
#[test]
fn the_safetensors_crate_reads_every_shard() {
    each_shard(|dataset, shard, path| {
        let bytes = std::fs::read(path).unwrap();
        let stock = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let own = dataset.open_shard(shard, Checks::Always).unwrap();
        let clips = stock.tensor("clips").unwrap();
        let record = clips.data().len() / own.rows() as usize;
        for (row, record) in (0..).zip(clips.data().chunks(record)) {
            assert!(own.clip(row).unwrap() == record, "row {row}");
        }
        let ids: Vec<i64> = stock
            .tensor("asset_id")
            .unwrap()
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&id| i64::from_le_bytes(id))
            .collect();
        assert!((0..own.rows()).map(|row| own.asset_id(row).unwrap()).eq(ids));
    });
}

#[test]
fn the_short_python_reader_agrees_with_the_rust_reader() {
    let script = workspace().join("shardfmt/python/read_shard.py");
    if python(&script).is_none() {
        return;
    }
    each_shard(|dataset, shard, path| {
        let mut rows = shard_rows(dataset, shard);
        for row in &mut rows {
            row.as_object_mut()
                .unwrap()
                .retain(|key, _| ["asset_id", "clip_index", "byte_sum"].contains(&key.as_str()));
        }
        let spec = dataset.head().clips;
        let expected = json!({"rows": rows.len(), "shape": [rows.len(), spec.height as usize, spec.width as usize], "records": rows});
        assert_eq!(run(python(&script).unwrap().arg(path)).expect(0).json(), expected);
    });
}
