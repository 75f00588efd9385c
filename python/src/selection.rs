//! Defines `NativeSelection`, the clips of a split with what a mode shows of their labels, to be gathered in any order.

use std::path::{Path, PathBuf};

use loader::{Catalogue, ClipReader, Error, Filters, Gather, Mode, Rows, Supervision};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use shardfmt::entry::DATASET_JSON;
use shardfmt::{Dataset, Split, Xxh3, hash_file};

use crate::buffer::ALIGNMENT;
use crate::error::raised;

/// Clips selected from a dataset, which is opened anew: no lock or thread is shared with other processes.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeSelection {
    pub(crate) clips: ClipReader,
    pub(crate) supervision: Supervision,
    /// XXH3-64 of `dataset.json`, which lists the checksum of every file.
    pub(crate) dataset_hash: Xxh3,
    /// The number in the dataset of the first clip of each shard.
    starts: Vec<u64>,
}

/// Numbers of a gathered batch beside its clips: labels and mask f32, asset ids and clip indices i64, levels f32 and
/// rows i64, one after another.
pub(crate) const FACTS: usize = 6;

/// Memory with the clips of a batch and the byte they begin at; labels, mask, asset ids, clip indices, levels, rows.
type Batch<'py> = (Bound<'py, PyByteArray>, usize, [Bound<'py, PyByteArray>; FACTS]);

#[pymethods]
impl NativeSelection {
    /// Selects the clips of a split: those to train on as `mode` shows them, or, without a mode, those of which all is
    /// known. The filters are `keep_silent`, `remove_unannotated` and `remove_empty`.
    #[new]
    #[pyo3(signature = (path, split, mode, rows, filters))]
    fn select(
        py: Python<'_>,
        path: PathBuf,
        split: &str,
        mode: Option<&str>,
        rows: &str,
        filters: (bool, bool, bool),
    ) -> PyResult<Self> {
        let split: Split = word(split)?;
        let (mode, rows): (Option<Mode>, Rows) = (mode.map(word).transpose()?, word(rows)?);
        let (keep_silent, remove_unannotated, remove_empty) = filters;
        let filters = Filters {
            remove_unannotated,
            remove_empty,
            keep_silent,
        };
        let choose = |catalogue: &Catalogue| match mode {
            Some(mode) => catalogue.select(split, mode, rows, &filters),
            None => Ok(catalogue.evaluation(split)?.fully_known()),
        };
        py.detach(|| Self::open(&path, choose))
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
        let gather = Gather::new(&self.clips, &self.supervision.clips, self.clips.spec());
        let gather = gather.map_err(|error| refused(py, &error))?;
        let bytes = rows.len() * gather.clip_bytes();
        let (mut first, mut facts) = (0, Ok(None));
        let memory = PyByteArray::new_with(py, bytes + ALIGNMENT, |memory| {
            first = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
            let into = memory.get_mut(first..first + bytes).unwrap_or_default();
            facts = py.detach(|| gather.batch(&rows, into).map(|ref_db| Some(self.facts(&rows, &ref_db))));
            Ok(())
        })?;
        let Some(facts) = facts.map_err(|error| refused(py, &error))? else {
            return Err(PyValueError::new_err("no batch was gathered"));
        };
        let facts = facts.map(|numbers| PyByteArray::new(py, &numbers));
        Ok((memory, first, facts))
    }
}

impl NativeSelection {
    fn open(path: &Path, choose: impl Fn(&Catalogue) -> loader::Result<Supervision> + Sync) -> loader::Result<Self> {
        let dataset = Dataset::open(path)?;
        // Threads of its own: the shared ones would be missing in a forked process, which would wait for them for ever.
        let catalogue = match rayon::ThreadPoolBuilder::new().build() {
            Ok(pool) => pool.install(|| Catalogue::read(&dataset)),
            Err(_) => Catalogue::read(&dataset),
        }?;
        let (mut starts, mut clips) = (Vec::new(), 0);
        for shard in 0..dataset.shard_count() {
            starts.push(clips);
            let assets = dataset.assets_of(shard).iter();
            clips += assets.map(|asset| u64::from(asset.clips)).sum::<u64>();
        }
        Ok(Self {
            clips: ClipReader::open(&dataset)?,
            supervision: choose(&catalogue)?,
            dataset_hash: hash_file(&dataset.dir().join(DATASET_JSON))?.xxh3,
            starts,
        })
    }

    /// The number in the dataset of the clip of a row.
    fn number(&self, row: usize) -> i64 {
        let clip = self.supervision.clips.get(row);
        let place = clip.and_then(|clip| Some(self.starts.get(clip.shard as usize)? + u64::from(clip.row)));
        place.map_or(-1, |place| i64::try_from(place).unwrap_or(i64::MAX))
    }

    fn facts(&self, rows: &[u32], ref_db: &[f32]) -> [Vec<u8>; FACTS] {
        let line = 4 * self.supervision.classes();
        let mut facts = [line, line, 8, 8, 4, 8].map(|bytes| vec![0; bytes * rows.len()]);
        self.write_facts(rows, ref_db, facts.each_mut().map(Vec::as_mut_slice));
        facts
    }

    /// Writes the numbers of a batch beside its clips, each kind from the beginning of its memory.
    pub(crate) fn write_facts(&self, rows: &[u32], ref_db: &[f32], into: [&mut [u8]; FACTS]) {
        let classes = self.supervision.classes();
        let [labels, mask, asset_id, clip_index, levels, numbers] = into;
        let mut known = vec![0_u8; 2 * classes];
        let (known_labels, known_mask) = known.split_at_mut(classes);
        let lines = labels
            .chunks_exact_mut(4 * classes.max(1))
            .zip(mask.chunks_exact_mut(4 * classes.max(1)));
        for (&row, (labels, mask)) in rows.iter().zip(lines) {
            self.supervision.labels.write(row as usize, known_labels, known_mask);
            write_all(labels, known_labels.iter().map(|&known| f32::from(known).to_ne_bytes()));
            write_all(mask, known_mask.iter().map(|&known| f32::from(known).to_ne_bytes()));
        }
        let clips = || rows.iter().filter_map(|&row| self.supervision.clips.get(row as usize));
        write_all(asset_id, clips().map(|clip| clip.asset_id.to_ne_bytes()));
        write_all(clip_index, clips().map(|clip| i64::from(clip.clip_index).to_ne_bytes()));
        write_all(levels, ref_db.iter().map(|level| level.to_ne_bytes()));
        write_all(numbers, rows.iter().map(|&row| self.number(row as usize).to_ne_bytes()));
    }
}

/// Writes numbers one after another.
fn write_all<const N: usize>(into: &mut [u8], numbers: impl Iterator<Item = [u8; N]>) {
    for (into, number) in into.chunks_exact_mut(N).zip(numbers) {
        into.copy_from_slice(&number);
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
