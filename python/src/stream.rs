//! Defines `NativeStream`, the batches of an epoch in order, loaded by threads while they are used.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use loader::{BatchMemory, BatchSource, Loaded, Next, OwnedStream, Returns};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::batch::{Layout, Space, gather};
use crate::memory::Memory;
use crate::order::NativeOrder;
use crate::selection::{NativeSelection, refused};

/// Clips that are loaded ahead: more than 10 ms of them where 30,000 a second are loaded.
const AHEAD_CLIPS: usize = 384;

/// Batches that are loaded ahead at least, and at most.
const AHEAD_BATCHES: (usize, usize) = (3, 64);

/// How long a signal, such as Ctrl-C, may wait while a batch does.
const PATIENCE: Duration = Duration::from_millis(100);

/// The batches of an epoch that are left.
pub(crate) struct Source {
    selection: Py<NativeSelection>,
    order: Py<NativeOrder>,
    epoch: u32,
    first: usize,
}

impl BatchSource<Space> for Source {
    fn rows(&self, number: u64) -> Option<Vec<u32>> {
        let step = self.first.checked_add(usize::try_from(number).ok()?)?;
        let order = &self.order.get().0;
        (step < order.batches_per_epoch()).then(|| order.batch(self.epoch, step))
    }

    fn fill(&self, rows: &[u32], memory: &mut Space) -> loader::Result<Vec<f32>> {
        gather(self.selection.get(), rows, memory.bytes_mut())
    }

    fn clip_bytes(&self) -> usize {
        self.selection.get().clips.spec().clip_bytes()
    }
}

/// Memory of a batch, its number of rows and where its parts begin.
type Batch = (Memory, usize, Vec<usize>);

/// Batches in order. It belongs to the process that made it, where its threads are.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeStream {
    stream: Mutex<Option<OwnedStream<Space, Source>>>,
    returns: Returns<Space, Source>,
    process: u32,
    ahead: usize,
    clip_bytes: usize,
    classes: usize,
    bytes: usize,
}

#[pymethods]
impl NativeStream {
    /// Begins to load the batches of `epoch` (from 1) from batch `first` (from 0) on, on `threads` threads.
    #[new]
    fn new(
        py: Python<'_>,
        selection: Py<NativeSelection>,
        order: Py<NativeOrder>,
        epoch: u32,
        first: usize,
        threads: usize,
    ) -> PyResult<Self> {
        let chosen = selection.get();
        let (clip_bytes, classes) = (chosen.clips.spec().clip_bytes(), chosen.supervision.classes());
        let rows = order.get().0.largest_share().max(1);
        let bytes = Layout::new(rows, clip_bytes, classes).bytes();
        let (least, most) = AHEAD_BATCHES;
        let ahead = AHEAD_CLIPS.div_ceil(rows).clamp(least, most);
        let free = (0..ahead).map(|_| Space::new(bytes)).collect();
        let source = Source {
            selection,
            order,
            epoch,
            first,
        };
        // One thread more than loads: the consumer loads only while it waits.
        let stream = OwnedStream::new(source, free, threads.saturating_add(1)).map_err(|error| refused(py, &error))?;
        Ok(Self {
            returns: stream.returns(),
            stream: Mutex::new(Some(stream)),
            process: std::process::id(),
            ahead,
            clip_bytes,
            classes,
            bytes,
        })
    }

    /// The next batch; None after the last one.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        if self.process != std::process::id() {
            let message = "this iterator was begun in another process; begin a new one here: iter(stream)";
            return Err(PyRuntimeError::new_err(message));
        }
        // A batch that is there costs no switch between threads of Python.
        if let Ok(mut stream) = self.stream.try_lock()
            && let Some(stream) = stream.as_mut()
            && let Some(loaded) = stream.ready().map_err(|error| refused(py, &error))?
        {
            return Ok(Some(self.batch(loaded)));
        }
        loop {
            let next = py.detach(|| self.wait()).map_err(|error| refused(py, &error))?;
            match next {
                Next::Batch(loaded) => return Ok(Some(self.batch(loaded))),
                Next::End => return Ok(None),
                Next::NotYet => py.check_signals()?,
            }
        }
    }

    /// Ends the threads; there is no further batch.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.end());
    }
}

impl NativeStream {
    fn stream(&self) -> MutexGuard<'_, Option<OwnedStream<Space, Source>>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> loader::Result<Next<Space>> {
        let mut stream = self.stream();
        let Some(stream) = stream.as_mut() else {
            return Ok(Next::End);
        };
        // Where batches are kept, others get new memory.
        while stream.memory_count() < self.ahead {
            stream.give(Space::new(self.bytes));
        }
        stream.next_within(PATIENCE)
    }

    fn batch(&self, loaded: Loaded<Space>) -> Batch {
        let rows = loaded.rows.len();
        let layout = Layout::new(rows, self.clip_bytes, self.classes);
        let memory = Memory::of_batch(loaded.memory, self.returns.clone());
        (memory, rows, layout.places(0).to_vec())
    }

    fn end(&self) {
        let stream = self.stream().take();
        match stream {
            // A forked process has none of the threads, and would wait for them for ever.
            Some(stream) if self.process != std::process::id() => stream.abandon(),
            stream => drop(stream),
        }
    }
}

impl Drop for NativeStream {
    fn drop(&mut self) {
        self.end();
    }
}
