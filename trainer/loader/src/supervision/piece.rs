//! Defines what is kept of the tables of one shard, and joins the shards of a dataset.

use std::collections::HashMap;
use std::path::Path;

use shardfmt::{AssetRow, ClassPriors, ClipLabels, GeoPrior};

use super::catalogue::Clip;
use super::knowledge::{Knowledge, Listed};
use super::prior::Prior;
use crate::error::{Error, Result};

/// The clips of one shard.
#[derive(Default)]
pub(super) struct Piece {
    clips: Vec<Clip>,
    listed: Vec<Listed>,
    lists: Vec<u32>,
    /// Recordings with their priors.
    priors: Vec<(i64, Prior)>,
}

impl Piece {
    /// What is kept of the rows of a shard, whose files of labels and priors are `files`; of `assets`, what was heard.
    pub(super) fn new(
        files: [&Path; 2],
        classes: usize,
        labels: Vec<ClipLabels>,
        priors: &[ClassPriors],
        assets: &[AssetRow],
    ) -> Result<Self> {
        let no_class = |path: &Path, column, row, class| {
            let reason = format!("class index {class}, but there are {classes} classes");
            cell(path, column, row, reason)
        };
        let mut piece = Self::default();
        let heard = assets
            .iter()
            .filter_map(|asset| Some((asset.asset_id, asset.heard.as_deref()?)));
        let mut heard: HashMap<i64, &[u32]> = heard.collect();
        let mut of_asset: HashMap<i64, (GeoPrior, usize)> = HashMap::with_capacity(priors.len());
        for (prior, row) in priors.iter().zip(0..) {
            let lists = [&prior.geo_possible, &prior.geo_modelled, &prior.checklist_observed];
            let mut listed = lists.into_iter().flatten().flatten();
            if let Some(&class) = listed.find(|&&class| class as usize >= classes) {
                let columns = "geo_possible, geo_modelled, checklist_observed";
                return Err(no_class(files[1], columns, row, class));
            }
            let classes = u32::try_from(classes).unwrap_or(u32::MAX);
            let geo = GeoPrior::of(prior.geo_possible.as_deref(), prior.geo_modelled.as_deref(), classes);
            let heard = heard.remove(&prior.asset_id);
            piece
                .priors
                .push((prior.asset_id, Prior::new(prior, &geo, classes, heard)));
            of_asset.insert(prior.asset_id, (geo, piece.priors.len() - 1));
        }
        // Recordings of which nothing else is known.
        let only_heard = |asset: &AssetRow| Some((asset.asset_id, Prior::only_heard(heard.remove(&asset.asset_id)?)));
        piece.priors.extend(assets.iter().filter_map(only_heard));
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

    /// The clips, in the order of their rows.
    pub(super) fn clips_mut(&mut self) -> &mut [Clip] {
        &mut self.clips
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

/// Shards joined so far.
pub(super) struct Joined<'a> {
    /// Folder of the dataset, for errors.
    dataset: &'a Path,
    knowledge: Knowledge,
    /// Place of each recording's priors.
    priors: HashMap<i64, u32>,
}

impl<'a> Joined<'a> {
    /// No shard yet.
    pub(super) fn new(dataset: &'a Path, classes: usize) -> Self {
        let knowledge = Knowledge {
            classes,
            clips: Vec::new(),
            listed: Vec::new(),
            lists: Vec::new(),
            priors: vec![Prior::NONE],
        };
        let priors = HashMap::new();
        Self {
            dataset,
            knowledge,
            priors,
        }
    }

    /// Adds the next shard.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] for a recording that has priors already.
    pub(super) fn add(&mut self, piece: Piece) -> Result<()> {
        let all = &mut self.knowledge;
        let shard = u32::try_from(all.lists.len()).unwrap_or(u32::MAX);
        all.clips.extend(piece.clips);
        all.listed
            .extend(piece.listed.into_iter().map(|listed| listed.of_shard(shard)));
        all.lists.push(piece.lists.into());
        for (asset_id, prior) in piece.priors {
            let place = u32::try_from(all.priors.len()).unwrap_or(u32::MAX);
            if self.priors.insert(asset_id, place).is_some() {
                return Err(Error::Unsuitable {
                    dataset: self.dataset.to_path_buf(),
                    reason: format!("recording {asset_id} has two rows of priors; rebuild the dataset"),
                });
            }
            all.priors.push(prior);
        }
        Ok(())
    }

    /// What is known of all clips.
    pub(super) fn finish(mut self) -> Knowledge {
        let all = &mut self.knowledge;
        for (clip, listed) in all.clips.iter().zip(&mut all.listed) {
            listed.prior = self.priors.get(&clip.asset_id).copied().unwrap_or_default();
        }
        self.knowledge
    }
}
