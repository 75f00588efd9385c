//! Defines `OpenShards`, the shards of a dataset that were touched, which stay open for the next touch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use super::backing::Releases;
use super::{Dataset, DatasetShard};
use crate::error::Result;
use crate::per_process::PerProcess;
use crate::shard::Checks;

/// Shards that open when they are first touched, and records that are verified then. Of a dataset that is kept
/// elsewhere, those that were not used for longest are closed when others need the room.
#[derive(Debug)]
pub struct OpenShards {
    dataset: Arc<Dataset>,
    open: Arc<Open>,
}

/// What is open, in each process.
#[derive(Debug, Default)]
struct Open(PerProcess<InProcess>);

#[derive(Debug, Default)]
struct InProcess {
    shards: Mutex<HashMap<u32, Touched>>,
    /// Set once whoever needs room knows whom to ask.
    is_known: OnceLock<()>,
}

#[derive(Debug)]
struct Touched {
    shard: Arc<DatasetShard>,
    used: Instant,
}

impl OpenShards {
    /// None of them open.
    #[must_use]
    pub fn of(dataset: Arc<Dataset>) -> Self {
        let open = Arc::default();
        Self { dataset, open }
    }

    /// The dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Shard `number`, which stays open at least as long as what is returned is held.
    ///
    /// # Errors
    /// As [`Dataset::open_shard`].
    pub fn get(&self, number: u32) -> Result<Arc<DatasetShard>> {
        let touch = |shards: &mut HashMap<u32, Touched>| {
            let touched = shards.get_mut(&number)?;
            touched.used = Instant::now();
            Some(Arc::clone(&touched.shard))
        };
        if let Some(shard) = touch(&mut self.open.shards()) {
            return Ok(shard);
        }
        if let Some(backing) = self.dataset.listed.backing() {
            let open: Weak<Open> = Arc::downgrade(&self.open);
            let is_known = &self.open.0.get().is_known;
            is_known.get_or_init(|| backing.may_ask(open));
        }
        // Without the lock: it may take minutes to come, and to have room others are asked to let go.
        let shard = Arc::new(self.dataset.open_shard(number, Checks::FirstTouch)?);
        let mut shards = self.open.shards();
        // Another thread may have opened it meanwhile.
        if let Some(shard) = touch(&mut shards) {
            return Ok(shard);
        }
        let used = Instant::now();
        let opened = Arc::clone(&shard);
        shards.insert(number, Touched { shard, used });
        Ok(opened)
    }

    /// Whether shard `number` is open.
    #[must_use]
    pub fn is_open(&self, number: u32) -> bool {
        self.open.shards().contains_key(&number)
    }
}

impl Open {
    fn shards(&self) -> MutexGuard<'_, HashMap<u32, Touched>> {
        self.0.get().shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Releases for Open {
    fn oldest(&self) -> Option<Instant> {
        self.shards().values().map(|touched| touched.used).min()
    }

    fn release(&self) {
        let mut shards = self.shards();
        let oldest = shards.iter().min_by_key(|(_, touched)| touched.used);
        if let Some(number) = oldest.map(|(number, _)| *number) {
            shards.remove(&number);
        }
    }
}
