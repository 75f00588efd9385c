//! Provides the one runtime that requests run on, behind calls that block.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, Result};

/// Threads that drive requests; the work is waiting, and decryption.
const THREADS: usize = 2;

/// The runtime, and the process it belongs to: its threads do not come along into a process that was forked.
static RUNTIME: Mutex<Option<(u32, Arc<Runtime>)>> = Mutex::new(None);

/// Waits for `work`.
pub(super) fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(work)
}

fn runtime() -> Result<Arc<Runtime>> {
    let process = std::process::id();
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, runtime)) = known.as_ref()
        && *owner == process
    {
        return Ok(runtime.clone());
    }
    // Of the parent process: ending it would wait for threads that are not here.
    std::mem::forget(known.take());
    let made = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("l48-store")
        .enable_all()
        .build();
    let made = Arc::new(made.map_err(|cause| Error::Setting {
        name: "threads",
        reason: format!("cannot start those that talk to stores: {cause}"),
    })?);
    *known = Some((process, made.clone()));
    Ok(made)
}
