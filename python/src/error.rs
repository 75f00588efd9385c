//! Provides `raised`, the Python exception that an error of a dataset becomes.

use std::path::{Path, PathBuf};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use shardfmt::Error;

/// The exception of `l48.errors` that says what `error` does, with the file, recording and row it is about.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error {
        Error::ClipChecksum { .. } | Error::FileChecksum { .. } => "ChecksumError",
        _ => "DatasetError",
    };
    exception(py, class, error).unwrap_or_else(|failed| failed)
}

/// The exception for the record of a run, `path`, that cannot be used.
pub(crate) fn unreadable(py: Python<'_>, path: &Path, reason: &str) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let class = py.import("l48.errors")?.getattr("DatasetError")?;
        let message = format!("{}: {reason}", path.display());
        Ok(PyErr::from_value(class.call1((message, path.to_path_buf()))?))
    };
    raise().unwrap_or_else(|failed| failed)
}

/// The exception for a dataset that cannot be had from where it is.
pub(crate) fn not_opened(py: Python<'_>, error: storage::Error) -> PyErr {
    let path = PathBuf::new();
    match error {
        storage::Error::Dataset(error) => raised(py, &error),
        error => raised(
            py,
            &Error::Backing {
                path,
                cause: error.into(),
            },
        ),
    }
}

fn exception(py: Python<'_>, class: &str, error: &Error) -> PyResult<PyErr> {
    let place = PyDict::new(py);
    place.set_item("path", path(error).map(Path::to_path_buf))?;
    if let Error::ClipChecksum { asset_id, row, .. } = error {
        place.set_item("asset_id", asset_id)?;
        place.set_item("row", row)?;
    }
    let class = py.import("l48.errors")?.getattr(class)?;
    let raised = class.call((error.to_string(),), Some(&place))?;
    Ok(raised
        .cast_into::<PyException>()
        .map(|raised| PyErr::from_value(raised.into_any()))?)
}

/// The file an error is about.
fn path(error: &Error) -> Option<&Path> {
    match error {
        Error::Io { path, .. }
        | Error::FileMissing { path }
        | Error::FileSize { path, .. }
        | Error::FileChecksum { path, .. }
        | Error::ClipChecksum { path, .. }
        | Error::DatasetJson { path, .. }
        | Error::Mismatch { path, .. }
        | Error::NoSuchShard { path, .. }
        | Error::RowOutOfRange { path, .. }
        | Error::UnsupportedVersion { path, .. }
        | Error::UnsupportedFeature { path, .. } => Some(path),
        _ => None,
    }
}
