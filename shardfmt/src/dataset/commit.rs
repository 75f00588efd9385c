//! Provides the reading and writing of `dataset.json`, the commit point of a dataset.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use super::info::{DatasetInfo, check_features, check_version};
use crate::entry::{DATASET_JSON, FOLDERS};
use crate::error::{Error, Result};
use crate::need::Operation;
use crate::persist::{sync_dir, write_atomic};
use crate::sealed::{seal, unseal};

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

/// The bytes of the `dataset.json` at `path`.
pub(super) fn encode(info: &DatasetInfo, path: &Path) -> Result<Vec<u8>> {
    info.validate(path)?;
    let fail = |reason| Error::DatasetJson {
        path: path.to_path_buf(),
        field: "content",
        reason,
    };
    let json = serde_json::to_string_pretty(info).map_err(|e| fail(e.to_string()))?;
    seal(&json, path)
}

/// Reads and checks the `dataset.json` at `path`.
///
/// # Errors
/// [`Error::NoDataset`] if there is none; [`Error::FileChecksum`] if any byte changed; [`Error::UnsupportedVersion`]
/// and [`Error::UnsupportedFeature`] if a newer program wrote it; [`Error::DatasetJson`]; [`Error::Io`].
pub fn read_dataset_json(path: &Path) -> Result<DatasetInfo> {
    match fs::read(path) {
        Ok(bytes) => decode_dataset_json(&bytes, path),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(Error::NoDataset {
            path: path.to_path_buf(),
        }),
        Err(cause) => Err(Error::io(path, Operation::Read, cause)),
    }
}

/// What the bytes of a `dataset.json` say; messages name `path`.
///
/// # Errors
/// As [`read_dataset_json`].
pub fn decode_dataset_json(bytes: &[u8], path: &Path) -> Result<DatasetInfo> {
    let fail = |field, reason: String| Error::DatasetJson {
        path: path.to_path_buf(),
        field,
        reason,
    };
    let text = unseal(bytes, path)?;
    let value: Value = serde_json::from_str(text).map_err(|e| fail("content", e.to_string()))?;
    let format = value.get("format").and_then(Value::as_str).unwrap_or_default();
    let version = value.get("schema_version").and_then(Value::as_u64).unwrap_or_default();
    let required = value
        .get("features_required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let required: Vec<String> = required.map(|name| name.as_str().unwrap_or("?").to_owned()).collect();
    check_version(path, format, version)?;
    check_features(path, &required)?;
    let info: DatasetInfo = serde_json::from_value(value).map_err(|e| fail("content", e.to_string()))?;
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
        let info = decode_dataset_json(GOLDEN, Path::new("d")).unwrap();
        assert_eq!(encode(&info, Path::new("d")).unwrap(), GOLDEN);
    }

    #[test]
    fn every_bit_flip_and_every_truncation_is_refused() {
        for bit in 0..GOLDEN.len() * 8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_dataset_json(&bytes, Path::new("d")).is_err(), "bit {bit}");
        }
        for length in 0..GOLDEN.len() {
            assert!(
                decode_dataset_json(&GOLDEN[..length], Path::new("d")).is_err(),
                "{length} bytes"
            );
        }
    }
}
