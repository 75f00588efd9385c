//! Defines the asset regulariser: a table of estimated labels of each asset pulls its clips together.
//!
//! T \[assets, C\] starts in U(.4, .6), known positives of any of the asset's training clips at 1, and on request what
//! was heard in the recording. Per batch R_P = mean
//! BCE(x, T\[asset\]) with T as it was before the batch; then T\[a\] <- (1 - eps) T\[a\] + eps p for each clip in batch
//! order. Source: Sun, Maji and Van Horn 2025 (arXiv 2511.00252). Two controls tell consistency from plain smoothing:
//! the table frozen at its start, and asset ids shuffled over clips.

use std::str::FromStr;

use clap::ValueEnum;
use loader::Labels;
use loader::random::{Purpose, keyed, shuffle_forward};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::augment::{Mixed, Mixing};
use crate::batch::upload;
use crate::error::{Error, Result};
use crate::loss::bce;
use crate::state::{Named, adopt};

/// Word for [`Init::Uniform`].
const UNIFORM: &str = "uniform";

/// Initial value of entries without a known positive; written as `uniform` or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenInit", into = "WrittenInit")]
pub enum Init {
    /// U(.4, .6), keyed by seed and asset id.
    #[default]
    Uniform,
    /// One value for all.
    Value(f64),
}

/// [`Init`] as it is written in a configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenInit {
    Number(f64),
    Word(String),
}

impl From<Init> for WrittenInit {
    fn from(init: Init) -> Self {
        match init {
            Init::Uniform => Self::Word(UNIFORM.into()),
            Init::Value(value) => Self::Number(value),
        }
    }
}

impl TryFrom<WrittenInit> for Init {
    type Error = String;

    fn try_from(written: WrittenInit) -> std::result::Result<Self, String> {
        match written {
            WrittenInit::Number(value) => Ok(Self::Value(value)),
            WrittenInit::Word(word) => word.parse(),
        }
    }
}

impl FromStr for Init {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        match word.parse() {
            Ok(value) => Ok(Self::Value(value)),
            Err(_) if word == UNIFORM => Ok(Self::Uniform),
            Err(_) => Err(format!("{word:?} is neither {UNIFORM:?} nor a number")),
        }
    }
}

/// Controls of the regulariser, each without one part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// None: the regulariser itself.
    #[default]
    None,
    /// The table stays as initialised.
    Frozen,
    /// Asset ids are permuted over the training clips, so that rows of the table are meaningless.
    Shuffled,
}

/// What the table takes for present when it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Positives {
    /// Known positives of any of the asset's training clips.
    #[default]
    Clips,
    /// These, and what was heard anywhere in the recording.
    Heard,
}

impl Positives {
    /// Whether it is what every run had before there was another.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The regulariser as configured; the defaults are the published values, where there are any.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AssetRegConfig {
    /// Weight in the loss; the published one is not given.
    pub alpha: f64,
    /// Share by which an entry moves towards a new probability; by default the published .001.
    pub eps: f64,
    /// Start of unknown entries.
    pub init: Init,
    /// Control, if any.
    pub control: Control,
    /// What starts at 1; left out of a run's settings where it is what every run had before there was another.
    #[serde(skip_serializing_if = "Positives::is_default")]
    pub positives: Positives,
}

impl Default for AssetRegConfig {
    fn default() -> Self {
        Self {
            alpha: 0.1,
            eps: 0.001,
            init: Init::Uniform,
            control: Control::None,
            positives: Positives::Clips,
        }
    }
}

impl AssetRegConfig {
    /// Checks that every value makes sense.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the setting and its range.
    pub fn validate(&self) -> Result<()> {
        let init = if let Init::Value(value) = self.init { value } else { 0.5 };
        for (name, value, max) in [("alpha", self.alpha, 1e9), ("eps", self.eps, 1.0), ("init", init, 1.0)] {
            if !(0.0..=max).contains(&value) {
                let reason = format!("{value} is not from 0 to {max}");
                return Err(Error::setting(format!("asset_reg.{name}"), reason));
            }
        }
        Ok(())
    }
}

/// The training clips as the table sees them, in the order of training rows.
#[derive(Clone, Copy, Debug)]
pub struct Clips<'a> {
    /// Asset of each clip.
    pub asset_ids: &'a [i64],
    /// What is known of them.
    pub labels: &'a Labels,
}

/// The table of the training assets.
pub struct AssetTable {
    config: AssetRegConfig,
    asset_ids: Vec<i64>,
    /// Table row of each training clip.
    row_of_clip: Vec<i64>,
    table: Tensor,
}

/// The rows of a batch's clips in the table.
pub struct TableRows {
    rows: Tensor,
    /// (positions in the batch, table rows): in each round every row once, so that assets with several clips are
    /// updated in batch order.
    rounds: Vec<[Tensor; 2]>,
}

impl AssetTable {
    /// The table before training.
    ///
    /// # Errors
    /// [`Error::Setting`] for a weight or a value out of range, or labels that do not belong to the clips.
    pub fn new(clips: &Clips, config: &AssetRegConfig, seed: u64, options: (Kind, Device)) -> Result<Self> {
        let drawn = |asset_id: &i64| -> Vec<f64> {
            let mut random = keyed(seed, Purpose::AssetTable, &[asset_id.cast_unsigned()]);
            let value = || match config.init {
                Init::Uniform => random.random_range(0.4..0.6),
                Init::Value(value) => value,
            };
            std::iter::repeat_with(value).take(clips.labels.classes()).collect()
        };
        let start: Vec<f64> = distinct(clips.asset_ids).iter().flat_map(drawn).collect();
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
        let classes = clips.labels.classes();
        for (row, clip) in row_of_clip.iter().zip(0..) {
            let heard = match config.positives {
                Positives::Clips => &[],
                Positives::Heard => clips.labels.heard(clip).unwrap_or_default(),
            };
            for class in clips.labels.positives(clip).into_iter().chain(heard.iter().copied()) {
                let entry = values.get_mut(row * classes + class as usize);
                entry.into_iter().for_each(|entry| *entry = 1.0);
            }
        }
        let size = [asset_ids.len(), classes].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        let table = Tensor::f_from_slice(&values)?
            .f_reshape(size)?
            .f_to_device(options.1)?
            .f_to_kind(options.0)?;
        let row_of_clip = row_of_clip
            .into_iter()
            .map(|row| i64::try_from(row).unwrap_or(i64::MAX))
            .collect();
        Ok(Self {
            config: *config,
            asset_ids,
            row_of_clip,
            table,
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
        TableRows::new(&table_rows, self.table.device())
    }

    /// R_P with its weight: alpha times the mean cross-entropy of `logits` \[B, C\] with the table, of which the rows of
    /// clips that were `mixed` are mixed in the same shares.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn penalty(&self, logits: &Tensor, places: &TableRows, mixed: Option<&Mixed>) -> Result<Tensor> {
        let target = self.table.f_index_select(0, &places.rows)?;
        let target = mixed.map_or(Ok(target.shallow_clone()), |mixed| mixed.in_shares(&target))?;
        Ok(bce(logits, &target)?.f_mean(None)?.f_mul_scalar(self.config.alpha)?)
    }

    /// What the table makes of clips that are mixed: it is moved only by clips that are heard alone.
    #[must_use]
    pub fn mixing(config: &AssetRegConfig) -> Mixing {
        match config.control {
            Control::Frozen => Mixing::Any,
            Control::None | Control::Shuffled => Mixing::SomeAlone,
        }
    }

    /// Moves the rows of a batch's assets to the probabilities of `logits`, clip after clip; call it before the
    /// optimiser's step, with the clips that are heard alone.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn update(&mut self, logits: &Tensor, places: &TableRows) -> Result<()> {
        if self.config.control == Control::Frozen {
            return Ok(());
        }
        let probabilities = logits.f_detach()?.f_sigmoid()?.f_mul_scalar(self.config.eps)?;
        for [positions, rows] in &places.rounds {
            let kept = self
                .table
                .f_index_select(0, rows)?
                .f_mul_scalar(1.0 - self.config.eps)?;
            let moved = kept.f_add(&probabilities.f_index_select(0, positions)?)?;
            let _ = self.table.f_index_copy_(0, rows, &moved)?;
        }
        Ok(())
    }

    /// The table \[assets, C\], rows in order of asset ids; later updates change it.
    pub fn table(&self) -> &Tensor {
        &self.table
    }

    /// Asset id of each row of the table.
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
        Ok(vec![
            ("asset_ids".to_owned(), ids),
            ("table".to_owned(), self.table.shallow_clone()),
        ])
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

impl TableRows {
    fn new(table_rows: &[i64], device: Device) -> Result<Self> {
        let mut rounds: Vec<[Vec<i64>; 2]> = Vec::new();
        for (position, row) in (0..).zip(table_rows) {
            let round = rounds.iter_mut().find(|[_, rows]| !rows.contains(row));
            match round {
                Some([positions, rows]) => {
                    positions.push(position);
                    rows.push(*row);
                }
                None => rounds.push([vec![position], vec![*row]]),
            }
        }
        let place = |numbers: &[i64]| upload(numbers, device);
        let rounds = rounds
            .iter()
            .map(|[positions, rows]| Ok([place(positions)?, place(rows)?]));
        Ok(Self {
            rows: place(table_rows)?,
            rounds: rounds.collect::<Result<_>>()?,
        })
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
