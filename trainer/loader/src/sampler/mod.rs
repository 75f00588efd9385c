//! Defines the order of the training rows: which rows each step of each epoch takes, from a seed and nothing else.
//!
//! The order of an epoch is a function of the seed, the epoch and the rows; a batch is a place in it. So no thread, no
//! earlier epoch and no number of ranks changes it, and a run is resumed at the number of rows it has consumed.

mod batches;
mod order;

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use serde::{Deserialize, Serialize};
use shardfmt::Xxh3;
use shardfmt::checksum::Hasher;

use crate::error::{Error, Result};
use crate::supervision::Supervision;
use batches::Batches;
pub use order::Arrangement;
use order::Order;

/// Shards of a window where none are asked for.
pub const DEFAULT_WINDOW_SHARDS: usize = 8;

/// How rows are ordered and cut into batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplerConfig {
    /// Seed of the order.
    pub seed: u64,
    /// Rows in a batch, those of all ranks together.
    pub batch: usize,
    /// Put this many clips of a recording side by side, so that most of them share a batch.
    pub clips_per_asset: Option<usize>,
    /// Take at most this many clips of a recording in an epoch, others in each.
    pub max_clips_per_asset: Option<usize>,
    /// Draw every class equally often.
    pub class_balanced: bool,
    /// Over how much of the dataset an epoch is shuffled.
    pub arrangement: Arrangement,
    /// Leave out the last batch of an epoch where it has fewer rows than the others.
    pub drop_last: bool,
    /// Number of this process among `ranks`, from 0.
    pub rank: usize,
    /// Processes that share each batch.
    pub ranks: usize,
}

/// Where a run is in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplerState {
    /// XXH3-64 over the dataset's hash, the training rows and the settings that shape their order.
    pub dataset_hash: Xxh3,
    /// Seed of the order.
    pub seed: u64,
    /// Epoch, from 1.
    pub epoch: u32,
    /// Rows of the epoch consumed by all ranks together.
    pub rows_consumed: u64,
}

/// Gives the rows of every batch.
#[derive(Debug)]
pub struct Sampler {
    config: SamplerConfig,
    dataset_hash: Xxh3,
    order: Order,
    batches: Batches,
    /// Orders of the epochs asked for last: a loader that reads ahead works on two.
    recent: Mutex<Orders>,
}

/// Whole orders, each with its epoch.
type Orders = Vec<(u32, Arc<[u32]>)>;

/// Epochs whose order is kept.
const RECENT_EPOCHS: usize = 2;

impl Sampler {
    /// A sampler of the rows of `supervision`. `dataset_hash` is a hash of the dataset's content.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size of 0, a rank that is not below `ranks`, settings that each set the order, such as
    /// `clips_per_asset` and `class_balanced`; `class_balanced` without any known positive, or `drop_last` with fewer
    /// rows than a batch has.
    pub fn new(supervision: &Supervision, dataset_hash: Xxh3, config: SamplerConfig) -> Result<Self> {
        let sizes = [
            ("batch", Some(config.batch)),
            ("clips_per_asset", config.clips_per_asset),
            ("max_clips_per_asset", config.max_clips_per_asset),
            ("ranks", Some(config.ranks)),
            ("window_shards", config.arrangement.window_shards()),
        ];
        if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == Some(0)) {
            return Err(Error::setting(name, "must be at least 1"));
        }
        if config.rank >= config.ranks {
            return Err(Error::setting(
                "rank",
                format!(
                    "is {}, but must be below the number of ranks, {}",
                    config.rank, config.ranks
                ),
            ));
        }
        let order = Order::new(supervision, &config)?;
        let mut rows = order.rows_per_epoch();
        if config.drop_last {
            rows -= rows % config.batch;
            if rows == 0 {
                let reason = format!(
                    "leaves no batch: there are {} rows; use a smaller batch",
                    order.rows_per_epoch()
                );
                return Err(Error::setting("drop_last", reason));
            }
        }
        let batches = Batches::new(rows, config.batch);
        let dataset_hash = hash_of(supervision, dataset_hash, &config);
        Ok(Self {
            config,
            dataset_hash,
            order,
            batches,
            recent: Mutex::default(),
        })
    }

    /// Over how much of the dataset an epoch is shuffled.
    #[must_use]
    pub fn arrangement(&self) -> Arrangement {
        self.config.arrangement
    }

    /// Rows in an epoch, of all ranks together; with `drop_last` those of the batch that is left out too.
    #[must_use]
    pub fn rows_per_epoch(&self) -> usize {
        self.order.rows_per_epoch()
    }

    /// Batches in an epoch: steps of the optimiser, the same for every rank.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.batches.count()
    }

    /// Rows of the largest batch, those of all ranks together, for which buffers need room: with `batch` = 2 the last
    /// one may have three.
    #[must_use]
    pub fn largest_batch(&self) -> usize {
        self.batches.largest()
    }

    /// This rank's rows of batch `step` (from 0) of `epoch` (from 1); empty past the last batch, and where a batch has
    /// fewer rows than there are ranks.
    #[must_use]
    pub fn batch(&self, epoch: u32, step: usize) -> Vec<u32> {
        let whole = self.global_batch(epoch, step);
        let share = |rank: usize| whole.len() * rank / self.config.ranks;
        let mine = whole.get(share(self.config.rank)..share(self.config.rank + 1));
        mine.unwrap_or_default().to_vec()
    }

    /// The rows of batch `step` of `epoch`, of all ranks together.
    #[must_use]
    pub fn global_batch(&self, epoch: u32, step: usize) -> Vec<u32> {
        let order = self.order_of(epoch);
        order.get(self.batches.range(step)).unwrap_or_default().to_vec()
    }

    /// The state to save after `steps` batches of `epoch`.
    #[must_use]
    pub fn state(&self, epoch: u32, steps: usize) -> SamplerState {
        let rows_consumed = self.batches.range(steps).start as u64;
        SamplerState {
            dataset_hash: self.dataset_hash,
            seed: self.config.seed,
            epoch,
            rows_consumed,
        }
    }

    /// Epoch and batches of it done, of a state saved by a sampler of the same order.
    ///
    /// # Errors
    /// [`Error::Setting`] if the state is of other rows, another seed or another batch size.
    pub fn resume(&self, state: &SamplerState) -> Result<(u32, usize)> {
        if state.dataset_hash != self.dataset_hash {
            let reason = "the dataset, its training rows or the settings that order them are not those of the \
                 checkpoint; \
                          restore them or start a new run";
            return Err(Error::setting("resume", reason));
        }
        if state.seed != self.config.seed {
            return Err(Error::setting(
                "seed",
                format!("is {}, the checkpoint's is {}", self.config.seed, state.seed),
            ));
        }
        let done = usize::try_from(state.rows_consumed)
            .ok()
            .and_then(|rows| self.batches.starting_at(rows));
        let done = done.filter(|_| state.epoch > 0).ok_or_else(|| {
            let reason = format!(
                "no batch of {} rows begins after {} of {} rows; use the batch size of the checkpoint",
                self.config.batch,
                state.rows_consumed,
                self.rows_per_epoch()
            );
            Error::setting("batch", reason)
        })?;
        Ok((state.epoch, done))
    }

    /// The whole order of an epoch.
    ///
    /// No thread waits for another here: a process may be forked while one of its threads holds the list, and then has
    /// it locked for ever.
    fn order_of(&self, epoch: u32) -> Arc<[u32]> {
        let known = self.recent().and_then(|recent| {
            let found = recent.iter().find(|(of, _)| *of == epoch);
            found.map(|(_, order)| Arc::clone(order))
        });
        if let Some(order) = known {
            return order;
        }
        let order: Arc<[u32]> = self.order.of_epoch(self.config.seed, epoch).into();
        if let Some(mut recent) = self.recent() {
            if recent.len() >= RECENT_EPOCHS {
                recent.remove(0);
            }
            recent.push((epoch, Arc::clone(&order)));
        }
        order
    }

    /// The orders that are kept, unless another thread is at them.
    fn recent(&self) -> Option<MutexGuard<'_, Orders>> {
        match self.recent.try_lock() {
            Ok(recent) => Some(recent),
            // A panic while the list is held cannot leave it half changed.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Everything but seed and batch that an order depends on.
fn hash_of(supervision: &Supervision, dataset_hash: Xxh3, config: &SamplerConfig) -> Xxh3 {
    let mut hash = Hasher::default();
    let size = |size: Option<usize>| size.unwrap_or_default() as u64;
    let settings = [
        dataset_hash.0,
        supervision.classes() as u64,
        size(config.clips_per_asset),
        size(config.max_clips_per_asset),
        config.class_balanced.into(),
    ];
    settings.iter().for_each(|setting| hash.update(&setting.to_le_bytes()));
    config.arrangement.hash_into(&mut hash);
    for clip in &supervision.clips {
        hash.update(&clip.asset_id.to_le_bytes());
        hash.update(&clip.shard.to_le_bytes());
        hash.update(&clip.row.to_le_bytes());
    }
    if config.class_balanced {
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; supervision.classes()]);
        for row in 0..supervision.rows() {
            supervision.labels.write(row, &mut labels, &mut mask);
            hash.update(&labels);
        }
    }
    hash.finish().xxh3
}
