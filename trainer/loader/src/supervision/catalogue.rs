//! Provides the catalogue: every clip of a dataset with what is known of it, joined with its recording's priors.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use shardfmt::entry::{labels_path, priors_path};
use shardfmt::{Checks, Dataset, GeoPrior, Label, LabelRow, PriorRow, Split};

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
    pub(super) dataset: PathBuf,
    pub(super) classes: usize,
    clips: Vec<Clip>,
    /// `[clips, classes]`, row-major.
    knowledge: Vec<Label>,
    priors: HashMap<i64, Prior>,
}

/// The clips of one shard.
type Piece = (Vec<Clip>, Vec<Label>, Vec<(i64, Prior)>);

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
            let mut piece = piece(&files[0], &files[1], classes, &labels, &priors)?;
            // What the regulariser, batches and predictions take for a clip's recording is what stands beside its
            // image.
            for (clip, row) in piece.0.iter_mut().zip(0..) {
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
        Self::join(name, classes, vec![piece(name, name, classes, labels, priors)?])
    }

    fn join(dataset: &Path, classes: usize, pieces: Vec<Piece>) -> Result<Self> {
        let mut all = Self {
            dataset: dataset.to_path_buf(),
            classes,
            clips: Vec::new(),
            knowledge: Vec::new(),
            priors: HashMap::new(),
        };
        for (clips, knowledge, priors) in pieces {
            all.clips.extend(clips);
            all.knowledge.extend(knowledge);
            for (asset_id, prior) in priors {
                if all.priors.insert(asset_id, prior).is_some() {
                    return Err(all.unsuitable(format!(
                        "recording {asset_id} has two rows of priors; rebuild the dataset"
                    )));
                }
            }
        }
        Ok(all)
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Every clip.
    #[must_use]
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// The clips of a split, each with what is known of its classes.
    pub(super) fn split(&self, split: Split) -> impl Iterator<Item = (&Clip, &[Label])> {
        let rows = self.clips.iter().zip(self.knowledge.chunks_exact(self.classes.max(1)));
        rows.filter(move |(clip, _)| clip.split == split)
    }

    /// What the priors of a recording rule out.
    pub(super) fn prior(&self, asset_id: i64) -> Option<&Prior> {
        self.priors.get(&asset_id)
    }

    pub(super) fn unsuitable(&self, reason: String) -> Error {
        let dataset = self.dataset.clone();
        Error::Unsuitable { dataset, reason }
    }
}

/// Turns the rows of a shard into what is kept of them.
fn piece(
    labels_file: &Path,
    priors_file: &Path,
    classes: usize,
    labels: &[LabelRow],
    priors: &[PriorRow],
) -> Result<Piece> {
    let no_class = |path: &Path, column, row, class| {
        cell(
            path,
            column,
            row,
            format!("class index {class}, but there are {classes} classes"),
        )
    };
    // Only rows with implied labels ask for a prior.
    let is_implied = labels.iter().any(|label| label.others.is_some());
    let of_asset = |prior: &PriorRow| (prior.asset_id, GeoPrior::new(prior, classes as u32));
    let geo: HashMap<i64, GeoPrior> = priors.iter().filter(|_| is_implied).map(of_asset).collect();
    let no_prior = GeoPrior::default();
    let (mut clips, mut knowledge) = (Vec::with_capacity(labels.len()), Vec::new());
    for (label, row) in labels.iter().zip(0..) {
        let first = knowledge.len();
        knowledge.resize(first + classes, Label::Unknown);
        let (geo, of_clip) = (
            geo.get(&label.asset_id).unwrap_or(&no_prior),
            knowledge.get_mut(first..),
        );
        let filled = label.fill(geo, of_clip.unwrap_or_default());
        filled.map_err(|class| no_class(labels_file, "present, absent", row, class))?;
        if let Some(target) = label.target.filter(|&target| target as usize >= classes) {
            return Err(no_class(labels_file, "target", row, target));
        }
        clips.push(Clip {
            shard: label.shard,
            row: label.row,
            asset_id: label.asset_id,
            clip_index: label.clip_index,
            split: label.split,
            silent: label.silent,
            fully_annotated: knowledge.iter().skip(first).all(|entry| entry.is_known()),
            target: label.target,
            source_index: label.source_index,
        });
    }
    let mut ruled_out = Vec::with_capacity(priors.len());
    for (prior, row) in priors.iter().zip(0..) {
        let lists = [&prior.geo_possible, &prior.geo_modelled, &prior.checklist_observed];
        let listed = lists.into_iter().flatten().flatten();
        if let Some(&class) = listed.into_iter().find(|&&class| class as usize >= classes) {
            return Err(no_class(
                priors_file,
                "geo_possible, geo_modelled, checklist_observed",
                row,
                class,
            ));
        }
        let classes = u32::try_from(classes).unwrap_or(u32::MAX);
        ruled_out.push((prior.asset_id, Prior::new(prior, classes)));
    }
    Ok((clips, knowledge, ruled_out))
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
