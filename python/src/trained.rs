//! Provides what a run of `l48-train` has drawn and sealed: the start of its asset table, and its record.

use std::path::PathBuf;

use loader::random::{Purpose, keyed, shuffle_forward};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rand::RngExt;

use crate::error::raised;

/// Start of the rows of `asset_ids` in the table of the asset regulariser, f64: uniform from .4 to .6, keyed by seed
/// and asset id, as `l48-train` draws them.
#[pyfunction]
pub(crate) fn asset_start(py: Python<'_>, seed: u64, asset_ids: Vec<i64>, classes: usize) -> Bound<'_, PyBytes> {
    let drawn = |asset_id: &i64| {
        let mut random = keyed(seed, Purpose::AssetTable, &[asset_id.cast_unsigned()]);
        (0..classes).flat_map(move |_| random.random_range(0.4..0.6_f64).to_ne_bytes())
    };
    PyBytes::new(py, &asset_ids.iter().flat_map(drawn).collect::<Vec<_>>())
}

/// `asset_ids` permuted over the clips, as in the shuffled control of `l48-train`.
#[pyfunction]
pub(crate) fn shuffled_assets(seed: u64, mut asset_ids: Vec<i64>) -> Vec<i64> {
    shuffle_forward(&mut keyed(seed, Purpose::AssetShuffle, &[]), &mut asset_ids);
    asset_ids
}

/// The JSON object in a sealed file, whose checksum has been verified.
#[pyfunction]
pub(crate) fn unseal(py: Python<'_>, path: PathBuf) -> PyResult<String> {
    let bytes = std::fs::read(&path)?;
    let object = shardfmt::sealed::unseal(&bytes, &path).map_err(|error| raised(py, &error))?;
    Ok(object.to_owned())
}
