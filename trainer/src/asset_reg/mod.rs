//! Defines the asset regulariser: a table of estimated labels of each group of clips pulls them together.
//!
//! T \[groups, C\] starts in U(.4, .6), known positives of any of the group's training clips at 1, and on request what
//! was heard in the recording. A group is an asset, a recording, unless set otherwise. Per batch R_P = mean
//! BCE(x, T\[group\]) with T as it was before the batch; then T\[a\] <- (1 - eps) T\[a\] + eps p for each clip in batch
//! order. Source: Sun, Maji and Van Horn 2025 (arXiv 2511.00252). What may differ from that is in [`AssetRegConfig`].

mod group;
mod quality;
mod settings;
mod start;

use loader::Labels;
use loader::random::{Purpose, keyed, shuffle_forward};
use tch::{Device, Kind, Tensor};

pub use crate::grouped::TableRows;
pub use group::{Group, groups};
pub use quality::{TableQuality, quality};
pub use settings::{AssetRegConfig, Average, Control, Init, On, Positives};

use crate::augment::{Mixed, Mixing};
use crate::error::{Error, Result};
use crate::grouped::{Extent, Latest, Round};
use crate::loss::{bce, complement};
use crate::state::{Named, adopt};

/// The training clips as the table sees them, in the order of training rows.
#[derive(Clone, Copy, Debug)]
pub struct Clips<'a> {
    /// Asset of each clip, or the first asset of its group.
    pub asset_ids: &'a [i64],
    /// What is known of them.
    pub labels: &'a Labels,
}

/// The table of the groups of training clips.
pub struct AssetTable {
    config: AssetRegConfig,
    asset_ids: Vec<i64>,
    /// Table row of each training clip.
    row_of_clip: Vec<i64>,
    table: Tensor,
    belief: Belief,
}

/// How predictions become beliefs about a group.
enum Belief {
    /// They do not: the table stays as it started.
    Fixed,
    /// The table is their running mean.
    Running,
    /// The table is their running mean without its start; `weight` is what their weights in the mean add up to,
    /// \[groups, C\] or \[groups, 1\].
    Corrected { weight: Tensor },
    /// The table holds for clips of which no other clip was predicted yet.
    Others(Latest),
}

impl AssetTable {
    /// The table before training.
    ///
    /// # Errors
    /// [`Error::Setting`] for a weight or a value out of range, or labels that do not belong to the clips.
    pub fn new(clips: &Clips, config: &AssetRegConfig, seed: u64, options: (Kind, Device)) -> Result<Self> {
        let (groups, classes) = (distinct(clips.asset_ids), clips.labels.classes());
        let start = start::drawn(&groups, classes, config.init, seed);
        Self::with_start(clips, config, seed, &start, options)
    }

    /// The table with `start` (a row for each distinct asset id, in order of the ids) except where a positive is known.
    ///
    /// # Errors
    /// As [`AssetTable::new`].
    pub fn with_start(
        clips: &Clips,
        config: &AssetRegConfig,
        seed: u64,
        start: &[f64],
        options: (Kind, Device),
    ) -> Result<Self> {
        config.validate()?;
        check(clips)?;
        let asset_ids = distinct(clips.asset_ids);
        let mut of_clip = clips.asset_ids.to_vec();
        if config.control == Control::Shuffled {
            shuffle_forward(&mut keyed(seed, Purpose::AssetShuffle, &[]), &mut of_clip);
        }
        let row_of = |id: &i64| asset_ids.binary_search(id).unwrap_or_default();
        let row_of_clip: Vec<usize> = of_clip.iter().map(row_of).collect();
        let mut values = start.to_vec();
        start::set_positives(&mut values, clips, &row_of_clip, config);
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let extent = Extent {
            clips: count(of_clip.len()),
            groups: count(asset_ids.len()),
            classes: count(clips.labels.classes()),
            by_entry: config.on == On::Unknown,
        };
        let table = Tensor::f_from_slice(&values)?
            .f_reshape([extent.groups, extent.classes])?
            .f_to_device(options.1)?
            .f_to_kind(options.0)?;
        Ok(Self {
            config: *config,
            asset_ids,
            row_of_clip: row_of_clip.into_iter().map(count).collect(),
            table,
            belief: Belief::new(config, extent, options)?,
        })
    }

    /// The table rows of the clips of `rows`, training row numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] for a row beyond the training clips; errors of libtorch.
    pub fn table_rows(&self, rows: &[u32]) -> Result<TableRows> {
        let row_of = |row: &u32| {
            self.row_of_clip
                .get(usize::try_from(*row).unwrap_or(usize::MAX))
                .copied()
        };
        let Some(table_rows) = rows.iter().map(row_of).collect::<Option<Vec<_>>>() else {
            let clips = i64::try_from(self.row_of_clip.len()).unwrap_or(i64::MAX);
            let highest = rows.iter().max().copied().map_or(0, i64::from);
            return Err(Error::Shape {
                what: "training rows, their number",
                expected: vec![clips],
                got: vec![highest + 1],
            });
        };
        let clips: Vec<i64> = rows.iter().map(|&row| row.into()).collect();
        TableRows::new(&table_rows, &clips, self.table.device())
    }

    /// What the table believes of the clips of a batch, \[B, C\], as of now.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn beliefs(&self, places: &TableRows) -> Result<Tensor> {
        let table = self.table.f_index_select(0, &places.rows)?;
        let Belief::Others(latest) = &self.belief else {
            return Ok(table);
        };
        let [mean, any] = latest.of_others(&places.clips, &places.rows)?;
        Ok(mean.f_where_self(&any, &table)?)
    }

    /// R_P with its weight: alpha times the mean cross-entropy of `logits` \[B, C\] with the table, 0 where `mask`, 1
    /// for known entries, says that an entry is left out. The beliefs of clips that were `mixed` are mixed in the same
    /// shares.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn penalty(&self, logits: &Tensor, mask: &Tensor, places: &TableRows, mixed: Option<&Mixed>) -> Result<Tensor> {
        let beliefs = self.beliefs(places)?;
        let beliefs = mixed.map_or(Ok(beliefs.shallow_clone()), |mixed| mixed.in_shares(&beliefs))?;
        let mut entries = bce(logits, &beliefs)?;
        if self.config.on == On::Unknown {
            entries = entries.f_mul(&complement(mask)?)?;
        }
        Ok(entries.f_mean(None)?.f_mul_scalar(self.config.alpha)?)
    }

    /// What the table makes of clips that are mixed: it is moved only by clips that are heard alone.
    #[must_use]
    pub fn mixing(config: &AssetRegConfig) -> Mixing {
        match config.control {
            Control::Frozen | Control::Constant => Mixing::Any,
            Control::None | Control::Shuffled => Mixing::SomeAlone,
        }
    }

    /// Moves the rows of a batch's groups to the probabilities of `logits`, clip after clip; call it before the
    /// optimiser's step, with the clips that are heard alone.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn update(&mut self, logits: &Tensor, mask: &Tensor, places: &TableRows) -> Result<()> {
        let probabilities = logits.f_detach()?.f_sigmoid()?;
        let counted = match self.config.on {
            On::All => mask.f_narrow(1, 0, 1)?.f_ones_like()?,
            On::Unknown => complement(mask)?,
        };
        for round in &places.rounds {
            let [p, counted] = [&probabilities, &counted].map(|of| of.f_index_select(0, &round.positions));
            self.belief
                .take(&mut self.table, self.config.eps, round, [&p?, &counted?])?;
        }
        Ok(())
    }

    /// The table \[groups, C\], rows in order of [`AssetTable::asset_ids`]; later updates change it.
    pub fn table(&self) -> &Tensor {
        &self.table
    }

    /// Asset id of each row of the table, of a group that of its first asset.
    #[must_use]
    pub fn asset_ids(&self) -> &[i64] {
        &self.asset_ids
    }

    /// The state that a resumed run needs; later updates change it.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn state(&self) -> Result<Vec<Named>> {
        let ids = Tensor::f_from_slice(&self.asset_ids)?;
        let mut state = vec![
            ("asset_ids".to_owned(), ids),
            ("table".to_owned(), self.table.shallow_clone()),
        ];
        state.extend(self.belief.state());
        Ok(state)
    }

    /// Restores an [`AssetTable::state`].
    ///
    /// # Errors
    /// [`Error::State`] if it is of other assets or classes.
    pub fn load_state(&mut self, state: &[Named]) -> Result<()> {
        let ids = state
            .iter()
            .find(|(name, _)| name == "asset_ids")
            .map(|(_, ids)| Vec::<i64>::try_from(ids))
            .transpose()?;
        if ids.is_some_and(|ids| ids != self.asset_ids) {
            let other_shape = vec!["asset_ids of other assets".to_owned()];
            return Err(Error::State {
                of: "asset table".to_owned(),
                missing: vec![],
                unexpected: vec![],
                other_shape,
            });
        }
        adopt("asset table", &self.state()?, state)
    }
}

impl Belief {
    fn new(config: &AssetRegConfig, extent: Extent, options: (Kind, Device)) -> Result<Self> {
        if matches!(config.control, Control::Frozen | Control::Constant) {
            return Ok(Self::Fixed);
        }
        let width = if extent.by_entry { extent.classes } else { 1 };
        Ok(match config.average {
            Average::Ema => Self::Running,
            Average::EmaCorrected => Self::Corrected {
                weight: Tensor::f_zeros([extent.groups, width], options)?,
            },
            Average::Others => Self::Others(Latest::new("asset_reg.average", extent, options)?),
        })
    }

    /// Takes the probabilities of a round where they are counted, 1 of 0 and 1.
    fn take(&mut self, table: &mut Tensor, eps: f64, round: &Round, [p, counted]: [&Tensor; 2]) -> Result<()> {
        let counts = counted.f_gt(0.0)?;
        let before = table.f_index_select(0, &round.rows)?;
        let moved = match self {
            Self::Fixed => return Ok(()),
            Self::Others(latest) => return latest.take([&round.clips, &round.rows], p, counted),
            Self::Running => before.f_mul_scalar(1.0 - eps)?.f_add(&p.f_mul_scalar(eps)?)?,
            Self::Corrected { weight } => {
                // The mean of what came so far, its weights eps (1 - eps)^age divided by their sum.
                let was = weight.f_index_select(0, &round.rows)?;
                let is = was.f_mul_scalar(1.0 - eps)?.f_add_scalar(eps)?;
                let is = is.f_where_self(&counts, &was)?;
                let _ = weight.f_index_copy_(0, &round.rows, &is)?;
                let step = is.f_clamp_min(eps)?.f_reciprocal()?.f_mul_scalar(eps)?;
                before.f_add(&p.f_sub(&before)?.f_mul(&step)?)?
            }
        };
        let _ = table.f_index_copy_(0, &round.rows, &moved.f_where_self(&counts, &before)?)?;
        Ok(())
    }

    fn state(&self) -> Vec<Named> {
        match self {
            Self::Fixed | Self::Running => Vec::new(),
            Self::Corrected { weight } => vec![("weight".to_owned(), weight.shallow_clone())],
            Self::Others(latest) => latest.state(),
        }
    }
}

fn distinct(asset_ids: &[i64]) -> Vec<i64> {
    let mut ids = asset_ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn check(clips: &Clips) -> Result<()> {
    let (rows, clip_count) = (clips.labels.rows(), clips.asset_ids.len());
    if rows != clip_count {
        let reason = format!("{rows} rows of labels for {clip_count} clips");
        return Err(Error::setting("training labels", reason));
    }
    Ok(())
}
