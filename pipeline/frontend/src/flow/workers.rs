//! Defines `Workers`, the threads that clips are made on, shared by the flows that run side by side.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads, how many flows share them, and whether these are to stop.
#[derive(Debug)]
pub struct Workers {
    pool: ThreadPool,
    flows: AtomicUsize,
    stopped: AtomicBool,
}

impl Workers {
    /// Starts `threads` threads, at least one, for one flow at a time.
    ///
    /// # Errors
    /// [`Error::Threads`].
    pub fn start(threads: usize) -> Result<Workers> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|number| format!("l48-{number}"))
            .build();
        let pool = pool.map_err(|error| Error::Threads {
            threads,
            message: error.to_string(),
        })?;
        Ok(Workers {
            pool,
            flows: AtomicUsize::new(1),
            stopped: AtomicBool::new(false),
        })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Does other work on these threads: rayon's parallel iterators inside `work` run on them.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Says that `flows` flows run side by side from now on, each with its share of the threads to read on.
    pub fn share(&self, flows: usize) {
        self.flows.store(flows, Ordering::Relaxed);
    }

    /// Says that one flow fewer runs: the others may read on its threads.
    pub fn leave(&self) {
        self.flows.fetch_sub(1, Ordering::Relaxed);
    }

    /// Stops every flow on these threads, for good: one of them failed.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the flows are to stop.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Reading tasks that one flow may have at once.
    pub(super) fn readers(&self) -> usize {
        let flows = self.flows.load(Ordering::Relaxed).max(1);
        self.threads().div_ceil(flows)
    }

    pub(super) fn pool(&self) -> &ThreadPool {
        &self.pool
    }
}
