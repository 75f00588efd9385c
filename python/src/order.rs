//! Defines `NativeOrder`, the order of the rows of a selection.

use loader::{Arrangement, DEFAULT_WINDOW_SHARDS, Sampler, SamplerConfig, SamplerState};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::selection::{NativeSelection, refused};

/// The order of a selection's rows in every epoch, cut into batches.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeOrder {
    pub(crate) sampler: Sampler,
    ranks: usize,
}

#[pymethods]
impl NativeOrder {
    /// The order with `clips_per_asset` and `max_clips_per_asset`, of a rank and of how many. `order` is "shuffled",
    /// "window" or "stored".
    #[new]
    #[pyo3(signature = (selection, batch, seed, of_asset, class_balanced, share, order="shuffled", window_shards=None, drop_last=false))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's, and have names there")]
    fn new(
        py: Python<'_>,
        selection: &NativeSelection,
        batch: usize,
        seed: u64,
        of_asset: (Option<usize>, Option<usize>),
        class_balanced: bool,
        share: (usize, usize),
        order: &str,
        window_shards: Option<usize>,
        drop_last: bool,
    ) -> PyResult<Self> {
        let ((clips_per_asset, max_clips_per_asset), (rank, ranks)) = (of_asset, share);
        let config = SamplerConfig {
            seed,
            batch,
            clips_per_asset,
            max_clips_per_asset,
            class_balanced,
            arrangement: arrangement(order, window_shards)?,
            drop_last,
            rank,
            ranks,
        };
        let sampler = Sampler::new(&selection.supervision, selection.dataset_hash, config);
        let sampler = sampler.map_err(|error| refused(py, &error))?;
        Ok(Self { sampler, ranks })
    }

    /// Batches in an epoch, the same for every rank.
    #[getter]
    fn batches(&self) -> usize {
        self.sampler.batches_per_epoch()
    }

    /// This rank's rows of batch `step` (from 0) of `epoch` (from 1).
    fn batch(&self, epoch: u32, step: usize) -> Vec<u32> {
        self.sampler.batch(epoch, step)
    }

    /// The state after `steps` batches of `epoch`, as JSON.
    fn state(&self, epoch: u32, steps: usize) -> PyResult<String> {
        serde_json::to_string(&self.sampler.state(epoch, steps))
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// Epoch and batches of it done of a state, as JSON.
    fn resume(&self, py: Python<'_>, state: &str) -> PyResult<(u32, usize)> {
        let state: SamplerState = serde_json::from_str(state)
            .map_err(|error| PyValueError::new_err(format!("not the state of an order: {error}")))?;
        self.sampler.resume(&state).map_err(|error| refused(py, &error))
    }
}

impl NativeOrder {
    /// Rows of this rank's largest batch at most.
    pub(crate) fn largest_share(&self) -> usize {
        self.sampler.largest_batch().div_ceil(self.ranks.max(1))
    }
}

fn arrangement(order: &str, window_shards: Option<usize>) -> PyResult<Arrangement> {
    match (order, window_shards) {
        ("window", shards) => Ok(Arrangement::Window(shards.unwrap_or(DEFAULT_WINDOW_SHARDS))),
        ("shuffled" | "stored", Some(_)) => Err(PyValueError::new_err(
            "window_shards: has no effect unless order is \"window\"; set that, or drop it",
        )),
        ("shuffled", None) => Ok(Arrangement::Shuffled),
        ("stored", None) => Ok(Arrangement::Stored),
        _ => Err(PyValueError::new_err(format!(
            "order: {order:?} is not an order (expected shuffled, window, stored)"
        ))),
    }
}
