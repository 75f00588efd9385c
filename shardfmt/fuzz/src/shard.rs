//! Provides the target that opens a shard and reads all of it.

use std::path::Path;

use shardfmt::Xxh3;
use shardfmt::{Checks, Error, Shard};

/// Longest shard that is made of an input by giving it the length its header declares.
const MAX_SHARD_BYTES: u64 = 1 << 18;

/// Opens `data` as a shard, and again with the checksums and the length put right, so that what lies behind those
/// checks is reached; reads every row of what opens.
pub fn shard_open_read(data: &[u8]) {
    read_all(data);
    if let Some(data) = put_right(data) {
        read_all(&data);
    }
}

fn read_all(data: &[u8]) {
    let (Ok(shard), Ok(lazy)) = (
        Shard::from_bytes(data, Checks::Always),
        Shard::from_bytes(data, Checks::FirstTouch),
    ) else {
        return;
    };
    let header = shard.layout().encode(Path::new("s"));
    assert!(
        header.is_ok_and(|header| data.starts_with(&header)),
        "another header gives the same layout"
    );
    let mut of_assets = 0;
    for row in 0..shard.rows() {
        let (clip, again) = (shard.clip(row).ok(), lazy.clip(row).ok());
        assert_eq!(clip, again, "row {row}");
        assert_eq!(clip, lazy.clip(row).ok(), "row {row} the second time");
        if let Some(clip) = clip {
            assert_eq!(clip.len(), shard.spec().clip_bytes(), "row {row}");
            assert_eq!(shard.record_xxh3(row).ok(), Some(Xxh3::of(clip)), "row {row}");
        }
        let _ = (shard.clip_f32(row), shard.clip_f16(row), shard.ref_db(row));
        let rows = shard.asset_id(row).ok().and_then(|asset_id| shard.asset_rows(asset_id));
        assert!(
            rows.as_ref().is_some_and(|rows| rows.contains(&row)),
            "row {row} is in no run"
        );
        of_assets += u32::from(rows.is_some_and(|rows| rows.start == row));
    }
    assert_eq!(of_assets as usize, shard.asset_count());
    assert!(shard.clip(shard.rows()).is_err() && shard.asset_id(shard.rows()).is_err());
}

/// `data` with checksums and length changed to what the errors say they should be; `None` if that does not help.
fn put_right(data: &[u8]) -> Option<Vec<u8>> {
    let mut data = data.to_vec();
    // Length, checksum of the tail, checksum of the header that holds it: each may come after another.
    for _ in 0..6 {
        match Shard::from_bytes(&data, Checks::Off).err() {
            None => return Some(data),
            Some(Error::HeaderChecksum { expected, got, .. }) => replace(&mut data, "l48.header_xxh3", expected, got)?,
            Some(Error::TailChecksum { expected, got, .. }) => replace(&mut data, "l48.tail_xxh3", expected, got)?,
            Some(Error::ShardLength { expected, .. }) if expected <= MAX_SHARD_BYTES => {
                data.resize(usize::try_from(expected).ok()?, 0);
            }
            Some(_) => return None,
        }
    }
    None
}

/// Writes the checksum `right` over `wrong` in the metadata entry `key`.
fn replace(data: &mut [u8], key: &str, wrong: Xxh3, right: Xxh3) -> Option<()> {
    let entry = |value| format!("\"{key}\":\"{}\"", value);
    let (wrong, right) = (entry(wrong), entry(right));
    let at = data
        .windows(wrong.len())
        .position(|window| window == wrong.as_bytes())?;
    data.get_mut(at..at + right.len())?.copy_from_slice(right.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_changed_tail_and_a_cut_are_put_right() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/shards/00000.safetensors");
        let mut bytes = std::fs::read(golden).unwrap();
        bytes.pop();
        assert!(Shard::from_bytes(&bytes, Checks::Off).is_err());
        let right = put_right(&bytes).unwrap();
        assert_eq!(Shard::from_bytes(right, Checks::Off).unwrap().rows(), 4);
        assert!(put_right(b"no shard").is_none());
    }
}
