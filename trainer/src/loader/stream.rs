//! Provides the stream of batches: loaded by several threads at a time, handed out in order.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use shardfmt::ClipSpec;

use super::{Buffer, ClipReader, Loaded, Ring};
use crate::error::Result;
use crate::supervision::Clip;

/// Batches in order, while the next ones are loaded.
pub struct Stream<'a> {
    shared: &'a Shared<'a>,
    next: u64,
}

impl Stream<'_> {
    /// The next batch; `None` after the last one.
    ///
    /// # Errors
    /// That of the first record, in batch order, that could not be read.
    pub fn next_batch(&mut self) -> Result<Option<Loaded>> {
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
                Work::Batch { number, rows, buffer } => self.shared.load(state, number, rows, buffer),
                Work::End if self.next >= state.taken => return Ok(None),
                Work::End | Work::NoBuffer => {
                    state.awaited = Some(self.next);
                    self.shared.arrived.wait(state).unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Gives a batch's buffer back to be filled again. On a GPU, only after waiting for the step that used it.
    pub fn recycle(&self, loaded: Loaded) {
        self.shared.state().free.push(loaded.buffer);
        self.shared.freed.notify_one();
    }
}

/// Loads batches on `threads` threads, that of `consume` included, but on one other at least; `consume` takes them.
/// `batches` gives the rows of batch 0, 1, ... as indices into `places`, `None` after the last; `places` says where the
/// clip of each row lies.
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
    let shared = Shared {
        clips,
        spec: ring.spec,
        places,
        batches,
        state: Mutex::new(State {
            free: std::mem::take(&mut ring.free),
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
    ring.free = state.free;
    // What the consumer did not wait for.
    let left = state.loaded.into_values().flatten();
    ring.free.extend(left.map(|loaded| loaded.buffer));
    result
}

/// What the threads share: the batches to load, and those loaded.
struct Shared<'a> {
    clips: &'a ClipReader,
    /// What clips are loaded as.
    spec: ClipSpec,
    places: &'a [Clip],
    batches: &'a (dyn Fn(u64) -> Option<Vec<u32>> + Sync),
    state: Mutex<State>,
    /// A buffer has come back, or the consumer has left.
    freed: Condvar,
    /// The batch that the consumer sleeps for is there.
    arrived: Condvar,
}

struct State {
    free: Vec<Buffer>,
    /// Batches that were taken to be loaded: the number of the next.
    taken: u64,
    /// Loaded, and not handed out yet.
    loaded: BTreeMap<u64, Result<Loaded>>,
    /// What the consumer sleeps for, if it does.
    awaited: Option<u64>,
    /// No batch is wanted any more.
    closed: bool,
}

/// What there is to do.
enum Work {
    /// Load this.
    Batch {
        number: u64,
        rows: Vec<u32>,
        buffer: Buffer,
    },
    /// Nothing until a buffer comes back.
    NoBuffer,
    /// Nothing any more: every batch is loaded, or being loaded by another thread.
    End,
}

impl Shared<'_> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State) -> Work {
        let Some(buffer) = state.free.pop() else {
            return Work::NoBuffer;
        };
        let number = state.taken;
        let Some(rows) = (self.batches)(number) else {
            state.free.push(buffer);
            return Work::End;
        };
        state.taken += 1;
        Work::Batch { number, rows, buffer }
    }

    /// Loads batch `number`, without the lock, and puts it where the consumer finds it.
    fn load<'s>(
        &'s self,
        state: MutexGuard<'s, State>,
        number: u64,
        rows: Vec<u32>,
        buffer: Buffer,
    ) -> MutexGuard<'s, State> {
        drop(state);
        let loaded = self.fill(rows, buffer);
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
                Work::Batch { number, rows, buffer } => self.load(state, number, rows, buffer),
                Work::NoBuffer => self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Work::End => break,
            };
        }
    }

    fn fill(&self, rows: Vec<u32>, mut buffer: Buffer) -> Result<Loaded> {
        let clip_bytes = self.spec.clip_bytes();
        debug_assert!(rows.len() <= buffer.rows());
        let mut ref_db = Vec::with_capacity(rows.len());
        for (&row, into) in rows.iter().zip(buffer.bytes_mut().chunks_exact_mut(clip_bytes)) {
            ref_db.push(self.clips.copy(&self.places[row as usize], self.spec, into)?);
        }
        Ok(Loaded { rows, ref_db, buffer })
    }

    fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
        self.arrived.notify_all();
    }
}

/// Closes the stream when dropped.
struct Closing<'a>(&'a Shared<'a>);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Closes the stream when a thread of it panics, so that the consumer does not wait for what never comes.
struct ClosingOnPanic<'a>(&'a Shared<'a>);

impl Drop for ClosingOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
