//! Defines `NativeSelection`, the clips of a split with what a mode shows of their labels, to be gathered in any order.

use std::path::PathBuf;
use std::sync::Arc;

use loader::{Catalogue, ClipReader, Error, Filters, Mode, Rows, Supervision};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use shardfmt::entry::DATASET_JSON;
use shardfmt::{Dataset, Split, Xxh3, hash_file};
use storage::open_dataset_at;

use crate::batch::Layout;
use crate::buffer::ALIGNMENT;
use crate::dataset::first_rows;
use crate::error::{not_opened, raised};
use crate::order::NativeOrder;

/// Clips selected from a dataset, which is opened anew: no lock or thread is shared with other processes.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeSelection {
    pub(crate) clips: ClipReader,
    pub(crate) supervision: Supervision,
    /// XXH3-64 of `dataset.json`, which lists the checksum of every file.
    pub(crate) dataset_hash: Xxh3,
    /// As [`first_rows`].
    starts: Vec<u64>,
}

/// Folder or address of a dataset; folder of a cache, and bytes that it may hold.
type Place = (PathBuf, Option<PathBuf>, Option<u64>);

/// Memory with a batch, and the bytes that its parts begin at.
type Batch<'py> = (Bound<'py, PyByteArray>, Vec<usize>);

#[pymethods]
impl NativeSelection {
    /// Selects the clips of a split of the dataset in a folder or at an address: those to train on as `mode` shows them,
    /// or, without a mode, those of which all is known. The filters are `keep_silent`, `remove_unannotated` and `remove_empty`; `permute_labels` is the seed by
    /// which each clip gets the labels of another.
    #[new]
    #[pyo3(signature = (place, split, mode, rows, filters, permute_labels=None))]
    fn select(
        py: Python<'_>,
        place: Place,
        split: &str,
        mode: Option<&str>,
        rows: &str,
        filters: (bool, bool, bool),
        permute_labels: Option<u64>,
    ) -> PyResult<Self> {
        let split: Split = word(split)?;
        let (mode, rows): (Option<Mode>, Rows) = (mode.map(word).transpose()?, word(rows)?);
        let (keep_silent, remove_unannotated, remove_empty) = filters;
        let filters = Filters {
            remove_unannotated,
            remove_empty,
            keep_silent,
        };
        let choose = |catalogue: &Catalogue| {
            let mut chosen = match mode {
                Some(mode) => catalogue.select(split, mode, rows, &filters)?,
                None => catalogue.evaluation(split)?.fully_known(),
            };
            permute_labels.into_iter().for_each(|seed| chosen.permute_labels(seed));
            Ok(chosen)
        };
        let (path, cache, cache_bytes) = place;
        let open = || open_dataset_at(&path, cache, cache_bytes);
        let dataset = py.detach(open).map_err(|error| not_opened(py, error))?;
        py.detach(|| Self::of(&Arc::new(dataset), choose))
            .map_err(|error| refused(py, &error))
    }

    /// Number of clips.
    fn __len__(&self) -> usize {
        self.supervision.rows()
    }

    /// Number of classes.
    #[getter]
    fn classes(&self) -> usize {
        self.supervision.classes()
    }

    /// The number of each clip in the dataset, i64.
    fn rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let rows = (0..self.supervision.rows()).flat_map(|row| self.number(row).to_ne_bytes());
        PyBytes::new(py, &rows.collect::<Vec<_>>())
    }

    /// The recording of each clip, i64.
    fn asset_ids<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let ids = self
            .supervision
            .clips
            .iter()
            .flat_map(|clip| clip.asset_id.to_ne_bytes());
        PyBytes::new(py, &ids.collect::<Vec<_>>())
    }

    /// Bytes of the shards that the clips are in, and of the cache, where they are kept elsewhere and it cannot hold all.
    fn beyond_room(&self) -> Option<(u64, u64)> {
        self.clips.beyond_room(&self.supervision.clips)
    }

    /// Begins to bring near what `order` touches from batch `step` of `epoch` on, where shards are kept elsewhere.
    fn expect(&self, py: Python<'_>, order: &NativeOrder, epoch: u32, step: usize) {
        py.detach(|| {
            self.clips
                .expect(&order.sampler, &self.supervision.clips, (epoch, step));
        });
    }

    /// The known positives: row and class of each, i64 both.
    fn positives<'py>(&self, py: Python<'py>) -> [Bound<'py, PyBytes>; 2] {
        let [mut rows, mut classes] = [(); 2].map(|()| Vec::new());
        for (row, number) in (0..self.supervision.rows()).zip(0_i64..) {
            for class in self.supervision.labels.positives(row) {
                rows.extend(number.to_ne_bytes());
                classes.extend(i64::from(class).to_ne_bytes());
            }
        }
        [rows, classes].map(|numbers| PyBytes::new(py, &numbers))
    }

    /// Gathers the clips of `rows`, which count the clips selected, from 0.
    fn gather<'py>(&self, py: Python<'py>, rows: Vec<u32>) -> PyResult<Batch<'py>> {
        let stored = self.clips.spec();
        let layout = Layout::new(self, stored, rows.len());
        let (mut first, mut filled) = (0, Ok(Vec::new()));
        let memory = PyByteArray::new_with(py, layout.bytes() + ALIGNMENT, |memory| {
            first = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
            let into = memory.get_mut(first..).unwrap_or_default();
            filled = py.detach(|| layout.fill((self, stored), &rows, into));
            Ok(())
        })?;
        filled.map_err(|error| refused(py, &error))?;
        let starts = layout.starts().into_iter().map(|start| first + start);
        Ok((memory, starts.collect()))
    }
}

impl NativeSelection {
    fn of(
        dataset: &Arc<Dataset>,
        choose: impl Fn(&Catalogue) -> loader::Result<Supervision> + Sync,
    ) -> loader::Result<Self> {
        // Threads of its own: the shared ones would be missing in a forked process, which would wait for them for ever.
        let read = || -> loader::Result<_> {
            let clips = ClipReader::open_as_touched(dataset)?;
            Ok((Catalogue::read_beside(dataset, &clips)?, clips))
        };
        let (catalogue, clips) = match rayon::ThreadPoolBuilder::new().build() {
            Ok(pool) => pool.install(read),
            Err(_) => read(),
        }?;
        Ok(Self {
            clips,
            supervision: choose(&catalogue)?,
            dataset_hash: hash_file(&dataset.dir().join(DATASET_JSON))?.xxh3,
            starts: first_rows(dataset),
        })
    }

    /// The number in the dataset of the clip of a row.
    pub(crate) fn number(&self, row: usize) -> i64 {
        let clip = self.supervision.clips.get(row);
        let place = clip.and_then(|clip| Some(self.starts.get(clip.shard as usize)? + u64::from(clip.row)));
        place.map_or(-1, |place| i64::try_from(place).unwrap_or(i64::MAX))
    }
}

fn word<T: std::str::FromStr<Err: std::fmt::Display>>(word: &str) -> PyResult<T> {
    word.parse()
        .map_err(|error: T::Err| PyValueError::new_err(error.to_string()))
}

/// The exception that an error of the loader becomes.
pub(crate) fn refused(py: Python<'_>, error: &Error) -> PyErr {
    match error {
        Error::Dataset(error) => raised(py, error),
        _ => PyValueError::new_err(error.to_string()),
    }
}
