//! Defines `NativeDataset`, an opened dataset as the Python package sees it.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use shardfmt::Dataset;
use shardfmt::dataset::{DatasetShard, OpenShards};
use shardfmt::entry::{assets_path, labels_path, priors_path};
use storage::{Location, open_dataset_at};

use crate::error::{not_opened, raised};
use crate::memory::Memory;

/// An opened dataset. Shards are mapped when they are first touched, and records verified.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeDataset {
    shards: OpenShards,
    place: Location,
    /// As [`first_rows`].
    starts: Vec<u64>,
}

/// The first row of each shard, counted through the dataset, then the number of all.
pub(crate) fn first_rows(dataset: &Dataset) -> Vec<u64> {
    let mut starts = vec![0];
    let mut clips = 0;
    for shard in 0..dataset.shard_count() {
        let assets = dataset.assets_of(shard).iter();
        clips += assets.map(|asset| u64::from(asset.clips)).sum::<u64>();
        starts.push(clips);
    }
    starts
}

#[pymethods]
impl NativeDataset {
    /// Opens the dataset in a folder or at an address; no clip is read.
    #[new]
    #[pyo3(signature = (path, cache = None, cache_bytes = None))]
    fn open(py: Python<'_>, path: PathBuf, cache: Option<PathBuf>, cache_bytes: Option<u64>) -> PyResult<Self> {
        let place = Location::of(&path);
        let open = || open_dataset_at(&path, cache, cache_bytes);
        let dataset = py.detach(open).map_err(|error| not_opened(py, error))?;
        Ok(NativeDataset {
            place,
            starts: first_rows(&dataset),
            shards: OpenShards::of(Arc::new(dataset)),
        })
    }

    /// Number of clips.
    fn __len__(&self) -> usize {
        self.starts
            .last()
            .map_or(0, |clips| usize::try_from(*clips).unwrap_or(usize::MAX))
    }

    /// The folder of its files; of one at an address, of those that are near.
    #[getter]
    fn dir(&self) -> PathBuf {
        self.dataset().dir().to_path_buf()
    }

    /// The folder or the address it was opened at, without what is secret in it.
    #[getter]
    fn place(&self) -> String {
        self.place.to_string()
    }

    /// Number of shards.
    #[getter]
    fn shard_count(&self) -> u32 {
        self.dataset().shard_count()
    }

    /// The content of `dataset.json`.
    fn info_json(&self) -> PyResult<String> {
        serde_json::to_string(self.dataset().info()).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The shard and the row in it of a clip, counted through the dataset.
    fn locate(&self, index: u64) -> PyResult<(u32, u32)> {
        let shard = self.starts.partition_point(|start| *start <= index).saturating_sub(1);
        match self.starts.get(shard) {
            Some(start) if shard < self.dataset().shard_count() as usize => Ok((shard as u32, (index - start) as u32)),
            _ => {
                let clips = self.__len__();
                Err(PyIndexError::new_err(format!("clip {index} of a dataset of {clips}")))
            }
        }
    }

    /// A record, verified: its bytes, asset id, clip index, and level in dB.
    fn record(&self, py: Python<'_>, shard: u32, row: u32) -> PyResult<(Memory, i64, u32, f32)> {
        let read = || -> shardfmt::Result<_> {
            let shard = self.shard(shard)?;
            let facts = (shard.asset_id(row)?, shard.clip_index(row)?, shard.ref_db(row)?);
            Ok((Memory::of_record(shard, row)?, facts))
        };
        let (memory, (asset_id, clip_index, ref_db)) = py.detach(read).map_err(|error| raised(py, &error))?;
        Ok((memory, asset_id, clip_index, ref_db))
    }

    /// The rows of a recording, counted through the dataset: the first, and how many; `None` where it has no clip.
    fn asset_rows(&self, asset_id: i64) -> Option<(u64, u32)> {
        let location = self.dataset().asset(asset_id)?;
        let start = self.starts.get(location.shard as usize)?;
        Some((start + u64::from(location.first_row), location.clips))
    }

    /// The Parquet file of a table, verified: `taxa` and `rejects`, or `labels`, `priors` and `assets` of a shard.
    /// Labels are compared with the shard they belong to first, or, where that is kept elsewhere, with its asset table;
    /// priors with the asset table.
    #[pyo3(signature = (table, shard=None))]
    fn table(&self, py: Python<'_>, table: &str, shard: Option<u32>) -> PyResult<Memory> {
        let name = match (table, shard) {
            ("taxa" | "rejects", None) => format!("{table}.parquet"),
            ("labels", Some(shard)) => labels_path(shard),
            ("priors", Some(shard)) => priors_path(shard),
            ("assets", Some(shard)) => assets_path(shard),
            _ => return Err(PyValueError::new_err(format!("no table {table:?} of this kind"))),
        };
        let read = || -> shardfmt::Result<_> {
            let dataset = self.dataset();
            match (table, shard) {
                ("labels", Some(shard)) if dataset.is_near_copy() => dataset.labels_by_assets(shard).map(drop)?,
                ("labels", Some(shard)) => dataset.labels(&*self.shard(shard)?).map(drop)?,
                ("priors", Some(shard)) => dataset.priors_by_assets(shard).map(drop)?,
                _ => {}
            }
            Ok(Memory::of_file(dataset.map(&name)?))
        };
        py.detach(read).map_err(|error| raised(py, &error))
    }
}

impl NativeDataset {
    fn dataset(&self) -> &Dataset {
        self.shards.dataset()
    }

    fn shard(&self, number: u32) -> shardfmt::Result<Arc<DatasetShard>> {
        self.shards.get(number)
    }
}
