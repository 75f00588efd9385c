//! Provides the clips of a dataset by shard and row, each one verified when it is first touched.

use shardfmt::{Checks, ClipSpec, Dataset, DatasetShard};

use super::pool::pool;
use crate::error::Result;
use crate::supervision::Clip;

/// All shards of a dataset, mapped.
#[derive(Debug)]
pub struct ClipReader {
    shards: Vec<DatasetShard>,
    spec: ClipSpec,
}

impl ClipReader {
    /// Maps every shard; reads no clip.
    ///
    /// # Errors
    /// [`Error::Dataset`](crate::Error::Dataset) naming the shard that is damaged or not the one listed.
    pub fn open(dataset: &Dataset) -> Result<Self> {
        let shards = (0..dataset.shard_count()).map(|shard| dataset.open_shard(shard, Checks::FirstTouch));
        Ok(Self {
            shards: shards.collect::<shardfmt::Result<_>>()?,
            spec: dataset.head().clips,
        })
    }

    /// Shape and number type of every clip.
    #[must_use]
    pub fn spec(&self) -> ClipSpec {
        self.spec
    }

    /// A clip as it is stored, verified.
    ///
    /// # Errors
    /// [`Error::Dataset`](crate::Error::Dataset) with shard, recording and row of a damaged record.
    pub fn stored(&self, place: &Clip) -> Result<&[u8]> {
        Ok(self.shard(place)?.clip(place.row)?)
    }

    fn shard(&self, place: &Clip) -> Result<&DatasetShard> {
        let shard = self.shards.get(place.shard as usize);
        let path = || {
            self.shards
                .first()
                .map_or_else(Default::default, |shard| shard.path().into())
        };
        Ok(shard.ok_or_else(|| shardfmt::Error::NoSuchShard {
            path: path(),
            shard: place.shard,
            shards: self.shards.len() as u32,
        })?)
    }

    /// Copies a clip into `into`, pooled if `loaded` is not as clips are stored, and returns its level, `ref_db`.
    ///
    /// # Errors
    /// As [`ClipReader::stored`].
    pub(super) fn copy(&self, place: &Clip, loaded: ClipSpec, into: &mut [u8]) -> Result<f32> {
        let shard = self.shard(place)?;
        check_place(shard, place)?;
        let clip = shard.clip(place.row)?;
        if loaded == self.spec {
            into.copy_from_slice(clip);
        } else {
            pool(clip, self.spec, loaded, into);
        }
        Ok(shard.ref_db(place.row)?)
    }
}

/// Refuses a row that holds another clip than the one meant: another dataset may have taken the place of this one since
/// its tables were read.
fn check_place(shard: &DatasetShard, place: &Clip) -> shardfmt::Result<()> {
    let (meant, stored) = (
        (place.asset_id, place.clip_index),
        (shard.asset_id(place.row)?, shard.clip_index(place.row)?),
    );
    if meant == stored {
        return Ok(());
    }
    Err(shardfmt::Error::Mismatch {
        path: shard.path().to_path_buf(),
        field: "(asset_id, clip_index)",
        expected: format!("{meant:?} in row {}", place.row),
        got: format!("{stored:?}"),
    })
}
