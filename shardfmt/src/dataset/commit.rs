//! Provides the reading and writing of `dataset.json`, the commit point of a dataset.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use super::info::{DatasetInfo, check_supported};
use crate::checksum::{hex, parse_hex, xxh3};
use crate::entry::{DATASET_JSON, FOLDERS};
use crate::error::{Error, Result};
use crate::persist::{sync_dir, write_atomic};

/// What stands before the checksum's digits, and behind them.
const TAIL: (&str, &str) = (",\"xxh3\":\"", "\"}\n");
/// Bytes of the tail with the digits.
const TAIL_BYTES: usize = TAIL.0.len() + 16 + TAIL.1.len();

/// Commits the dataset in the folder `dir`: makes its folders durable, then writes `dataset.json` atomically.
///
/// # Errors
/// [`Error::DatasetJson`] if `info` breaks a rule of the layout; [`Error::Io`].
pub fn write_dataset_json(dir: &Path, info: &DatasetInfo) -> Result<()> {
    let path = dir.join(DATASET_JSON);
    let bytes = encode(info, &path)?;
    for folder in FOLDERS
        .iter()
        .map(|folder| dir.join(folder))
        .filter(|folder| folder.is_dir())
    {
        sync_dir(&folder)?;
    }
    write_atomic(&path, &bytes)
}

fn encode(info: &DatasetInfo, path: &Path) -> Result<Vec<u8>> {
    info.validate(path)?;
    let fail = |reason| Error::DatasetJson {
        path: path.to_path_buf(),
        field: "content",
        reason,
    };
    let json = serde_json::to_string_pretty(info).map_err(|e| fail(e.to_string()))?;
    let open = json
        .strip_suffix("\n}")
        .ok_or_else(|| fail("is no object".to_owned()))?;
    Ok(format!("{open}{}{}{}", TAIL.0, hex(xxh3(open.as_bytes())), TAIL.1).into_bytes())
}

/// Reads and checks the `dataset.json` at `path`.
///
/// # Errors
/// [`Error::NoDataset`] if there is none; [`Error::FileChecksum`] if any byte changed; [`Error::UnsupportedVersion`]
/// and [`Error::UnsupportedFeature`] if a newer program wrote it; [`Error::DatasetJson`]; [`Error::Io`].
pub fn read_dataset_json(path: &Path) -> Result<DatasetInfo> {
    match fs::read(path) {
        Ok(bytes) => decode(&bytes, path),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(Error::NoDataset {
            path: path.to_path_buf(),
        }),
        Err(cause) => Err(Error::io(path, "read", cause)),
    }
}

fn decode(bytes: &[u8], path: &Path) -> Result<DatasetInfo> {
    let fail = |field, reason: String| Error::DatasetJson {
        path: path.to_path_buf(),
        field,
        reason,
    };
    let split = bytes
        .len()
        .checked_sub(TAIL_BYTES)
        .and_then(|at| bytes.split_at_checked(at));
    let tail = split.and_then(|(open, tail)| Some((open, std::str::from_utf8(tail).ok()?)));
    let digits = tail.and_then(|(open, tail)| {
        let digits = tail.strip_prefix(TAIL.0)?.strip_suffix(TAIL.1)?;
        Some((open, parse_hex(digits)?))
    });
    let (open, expected) = digits.ok_or_else(|| {
        fail(
            "end",
            "is not ,\"xxh3\":\"<16 hexadecimal digits>\"} and a newline".into(),
        )
    })?;
    let got = xxh3(open);
    if got != expected {
        return Err(Error::FileChecksum {
            path: path.to_path_buf(),
            expected,
            got,
        });
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|e| fail("content", e.to_string()))?;
    let format = value
        .get("format")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let version = value
        .get("schema_version")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let required = value
        .get("features_required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let required: Vec<String> = required
        .map(|name| name.as_str().unwrap_or("?").to_owned())
        .collect();
    check_supported(path, format, version, &required)?;
    let info: DatasetInfo =
        serde_json::from_value(value).map_err(|e| fail("content", e.to_string()))?;
    info.validate(path)?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const GOLDEN: &[u8] = include_bytes!("../../tests/golden/dataset.json");

    #[test]
    fn encoding_again_gives_the_same_bytes() {
        let info = decode(GOLDEN, Path::new("d")).unwrap();
        assert_eq!(encode(&info, Path::new("d")).unwrap(), GOLDEN);
    }

    #[test]
    fn every_bit_flip_and_every_truncation_is_refused() {
        for bit in 0..GOLDEN.len() * 8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes, Path::new("d")).is_err(), "bit {bit}");
        }
        for length in 0..GOLDEN.len() {
            assert!(
                decode(&GOLDEN[..length], Path::new("d")).is_err(),
                "{length} bytes"
            );
        }
    }
}
