//! Provides the catalogue: every clip of a dataset with what is known of it, joined with its recording's priors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use shardfmt::entry::{labels_path, priors_path};
use shardfmt::{AssetRow, Checks, ClassPriors, ClipLabels, Dataset, DatasetShard, LabelRow, PriorRow, Split};

use super::knowledge::Knowledge;
use super::piece::{Joined, Piece};
use crate::error::{Error, Result};
use crate::gather::ClipReader;

/// Shards that each thread reads before what was read is joined.
const SHARDS_AT_ONCE: usize = 16;

/// One clip, and where its image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// Shard with the clip.
    pub shard: u32,
    /// Row of the clip in that shard.
    pub row: u32,
    /// Recording the clip was cut from.
    pub asset_id: i64,
    /// Number of the clip in its recording.
    pub clip_index: u32,
    /// Split of the recording.
    pub split: Split,
    /// Whether the clip is below the build's silence threshold.
    pub silent: bool,
    /// Whether every class is known.
    pub fully_annotated: bool,
    /// Species the recording was made of, if any.
    pub target: Option<u32>,
    /// Row number in an imported set.
    pub source_index: Option<i64>,
}

/// All clips of a dataset, of every split, in the order of its shards and rows.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// Folder of the dataset, for errors.
    dataset: PathBuf,
    pub(super) knowledge: Arc<Knowledge>,
    /// Seed by which the single positive of each clip is drawn, in place of its recording's target.
    pub(super) drawn: Option<u64>,
}

impl Catalogue {
    /// Reads the label and prior tables of every shard; no clip is read. Which recording a clip is of says its shard; of
    /// a dataset that is kept elsewhere, its table: shards stay there until a clip is read, which is compared with it.
    ///
    /// # Errors
    /// [`Error::Dataset`] naming file and row for a damaged table, or a shard and a table that do not go together.
    pub fn read(dataset: &Dataset) -> Result<Self> {
        Self::read_each(dataset, |shard| {
            read_beside(dataset, &dataset.open_shard(shard, Checks::Off)?)
        })
    }

    /// [`Catalogue::read`] of a dataset whose shards are open.
    ///
    /// # Errors
    /// As [`Catalogue::read`].
    pub fn read_beside(dataset: &Dataset, clips: &ClipReader) -> Result<Self> {
        Self::read_each(dataset, |shard| read_beside(dataset, &*clips.shard(shard)?))
    }

    fn read_each(dataset: &Dataset, beside: impl Fn(u32) -> Result<Piece> + Sync) -> Result<Self> {
        dataset.expect_tables();
        let read = |shard| match dataset.is_near_copy() {
            true => read_alone(dataset, shard),
            false => beside(shard),
        };
        let mut all = Joined::new(dataset.dir(), dataset.taxa().len());
        // A part of the shards at a time, so that few clips are in memory twice.
        let at_once = SHARDS_AT_ONCE * rayon::current_num_threads();
        for first in (0..dataset.shard_count()).step_by(at_once) {
            let shards = first..dataset.shard_count().min(first.saturating_add(at_once as u32));
            let pieces = shards.into_par_iter().map(&read).collect::<Result<Vec<_>>>()?;
            pieces.into_iter().try_for_each(|piece| all.add(piece))?;
        }
        Ok(Self::of(dataset.dir(), all))
    }

    /// A catalogue of the given rows; `name` stands for the dataset in errors.
    ///
    /// # Errors
    /// [`Error::Dataset`] for a class index that is not below `classes`; [`Error::Unsuitable`] for two prior rows of a
    /// recording.
    pub fn from_rows(name: &Path, classes: usize, labels: &[LabelRow], priors: &[PriorRow]) -> Result<Self> {
        Self::from_tables(name, classes, labels, priors, &[])
    }

    /// [`Catalogue::from_rows`] with what was heard in the recordings of `assets`.
    ///
    /// # Errors
    /// As [`Catalogue::from_rows`].
    pub fn from_tables(
        name: &Path,
        classes: usize,
        labels: &[LabelRow],
        priors: &[PriorRow],
        assets: &[AssetRow],
    ) -> Result<Self> {
        let labels = labels.iter().cloned().map(Into::into).collect();
        let priors: Vec<ClassPriors> = priors.iter().cloned().map(Into::into).collect();
        let mut all = Joined::new(name, classes);
        all.add(Piece::new([name, name], classes, labels, &priors, assets)?)?;
        Ok(Self::of(name, all))
    }

    fn of(dataset: &Path, all: Joined<'_>) -> Self {
        Self {
            dataset: dataset.to_path_buf(),
            knowledge: Arc::new(all.finish()),
            drawn: None,
        }
    }

    /// The same clips, of which the modes `target`, `geo` and `checklist` show another single positive: not the target
    /// of the recording, but one of the clip's positives, drawn by `seed`, asset id and number of the clip.
    #[must_use]
    pub fn with_uniform_positives(&self, seed: u64) -> Self {
        Self {
            drawn: Some(seed),
            ..self.clone()
        }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.knowledge.classes
    }

    /// Every clip.
    #[must_use]
    pub fn clips(&self) -> &[Clip] {
        &self.knowledge.clips
    }

    /// The clips of a split, with their places among all.
    pub(super) fn split(&self, split: Split) -> impl Iterator<Item = (usize, &Clip)> {
        let clips = self.clips().iter().enumerate();
        clips.filter(move |(_, clip)| clip.split == split)
    }

    pub(super) fn unsuitable(&self, reason: String) -> Error {
        let dataset = self.dataset.clone();
        Error::Unsuitable { dataset, reason }
    }
}

/// Reads the tables of a shard beside it.
fn read_beside(dataset: &Dataset, shard: &DatasetShard) -> Result<Piece> {
    let (labels, priors) = (dataset.clip_labels(shard)?, dataset.class_priors(shard.number())?);
    let mut piece = piece(dataset, shard.number(), labels, &priors)?;
    // What the regulariser, batches and predictions take for a clip's recording is what stands beside its image.
    for (clip, row) in piece.clips_mut().iter_mut().zip(0..) {
        (clip.asset_id, clip.clip_index) = (shard.asset_id(row)?, shard.clip_index(row)?);
    }
    Ok(piece)
}

/// Reads the tables of a shard without it.
fn read_alone(dataset: &Dataset, shard: u32) -> Result<Piece> {
    let (labels, priors) = (dataset.clip_labels_by_assets(shard)?, dataset.class_priors(shard)?);
    piece(dataset, shard, labels, &priors)
}

fn piece(dataset: &Dataset, shard: u32, labels: Vec<ClipLabels>, priors: &[ClassPriors]) -> Result<Piece> {
    let files = [labels_path(shard), priors_path(shard)].map(|name| dataset.dir().join(name));
    let (classes, assets) = (dataset.taxa().len(), dataset.assets_of(shard));
    Piece::new([&files[0], &files[1]], classes, labels, priors, assets)
}
