//! Provides the loader: threads copy rows from the maps into a ring of reused batch buffers, in the order asked for.
//!
//! A thread first takes a free buffer and then the number of the next batch, both under one lock: so every batch in flight has
//! its buffer, and the ring's length bounds memory whatever the order in which threads finish.

mod buffer;
mod clip_reader;
mod pool;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

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
    free: Receiver<Buffer>,
    batches: &'a (dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    next: u64,
}

/// Batches in order, while `threads` threads load those that follow.
#[derive(Debug)]
pub struct Stream {
    full: Receiver<(u64, Result<Loaded>)>,
    free: Sender<Buffer>,
    early: BTreeMap<u64, Result<Loaded>>,
    next: u64,
}

impl Stream {
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
        // If no thread is left to take it, it is simply freed.
        let _ = self.free.send(loaded.buffer);
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
    consume: impl FnOnce(&mut Stream) -> Result<T>,
) -> Result<T> {
    ring.fill_up()?;
    let loaded_spec = ring.spec;
    let (free, free_buffers) = channel();
    for buffer in ring.free.drain(..) {
        // The receiver is alive.
        let _ = free.send(buffer);
    }
    let (loaded, full) = channel();
    let source = Mutex::new(Source {
        free: free_buffers,
        batches,
        next: 0,
    });
    let result = std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let loaded = loaded.clone();
            let source = &source;
            scope.spawn(move || {
                while let Some((number, rows, buffer)) = take(source) {
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
        let mut stream = Stream {
            full,
            free,
            early: BTreeMap::new(),
            next: 0,
        };
        let result = consume(&mut stream);
        // Only now do threads that wait for a buffer see that none will come.
        drop(stream);
        result
    });
    let source = source.into_inner().unwrap_or_else(PoisonError::into_inner);
    ring.free.extend(source.free.try_iter());
    result
}

/// A free buffer and the next batch; `None` when all batches are taken or the consumer has left.
fn take(source: &Mutex<Source<'_>>) -> Option<(u64, Vec<u32>, Buffer)> {
    let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
    let number = source.next;
    let rows = (source.batches)(number)?;
    let buffer = source.free.recv().ok()?;
    source.next += 1;
    Some((number, rows, buffer))
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
