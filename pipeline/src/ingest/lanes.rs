//! Provides `build_shards`: those that are missing, as many at a time as there are threads.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Mutex;
use std::thread::Builder;

use frontend::flow::Workers;
use shardfmt::DatasetWriter;
use shardfmt::dataset::LockedFolder;

use super::ledger;
use super::plan::Plan;
use super::shard::Shared;
use crate::dataset_source::DatasetSource;
use crate::error::Result;
use crate::event::{Event, Events};

/// Whether other processes may build shards of the same plan at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rivals {
    /// The whole folder is locked.
    KeptOut,
    /// They may: each shard is locked while it is built.
    Beside,
}

/// Builds those of the shards that have no valid record yet; says how many recordings were rejected in all of them.
pub(super) fn build_shards<S: DatasetSource>(
    source: &S,
    folder: &LockedFolder,
    (plan, shards): (&Plan, Range<u32>),
    workers: &Workers,
    rivals: Rivals,
    events: &Events<'_>,
) -> Result<u64> {
    folder.prepare()?;
    let writer = DatasetWriter::new(folder, plan.head.clone(), plan.taxa()?);
    let shared = Shared {
        source,
        workers,
        writer: &writer,
        plan,
        plan_xxh3: plan.xxh3(),
        events,
    };
    let Survey { missing, rejects } = survey(&shared, folder, shards)?;
    let lanes = workers.threads().min(missing.len());
    workers.share(lanes);
    let queue = Mutex::new(missing);
    let threads = (0..lanes).map(|number| Builder::new().name(format!("l48-shard-{number}")));
    let lane = || build_from(&queue, &shared, folder, rivals);
    Ok(rejects + on_threads(threads, &|| workers.stop(), lane)?)
}

/// What there is of the shards.
struct Survey {
    /// Shards to build.
    missing: VecDeque<u32>,
    /// Recordings rejected in the others.
    rejects: u64,
}

/// Looks which shards are finished, and tells how much there is to do.
fn survey<S: DatasetSource>(shared: &Shared<'_, S>, folder: &LockedFolder, shards: Range<u32>) -> Result<Survey> {
    let (mut missing, mut done, mut rejects) = (VecDeque::new(), 0, 0);
    for shard in shards {
        match ledger::finished(shared.source, folder, shared.plan_xxh3, shard)? {
            Some(record) => {
                done += record.files.clips();
                rejects += record.rejects.len() as u64;
                let tell = |row| (shared.events)(Event::Rejected(row));
                record.rejects.iter().for_each(tell);
            }
            None => missing.push_back(shard),
        }
    }
    let assets = missing
        .iter()
        .filter_map(|shard| shared.plan.assets.get(shared.assets_of(*shard)));
    (shared.events)(Event::Planned {
        clips: assets.flatten().map(|asset| asset.clips).sum::<u64>() + done,
        done,
    });
    Ok(Survey { missing, rejects })
}

/// Builds one shard of the queue after the other until there is none or another lane fails; counts rejected recordings.
fn build_from<S: DatasetSource>(
    queue: &Mutex<VecDeque<u32>>,
    shared: &Shared<'_, S>,
    folder: &LockedFolder,
    rivals: Rivals,
) -> Result<u64> {
    let next = || {
        queue
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .pop_front()
    };
    let build = |shard: u32| -> Result<u64> {
        let _lock = (rivals == Rivals::Beside)
            .then(|| folder.lock_shard(shard))
            .transpose()?;
        let Some(record) = shared.build(shard)? else {
            return Ok(0);
        };
        folder.records().write_shard(shard, &record)?;
        Ok(record.rejects.len() as u64)
    };
    let mut rejects = 0;
    while let Some(shard) = next().filter(|_| !shared.workers.is_stopped()) {
        rejects += build(shard).inspect_err(|_| shared.workers.stop())?;
    }
    shared.workers.leave();
    Ok(rejects)
}

/// Runs `lane` on each of the threads and adds up what they count. A thread that cannot be started has the others `stop`.
fn on_threads(
    threads: impl ExactSizeIterator<Item = Builder>,
    stop: &dyn Fn(),
    lane: impl Fn() -> Result<u64> + Sync,
) -> Result<u64> {
    let asked = threads.len();
    std::thread::scope(|scope| {
        let start = |thread: Builder| thread.spawn_scoped(scope, &lane).inspect_err(|_| stop());
        let running: Vec<_> = threads.map(start).collect();
        let mut sum = 0;
        for started in running {
            let lane = started.map_err(|error| frontend::Error::Threads {
                threads: asked,
                message: error.to_string(),
            })?;
            sum += lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(sum)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_thread_that_cannot_be_started_stops_the_others() {
        // More memory than any machine has: the system refuses the second thread.
        let threads = [Builder::new(), Builder::new().stack_size(usize::MAX >> 8)];
        let stop = AtomicBool::new(false);
        let lane = || {
            let begun = std::time::Instant::now();
            while !stop.load(Ordering::Relaxed) {
                assert!(begun.elapsed().as_secs() < 20, "nobody said stop");
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Ok(1)
        };
        let error = on_threads(threads.into_iter(), &|| stop.store(true, Ordering::Relaxed), lane).unwrap_err();
        assert!(error.to_string().contains("2 threads"), "{error}");
    }
}
