//! Provides the stream of batches: threads copy rows from the maps into batches of the caller's memory, in the order
//! asked for.
//!
//! A thread takes free memory and the number of the next batch under one lock: so every batch in flight has its
//! memory, and how much of it there is bounds what is used whatever the order in which threads finish. What was given
//! back last is filled first: it is the one that may still be in a cache. Whoever consumes batches is one of the
//! threads: rather than sleep until the batch it needs is there, it loads one that follows, and it is woken for no
//! other.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::gather::Gather;

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
    shared: &'a Shared<'a, M>,
    next: u64,
}

impl<M: BatchMemory> Stream<'_, M> {
    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// That of the first record, in batch order, that could not be read.
    pub fn next_batch(&mut self) -> Result<Option<Loaded<M>>> {
        let mut state = self.shared.state();
        loop {
            if let Some(loaded) = state.loaded.remove(&self.next) {
                self.next += 1;
                return loaded.map(Some);
            }
            // A thread has panicked, which the end of the scope passes on.
            if state.closed {
                return Ok(None);
            }
            state = match self.shared.take(&mut state) {
                Work::Batch { number, rows, memory } => self.shared.load(state, number, rows, memory),
                Work::End if self.next >= state.taken => return Ok(None),
                Work::End | Work::NoMemory => {
                    state.awaited = Some(self.next);
                    self.shared.arrived.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Gives a batch's memory back to be filled again: where a device copies from it, only after waiting for that.
    pub fn recycle(&self, loaded: Loaded<M>) {
        self.shared.state().free.push(loaded.memory);
        self.shared.freed.notify_one();
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
    let shared = Shared {
        gather,
        batches,
        state: Mutex::new(State {
            free: std::mem::take(free),
            taken: 0,
            loaded: BTreeMap::new(),
            awaited: None,
            closed: false,
        }),
        freed: Condvar::new(),
        arrived: Condvar::new(),
    };
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
    let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    *free = state.free;
    // What the consumer did not wait for.
    let left = state.loaded.into_values().flatten();
    free.extend(left.map(|loaded| loaded.memory));
    result
}

/// What the threads share: the batches to load, and those loaded.
struct Shared<'a, M> {
    gather: Gather<'a>,
    batches: &'a (dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    state: Mutex<State<M>>,
    /// Memory has come back, or the consumer has left.
    freed: Condvar,
    /// The batch that the consumer sleeps for is there.
    arrived: Condvar,
}

struct State<M> {
    free: Vec<M>,
    /// Batches that were taken to be loaded: the number of the next.
    taken: u64,
    /// Loaded, and not handed out yet.
    loaded: BTreeMap<u64, Result<Loaded<M>>>,
    /// What the consumer sleeps for, if it does.
    awaited: Option<u64>,
    /// No batch is wanted any more.
    closed: bool,
}

/// What there is to do.
enum Work<M> {
    /// Load this.
    Batch { number: u64, rows: Vec<u32>, memory: M },
    /// Nothing until memory comes back.
    NoMemory,
    /// Nothing any more: every batch is loaded, or being loaded by another thread.
    End,
}

impl<M: BatchMemory> Shared<'_, M> {
    fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State<M>) -> Work<M> {
        let Some(memory) = state.free.pop() else {
            return Work::NoMemory;
        };
        let number = state.taken;
        let Some(rows) = (self.batches)(number) else {
            state.free.push(memory);
            return Work::End;
        };
        state.taken += 1;
        Work::Batch { number, rows, memory }
    }

    /// Loads batch `number`, without the lock, and puts it where the consumer finds it.
    fn load<'s>(
        &'s self,
        state: MutexGuard<'s, State<M>>,
        number: u64,
        rows: Vec<u32>,
        memory: M,
    ) -> MutexGuard<'s, State<M>> {
        drop(state);
        let loaded = self.fill(rows, memory);
        let mut state = self.state();
        state.loaded.insert(number, loaded);
        if state.awaited == Some(number) {
            state.awaited = None;
            self.arrived.notify_one();
        }
        state
    }

    /// What a thread does until nothing is left to do.
    fn run(&self) {
        let _closing = ClosingOnPanic(self);
        let mut state = self.state();
        while !state.closed {
            state = match self.take(&mut state) {
                Work::Batch { number, rows, memory } => self.load(state, number, rows, memory),
                Work::NoMemory => self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Work::End => break,
            };
        }
    }

    fn fill(&self, rows: Vec<u32>, mut memory: M) -> Result<Loaded<M>> {
        let ref_db = self.gather.batch(&rows, memory.bytes_mut())?;
        Ok(Loaded {
            rows,
            ref_db,
            memory,
            clip_bytes: self.gather.clip_bytes(),
        })
    }

    fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
        self.arrived.notify_all();
    }
}

/// Closes the stream when dropped.
struct Closing<'a, M: BatchMemory>(&'a Shared<'a, M>);

impl<M: BatchMemory> Drop for Closing<'_, M> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Closes the stream when a thread of it panics, so that the consumer does not wait for what never comes.
struct ClosingOnPanic<'a, M: BatchMemory>(&'a Shared<'a, M>);

impl<M: BatchMemory> Drop for ClosingOnPanic<'_, M> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
