//! Defines `Memory`, bytes of a dataset that Python sees without a copy.
//!
//! # Contract of the unsafe code
//! The buffer protocol hands a raw pointer to Python. It points into a map that `Memory` keeps, directly or by the
//! shard it belongs to; the buffer keeps `Memory` alive, and maps are read-only and never move (see
//! `shardfmt::MappedFile`). The buffer is offered as read-only, so nothing is written through it.
#![expect(unsafe_code, reason = "the buffer protocol is unsafe; the contract is stated above")]

use std::ffi::c_int;
use std::sync::Arc;

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use shardfmt::MappedFile;
use shardfmt::dataset::DatasetShard;

/// Where the bytes are.
enum Owner {
    /// A whole file.
    File(MappedFile),
    /// A record of a shard, which has been verified.
    Record(Arc<DatasetShard>, u32),
}

/// Bytes of a dataset, read-only, for `memoryview`, `numpy.frombuffer` or `pyarrow.py_buffer`.
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

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Owner::File(file) => file.as_ref(),
            // It was there and sound when this was made.
            Owner::Record(shard, row) => shard.clip(*row).unwrap_or_default(),
        }
    }
}

#[pymethods]
impl Memory {
    fn __len__(&self) -> usize {
        self.bytes().len()
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        let bytes = slf.get().bytes();
        let (start, length) = (bytes.as_ptr().cast_mut().cast(), bytes.len());
        let length =
            ffi::Py_ssize_t::try_from(length).map_err(|_| PyBufferError::new_err("more bytes than Python counts"))?;
        // SAFETY: `view` is Python's; the bytes outlive it by the contract above, and 1 says that they are read-only.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}
