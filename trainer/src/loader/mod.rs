//! Provides the loader: threads copy rows from the maps into a ring of reused batch buffers, in the order asked for.
//!
//! A thread takes a free buffer and the number of the next batch under one lock: so every batch in flight has its buffer, and
//! the ring's length bounds memory whatever the order in which threads finish. The buffer given back last is filled first:
//! it is the one that may still be in a cache.

mod buffer;
mod clip_reader;
mod pool;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use shardfmt::ClipSpec;
use tch::{Device, Tensor};

pub use buffer::Buffer;
pub use clip_reader::ClipReader;
pub use pool::pooled_spec;

use crate::error::Result;
use crate::supervision::Clip;

/// A batch on the host.
#[derive(Debug)]
pub struct Loaded {
    /// Row numbers, as the batch source gave them.
    pub rows: Vec<u32>,
    /// Level of each clip in dB.
    pub ref_db: Vec<f32>,
    buffer: Buffer,
}

impl Loaded {
    /// The clips as they were loaded, one after the other.
    pub fn bytes(&mut self) -> &[u8] {
        let bytes = self.rows.len() * self.buffer.clip_bytes();
        &self.buffer.bytes_mut()[..bytes]
    }

    /// The clips on `device`: see [`Buffer::upload`].
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch).
    pub fn upload(&self, device: Device) -> Result<Tensor> {
        self.buffer.upload(self.rows.len(), device)
    }
}

/// Reused batch buffers.
#[derive(Debug)]
pub struct Ring {
    spec: ClipSpec,
    batch: usize,
    depth: usize,
    device: Device,
    free: Vec<Buffer>,
}

impl Ring {
    /// A ring of `depth` buffers for batches of up to `batch` clips, allocated when first used. Clips are loaded as `spec` says: as they are
    /// stored, or pooled ([`pooled_spec`]).
    #[must_use]
    pub fn new(spec: ClipSpec, batch: usize, depth: usize, device: Device) -> Self {
        let free = Vec::new();
        Self {
            spec,
            batch,
            depth: depth.max(1),
            device,
            free,
        }
    }

    fn fill_up(&mut self) -> Result<()> {
        while self.free.len() < self.depth {
            self.free.push(Buffer::new(self.spec, self.batch, self.device)?);
        }
        Ok(())
    }
}

/// What the threads share.
struct Source<'a> {
    state: Mutex<State>,
    changed: Condvar,
    batches: &'a (dyn Fn(u64) -> Option<Vec<u32>> + Sync),
}

struct State {
    free: Vec<Buffer>,
    next: u64,
    /// The consumer has left: no buffer will come back.
    closed: bool,
}

impl Source<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A free buffer and the next batch; `None` when all batches are taken or the consumer has left.
    fn take(&self) -> Option<(u64, Vec<u32>, Buffer)> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(buffer) = state.free.pop() {
                let number = state.next;
                let Some(rows) = (self.batches)(number) else {
                    state.free.push(buffer);
                    return None;
                };
                state.next += 1;
                return Some((number, rows, buffer));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give(&self, buffer: Buffer) {
        self.state().free.push(buffer);
        self.changed.notify_one();
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}

/// Batches in order, while `threads` threads load those that follow.
pub struct Stream<'a> {
    full: Receiver<(u64, Result<Loaded>)>,
    source: &'a Source<'a>,
    early: BTreeMap<u64, Result<Loaded>>,
    next: u64,
}

impl Stream<'_> {
    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// That of the first record, in batch order, that could not be read.
    pub fn next_batch(&mut self) -> Result<Option<Loaded>> {
        loop {
            if let Some(loaded) = self.early.remove(&self.next) {
                self.next += 1;
                return loaded.map(Some);
            }
            match self.full.recv() {
                Ok((number, loaded)) => self.early.insert(number, loaded),
                Err(_) => return Ok(None),
            };
        }
    }

    /// Gives a batch's buffer back to be filled again. On a GPU, only after waiting for the step that used it.
    pub fn recycle(&self, loaded: Loaded) {
        self.source.give(loaded.buffer);
    }
}

/// Loads batches on `threads` threads while `consume` takes them. `batches` gives the rows of batch 0, 1, ... as indices into
/// `places`, `None` after the last; `places` says where the clip of each row lies.
///
/// # Errors
/// Those of `consume`, and of allocating the ring.
pub fn stream<T>(
    clips: &ClipReader,
    places: &[Clip],
    batches: &(dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    ring: &mut Ring,
    threads: usize,
    consume: impl FnOnce(&mut Stream<'_>) -> Result<T>,
) -> Result<T> {
    ring.fill_up()?;
    let loaded_spec = ring.spec;
    let (loaded, full) = channel();
    let source = Source {
        state: Mutex::new(State {
            free: std::mem::take(&mut ring.free),
            next: 0,
            closed: false,
        }),
        changed: Condvar::new(),
        batches,
    };
    let result = std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let loaded = loaded.clone();
            let source = &source;
            scope.spawn(move || {
                while let Some((number, rows, buffer)) = source.take() {
                    // Whoever no longer listens has met an error, or has seen enough.
                    if loaded
                        .send((number, fill((clips, loaded_spec), places, rows, buffer)))
                        .is_err()
                    {
                        break;
                    }
                }
            });
        }
        drop(loaded);
        // Closed also when the consumer panics, or threads would wait for a buffer for ever.
        let closing = Closing(&source);
        let mut stream = Stream {
            full,
            source: &source,
            early: BTreeMap::new(),
            next: 0,
        };
        let result = consume(&mut stream);
        drop(closing);
        result
    });
    let state = source.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    ring.free = state.free;
    result
}

/// Closes a source when dropped.
struct Closing<'a>(&'a Source<'a>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn fill((clips, spec): (&ClipReader, ClipSpec), places: &[Clip], rows: Vec<u32>, mut buffer: Buffer) -> Result<Loaded> {
    let clip_bytes = spec.clip_bytes();
    debug_assert!(rows.len() <= buffer.rows());
    let mut ref_db = Vec::with_capacity(rows.len());
    for (&row, into) in rows.iter().zip(buffer.bytes_mut().chunks_exact_mut(clip_bytes)) {
        ref_db.push(clips.copy(&places[row as usize], spec, into)?);
    }
    Ok(Loaded { rows, ref_db, buffer })
}
