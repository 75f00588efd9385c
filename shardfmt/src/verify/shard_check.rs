//! Provides the check of one shard, down to the record or the tail value that is damaged.

use std::path::Path;

use super::report::{Finding, Part};
use crate::checksum::Xxh3;
use crate::error::{Error, Result};
use crate::layout::TailTensor;
use crate::mmap::{MappedFile, map_file};
use crate::shard::{Checks, Shard};
use crate::sidecar::LabelRow;

/// Compares every clip with its checksum.
pub(super) fn check_records(shard: &Shard<MappedFile>, dir: &Path, name: &str, findings: &mut Vec<Finding>) {
    for row in 0..shard.rows() {
        if let Err(error) = shard.clip(row) {
            findings.push(Finding::from_error(dir, name, &error));
        }
    }
}

/// What is wrong with a shard that does not open. For a damaged tail, the tensor and row are told by comparing it with
/// the records and with the labels, which repeat the identifiers.
pub(super) fn locate(error: &Error, dir: &Path, name: &str, labels: Option<&[LabelRow]>) -> Vec<Finding> {
    let whole = Finding::from_error(dir, name, error);
    if !matches!(error, Error::TailChecksum { .. }) {
        return vec![whole];
    }
    match damaged_tail_values(&dir.join(name), labels) {
        Ok(values) if !values.is_empty() => {
            let finding = |(tensor, row): (TailTensor, Option<u32>)| {
                let part = Part::Tensor {
                    name: tensor.name(),
                    row,
                };
                Finding::new(name, part, whole.detail.clone())
            };
            values.into_iter().map(finding).collect()
        }
        // The tail's own checksum is what is known then.
        _ => vec![whole],
    }
}

fn damaged_tail_values(path: &Path, labels: Option<&[LabelRow]>) -> Result<Vec<(TailTensor, Option<u32>)>> {
    let shard = Shard::with_header_only(map_file(path)?, path, Checks::Off)?;
    let mut damaged = Vec::new();
    for row in 0..shard.rows() {
        if Xxh3::of(shard.clip(row)?) != shard.record_xxh3(row)? {
            damaged.push((TailTensor::Xxh3, Some(row)));
        }
        let label = labels.and_then(|labels| labels.get(row as usize));
        if label.is_some_and(|label| Ok(label.asset_id) != shard.asset_id(row).map_err(drop)) {
            damaged.push((TailTensor::AssetId, Some(row)));
        }
        if label.is_some_and(|label| Ok(label.clip_index) != shard.clip_index(row).map_err(drop)) {
            damaged.push((TailTensor::ClipIndex, Some(row)));
        }
    }
    let labelled = labels.is_some_and(|labels| labels.len() == shard.rows() as usize);
    if damaged.is_empty() && labelled {
        // Every other tensor agrees with what repeats it.
        damaged.push((TailTensor::RefDb, None));
    }
    Ok(damaged)
}
