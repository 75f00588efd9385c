//! Defines the ring: reused batch buffers that the loader fills while earlier batches are in use.

use loader::{BatchMemory, Clip, ClipReader, Gather};
use shardfmt::ClipSpec;
use tch::Device;

use super::Buffer;
use crate::error::Result;

impl BatchMemory for Buffer {
    fn bytes_mut(&mut self) -> &mut [u8] {
        Self::bytes_mut(self)
    }
}

/// A batch on the host.
pub type Loaded = loader::Loaded<Buffer>;

/// Batches in order, while the next ones are loaded.
pub type Stream<'a> = loader::Stream<'a, Buffer>;

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
    /// `spec` says: as they are stored, or as means over blocks ([`block_mean_spec`](loader::block_mean_spec)).
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

/// Loads batches into the buffers of `ring`: see [`loader::stream`]. `batches` gives the rows of batch 0, 1, ... as
/// indices into `places`, `None` after the last; `places` says where the clip of each row lies.
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
    let gather = Gather::new(clips, places, ring.spec)?;
    loader::stream(gather, batches, &mut ring.free, threads, consume)
}
