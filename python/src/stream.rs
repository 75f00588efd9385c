//! Defines `NativeStream`, batches of a selection in an order, loaded by threads into memory of Python's.

use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use loader::{BatchSource, Loaded, Next, OwnedStream, Result, block_mean_spec};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use shardfmt::ClipSpec;

use crate::batch::Layout;
use crate::buffer::{Lent, NativeBuffer};
use crate::order::NativeOrder;
use crate::selection::{NativeSelection, refused};

/// How long Python's signals may wait while a batch is waited for.
const PATIENCE: Duration = Duration::from_millis(50);
/// Batches in the consumer's hands: the one in use, and the one before, which a loop lets go of only when it has the
/// next. No memory is allocated on their account.
const HELD: usize = 2;

/// Batches of a selection in an order. Threads load what follows the batch asked for last.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeStream {
    source: Arc<Source>,
    allocate: Py<PyAny>,
    threads: usize,
    /// Batches that there is memory for, unless the consumer keeps more than [`HELD`] of them.
    depth: usize,
    running: Mutex<Option<Running>>,
}

/// What batches are loaded from.
struct Source {
    selection: Py<NativeSelection>,
    order: Py<NativeOrder>,
    loaded: ClipSpec,
    layout: Layout,
}

/// The batches from a place in the order on, epoch after epoch.
pub(crate) struct Batches {
    source: Arc<Source>,
    epoch: u32,
    step: usize,
}

/// A stream at work.
struct Running {
    stream: OwnedStream<Lent, Batches>,
    /// The place in the order of the batch that comes next.
    next: (u32, usize),
}

#[pymethods]
impl NativeStream {
    /// Batches of `selection` in `order`. `means` asks for means over blocks, so many rows and columns of them. `depth`
    /// is of the batches that there is memory for, `None`: as many as `room` bytes hold, within bounds.
    #[new]
    #[pyo3(signature = (selection, order, threads, means, depth, allocate))]
    fn new(
        selection: Py<NativeSelection>,
        order: Py<NativeOrder>,
        threads: usize,
        means: Option<(u32, u32)>,
        depth: Depth,
        allocate: Py<PyAny>,
    ) -> PyResult<Self> {
        let stored = selection.get().clips.spec();
        let loaded = match means {
            None => stored,
            Some((height, width)) => block_mean_spec(stored, height, width).ok_or_else(|| {
                let (rows, columns) = (stored.height, stored.width);
                PyValueError::new_err(format!(
                    "block_mean: {height} x {width} blocks do not divide clips of {rows} x {columns} {:?}",
                    stored.dtype
                ))
            })?,
        };
        let layout = Layout::new(selection.get(), loaded, order.get().largest_share());
        let depth = match depth {
            Depth::Batches(0) => return Err(PyValueError::new_err("buffers: must be at least 1")),
            Depth::Batches(depth) => depth,
            Depth::Room(room, least, most) => (room / layout.bytes().max(1)).clamp(least, most.max(least)),
        };
        if threads == 0 {
            return Err(PyValueError::new_err("threads: must be at least 1"));
        }
        Ok(Self {
            source: Arc::new(Source {
                selection,
                order,
                loaded,
                layout,
            }),
            allocate,
            threads,
            depth,
            running: Mutex::default(),
        })
    }

    /// Where clips, labels, mask, asset ids, clip indices, levels and rows begin in a batch's memory.
    #[getter]
    fn places(&self) -> Vec<usize> {
        self.source.layout.starts()
    }

    /// Type, channels, height and width of clips as they are loaded.
    #[getter]
    fn shape(&self) -> (String, u32, u32, u32) {
        let spec = self.source.loaded;
        let dtype = format!("{:?}", spec.dtype);
        (dtype, spec.channels.unwrap_or(1), spec.height, spec.width)
    }

    /// Batches that there is memory for.
    #[getter]
    fn depth(&self) -> usize {
        self.depth
    }

    /// Batch `step` of `epoch`: its memory and the number of its rows. Loading begins anew unless it is the batch that
    /// follows the one asked for before, in this process.
    fn batch(&self, py: Python<'_>, epoch: u32, step: usize) -> PyResult<(NativeBuffer, usize)> {
        let mut slot = match self.running.try_lock() {
            Ok(slot) => slot,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(PyRuntimeError::new_err(
                    "another thread takes a batch of this stream at this moment",
                ));
            }
        };
        let follows = |running: &Running| running.next == (epoch, step) && !running.stream.is_of_another_process();
        let mut running = match slot.take() {
            Some(running) if follows(&running) => running,
            other => self.begin(py, other, (epoch, step))?,
        };
        match self.next(py, &mut running) {
            Ok(loaded) => {
                running.next = self.source.after(epoch, step);
                let buffer = NativeBuffer::new(loaded.memory, running.stream.returns(), self.depth);
                *slot = Some(running);
                Ok((buffer, loaded.rows.len()))
            }
            Err(Stopped::Loading(error)) => {
                end(py, running);
                Err(refused(py, &error))
            }
            Err(Stopped::Python(error)) => {
                // Nothing is lost: the batch is there when it is asked for again.
                *slot = Some(running);
                Err(error)
            }
        }
    }

    /// Ends the threads, and frees what was loaded.
    fn stop(&self, py: Python<'_>) {
        // Whoever holds it takes a batch at this moment.
        let running = self.running.try_lock().ok().and_then(|mut slot| slot.take());
        running.into_iter().for_each(|running| end(py, running));
    }
}

/// How many batches there is memory for.
#[derive(FromPyObject)]
enum Depth {
    /// So many.
    Batches(usize),
    /// What fits into so many bytes, between two numbers.
    Room(usize, usize, usize),
}

/// Ends the threads of a stream; others of Python's run meanwhile.
fn end(py: Python<'_>, mut running: Running) {
    drop(py.detach(|| running.stream.end()));
}

/// Why there is no batch.
enum Stopped {
    Loading(loader::Error),
    Python(PyErr),
}

impl NativeStream {
    /// A stream from `place` on, with the memory of the one before.
    fn begin(&self, py: Python<'_>, before: Option<Running>, place: (u32, usize)) -> PyResult<Running> {
        let mut memory = before.map_or_else(Vec::new, |mut before| py.detach(|| before.stream.end()));
        memory.truncate(self.depth);
        while memory.len() < self.depth {
            memory.push(self.allocate(py)?);
        }
        let batches = Batches {
            source: Arc::clone(&self.source),
            epoch: place.0,
            step: place.1,
        };
        let stream = OwnedStream::new(batches, memory, self.threads).map_err(|error| refused(py, &error))?;
        Ok(Running { stream, next: place })
    }

    /// The next batch: at once, without letting go of the interpreter, if it is loaded.
    fn next(&self, py: Python<'_>, running: &mut Running) -> std::result::Result<Loaded<Lent>, Stopped> {
        if let Some(loaded) = running.stream.ready().map_err(Stopped::Loading)? {
            self.top_up(py, running).map_err(Stopped::Python)?;
            return Ok(loaded);
        }
        loop {
            self.top_up(py, running).map_err(Stopped::Python)?;
            match py
                .detach(|| running.stream.next_within(PATIENCE))
                .map_err(Stopped::Loading)?
            {
                Next::Batch(loaded) => {
                    return Ok(loaded);
                }
                Next::NotYet => py.check_signals().map_err(Stopped::Python)?,
                Next::End => {
                    let reason = "a thread that loads has stopped";
                    return Err(Stopped::Python(PyRuntimeError::new_err(reason)));
                }
            }
        }
    }

    /// Allocates what the consumer keeps of the stream's memory beyond [`HELD`].
    fn top_up(&self, py: Python<'_>, running: &Running) -> PyResult<()> {
        while running.stream.memory_count() < self.depth.saturating_sub(HELD).max(1) {
            running.stream.give(self.allocate(py)?);
        }
        Ok(())
    }

    fn allocate(&self, py: Python<'_>) -> PyResult<Lent> {
        let bytes = self.source.layout.bytes();
        Lent::new(&self.allocate.bind(py).call1((bytes,))?, bytes)
    }
}

impl Source {
    /// The place in the order that follows.
    fn after(&self, epoch: u32, step: usize) -> (u32, usize) {
        if step + 1 < self.order.get().sampler.batches_per_epoch() {
            (epoch, step + 1)
        } else {
            (epoch.saturating_add(1), 0)
        }
    }
}

impl BatchSource<Lent> for Batches {
    fn rows(&self, number: u64) -> Option<Vec<u32>> {
        let sampler = &self.source.order.get().sampler;
        let per_epoch = sampler.batches_per_epoch().max(1);
        let step = usize::try_from(number).ok()?.checked_add(self.step)?;
        let epoch = self.epoch.checked_add(u32::try_from(step / per_epoch).ok()?)?;
        let step = step % per_epoch;
        let selection = self.source.selection.get();
        let places = &selection.supervision.clips;
        selection.clips.expect(sampler, places, (epoch, step));
        Some(sampler.batch(epoch, step))
    }

    fn fill(&self, rows: &[u32], memory: &mut Lent) -> Result<Vec<f32>> {
        let from = (self.source.selection.get(), self.source.loaded);
        self.source.layout.fill(from, rows, memory.bytes_mut())
    }

    fn clip_bytes(&self) -> usize {
        self.source.loaded.clip_bytes()
    }

    fn may_wait(&self) -> bool {
        self.source.selection.get().clips.may_wait()
    }
}
