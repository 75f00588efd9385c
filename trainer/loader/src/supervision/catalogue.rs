//! Provides the catalogue: every clip of a dataset with what is known of it, joined with its recording's priors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use shardfmt::entry::{labels_path, priors_path};
use shardfmt::{Checks, Dataset, GeoPrior, LabelRow, PriorRow, Split};

use super::knowledge::{Knowledge, Listed};
use super::prior::Prior;
use crate::error::{Error, Result};

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
}

/// The clips of one shard.
#[derive(Default)]
struct Piece {
    clips: Vec<Clip>,
    listed: Vec<Listed>,
    lists: Vec<u32>,
    /// Recordings with their priors.
    priors: Vec<(i64, Prior)>,
}

impl Catalogue {
    /// Reads the label and prior tables of every shard; no clip is read. Which recording a clip is of says its shard.
    ///
    /// # Errors
    /// [`Error::Dataset`] naming file and row for a damaged table, or a shard and a table that do not go together.
    pub fn read(dataset: &Dataset) -> Result<Self> {
        let classes = dataset.taxa().len();
        let pieces = (0..dataset.shard_count()).into_par_iter().map(|shard| {
            let opened = dataset.open_shard(shard, Checks::Off)?;
            let (labels, priors) = (dataset.labels(&opened)?, dataset.priors(&opened)?);
            let files = [labels_path(shard), priors_path(shard)].map(|name| dataset.dir().join(name));
            let mut piece = Piece::new([&files[0], &files[1]], classes, labels, &priors)?;
            // What the regulariser, batches and predictions take for a clip's recording is what stands beside its
            // image.
            for (clip, row) in piece.clips.iter_mut().zip(0..) {
                (clip.asset_id, clip.clip_index) = (opened.asset_id(row)?, opened.clip_index(row)?);
            }
            Ok(piece)
        });
        Self::join(dataset.dir(), classes, pieces.collect::<Result<Vec<_>>>()?)
    }

    /// A catalogue of the given rows; `name` stands for the dataset in errors.
    ///
    /// # Errors
    /// [`Error::Dataset`] for a class index that is not below `classes`; [`Error::Unsuitable`] for two prior rows of a
    /// recording.
    pub fn from_rows(name: &Path, classes: usize, labels: &[LabelRow], priors: &[PriorRow]) -> Result<Self> {
        Self::join(
            name,
            classes,
            vec![Piece::new([name, name], classes, labels.to_vec(), priors)?],
        )
    }

    fn join(dataset: &Path, classes: usize, pieces: Vec<Piece>) -> Result<Self> {
        let clips = pieces.iter().map(|piece| piece.clips.len()).sum();
        let mut all = Knowledge {
            classes,
            clips: Vec::with_capacity(clips),
            listed: Vec::with_capacity(clips),
            lists: Vec::with_capacity(pieces.len()),
            priors: vec![Prior::NONE],
        };
        let mut numbers: HashMap<i64, u32> = HashMap::new();
        for (piece, shard) in pieces.into_iter().zip(0..) {
            all.clips.extend(piece.clips);
            all.listed
                .extend(piece.listed.into_iter().map(|listed| listed.of_shard(shard)));
            all.lists.push(piece.lists.into());
            for (asset_id, prior) in piece.priors {
                let number = u32::try_from(all.priors.len()).unwrap_or(u32::MAX);
                if numbers.insert(asset_id, number).is_some() {
                    let reason = format!("recording {asset_id} has two rows of priors; rebuild the dataset");
                    return Err(unsuitable(dataset, reason));
                }
                all.priors.push(prior);
            }
        }
        for (clip, listed) in all.clips.iter().zip(&mut all.listed) {
            listed.prior = numbers.get(&clip.asset_id).copied().unwrap_or_default();
        }
        Ok(Self {
            dataset: dataset.to_path_buf(),
            knowledge: Arc::new(all),
        })
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
        unsuitable(&self.dataset, reason)
    }
}

fn unsuitable(dataset: &Path, reason: String) -> Error {
    let dataset = dataset.to_path_buf();
    Error::Unsuitable { dataset, reason }
}

impl Piece {
    /// What is kept of the rows of a shard, whose files of labels and priors are `files`.
    fn new(files: [&Path; 2], classes: usize, labels: Vec<LabelRow>, priors: &[PriorRow]) -> Result<Self> {
        let no_class = |path: &Path, column, row, class| {
            let reason = format!("class index {class}, but there are {classes} classes");
            cell(path, column, row, reason)
        };
        let mut piece = Self::default();
        let mut of_asset: HashMap<i64, (GeoPrior, usize)> = HashMap::with_capacity(priors.len());
        for (prior, row) in priors.iter().zip(0..) {
            let lists = [&prior.geo_possible, &prior.geo_modelled, &prior.checklist_observed];
            let mut listed = lists.into_iter().flatten().flatten();
            if let Some(&class) = listed.find(|&&class| class as usize >= classes) {
                let columns = "geo_possible, geo_modelled, checklist_observed";
                return Err(no_class(files[1], columns, row, class));
            }
            let classes = u32::try_from(classes).unwrap_or(u32::MAX);
            let geo = GeoPrior::new(prior, classes);
            piece.priors.push((prior.asset_id, Prior::new(prior, &geo, classes)));
            of_asset.insert(prior.asset_id, (geo, piece.priors.len() - 1));
        }
        for (mut label, row) in labels.into_iter().zip(0..) {
            let of_asset = of_asset.get(&label.asset_id);
            let geo = of_asset.map(|(geo, _)| geo);
            let listed = Listed::of(&mut label, geo, classes, &mut piece.lists);
            let listed = listed.map_err(|class| no_class(files[0], "present, absent", row, class))?;
            if let Some(target) = label.target.filter(|&target| target as usize >= classes) {
                return Err(no_class(files[0], "target", row, target));
            }
            let prior = of_asset.and_then(|(_, place)| piece.priors.get(*place));
            let prior = prior.map_or(&Prior::NONE, |(_, prior)| prior);
            piece.clips.push(Clip {
                shard: label.shard,
                row: label.row,
                asset_id: label.asset_id,
                clip_index: label.clip_index,
                split: label.split,
                silent: label.silent,
                fully_annotated: listed.known(&piece.lists, prior).count(classes) == classes,
                target: label.target,
                source_index: label.source_index,
            });
            piece.listed.push(listed);
        }
        Ok(piece)
    }
}

fn cell(path: &Path, column: &'static str, row: u64, reason: String) -> Error {
    let path = path.to_path_buf();
    Error::Dataset(shardfmt::Error::Cell {
        path,
        column,
        row,
        reason,
    })
}
