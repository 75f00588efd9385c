//! Defines `Memory`, bytes of a dataset that Python sees without a copy.
//!
//! # Contract of the unsafe code
//! The buffer protocol hands a raw pointer to Python, and the buffer keeps `Memory` alive. It points into a map that
//! `Memory` keeps, directly or by the shard it belongs to: maps are read-only and never move (see
//! `shardfmt::MappedFile`), and the buffer is offered as read-only, so nothing is written through it. Or it points into
//! the memory of a batch, which is Python's alone to read and write until `Memory` ends: nothing here touches or moves
//! those bytes before.
#![expect(unsafe_code, reason = "the buffer protocol is unsafe; the contract is stated above")]

use std::ffi::c_int;
use std::sync::{Arc, Mutex, PoisonError};

use loader::{BatchMemory, Returns};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use shardfmt::MappedFile;
use shardfmt::dataset::DatasetShard;

use crate::batch::Space;
use crate::stream::Source;

/// Where the bytes are.
enum Owner {
    /// A whole file.
    File(MappedFile),
    /// A record of a shard, which has been verified.
    Record(Arc<DatasetShard>, u32),
    /// A batch, and the stream it goes back to.
    Batch(Mutex<Option<Batch>>),
}

/// Memory of a batch, of the process that has loaded it.
struct Batch {
    space: Space,
    returns: Returns<Space, Source>,
    process: u32,
}

/// Bytes of a dataset, read-only, or those of a batch, for `memoryview`, `numpy.frombuffer` or `pyarrow.py_buffer`.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct Memory(Owner);

impl Memory {
    /// The bytes of a whole file.
    pub(crate) fn of_file(file: MappedFile) -> Self {
        Memory(Owner::File(file))
    }

    /// A record of a shard.
    ///
    /// # Errors
    /// As [`Shard::clip`](shardfmt::Shard::clip).
    pub(crate) fn of_record(shard: Arc<DatasetShard>, row: u32) -> shardfmt::Result<Self> {
        shard.clip(row)?;
        Ok(Memory(Owner::Record(shard, row)))
    }

    /// A batch, whose memory goes back to its stream once nobody looks at it any more.
    pub(crate) fn of_batch(space: Space, returns: Returns<Space, Source>) -> Self {
        let process = std::process::id();
        Memory(Owner::Batch(Mutex::new(Some(Batch {
            space,
            returns,
            process,
        }))))
    }

    /// Where the bytes begin, how many they are, and whether they may be written.
    fn place(&self) -> (*mut u8, usize, bool) {
        let read_only = |bytes: &[u8]| (bytes.as_ptr().cast_mut(), bytes.len(), false);
        match &self.0 {
            Owner::File(file) => read_only(file.as_ref()),
            // It was there and sound when this was made.
            Owner::Record(shard, row) => read_only(shard.clip(*row).unwrap_or_default()),
            Owner::Batch(batch) => {
                let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
                let bytes = batch.as_mut().map_or(&mut [][..], |batch| batch.space.bytes_mut());
                (bytes.as_mut_ptr(), bytes.len(), true)
            }
        }
    }
}

#[pymethods]
impl Memory {
    fn __len__(&self) -> usize {
        self.place().1
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        let (start, length, writable) = slf.get().place();
        let length =
            ffi::Py_ssize_t::try_from(length).map_err(|_| PyBufferError::new_err("more bytes than Python counts"))?;
        // SAFETY: `view` is Python's; the bytes outlive it by the contract above, and so does what may be written.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start.cast(), length, (!writable).into(), flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let Owner::Batch(batch) = &self.0 else { return };
        let batch = batch.lock().unwrap_or_else(PoisonError::into_inner).take();
        // In a forked process the stream's lock may be held by a thread that is not there.
        if let Some(batch) = batch.filter(|batch| batch.process == std::process::id()) {
            // Where the stream has ended, the memory ends here.
            drop(batch.returns.give(batch.space));
        }
    }
}
