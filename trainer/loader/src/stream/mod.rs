//! Provides the stream of batches: threads copy rows from the maps into batches of the caller's memory, in the order
//! asked for; within a scope, or owning what it needs.

mod owned;
mod shared;

use std::marker::PhantomData;

use crate::error::{Error, Result};
use crate::gather::Gather;
pub use owned::{OwnedStream, Returns};
pub use shared::{BatchSource, Next};
use shared::{Closing, Shared};

/// Memory for the clips of one batch, of the caller's own kind: pinned, of a tensor, of another language.
pub trait BatchMemory: Send {
    /// All of it. Clips lie in it one after the other.
    fn bytes_mut(&mut self) -> &mut [u8];
}

impl BatchMemory for Vec<u8> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// A batch in memory.
#[derive(Debug)]
pub struct Loaded<M> {
    /// Row numbers, as the batch source gave them.
    pub rows: Vec<u32>,
    /// Level of each clip in dB.
    pub ref_db: Vec<f32>,
    /// The clips as they were loaded, one after the other; what follows them is of earlier batches.
    pub memory: M,
    clip_bytes: usize,
}

impl<M: BatchMemory> Loaded<M> {
    /// The clips as they were loaded, one after the other.
    pub fn bytes(&mut self) -> &[u8] {
        let bytes = self.rows.len() * self.clip_bytes;
        self.memory.bytes_mut().get(..bytes).unwrap_or_default()
    }
}

/// Batches in order, while the next ones are loaded.
pub struct Stream<'a, M> {
    shared: &'a Shared<M, Gathered<'a, M>>,
    next: u64,
}

impl<M: BatchMemory> Stream<'_, M> {
    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// That of the first record, in batch order, that could not be read.
    pub fn next_batch(&mut self) -> Result<Option<Loaded<M>>> {
        let next = self.shared.next(self.next, None);
        // Asked again after an error, it gives the batch that follows.
        self.next += 1;
        match next? {
            Next::Batch(loaded) => Ok(Some(loaded)),
            Next::End | Next::NotYet => {
                self.next -= 1;
                Ok(None)
            }
        }
    }

    /// Gives a batch's memory back to be filled again: where a device copies from it, only after waiting for that.
    pub fn recycle(&self, loaded: Loaded<M>) {
        self.shared.give(loaded.memory);
    }
}

/// Batches whose rows a function gives.
struct Gathered<'a, M> {
    gather: Gather<'a>,
    batches: &'a (dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    memory: PhantomData<fn(M)>,
}

impl<M: BatchMemory> BatchSource<M> for Gathered<'_, M> {
    fn rows(&self, number: u64) -> Option<Vec<u32>> {
        (self.batches)(number)
    }

    fn fill(&self, rows: &[u32], memory: &mut M) -> Result<Vec<f32>> {
        self.gather.batch(rows, memory.bytes_mut())
    }

    fn clip_bytes(&self) -> usize {
        self.gather.clip_bytes()
    }
}

/// Loads batches on `threads` threads, that of `consume` included, but on one other at least; `consume` takes them.
/// `batches` gives the rows of batch 0, 1, ... as [`Gather`] counts them, `None` after the last. Batches are loaded
/// into `free`, one in each; what is left of it afterwards is there again, in any order.
///
/// # Errors
/// Those of `consume`; [`Error::Setting`] without any memory.
pub fn stream<M: BatchMemory, T, E: From<Error>>(
    gather: Gather<'_>,
    batches: &(dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    free: &mut Vec<M>,
    threads: usize,
    consume: impl FnOnce(&mut Stream<'_, M>) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    if free.is_empty() {
        return Err(Error::setting("batch buffers", "must be at least 1").into());
    }
    let memory = PhantomData;
    let source = Gathered {
        gather,
        batches,
        memory,
    };
    let shared = Shared::new(source, std::mem::take(free));
    let result = std::thread::scope(|scope| {
        for _ in 0..threads.saturating_sub(1).max(1) {
            scope.spawn(|| shared.run());
        }
        // Closed also when the consumer panics, or threads would wait for a buffer for ever.
        let closing = Closing(&shared);
        let result = consume(&mut Stream {
            shared: &shared,
            next: 0,
        });
        drop(closing);
        result
    });
    *free = shared.take_memory();
    result
}
