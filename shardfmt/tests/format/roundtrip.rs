//! Round trips: what is written is read back, by this crate and by the stock safetensors reader.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::sample;

use std::collections::BTreeMap;
use std::fs;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use safetensors::SafeTensors;
use shardfmt::sidecar::{
    AssetRow, BoxStatus, ClipBox, LabelForm, LabelRow, LabelSource, PriorRow, Split, read_assets, read_labels,
    read_priors, write_assets, write_labels, write_priors,
};
use shardfmt::{Checks, ClipSpec, Dtype, Shard, ShardWriter};

fn any_spec() -> impl Strategy<Value = ClipSpec> {
    let dtype = prop_oneof![Just(Dtype::U8), Just(Dtype::F16), Just(Dtype::F32)];
    (dtype, proptest::option::of(1_u32..4), 1_u32..9, 1_u32..9)
        .prop_map(|(dtype, channels, height, width)| ClipSpec::new(dtype, channels, height, width).unwrap())
}

/// Rows of several assets: ids are distinct, indices ascend within each.
fn any_rows() -> impl Strategy<Value = Vec<(i64, u32, f32)>> {
    let clips = proptest::collection::btree_set(any::<u32>(), 1..5);
    btree_map(any::<i64>(), (clips, -100_f32..10.0), 0..6).prop_map(|assets| {
        let rows = |(id, (clips, level)): (i64, (std::collections::BTreeSet<u32>, f32))| {
            clips.into_iter().map(move |clip| (id, clip, level)).collect::<Vec<_>>()
        };
        assets.into_iter().flat_map(rows).collect()
    })
}

proptest! {
    #[test]
    fn shards(
        spec in any_spec(),
        rows in any_rows(),
        metadata in btree_map("[a-z\"\\\\\n é]{0,6}", ".{0,2000}", 0..4),
        seed in any::<u8>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000.safetensors");
        let clip = |row: usize| -> Vec<u8> { (0..spec.clip_bytes()).map(|i| (i + row * 7) as u8 ^ seed).collect() };
        let mut writer = ShardWriter::create(&path, spec, &metadata).unwrap();
        for (row, &(asset_id, clip_index, ref_db)) in rows.iter().enumerate() {
            writer.push(asset_id, clip_index, ref_db, &clip(row)).unwrap();
        }
        let entry = writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        prop_assert_eq!((entry.rows, entry.bytes), (rows.len() as u64, bytes.len() as u64));
        prop_assert_eq!(entry.xxh3, shardfmt::Xxh3::of(&bytes));

        let shard = Shard::open(&path, Checks::FirstTouch).unwrap();
        prop_assert_eq!((shard.spec(), shard.rows() as usize, shard.metadata()), (spec, rows.len(), &metadata));
        for (row, &(asset_id, clip_index, ref_db)) in rows.iter().enumerate() {
            let number = row as u32;
            prop_assert_eq!(shard.clip(number).unwrap(), clip(row));
            prop_assert_eq!(shard.asset_id(number).unwrap(), asset_id);
            prop_assert_eq!(shard.clip_index(number).unwrap(), clip_index);
            prop_assert_eq!(shard.ref_db(number).unwrap(), ref_db);
            prop_assert!(shard.asset_rows(asset_id).unwrap().contains(&number));
        }

        let stock = SafeTensors::deserialize(&bytes).unwrap();
        let clips = stock.tensor("clips").unwrap();
        let shape: Vec<usize> = [rows.len()].into_iter().chain(spec.dimensions().iter().map(|&d| d as usize)).collect();
        prop_assert_eq!(clips.shape(), shape);
        prop_assert_eq!(clips.data(), (0..rows.len()).flat_map(clip).collect::<Vec<_>>());
        prop_assert_eq!((clips.data().as_ptr() as usize - bytes.as_ptr() as usize) % 4096, 0);
        let ids: Vec<u8> = rows.iter().flat_map(|row| row.0.to_le_bytes()).collect();
        let indices: Vec<u8> = rows.iter().flat_map(|row| row.1.to_le_bytes()).collect();
        let levels: Vec<u8> = rows.iter().flat_map(|row| row.2.to_le_bytes()).collect();
        let hashes: Vec<u8> = (0..rows.len()).flat_map(|row| shardfmt::Xxh3::of(&clip(row)).0.to_le_bytes()).collect();
        for (name, data) in [("asset_id", ids), ("clip_index", indices), ("ref_db", levels), ("xxh3", hashes)] {
            prop_assert_eq!(stock.tensor(name).unwrap().data(), data, "{}", name);
        }
        prop_assert_eq!(stock.len(), 5);
    }

    #[test]
    fn cutting_back_equals_never_having_pushed(rows in any_rows(), keep in any::<prop::sample::Index>()) {
        let keep = keep.index(rows.len() + 1);
        let folder = tempfile::tempdir().unwrap();
        let (cut, direct) = (folder.path().join("cut"), folder.path().join("direct"));
        let mut writer = ShardWriter::create(&cut, sample::spec(), &BTreeMap::new()).unwrap();
        let push = |writer: &mut ShardWriter, row: usize, content: usize| {
            writer.push(rows[row].0, rows[row].1, rows[row].2, &sample::clip(content)).unwrap();
        };
        (0..rows.len()).for_each(|row| push(&mut writer, row, row + 1));
        writer.truncate(keep as u32).unwrap();
        prop_assert_eq!(writer.rows() as usize, keep);
        // What was dropped may come again.
        (keep..rows.len()).for_each(|row| push(&mut writer, row, row + 2));
        let cut_entry = writer.finish().unwrap();
        let mut writer = ShardWriter::create(&direct, sample::spec(), &BTreeMap::new()).unwrap();
        (0..rows.len()).for_each(|row| push(&mut writer, row, if row < keep { row + 1 } else { row + 2 }));
        let direct_entry = writer.finish().unwrap();
        prop_assert_eq!((cut_entry.bytes, cut_entry.xxh3), (direct_entry.bytes, direct_entry.xxh3));
        prop_assert_eq!(fs::read(cut).unwrap(), fs::read(direct).unwrap());
    }

    #[test]
    fn labels(rows in vec(any_label(), 0..20)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        write_labels(&path, &sample::taxa(), LabelForm::Listed, &rows).unwrap();
        prop_assert_eq!(read_labels(&path, &sample::taxa(), LabelForm::Listed).unwrap(), rows);
    }

    #[test]
    fn priors(rows in vec(any_prior(), 0..20)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("priors");
        write_priors(&path, &sample::taxa(), &rows).unwrap();
        prop_assert_eq!(read_priors(&path, &sample::taxa()).unwrap(), rows);
    }

    #[test]
    fn assets(ids in vec((any::<i64>(), any::<u64>(), any::<u32>(), ".{0,9}"), 0..20)) {
        let row = |(asset_id, number, small, text): (i64, u64, u32, String)| AssetRow {
            asset_id,
            path: text.clone(),
            source_bytes: number,
            source_xxh3: shardfmt::Xxh3(!number),
            native_rate_hz: small,
            clips: small | 1,
            duration_s: number as f64 / 7.0,
            target: (small % 4 < 3).then_some(small % 4),
            license: (small % 2 == 0).then_some(text),
            ..sample::assets()[1].clone()
        };
        let rows: Vec<_> = ids.into_iter().map(row).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("assets");
        write_assets(&path, &sample::taxa(), LabelForm::Listed, &rows).unwrap();
        prop_assert_eq!(read_assets(&path, &sample::taxa(), LabelForm::Listed).unwrap(), rows);
    }
}

fn any_box() -> impl Strategy<Value = ClipBox> {
    let status = prop::sample::select(&BoxStatus::ALL);
    (".{0,8}", status, 0.0..1e6, 0.0..1e3, any::<Option<bool>>(), 0_f32..1.0).prop_map(
        |(species_code, status, start_s, length_s, band, edge)| ClipBox {
            species_code,
            status,
            start_s,
            end_s: start_s + length_s,
            low_hz: band.map(|_| 100.0 / 3.0),
            high_hz: band.map(|_| 8000.0),
            x_min: edge,
            x_max: 1.0,
            y_min: band.map(|_| edge),
            y_max: band.filter(|&full| full).map(|_| 1.0),
        },
    )
}

/// Each of the three classes in one list at most.
fn any_label() -> impl Strategy<Value = LabelRow> {
    let source = prop::sample::select(&LabelSource::ALL);
    let split = prop::sample::select(&Split::ALL);
    let numbers = (any::<i64>(), any::<u32>(), 0.0..1e7, 0_f32..100.0);
    (
        numbers,
        split,
        source,
        vec(0..4, 3),
        vec(any_box(), 0..3),
        any::<Option<i64>>(),
    )
        .prop_map(
            |((asset_id, number, start_s, level), split, label_source, lists, boxes, source_id)| {
                let members = |list| (0..3).filter(|&class: &u32| lists[class as usize] == list).collect();
                LabelRow {
                    asset_id,
                    clip_index: number,
                    shard: !number,
                    row: number / 2,
                    start_s,
                    end_s: start_s + 3.0,
                    valid_s: 1.0 / 3.0,
                    split,
                    target: (number % 4 < 3).then_some(number % 4),
                    present: members(1),
                    absent: members(2),
                    unknown: members(3),
                    fully_annotated: number % 2 == 0,
                    label_source,
                    silent: number % 3 == 0,
                    rms_dbfs: (number % 3 != 0).then_some(-level),
                    boxes,
                    source_index: source_id.map(|id| !id),
                    source_id,
                    others: None,
                    from_recording: Vec::new(),
                }
            },
        )
}

fn any_prior() -> impl Strategy<Value = PriorRow> {
    let classes = || proptest::option::of(prop::sample::subsequence(vec![0_u32, 1, 2], 0..=3));
    let place = proptest::option::of((-90.0..90.0, -180.0..180.0));
    let time = (any::<Option<i64>>(), any::<Option<i32>>());
    (
        any::<i64>(),
        place,
        time,
        any::<Option<bool>>(),
        classes(),
        classes(),
        classes(),
    )
        .prop_map(
            |(asset_id, place, (recorded_at_unix_us, utc_offset_min), complete, possible, modelled, observed)| {
                PriorRow {
                    asset_id,
                    latitude: place.map(|place| place.0),
                    longitude: place.map(|place| place.1),
                    recorded_at_unix_us,
                    utc_offset_min,
                    checklist_id: complete.map(|complete| format!("S{complete}")),
                    geo_possible: possible,
                    geo_modelled: modelled,
                    checklist_observed: observed,
                    checklist_complete: complete,
                }
            },
        )
}

#[test]
fn tables_longer_than_a_row_group_keep_their_order_and_equal_rows_give_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let row = |i: i64| PriorRow {
        asset_id: i,
        geo_possible: Some(vec![(i % 3) as u32]),
        ..PriorRow::default()
    };
    let rows: Vec<_> = (0..20_000).map(row).collect();
    write_priors(&one, &sample::taxa(), &rows).unwrap();
    write_priors(&two, &sample::taxa(), &rows).unwrap();
    assert_eq!(read_priors(&one, &sample::taxa()).unwrap(), rows);
    assert!(fs::read(one).unwrap() == fs::read(two).unwrap());
}

#[test]
fn dropping_a_writer_leaves_nothing_and_the_temporary_name_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000.safetensors");
    let writer = ShardWriter::create(&path, sample::spec(), &BTreeMap::new()).unwrap();
    let temporary = sample::files_under(folder.path());
    assert!(
        temporary.len() == 1 && temporary[0].starts_with(".00000.safetensors."),
        "{temporary:?}"
    );
    assert!(shardfmt::persist::is_being_written(&temporary[0]), "{temporary:?}");
    drop(writer);
    assert_eq!(sample::files_under(folder.path()), [""; 0]);
}
