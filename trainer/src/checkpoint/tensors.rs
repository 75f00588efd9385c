//! Reads and writes named tensors as safetensors files.

use std::fs::File;
use std::path::Path;

use tch::Tensor;

use crate::error::{Error, Result};
use crate::state::{Named, snapshot};
use shardfmt::Operation;

/// Writes tensors, wherever they lie, and makes the file durable.
pub(super) fn write(path: &Path, tensors: &[Named]) -> Result<()> {
    // The format knows contiguous tensors on the host only.
    let on_host = snapshot(tensors)?;
    let on_host: Vec<(&str, Tensor)> = on_host
        .iter()
        .map(|(name, tensor)| (name.as_str(), tensor.shallow_clone()))
        .collect();
    Tensor::write_safetensors(&on_host, path)
        .map_err(|cause| Error::io(path, Operation::Write, std::io::Error::other(cause)))?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|cause| Error::io(path, Operation::Sync, cause))
}

/// Reads all tensors of a file to the host.
pub(super) fn read(path: &Path) -> Result<Vec<Named>> {
    Tensor::read_safetensors(path).map_err(|cause| Error::Checkpoint {
        path: path.to_path_buf(),
        reason: cause.to_string(),
    })
}
