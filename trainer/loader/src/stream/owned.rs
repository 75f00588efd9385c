//! Provides the stream that owns its threads, for consumers that outlive a function, such as another language's loop.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Loaded;
use super::shared::{BatchSource, Closing, Next, Shared};
use crate::error::{Error, Result};

/// Batches in order, while threads of its own load the next ones. Its end stops them.
///
/// A process that was forked from the stream's has none of its threads, and may have its lock as one of them held it:
/// there it gives no batches, and its memory is never freed.
#[derive(Debug)]
pub struct OwnedStream<M: Send + 'static, S: BatchSource<M> + Send + 'static> {
    shared: Arc<Shared<M, S>>,
    threads: Vec<JoinHandle<()>>,
    next: u64,
    /// The process that has the threads.
    process: u32,
}

/// Gives memory back to the stream that it is from, from any thread and at any time.
#[derive(Debug)]
pub struct Returns<M, S>(std::sync::Weak<Shared<M, S>>);

impl<M, S> Clone for Returns<M, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Send + 'static, S: BatchSource<M> + Send + 'static> OwnedStream<M, S> {
    /// Begins to load the batches of `source` into `free`, on `threads` threads, that of the consumer included unless
    /// the source [`may_wait`](BatchSource::may_wait), but on one other at least.
    ///
    /// # Errors
    /// [`Error::Setting`] without any memory, or where the system gives no thread.
    pub fn new(source: S, free: Vec<M>, threads: usize) -> Result<Self> {
        if free.is_empty() {
            return Err(Error::setting("batch buffers", "must be at least 1"));
        }
        let others = if source.may_wait() {
            threads
        } else {
            threads.saturating_sub(1)
        };
        let mut stream = Self {
            shared: Arc::new(Shared::new(source, free)),
            threads: Vec::new(),
            next: 0,
            process: std::process::id(),
        };
        for _ in 0..others.max(1) {
            let shared = Arc::clone(&stream.shared);
            let named = std::thread::Builder::new().name("l48-loader".to_owned());
            let thread = named.spawn(move || shared.run()).map_err(|cause| {
                let reason = format!("the system gives no thread: {cause}; ask for fewer");
                Error::setting("threads", reason)
            })?;
            stream.threads.push(thread);
        }
        Ok(stream)
    }

    /// The next batch if it is loaded already; never waits.
    ///
    /// # Errors
    /// That of the record of this batch that could not be read.
    pub fn ready(&mut self) -> Result<Option<Loaded<M>>> {
        let Some(loaded) = self.shared.ready(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        loaded.map(Some)
    }

    /// The next batch, waiting for it no longer than `patience`; time to load a batch may come on top.
    ///
    /// # Errors
    /// That of the first record, in batch order, that could not be read.
    pub fn next_within(&mut self, patience: Duration) -> Result<Next<M>> {
        let next = self.shared.next(self.next, Some(patience));
        // Asked again after an error, it gives the batch that follows.
        if matches!(next, Ok(Next::Batch(_)) | Err(_)) {
            self.next += 1;
        }
        next
    }

    /// Memory that is free, being filled, or full, and not handed out.
    #[must_use]
    pub fn memory_count(&self) -> usize {
        self.shared.memory_count()
    }

    /// Gives memory to the stream, of a batch or new.
    pub fn give(&self, memory: M) {
        self.shared.give(memory);
    }

    /// Whether this process is another than the one that has the threads.
    #[must_use]
    pub fn is_of_another_process(&self) -> bool {
        self.process != std::process::id()
    }

    /// Ends the stream and returns the memory that was not handed out; none in another process. Memory that a source
    /// which [`may_wait`](BatchSource::may_wait) is about to fill is freed when that has ended.
    pub fn end(&mut self) -> Vec<M> {
        if self.is_of_another_process() {
            std::mem::forget(Arc::clone(&self.shared));
            self.threads.drain(..).for_each(std::mem::forget);
            return Vec::new();
        }
        drop(Closing(&*self.shared));
        if self.shared.may_wait() {
            // They end once what they wait for has come or failed, which may be minutes from now.
            self.threads.clear();
        }
        for thread in self.threads.drain(..) {
            // A thread that has panicked has said so, and has closed the stream.
            drop(thread.join());
        }
        self.shared.take_memory()
    }

    /// What gives memory back without the stream at hand.
    #[must_use]
    pub fn returns(&self) -> Returns<M, S> {
        Returns(Arc::downgrade(&self.shared))
    }
}

impl<M: Send + 'static, S: BatchSource<M> + Send + 'static> Drop for OwnedStream<M, S> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<M, S: BatchSource<M>> Returns<M, S> {
    /// Gives memory back, unless the stream is no more or has `most` without it.
    ///
    /// # Errors
    /// The memory itself.
    pub fn give_below(&self, most: usize, memory: M) -> std::result::Result<(), M> {
        match self.0.upgrade() {
            Some(shared) => shared.give_below(most, memory),
            None => Err(memory),
        }
    }
}
