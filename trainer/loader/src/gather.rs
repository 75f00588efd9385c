//! Provides the clips of a dataset by shard and row, each one verified when it is first touched, and gathers batches.

use rayon::prelude::*;
use shardfmt::{Checks, ClipSpec, Dataset, DatasetShard};

use crate::block_mean::block_means;
use crate::error::{Error, Result};
use crate::supervision::Clip;

/// All shards of a dataset, mapped.
#[derive(Debug)]
pub struct ClipReader {
    shards: Vec<DatasetShard>,
    spec: ClipSpec,
}

impl ClipReader {
    /// Maps every shard, on the threads of the pool that it is called in; reads no clip.
    ///
    /// # Errors
    /// [`Error::Dataset`] naming a shard that is damaged or not the one listed.
    pub fn open(dataset: &Dataset) -> Result<Self> {
        // Several come at once where the dataset is kept elsewhere.
        dataset.expect_shards(&(0..dataset.shard_count()).collect::<Vec<_>>());
        let shards = (0..dataset.shard_count()).into_par_iter();
        let shards = shards.map(|shard| dataset.open_shard(shard, Checks::FirstTouch));
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
    /// [`Error::Dataset`] with shard, recording and row of a damaged record.
    pub fn stored(&self, place: &Clip) -> Result<&[u8]> {
        Ok(self.shard(place.shard)?.clip(place.row)?)
    }

    /// The shard of a number.
    pub(crate) fn shard(&self, number: u32) -> Result<&DatasetShard> {
        let shard = self.shards.get(number as usize);
        let path = || {
            self.shards
                .first()
                .map_or_else(Default::default, |shard| shard.path().into())
        };
        Ok(shard.ok_or_else(|| shardfmt::Error::NoSuchShard {
            path: path(),
            shard: number,
            shards: self.shards.len() as u32,
        })?)
    }

    /// Copies a clip into `into`, as means over blocks if `loaded` is not as clips are stored, and returns its level,
    /// `ref_db`.
    fn copy(&self, place: &Clip, loaded: ClipSpec, into: &mut [u8]) -> Result<f32> {
        let shard = self.shard(place.shard)?;
        check_place(shard, place)?;
        if loaded == self.spec {
            shard.copy_clip(place.row, into)?;
        } else {
            block_means(shard.clip(place.row)?, self.spec, loaded, into);
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

/// What batches are gathered from, and the form in which their clips are loaded.
#[derive(Clone, Copy, Debug)]
pub struct Gather<'a> {
    clips: &'a ClipReader,
    places: &'a [Clip],
    loaded: ClipSpec,
}

impl<'a> Gather<'a> {
    /// Gathers the clips of `clips` that lie at `places`: rows are indices into it. They are loaded as `loaded` says:
    /// as they are stored, or as means over blocks ([`block_mean_spec`](crate::block_mean_spec)).
    ///
    /// # Errors
    /// [`Error::Setting`] for another form.
    pub fn new(clips: &'a ClipReader, places: &'a [Clip], loaded: ClipSpec) -> Result<Self> {
        let (stored, form) = (clips.spec(), loaded);
        if form != stored && crate::block_mean_spec(stored, form.height, form.width) != Some(form) {
            let reason = format!("clips stored as {stored:?} cannot be loaded as {form:?}");
            return Err(Error::setting("loaded", reason));
        }
        Ok(Self { clips, places, loaded })
    }

    /// Bytes of a clip as it is loaded.
    #[must_use]
    pub fn clip_bytes(&self) -> usize {
        self.loaded.clip_bytes()
    }

    /// Copies the clips of `rows` into `into`, one after the other, and returns the level of each in dB.
    ///
    /// # Errors
    /// [`Error::Dataset`] with shard, recording and row of the first damaged record; [`Error::Setting`] for rows that
    /// do not exist or for which there is no room.
    pub fn batch(&self, rows: &[u32], into: &mut [u8]) -> Result<Vec<f32>> {
        let room = into.len() / self.clip_bytes().max(1);
        if rows.len() > room {
            let reason = format!("has {} rows, but its memory has room for {room}", rows.len());
            return Err(Error::setting("batch", reason));
        }
        let mut ref_db = Vec::with_capacity(rows.len());
        for (&row, into) in rows.iter().zip(into.chunks_exact_mut(self.clip_bytes().max(1))) {
            let place = self.places.get(row as usize).ok_or_else(|| {
                let reason = format!("asks for row {row}, but there are {} rows", self.places.len());
                Error::setting("batch", reason)
            })?;
            ref_db.push(self.clips.copy(place, self.loaded, into)?);
        }
        Ok(ref_db)
    }
}
