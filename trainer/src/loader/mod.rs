//! Provides the loader: threads copy rows from the maps into a ring of reused batch buffers, in the order asked for.
//!
//! A thread takes a free buffer and the number of the next batch under one lock: so every batch in flight has its
//! buffer, and the ring's length bounds memory whatever the order in which threads finish. The buffer given back last
//! is filled first: it is the one that may still be in a cache. Whoever consumes batches is one of the threads: rather
//! than sleep until the batch it needs is there, it loads one that follows, and it is woken for no other.

mod buffer;
mod clip_reader;
mod pool;
mod sizes;
mod stream;

use shardfmt::ClipSpec;
use tch::{Device, Tensor};

pub use buffer::Buffer;
pub use clip_reader::ClipReader;
pub use pool::pooled_spec;
pub use sizes::{SCORING_BUFFERS, THREADS, TRAINING_BUFFERS, unread_steps};
pub use stream::{Stream, stream};

use crate::error::Result;

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
    /// A ring of `depth` buffers for batches of up to `batch` clips, allocated when first used. Clips are loaded as
    /// `spec` says: as they are stored, or pooled ([`pooled_spec`]).
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

    /// Buffers that nobody holds; between two streams all that were allocated.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    fn fill_up(&mut self) -> Result<()> {
        while self.free.len() < self.depth {
            self.free.push(Buffer::new(self.spec, self.batch, self.device)?);
        }
        Ok(())
    }
}
