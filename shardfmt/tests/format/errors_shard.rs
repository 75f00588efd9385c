//! One test for each error of a shard: the bytes or the call that brings it about, and what it names.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::sample;

use std::collections::BTreeMap;
use std::path::Path;

use shardfmt::Xxh3;
use shardfmt::layout::{MAX_ROWS, PAGE_BYTES};
use shardfmt::{Checks, ClipSpec, Dtype, Error, Layout, Shard, ShardWriter};

fn open(bytes: Vec<u8>) -> Error {
    Shard::from_bytes(bytes, Checks::default()).unwrap_err()
}

/// The sample shard with `from` replaced by `to` in its header JSON; the padding keeps its size.
fn with_header(from: &str, to: &str) -> Vec<u8> {
    let mut bytes = sample::shard_bytes();
    let json = String::from_utf8(bytes[8..4096].to_vec()).unwrap();
    assert!(json.contains(from), "{from} is not in the header");
    let mut json = json.replacen(from, to, 1).trim_end().to_owned().into_bytes();
    json.resize(4088, b' ');
    bytes[8..4096].copy_from_slice(&json);
    bytes
}

/// A shard with these rows and sound checksums, whatever their order.
fn with_rows(rows: &[(i64, u32)]) -> Vec<u8> {
    let clips: Vec<Vec<u8>> = (0..rows.len()).map(sample::clip).collect();
    let mut tail = Vec::new();
    rows.iter().for_each(|row| tail.extend(row.0.to_le_bytes()));
    rows.iter().for_each(|row| tail.extend(row.1.to_le_bytes()));
    rows.iter().for_each(|_| tail.extend(0_f32.to_le_bytes()));
    clips
        .iter()
        .for_each(|clip| tail.extend(Xxh3::of(clip).0.to_le_bytes()));
    let layout = Layout {
        spec: sample::spec(),
        rows: rows.len() as u64,
        metadata: BTreeMap::new(),
        tail_xxh3: Xxh3::of(&tail),
        features_optional: vec!["something-new".into()],
    };
    [layout.encode(Path::new("s")).unwrap(), clips.concat(), tail].concat()
}

fn writer() -> (tempfile::TempDir, ShardWriter) {
    let folder = tempfile::tempdir().unwrap();
    let writer = ShardWriter::create(&folder.path().join("s"), sample::spec(), &BTreeMap::new()).unwrap();
    (folder, writer)
}

#[test]
fn optional_features_are_ignored() {
    let shard = Shard::from_bytes(with_rows(&[(1, 0), (1, 5), (0, 2)]), Checks::Always).unwrap();
    assert_eq!(shard.asset_rows(1), Some(0..2));
    assert_eq!(shard.asset_rows(0), Some(2..3));
}

#[test]
fn a_shard_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Shard<shardfmt::MappedFile>>();
    let mut bytes = sample::shard_bytes();
    bytes[4096] ^= 1;
    let shard = Shard::from_bytes(bytes, Checks::FirstTouch).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|i| assert_eq!(shard.clip(i % 4).is_err(), i % 4 == 0)));
        }
    });
}

#[test]
fn shard_too_short() {
    let short = |got| matches!(open(sample::shard_bytes()[..got].to_vec()), Error::ShardTooShort { expected: 4096, got: n, .. } if n == got as u64);
    assert!(short(0) && short(7) && short(4095));
}

#[test]
fn header_length() {
    for length in [u64::MAX, u64::MAX - 7, 4087, 4089, 0, (16 << 20) + 4088] {
        let mut bytes = sample::shard_bytes();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert!(
            matches!(open(bytes), Error::HeaderLength { got, .. } if got == length),
            "{length}"
        );
    }
}

#[test]
fn header() {
    let cases = [
        ("{", "["),
        ("\"__metadata__\"", "\"__metadatA__\""),
        ("\"golden\"", "1"),
        ("\"l48.format\":\"shard\"", "\"l48.format\":\"other\""),
        ("\"l48.tail_xxh3\"", "\"l48.tail_xxh4\""),
        ("\"dataset\"", "\"l48.mine\""),
        ("\"clips\"", "\"klips\""),
        ("\"U8\"", "\"I8\""),
        ("[4,3,5]", "[4,3]"),
        ("[4,3,5]", "[4,3,-5]"),
        ("[4,3,5]", "[4,0,5]"),
        ("[4,3,5]", "[4,4294967296,5]"),
        ("[4,3,5]", "[4,4294967295,4294967295]"),
        ("[4,3,5]", "[4294967296,3,5]"),
    ];
    for (from, to) in cases {
        let error = open(with_header(from, to));
        assert!(matches!(error, Error::Header { .. }), "{to}: {error}");
    }
}

#[test]
fn header_checksum() {
    assert!(matches!(
        open(with_header("\"golden\"", "\"gilded\"")),
        Error::HeaderChecksum { .. }
    ));
    assert!(matches!(
        open(with_header("[4,3,5]", "[5,3,5]")),
        Error::HeaderChecksum { .. }
    ));
}

#[test]
fn header_not_canonical() {
    assert!(matches!(
        open(with_header("\"shape\":[4]", "\"shape\":[ 4]")),
        Error::HeaderNotCanonical { .. }
    ));
    assert!(matches!(
        open(with_header("[0,60]", "[0,61]")),
        Error::HeaderNotCanonical { .. }
    ));
    assert!(matches!(
        open(with_header("}}", "},\"more\":1}")),
        Error::HeaderNotCanonical { .. }
    ));
}

#[test]
fn unsupported_version() {
    let error = open(with_header("\"l48.version\":\"1\"", "\"l48.version\":\"2\""));
    assert!(matches!(error, Error::UnsupportedVersion { supported: 1, got, .. } if got == "2"));
}

#[test]
fn unsupported_feature() {
    let error = open(with_header(
        "\"l48.features_required\":\"\"",
        "\"l48.features_required\":\"zstd,more\"",
    ));
    assert!(matches!(error, Error::UnsupportedFeature { feature, .. } if feature == "zstd"));
}

#[test]
fn shard_length() {
    let mut bytes = sample::shard_bytes();
    let expected = bytes.len() as u64;
    bytes.pop();
    assert!(matches!(open(bytes), Error::ShardLength { expected: e, got, .. } if e == expected && got == e - 1));
}

#[test]
fn tail_checksum() {
    let mut bytes = sample::shard_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(open(bytes), Error::TailChecksum { offset: 4156, .. }));
}

#[test]
fn row_order() {
    let split = open(with_rows(&[(1, 0), (2, 0), (1, 1)]));
    assert!(matches!(
        split,
        Error::RowOrder {
            asset_id: 1,
            row: 2,
            ..
        }
    ));
    let unordered = open(with_rows(&[(1, 0), (2, 3), (2, 3)]));
    assert!(matches!(
        unordered,
        Error::RowOrder {
            asset_id: 2,
            row: 2,
            ..
        }
    ));
}

#[test]
fn clip_checksum_names_asset_row_and_offset_and_first_touch_remembers_only_sound_records() {
    let mut bytes = sample::shard_bytes();
    bytes[4096 + 3 * 15] ^= 128;
    let shard = Shard::from_bytes(bytes, Checks::FirstTouch).unwrap();
    for _ in 0..2 {
        let error = shard.clip(3).unwrap_err();
        assert!(
            matches!(
                error,
                Error::ClipChecksum {
                    asset_id: -5,
                    row: 3,
                    offset: 4141,
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(shard.clip(2).unwrap(), sample::clip(2));
    }
}

#[test]
fn a_copy_is_checked_like_a_view_and_needs_its_room() {
    let mut bytes = sample::shard_bytes();
    bytes[4096 + 3 * 15 + 14] ^= 1;
    for checks in [Checks::FirstTouch, Checks::Always] {
        let shard = Shard::from_bytes(bytes.clone(), checks).unwrap();
        let mut into = [7; 15];
        for _ in 0..2 {
            let error = shard.copy_clip(3, &mut into).unwrap_err();
            assert!(matches!(error, Error::ClipChecksum { row: 3, .. }), "{error}");
            shard.copy_clip(2, &mut into).unwrap();
            assert_eq!(into, sample::clip(2)[..]);
        }
    }
    let shard = Shard::from_bytes(bytes, Checks::Off).unwrap();
    assert_eq!(
        shard.copy_clip(3, &mut [0; 15]).map_err(|error| error.to_string()),
        Ok(())
    );
    for room in [0, 14, 16] {
        let error = shard.copy_clip(0, &mut vec![0; room]).unwrap_err();
        assert!(matches!(error, Error::ClipSize { expected: 15, got, .. } if got == room));
    }
}

#[test]
fn row_out_of_range() {
    let bytes = sample::shard_bytes();
    let shard = Shard::from_bytes(bytes, Checks::Off).unwrap();
    for row in [4, u32::MAX] {
        assert!(matches!(shard.clip(row), Err(Error::RowOutOfRange { rows: 4, .. })));
        assert!(matches!(shard.asset_id(row), Err(Error::RowOutOfRange { .. })));
        assert!(matches!(shard.clip_index(row), Err(Error::RowOutOfRange { .. })));
        assert!(matches!(shard.ref_db(row), Err(Error::RowOutOfRange { .. })));
        assert!(matches!(shard.record_xxh3(row), Err(Error::RowOutOfRange { .. })));
    }
    let (_folder, mut writer) = writer();
    assert!(matches!(
        writer.truncate(1),
        Err(Error::RowOutOfRange { row: 1, rows: 0, .. })
    ));
}

#[test]
fn wrong_dtype_and_misaligned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let spec = ClipSpec::new(Dtype::F32, None, 1, 2).unwrap();
    let mut writer = ShardWriter::create(&path, spec, &BTreeMap::new()).unwrap();
    writer.push(1, 0, 0.0, bytemuck::cast_slice(&[1.5_f32, -2.0])).unwrap();
    writer.finish().unwrap();
    let mapped = Shard::open(&path, Checks::default()).unwrap();
    assert_eq!(mapped.clip_f32(0).unwrap(), [1.5, -2.0]);
    assert!(matches!(
        mapped.clip_f16(0),
        Err(Error::WrongDtype {
            expected: "F32",
            got: "F16",
            ..
        })
    ));
    // Buffers come from the allocator aligned alike, so most of these offsets are not aligned to 4.
    let bytes = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for offset in 0..4 {
        let copy = [&vec![0; offset], bytes.as_slice(), &[0; 4]].concat();
        let shard = Shard::from_bytes(&copy[offset..offset + bytes.len()], Checks::Off).unwrap();
        let aligned = copy[offset..].as_ptr().align_offset(4) == 0;
        match shard.clip_f32(0) {
            Ok(values) => assert!(aligned && values == [1.5, -2.0]),
            Err(error) => {
                assert!(
                    !aligned
                        && matches!(
                            error,
                            Error::Misaligned {
                                row: 0,
                                alignment: 4,
                                ..
                            }
                        )
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 0, "no offset was misaligned");
}

#[test]
fn clip_size() {
    let (_folder, mut writer) = writer();
    for bytes in [0, 14, 16] {
        let error = writer.push(1, 0, 0.0, &vec![0; bytes]).unwrap_err();
        assert!(matches!(error, Error::ClipSize { expected: 15, got, .. } if got == bytes));
    }
    assert_eq!(writer.rows(), 0);
}

#[test]
fn asset_reopened_and_clip_order() {
    let (_folder, mut writer) = writer();
    writer.push(1, 7, 0.0, &sample::clip(0)).unwrap();
    for index in [7, 6] {
        let error = writer.push(1, index, 0.0, &sample::clip(1)).unwrap_err();
        assert!(matches!(error, Error::ClipOrder { asset_id: 1, previous: 7, got } if got == index));
    }
    writer.push(2, 0, 0.0, &sample::clip(1)).unwrap();
    let error = writer.push(1, 8, 0.0, &sample::clip(2)).unwrap_err();
    assert!(matches!(error, Error::AssetReopened { asset_id: 1, row: 2 }));
    // Refused pushes leave the writer as it was.
    assert_eq!(writer.finish().unwrap().rows, 2);
}

#[test]
fn invalid_metadata_and_spec() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let reserved = BTreeMap::from([("l48.mine".to_owned(), String::new())]);
    let error = ShardWriter::create(&path, sample::spec(), &reserved).unwrap_err();
    assert!(matches!(error, Error::InvalidMetadata { key, .. } if key == "l48.mine"));
    let unchecked = ClipSpec {
        height: 0,
        ..sample::spec()
    };
    let error = ShardWriter::create(&path, unchecked, &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, Error::InvalidSpec { .. }));
    let big = BTreeMap::from([("k".to_owned(), "x".repeat(17 << 20))]);
    let error = ShardWriter::create(&path, sample::spec(), &big).unwrap_err();
    assert!(matches!(error, Error::HeaderTooLarge { cap, .. } if cap == 16 << 20));
    assert_eq!(sample::files_under(folder.path()), [""; 0]);
}

#[test]
fn too_many_rows() {
    let layout = Layout {
        spec: sample::spec(),
        rows: MAX_ROWS + 1,
        metadata: BTreeMap::new(),
        tail_xxh3: Xxh3::default(),
        features_optional: vec![],
    };
    assert!(matches!(layout.encode(Path::new("s")), Err(Error::TooManyRows { .. })));
    assert_eq!(layout.data_offset(), PAGE_BYTES);
}
