//! Provides a tiny dataset of fixed bytes for the tests: two shards, the second without rows.
#![allow(unreachable_pub, reason = "the module is private to the test program")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::sidecar::{
    AssetRow, BoxStatus, ClipBox, LabelRow, LabelSource, PriorRow, RejectRow, Split, Taxa, Taxon, write_assets,
    write_labels, write_priors, write_rejects, write_taxa,
};
use shardfmt::{
    Axes, ClipSpec, Counts, DatasetHead, DatasetInfo, Dtype, FileEntry, FrequencyScale, LabelForm, Row0, ShardWriter,
    ValueReference, ValueScale, ValueUnit, Xxh3, write_dataset_json,
};

/// Rows of shard 0 as (asset, clip index, level). 15 bytes a clip leave the tail unaligned.
pub const ROWS: [(i64, u32, f32); 4] = [(10, 0, -20.5), (10, 1, -21.0), (10, 4, 0.0), (-5, 0, -33.25)];

pub fn spec() -> ClipSpec {
    ClipSpec::new(Dtype::U8, None, 3, 5).unwrap()
}

/// Bytes of the clip at `row`.
pub fn clip(row: usize) -> Vec<u8> {
    (0..15).map(|i| (row * 16 + i) as u8).collect()
}

pub fn write_shard(path: &Path, rows: &[(i64, u32, f32)]) -> FileEntry {
    let metadata = BTreeMap::from([("dataset".to_owned(), "golden".to_owned())]);
    let mut writer = ShardWriter::create(path, spec(), &metadata).unwrap();
    for (row, &(asset_id, clip_index, ref_db)) in rows.iter().enumerate() {
        writer.push(asset_id, clip_index, ref_db, &clip(row)).unwrap();
    }
    writer.finish().unwrap()
}

/// Bytes of shard 0.
pub fn shard_bytes() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    write_shard(&path, &ROWS);
    fs::read(path).unwrap()
}

pub fn taxa() -> Taxa {
    let taxon = |code: &str, common: Option<&str>, scientific: Option<&str>| Taxon {
        species_code: code.into(),
        common_name: common.map(Into::into),
        scientific_name: scientific.map(Into::into),
    };
    Taxa::new(vec![
        taxon("comrav", Some("Common Raven"), Some("Corvus corax")),
        taxon("eurrob1", None, Some("Erithacus rubecula")),
        taxon("x-noise", None, None),
    ])
    .unwrap()
}

pub fn labels() -> Vec<LabelRow> {
    let plain = |row: usize| {
        let (asset_id, clip_index, _) = ROWS[row];
        let start_s = f64::from(clip_index) * 1.5;
        LabelRow {
            asset_id,
            clip_index,
            shard: 0,
            row: row as u32,
            start_s,
            end_s: start_s + 3.0,
            valid_s: 3.0,
            split: if asset_id == 10 { Split::Train } else { Split::Test },
            target: (asset_id == 10).then_some(1),
            present: vec![1],
            absent: vec![],
            unknown: vec![0, 2],
            fully_annotated: false,
            label_source: LabelSource::Incomplete,
            silent: false,
            rms_dbfs: Some(-40.25),
            boxes: vec![],
            source_index: None,
            source_id: None,
            others: None,
            from_recording: Vec::new(),
        }
    };
    let given = ClipBox {
        species_code: "eurrob1".into(),
        status: BoxStatus::Active,
        start_s: 1.75,
        end_s: 4.5,
        low_hz: Some(1000.0),
        high_hz: Some(4000.5),
        x_min: 0.0833,
        x_max: 1.0,
        y_min: Some(0.25),
        y_max: Some(0.5),
    };
    let any_band = ClipBox {
        species_code: "elsewhere".into(),
        status: BoxStatus::Ignore,
        low_hz: None,
        high_hz: None,
        y_min: None,
        y_max: None,
        ..given.clone()
    };
    vec![
        plain(0),
        LabelRow {
            boxes: vec![given, any_band],
            absent: vec![2, 0],
            unknown: vec![],
            fully_annotated: true,
            label_source: LabelSource::Box,
            ..plain(1)
        },
        LabelRow {
            silent: true,
            rms_dbfs: None,
            present: vec![],
            valid_s: 0.5,
            ..plain(2)
        },
        LabelRow {
            source_index: Some(3),
            source_id: Some(-9),
            label_source: LabelSource::Given,
            ..plain(3)
        },
    ]
}

pub fn priors() -> Vec<PriorRow> {
    vec![
        PriorRow {
            asset_id: 10,
            latitude: Some(48.25),
            longitude: Some(-11.5),
            recorded_at_unix_us: Some(1_700_000_000_123_456),
            utc_offset_min: Some(-330),
            checklist_id: Some("S1".into()),
            geo_possible: Some(vec![0, 1]),
            geo_modelled: Some(vec![0, 1, 2]),
            checklist_observed: Some(vec![]),
            checklist_complete: Some(true),
        },
        PriorRow {
            asset_id: -5,
            ..PriorRow::default()
        },
    ]
}

pub fn assets() -> Vec<AssetRow> {
    let raven = AssetRow {
        asset_id: 10,
        path: "audio/10.flac".into(),
        source_bytes: 123_456_789_012,
        source_xxh3: Xxh3(0xfedc_ba98_7654_3210),
        codec: "flac".into(),
        native_rate_hz: 44_100,
        channels: 2,
        duration_s: 9.125,
        shard: 0,
        first_row: 0,
        clips: 3,
        split: Split::Train,
        target: Some(1),
        license: Some("CC-BY 4.0".into()),
        source_url: None,
        heard: None,
    };
    let other = AssetRow {
        asset_id: -5,
        path: "audio/ü.wav".into(),
        first_row: 3,
        clips: 1,
        split: Split::Test,
        target: None,
        license: None,
        source_url: Some("https://example.org/5".into()),
        ..raven.clone()
    };
    vec![raven, other]
}

pub fn rejects() -> Vec<RejectRow> {
    let reason = "header says 12 channels".to_owned();
    vec![RejectRow {
        asset_id: 77,
        path: "audio/77.mp3".into(),
        stage: "decode".into(),
        reason,
    }]
}

pub fn info(files: Vec<FileEntry>) -> DatasetInfo {
    let head = DatasetHead {
        features_required: vec![],
        features_optional: vec!["ignorable".into()],
        name: "golden".into(),
        program: "test 1".into(),
        config: serde_json::json!({"hop_s": 1.5, "bands": [1, 2]}),
        config_xxh3: Xxh3(0x1234),
        clips: spec(),
        axes: Axes {
            frequency_scale: FrequencyScale::MelSlaney,
            fmin_hz: 50.0,
            fmax_hz: 16_000.1,
            row_0: Row0::Lowest,
            frame_rate_hz: 5.0 / 3.0,
            clip_duration_s: 3.0,
            hop_s: 1.5,
            sample_rate_hz: Some(32_000),
        },
        values: ValueScale {
            unit: ValueUnit::Decibel,
            reference: ValueReference::Clip,
            offset: -80.0,
            step: 80.0 / 255.0,
        },
        instruction_set: "avx2".into(),
    };
    DatasetInfo {
        head,
        counts: Counts {
            shards: 2,
            clips: 4,
            assets: 2,
            rejects: 1,
        },
        tallies: BTreeMap::new(),
        files,
    }
}

/// Writes the whole dataset into the folder `dir`.
pub fn write_dataset(dir: &Path) {
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let files = vec![
        write_taxa(&dir.join(TAXA), &taxa()).unwrap(),
        write_rejects(&dir.join(REJECTS), &rejects()).unwrap(),
        write_shard(&dir.join(shard_path(0)), &ROWS),
        write_labels(&dir.join(labels_path(0)), &taxa(), LabelForm::Listed, &labels()).unwrap(),
        write_priors(&dir.join(priors_path(0)), &taxa(), &priors()).unwrap(),
        write_assets(&dir.join(assets_path(0)), &taxa(), LabelForm::Listed, &assets()).unwrap(),
        write_shard(&dir.join(shard_path(1)), &[]),
        write_labels(&dir.join(labels_path(1)), &taxa(), LabelForm::Listed, &[]).unwrap(),
        write_priors(&dir.join(priors_path(1)), &taxa(), &[]).unwrap(),
        write_assets(&dir.join(assets_path(1)), &taxa(), LabelForm::Listed, &[]).unwrap(),
    ];
    write_dataset_json(dir, &info(files)).unwrap();
}

/// Compares a dataset with the golden files of it; `L48_BLESS=1` writes these instead, and fails.
pub fn assert_golden(golden: &Path, fresh: &Path) {
    let names = files_under(fresh);
    if std::env::var_os("L48_BLESS").is_some_and(|value| value == "1") {
        for name in &names {
            fs::create_dir_all(golden.join(name).parent().unwrap()).unwrap();
            fs::copy(fresh.join(name), golden.join(name)).unwrap();
        }
        panic!("golden files written; run again without L48_BLESS");
    }
    assert_eq!(files_under(golden), names);
    for name in &names {
        let bytes = |dir: &Path| fs::read(dir.join(name)).unwrap();
        assert!(bytes(golden) == bytes(fresh), "{name} differs from its golden file");
    }
}

/// Paths of all files under `dir`, with forward slashes, in order.
pub fn files_under(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true => found.extend(files_under(&path).iter().map(|inner| format!("{name}/{inner}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}
