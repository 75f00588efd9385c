//! Provides the files of a dataset as a Croissant description lists them: each with its size and SHA-256, and the
//! sets they form.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shardfmt::Operation;
use shardfmt::checksum::Hasher;
use shardfmt::entry::{DATASET_JSON, FileEntry};
use shardfmt::{Dataset, Error};

use super::tables::{Files, TABLES};
use crate::error::{Result, io};

/// Bytes read at a time while hashing.
const BUFFER_BYTES: usize = 256 << 10;
/// What mlcroissant calls a Parquet table.
const PARQUET: &str = "application/x-parquet";
/// Safetensors has no registered media type; Croissant then asks for a page about the format.
const SAFETENSORS: &str = "https://github.com/huggingface/safetensors";
/// Id of the set of shards.
const SHARDS: &str = "shards";

/// Every file of a dataset, then the sets of them. `place` leads from the description to the dataset; `hashed` hears of
/// bytes read.
///
/// # Errors
/// A file that cannot be read, or whose bytes are not those that `dataset.json` lists: a description would vouch for
/// them.
pub(super) fn distribution(dataset: &Dataset, place: &str, hashed: &(dyn Fn(u64) + Sync)) -> Result<Vec<Value>> {
    let whole = std::iter::once((DATASET_JSON, None));
    let listed = dataset
        .info()
        .files
        .iter()
        .map(|entry| (entry.path.as_str(), Some(entry)));
    let files: Vec<(&str, Option<&FileEntry>)> = whole.chain(listed).collect();
    let objects = files.into_par_iter().map(|(name, entry)| {
        let (bytes, sha256) = digest(&dataset.dir().join(name), entry, hashed)?;
        Ok(json!({
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": format!("{place}/{name}"),
            "contentSize": format!("{bytes} B"),
            "encodingFormat": media_type(name),
            "sha256": sha256,
        }))
    });
    let mut distribution = objects.collect::<Result<Vec<Value>>>()?;
    distribution.push(set(SHARDS, place, SHARDS, "safetensors"));
    distribution.extend(TABLES.iter().filter_map(|table| match table.files {
        Files::Each { set: id, .. } => Some(set(id, place, table.id, "parquet")),
        Files::One(_) => None,
    }));
    Ok(distribution)
}

/// The files of one folder.
fn set(id: &str, place: &str, folder: &str, extension: &str) -> Value {
    let includes = format!("{}/{folder}/*.{extension}", glob::Pattern::escape(place));
    json!({"@type": "cr:FileSet", "@id": id, "name": id, "encodingFormat": media_type(&includes), "includes": includes})
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("parquet") => PARQUET,
        Some("safetensors") => SAFETENSORS,
        _ => "application/json",
    }
}

/// Size and SHA-256 of a file, once its own checksum holds, where one is listed.
fn digest(path: &Path, listed: Option<&FileEntry>, hashed: &(dyn Fn(u64) + Sync)) -> Result<(u64, String)> {
    let mut file = File::open(path).map_err(io(Operation::Open, path))?;
    let (mut sha256, mut xxh3) = (Sha256::new(), Hasher::default());
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
            Err(cause) => return Err(io(Operation::Read, path)(cause)),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        sha256.update(bytes);
        xxh3.update(bytes);
        hashed(count as u64);
    }
    let own = xxh3.finish();
    match listed {
        Some(entry) if entry.xxh3 != own.xxh3 => Err(Error::FileChecksum {
            path: path.to_path_buf(),
            expected: entry.xxh3,
            got: own.xxh3,
        }
        .into()),
        _ => Ok((own.bytes, format!("{:x}", sha256.finalize()))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_digest_is_the_published_one_and_only_of_the_listed_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "abc").unwrap();
        let mut entry = FileEntry {
            path: "f".into(),
            rows: 0,
            bytes: 3,
            xxh3: shardfmt::Xxh3::of(b"abc"),
        };
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(&path, Some(&entry), &|_| {}).unwrap(), (3, expected.into()));
        entry.xxh3.0 += 1;
        let error = digest(&path, Some(&entry), &|_| {}).unwrap_err();
        assert!(
            matches!(error, crate::Error::Dataset(Error::FileChecksum { .. })),
            "{error}"
        );
    }

    #[test]
    fn a_set_includes_its_folder_and_no_other() {
        let set = set("label-tables", "a [1]", "labels", "parquet");
        let pattern = glob::Pattern::new(set["includes"].as_str().unwrap()).unwrap();
        assert!(pattern.matches("a [1]/labels/00000.parquet") && !pattern.matches("a 1/labels/00000.parquet"));
        assert_eq!(set["encodingFormat"], PARQUET);
    }
}
