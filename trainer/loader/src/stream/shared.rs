//! Defines what the threads of a stream share: the batches to load, those loaded, and the memory between them.
//!
//! A thread takes free memory and the number of the next batch under one lock: so every batch in flight has its
//! memory, and how much of it there is bounds what is used whatever the order in which threads finish. What was given
//! back last is filled first: it is the one that may still be in a cache. Whoever consumes batches is one of the
//! threads: rather than sleep until the batch it needs is there, it loads one that follows, and it is woken for no
//! other.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::Loaded;
use crate::error::Result;

/// What batches are loaded from, into memory of kind `M`.
pub trait BatchSource<M>: Sync {
    /// The rows of batch 0, 1, ...; `None` after the last one.
    fn rows(&self, number: u64) -> Option<Vec<u32>>;

    /// Loads the clips of `rows` into `memory`, and returns the level of each in dB.
    ///
    /// # Errors
    /// That of the first record that could not be read.
    fn fill(&self, rows: &[u32], memory: &mut M) -> Result<Vec<f32>>;

    /// Bytes of a clip in memory.
    fn clip_bytes(&self) -> usize;

    /// Whether a batch may take long, as when it comes from elsewhere. Who waits for one with patience then loads none
    /// meanwhile.
    fn may_wait(&self) -> bool {
        false
    }
}

/// What asking for a batch within some time gives.
#[derive(Debug)]
pub enum Next<M> {
    /// The batch.
    Batch(Loaded<M>),
    /// The last one has been handed out.
    End,
    /// It is not there yet.
    NotYet,
}

/// What the threads share: the batches to load, and those loaded.
#[derive(Debug)]
pub(super) struct Shared<M, S> {
    source: S,
    state: Mutex<State<M>>,
    /// Memory has come back, or the consumer has left.
    freed: Condvar,
    /// The batch that the consumer sleeps for is there.
    arrived: Condvar,
}

#[derive(Debug)]
struct State<M> {
    free: Vec<M>,
    /// Batches that were taken to be loaded: the number of the next.
    taken: u64,
    /// Batches handed out, damaged ones included.
    handed_out: u64,
    /// Loaded, and not handed out yet.
    loaded: BTreeMap<u64, Result<Loaded<M>>>,
    /// What the consumer sleeps for, if it does.
    awaited: Option<u64>,
    /// No batch is wanted any more.
    closed: bool,
}

impl<M> State<M> {
    fn hand_out(&mut self, number: u64) -> Option<Result<Loaded<M>>> {
        let loaded = self.loaded.remove(&number)?;
        self.handed_out = number + 1;
        Some(loaded)
    }

    fn memory_count(&self) -> usize {
        let in_flight = self.taken.saturating_sub(self.handed_out);
        self.free.len() + usize::try_from(in_flight).unwrap_or(usize::MAX)
    }
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

impl<M, S: BatchSource<M>> Shared<M, S> {
    /// Nothing loaded yet, into `free`.
    pub(super) fn new(source: S, free: Vec<M>) -> Self {
        Self {
            source,
            state: Mutex::new(State {
                free,
                taken: 0,
                handed_out: 0,
                loaded: BTreeMap::new(),
                awaited: None,
                closed: false,
            }),
            freed: Condvar::new(),
            arrived: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out batch `next`, the one after those handed out before, loading what follows meanwhile; with `patience`,
    /// [`Next::NotYet`] once that has passed.
    pub(super) fn next(&self, next: u64, patience: Option<Duration>) -> Result<Next<M>> {
        let begin = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(loaded) = state.hand_out(next) {
                return loaded.map(Next::Batch);
            }
            // A thread has panicked, which the end of the scope passes on.
            if state.closed {
                return Ok(Next::End);
            }
            let left = patience.map(|patience| patience.saturating_sub(begin.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Next::NotYet);
            }
            let work = match left {
                Some(_) if self.source.may_wait() => match self.source.rows(state.taken) {
                    Some(_) => Work::NoMemory,
                    None => Work::End,
                },
                _ => self.take(&mut state),
            };
            state = match work {
                Work::Batch { number, rows, memory } => self.load(state, number, rows, memory),
                Work::End if next >= state.taken => return Ok(Next::End),
                Work::End | Work::NoMemory => {
                    state.awaited = Some(next);
                    self.wait(state, left)
                }
            };
        }
    }

    /// Sleeps until the batch that is awaited is there, or `left` has passed.
    fn wait<'s>(&'s self, state: MutexGuard<'s, State<M>>, left: Option<Duration>) -> MutexGuard<'s, State<M>> {
        match left {
            None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let woken = self.arrived.wait_timeout(state, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Batch `next` if it is there at this moment and no thread holds the lock: never waits.
    pub(super) fn ready(&self, next: u64) -> Option<Result<Loaded<M>>> {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        state.hand_out(next)
    }

    /// Memory that is free, being filled, or full.
    pub(super) fn memory_count(&self) -> usize {
        self.state().memory_count()
    }

    /// Takes memory to be filled, if there is less than `most` of it.
    ///
    /// # Errors
    /// The memory itself.
    pub(super) fn give_below(&self, most: usize, memory: M) -> std::result::Result<(), M> {
        let mut state = self.state();
        if state.closed || state.memory_count() >= most {
            return Err(memory);
        }
        state.free.push(memory);
        self.freed.notify_one();
        Ok(())
    }

    /// All memory that was not handed out, of a stream whose threads are done.
    pub(super) fn take_memory(&self) -> Vec<M> {
        let mut state = self.state();
        let loaded = std::mem::take(&mut state.loaded).into_values().flatten();
        let mut memory = std::mem::take(&mut state.free);
        memory.extend(loaded.map(|loaded| loaded.memory));
        memory
    }

    /// Takes memory to be filled.
    pub(super) fn give(&self, memory: M) {
        self.state().free.push(memory);
        self.freed.notify_one();
    }

    fn take(&self, state: &mut State<M>) -> Work<M> {
        let Some(memory) = state.free.pop() else {
            return Work::NoMemory;
        };
        let number = state.taken;
        let Some(rows) = self.source.rows(number) else {
            state.free.push(memory);
            return Work::End;
        };
        state.taken += 1;
        Work::Batch { number, rows, memory }
    }

    /// Loads batch `number`, without the lock, and puts it where the consumer finds it. Memory that could not be filled
    /// is free again.
    fn load<'s>(
        &'s self,
        state: MutexGuard<'s, State<M>>,
        number: u64,
        rows: Vec<u32>,
        mut memory: M,
    ) -> MutexGuard<'s, State<M>> {
        drop(state);
        let filled = self.source.fill(&rows, &mut memory);
        let mut state = self.state();
        let loaded = match filled {
            Ok(ref_db) => Ok(Loaded {
                rows,
                ref_db,
                memory,
                clip_bytes: self.source.clip_bytes(),
            }),
            Err(error) => {
                state.free.push(memory);
                Err(error)
            }
        };
        state.loaded.insert(number, loaded);
        if state.awaited == Some(number) {
            state.awaited = None;
            self.arrived.notify_one();
        }
        state
    }

    /// What a thread does until nothing is left to do.
    pub(super) fn run(&self) {
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

    pub(super) fn may_wait(&self) -> bool {
        self.source.may_wait()
    }

    fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
        self.arrived.notify_all();
    }
}

/// Closes the stream when dropped.
pub(super) struct Closing<'a, M, S: BatchSource<M>>(pub(super) &'a Shared<M, S>);

impl<M, S: BatchSource<M>> Drop for Closing<'_, M, S> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Closes the stream when a thread of it panics, so that the consumer does not wait for what never comes.
struct ClosingOnPanic<'a, M, S: BatchSource<M>>(&'a Shared<M, S>);

impl<M, S: BatchSource<M>> Drop for ClosingOnPanic<'_, M, S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}
