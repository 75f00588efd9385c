//! Provides the clips of a dataset by shard and row, each one verified when it is first touched, and gathers batches.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use rayon::prelude::*;
use shardfmt::dataset::OpenShards;
use shardfmt::{Checks, ClipSpec, Dataset, DatasetShard};

use crate::ahead::{Ahead, fitting};
use crate::block_mean::block_means;
use crate::error::{Error, Result};
use crate::sampler::Sampler;
use crate::supervision::Clip;

/// Shards that are brought near while another one is read in the order of its clips.
const SHARDS_AHEAD: usize = 4;

/// The shards of a dataset.
#[derive(Debug)]
pub struct ClipReader {
    shards: Shards,
    spec: ClipSpec,
}

#[derive(Debug)]
enum Shards {
    /// All of them, mapped.
    Mapped(Vec<DatasetShard>),
    /// Those that were touched, of a dataset that is kept elsewhere; the next ones are on their way.
    Touched { open: OpenShards, ahead: Ahead },
}

/// A shard while a clip of it is read.
pub(crate) enum Opened<'a> {
    Mapped(&'a DatasetShard),
    Touched(Arc<DatasetShard>),
}

impl Deref for Opened<'_> {
    type Target = DatasetShard;

    fn deref(&self) -> &DatasetShard {
        match self {
            Self::Mapped(shard) => shard,
            Self::Touched(shard) => shard,
        }
    }
}

impl ClipReader {
    /// Maps every shard, on the threads of the pool that it is called in; reads no clip. Of a dataset that is kept
    /// elsewhere, all come now.
    ///
    /// # Errors
    /// [`Error::Dataset`] naming a shard that is damaged or not the one listed.
    pub fn open(dataset: &Dataset) -> Result<Self> {
        dataset.expect_shards(&(0..dataset.shard_count()).collect::<Vec<_>>());
        let shards = (0..dataset.shard_count()).into_par_iter();
        let shards = shards.map(|shard| dataset.open_shard(shard, Checks::FirstTouch));
        Ok(Self {
            shards: Shards::Mapped(shards.collect::<shardfmt::Result<_>>()?),
            spec: dataset.head().clips,
        })
    }

    /// As [`ClipReader::open`], but the shards of a dataset that is kept elsewhere come when they are touched, and stay
    /// while there is room.
    ///
    /// # Errors
    /// As [`ClipReader::open`], of a dataset that is kept here.
    pub fn open_as_touched(dataset: &Arc<Dataset>) -> Result<Self> {
        if !dataset.is_near_copy() {
            return Self::open(dataset);
        }
        Ok(Self {
            spec: dataset.head().clips,
            shards: Shards::Touched {
                open: OpenShards::of(Arc::clone(dataset)),
                ahead: Ahead::default(),
            },
        })
    }

    /// Shape and number type of every clip.
    #[must_use]
    pub fn spec(&self) -> ClipSpec {
        self.spec
    }

    /// Whether shards come from elsewhere when they are touched, and a read may take long.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        matches!(self.shards, Shards::Touched { .. })
    }

    /// Begins to bring near what an order touches from batch `step` of `epoch` on, where shards come from elsewhere, and
    /// does not wait; `places` are the clips that the order counts.
    pub fn expect(&self, sampler: &Sampler, places: &[Clip], (epoch, step): (u32, usize)) {
        if let Shards::Touched { open, ahead } = &self.shards {
            ahead.expect(open.dataset(), sampler, places, (epoch, step));
        }
    }

    /// As [`ClipReader::expect`], for clips that are read in the order of `places`.
    pub fn expect_in_order(&self, places: &[Clip]) {
        let Shards::Touched { open, .. } = &self.shards else {
            return;
        };
        let mut next: Vec<u32> = Vec::with_capacity(SHARDS_AHEAD + 1);
        for place in places {
            if next.last() != Some(&place.shard) {
                if next.len() > SHARDS_AHEAD {
                    break;
                }
                next.push(place.shard);
            }
        }
        let mut next = fitting(open.dataset(), &next).to_vec();
        next.retain(|shard| !open.is_open(*shard));
        open.dataset().expect_shards(&next);
    }

    /// Bytes of the shards that `places` are in, if there is not room for all of them at once, and the room: then shards
    /// that are touched in any order come again and again.
    #[must_use]
    pub fn beyond_room(&self, places: &[Clip]) -> Option<(u64, u64)> {
        let Shards::Touched { open, .. } = &self.shards else {
            return None;
        };
        let (dataset, shards) = (open.dataset(), shards_of(places.iter()));
        let bytes = shards.into_iter().map(|shard| dataset.shard_bytes(shard)).sum();
        dataset.room().filter(|room| bytes > *room).map(|room| (bytes, room))
    }

    /// A clip as it is stored, verified; a copy of it where its shard may be closed again.
    ///
    /// # Errors
    /// [`Error::Dataset`] with shard, recording and row of a damaged record.
    pub fn stored(&self, place: &Clip) -> Result<Cow<'_, [u8]>> {
        match self.shard(place.shard)? {
            Opened::Mapped(shard) => Ok(shard.clip(place.row)?.into()),
            Opened::Touched(shard) => Ok(shard.clip(place.row)?.to_vec().into()),
        }
    }

    /// The shard of a number.
    pub(crate) fn shard(&self, number: u32) -> Result<Opened<'_>> {
        let mapped = match &self.shards {
            Shards::Mapped(mapped) => mapped,
            Shards::Touched { open, .. } => return Ok(Opened::Touched(open.get(number)?)),
        };
        let shard = mapped.get(number as usize).map(Opened::Mapped);
        let path = || {
            mapped
                .first()
                .map_or_else(Default::default, |shard| shard.path().into())
        };
        Ok(shard.ok_or_else(|| shardfmt::Error::NoSuchShard {
            path: path(),
            shard: number,
            shards: mapped.len() as u32,
        })?)
    }

    /// The order to read clips in: as they are; or, where shards come from elsewhere, shard after shard, those that are
    /// open first, while the others are brought near.
    fn reading_order(&self, places: &[&Clip]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        if let Shards::Touched { open, .. } = &self.shards {
            let mut missing = shards_of(places.iter().copied());
            missing.retain(|shard| !open.is_open(*shard));
            if missing.len() > 1 {
                let missing: Vec<u32> = missing.iter().copied().collect();
                open.dataset().expect_shards(fitting(open.dataset(), &missing));
            }
            let shard = |number: &usize| places.get(*number).map_or(0, |place| place.shard);
            order.sort_by_key(|number| (missing.contains(&shard(number)), shard(number)));
        }
        order
    }

    /// Copies a clip of `shard` into `into`, as means over blocks if `loaded` is not as clips are stored, and returns
    /// its level, `ref_db`.
    fn copy(&self, shard: &DatasetShard, place: &Clip, loaded: ClipSpec, into: &mut [u8]) -> Result<f32> {
        check_place(shard, place)?;
        if loaded == self.spec {
            shard.copy_clip(place.row, into)?;
        } else {
            block_means(shard.clip(place.row)?, self.spec, loaded, into);
        }
        Ok(shard.ref_db(place.row)?)
    }
}

/// The shards that clips are in.
fn shards_of<'a>(places: impl Iterator<Item = &'a Clip>) -> BTreeSet<u32> {
    places.map(|place| place.shard).collect()
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
        let place = |&row: &u32| {
            self.places.get(row as usize).ok_or_else(|| {
                let reason = format!("asks for row {row}, but there are {} rows", self.places.len());
                Error::setting("batch", reason)
            })
        };
        let places = rows.iter().map(place).collect::<Result<Vec<&Clip>>>()?;
        let mut ref_db = vec![0.0; rows.len()];
        // One shard at a time is kept from being closed.
        let mut shard: Option<Opened<'_>> = None;
        for number in self.clips.reading_order(&places) {
            let start = number * self.clip_bytes();
            let (Some(place), Some(into), Some(level)) = (
                places.get(number),
                into.get_mut(start..start + self.clip_bytes()),
                ref_db.get_mut(number),
            ) else {
                continue;
            };
            let of_place = shard.take().filter(|shard| shard.number() == place.shard);
            let of_place = match of_place {
                Some(shard) => shard,
                None => self.clips.shard(place.shard)?,
            };
            *level = self.clips.copy(&of_place, place, self.loaded, into)?;
            shard = Some(of_place);
        }
        Ok(ref_db)
    }
}
