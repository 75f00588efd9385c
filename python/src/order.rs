//! Defines `NativeOrder`, the order of the rows of a selection.

use loader::{Sampler, SamplerConfig, SamplerState};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::selection::{NativeSelection, refused};

/// The order of a selection's rows in every epoch, cut into batches.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeOrder(Sampler);

#[pymethods]
impl NativeOrder {
    /// The order with `clips_per_asset` and `max_clips_per_asset`, of a rank and of how many.
    #[new]
    #[pyo3(signature = (selection, batch, seed, of_asset, class_balanced, share))]
    fn new(
        py: Python<'_>,
        selection: &NativeSelection,
        batch: usize,
        seed: u64,
        of_asset: (Option<usize>, Option<usize>),
        class_balanced: bool,
        share: (usize, usize),
    ) -> PyResult<Self> {
        let ((clips_per_asset, max_clips_per_asset), (rank, ranks)) = (of_asset, share);
        let config = SamplerConfig {
            seed,
            batch,
            clips_per_asset,
            max_clips_per_asset,
            class_balanced,
            rank,
            ranks,
        };
        let sampler = Sampler::new(&selection.supervision, selection.dataset_hash, config);
        sampler.map(Self).map_err(|error| refused(py, &error))
    }

    /// Batches in an epoch, the same for every rank.
    #[getter]
    fn batches(&self) -> usize {
        self.0.batches_per_epoch()
    }

    /// This rank's rows of batch `step` (from 0) of `epoch` (from 1).
    fn batch(&self, epoch: u32, step: usize) -> Vec<u32> {
        self.0.batch(epoch, step)
    }

    /// The state after `steps` batches of `epoch`, as JSON.
    fn state(&self, epoch: u32, steps: usize) -> PyResult<String> {
        serde_json::to_string(&self.0.state(epoch, steps)).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Epoch and batches of it done of a state, as JSON.
    fn resume(&self, py: Python<'_>, state: &str) -> PyResult<(u32, usize)> {
        let state: SamplerState = serde_json::from_str(state)
            .map_err(|error| PyValueError::new_err(format!("not the state of an order: {error}")))?;
        self.0.resume(&state).map_err(|error| refused(py, &error))
    }
}
