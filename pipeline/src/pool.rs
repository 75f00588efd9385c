//! Provides `pool`, the threads that work is done on.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// A pool of `threads` threads, at least one.
///
/// # Errors
/// [`Error::Threads`].
pub fn pool(threads: usize) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(|number| format!("l48-{number}"))
        .build();
    pool.map_err(|error| Error::Threads {
        threads,
        message: error.to_string(),
    })
}
