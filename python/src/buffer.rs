//! Defines `Lent`, memory of Python's that threads write batches into, and `NativeBuffer`, such memory in Python's hands.
//!
//! # Contract of the unsafe code
//! `Lent` keeps a buffer of a Python object, which stays where it is as long as the buffer is held. Whoever provides the
//! object gives the memory away: nothing else reads or writes it (`l48.Stream` says so of `allocate`). It is either in
//! a stream, where one thread at a time has it as `&mut Lent`, or in a `NativeBuffer`. That hands it to Python, writable,
//! and never looks at it; a view keeps its `NativeBuffer`, so memory is back in the stream only when no view is left.
#![expect(unsafe_code, reason = "buffers are raw memory; the contract is stated above")]

use std::ffi::c_int;

use loader::Returns;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::stream::Batches;

/// Alignment of a batch's memory and of every array in it: copies to memory that is aligned so are fast (Zen's
/// `rep movsb` to 16 bytes past a page takes five times as long).
pub(crate) const ALIGNMENT: usize = 64;

/// Memory of Python's, for one batch.
pub(crate) struct Lent(PyBuffer<u8>);

impl Lent {
    /// The memory of `object`, which has room for `bytes`.
    ///
    /// # Errors
    /// `ValueError` for memory that is too small, not aligned, not in one piece or read-only.
    pub(crate) fn new(object: &Bound<'_, PyAny>, bytes: usize) -> PyResult<Self> {
        let buffer = PyBuffer::<u8>::get(object)?;
        let aligned = (buffer.buf_ptr() as usize).is_multiple_of(ALIGNMENT);
        if buffer.readonly() || !buffer.is_c_contiguous() || buffer.len_bytes() < bytes || !aligned {
            let reason = format!(
                "allocate: must give {bytes} writable bytes in one piece, aligned to {ALIGNMENT}; it gave {}, {}, {}, {}",
                buffer.len_bytes(),
                if buffer.readonly() { "read-only" } else { "writable" },
                if buffer.is_c_contiguous() {
                    "in one piece"
                } else {
                    "in pieces"
                },
                if aligned { "aligned" } else { "not aligned" },
            );
            return Err(PyValueError::new_err(reason));
        }
        Ok(Self(buffer))
    }

    /// All of it.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the buffer is contiguous and writable, as `new` has checked, and held by `self`. By the contract above
        // nothing else reads or writes it while there is a `Lent`, and `&mut self` makes this the only slice of it.
        unsafe { std::slice::from_raw_parts_mut(self.0.buf_ptr().cast::<u8>(), self.0.len_bytes()) }
    }
}

/// The memory of a batch, writable, for `numpy.frombuffer`. It goes back to its stream once no view of it is left.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeBuffer {
    memory: Option<Lent>,
    returns: Returns<Lent, Batches>,
    /// Batches for which the stream has memory at most.
    most: usize,
    process: u32,
}

impl NativeBuffer {
    /// The memory of a batch that was handed out.
    pub(crate) fn new(memory: Lent, returns: Returns<Lent, Batches>, most: usize) -> Self {
        let (memory, process) = (Some(memory), std::process::id());
        Self {
            memory,
            returns,
            most,
            process,
        }
    }
}

impl Drop for NativeBuffer {
    fn drop(&mut self) {
        // A process that was forked has none of the stream's threads, and may have its lock as one of them held it.
        if let Some(memory) = self.memory.take().filter(|_| self.process == std::process::id()) {
            // Memory that the stream does not want is freed.
            drop(self.returns.give_below(self.most, memory));
        }
    }
}

#[pymethods]
impl NativeBuffer {
    fn __len__(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| memory.0.len_bytes())
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let Some(memory) = slf.get().memory.as_ref().filter(|_| !view.is_null()) else {
            return Err(PyBufferError::new_err("no view to fill"));
        };
        let length = ffi::Py_ssize_t::try_from(memory.0.len_bytes())
            .map_err(|_| PyBufferError::new_err("more bytes than Python counts"))?;
        // SAFETY: `view` is Python's. The bytes stay where they are while `slf`, which the view keeps, has `memory`, and
        // that is until it is dropped. By the contract above only Python touches them meanwhile; 0 says: writable.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), memory.0.buf_ptr(), length, 0, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}
