//! Reads the 64-bit sizes of RF64 and BW64 (EBU Tech 3306 version 2, section 3.2; ITU-R BS.2088).

use super::chunk::{Bytes, Chunk, ChunkId};
use crate::audio::reject::Reject;

/// Chunks above 4 GiB besides the samples, of which there is hardly ever one.
const MAX_TABLE: u32 = 16;

/// The sizes of a `ds64` chunk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sizes {
    /// Bytes of the file after its first 8.
    pub(super) riff: u64,
    /// Bytes of the samples.
    pub(super) data: u64,
    /// Bytes of other chunks.
    table: Vec<(ChunkId, u64)>,
}

impl Sizes {
    /// Reads the chunk, as far as it reaches; `None` where it is too short for the size of the samples.
    pub(super) fn read(bytes: &mut Bytes<'_>, chunk: Chunk) -> Result<Option<Self>, Reject> {
        let (riff, data) = (bytes.array::<8>(chunk.body)?, bytes.array::<8>(chunk.body + 8)?);
        let (Some(riff), Some(data), 16..) = (riff, data, chunk.bytes) else {
            return Ok(None);
        };
        let (riff, data) = (u64::from_le_bytes(riff), u64::from_le_bytes(data));
        let mut sizes = Self {
            riff,
            data,
            table: Vec::new(),
        };
        let count = match chunk.bytes {
            ..28 => 0,
            _ => bytes.array::<4>(chunk.body + 24)?.map_or(0, u32::from_le_bytes),
        };
        for index in 0..u64::from(count.min(MAX_TABLE)) {
            let at = chunk.body + 28 + 12 * index;
            if at + 12 > chunk.end() {
                break;
            }
            if let Some([a, b, c, d, size @ ..]) = bytes.array::<12>(at)? {
                sizes.table.push((ChunkId([a, b, c, d]), u64::from_le_bytes(size)));
            }
        }
        Ok(Some(sizes))
    }

    /// A chunk with the size of the table, if its own means that.
    pub(super) fn resolve(&self, chunk: Chunk) -> Chunk {
        let size = self.table.iter().find(|(id, _)| *id == chunk.id);
        match size {
            Some((_, bytes)) if chunk.bytes == u64::from(u32::MAX) => Chunk { bytes: *bytes, ..chunk },
            _ => chunk,
        }
    }
}
