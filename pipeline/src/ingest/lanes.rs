//! Provides `build_shards`: those that are missing, as many at a time as there are threads.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread::Builder;
use std::time::{Duration, Instant};

use frontend::flow::Workers;
use shardfmt::dataset::LockedFolder;
use shardfmt::persist::Lock;
use shardfmt::{DatasetWriter, Error as FormatError};

use super::deliver::deliver;
use super::ledger::{Recorded, ShardRecord, damaged, judge, recorded, unpublished};
use super::plan::Plan;
use super::shard::Shared;
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::event::{Event, Events};

/// How long a shard that another process builds is waited for before a lane looks whether it is to stop.
const GLANCE: Duration = Duration::from_secs(2);

/// Builds those of the shards that have no valid record yet; says how many recordings were rejected in all of them.
/// Other processes may build shards of the same plan at the same time, even the same ones: each shard is locked while
/// it is built, and one that another process finished meanwhile is taken as it is.
pub(super) fn build_shards<S: DatasetSource>(
    source: &S,
    folder: &LockedFolder,
    (plan, shards): (&Plan, &[u32]),
    workers: &Workers,
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
    // One more where shards are sent away: while they are, the threads have others to build.
    let lanes = (workers.threads() + usize::from(folder.is_scratch())).min(missing.len());
    workers.share(lanes);
    let queue = Mutex::new(Queue {
        fresh: missing,
        held: VecDeque::new(),
    });
    let threads = (0..lanes).map(|number| Builder::new().name(format!("l48-shard-{number}")));
    let lane = || build_from(&queue, &shared, folder);
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
fn survey<S: DatasetSource>(shared: &Shared<'_, S>, folder: &LockedFolder, shards: &[u32]) -> Result<Survey> {
    let (mut missing, mut done, mut rejects) = (VecDeque::new(), 0, 0);
    folder.records().read_shards(shards, |shard, record| {
        match judge(shared.source, folder, shared.plan_xxh3, record.map_err(damaged))? {
            Recorded::Finished(record) => {
                done += record.files.clips();
                rejects += tell_rejects(shared, &record);
            }
            Recorded::Nothing | Recorded::Stale => missing.push_back(shard),
        }
        Ok::<(), Error>(())
    })?;
    let assets = missing
        .iter()
        .filter_map(|shard| shared.plan.assets.get(shared.assets_of(*shard)));
    (shared.events)(Event::Planned {
        clips: assets.flatten().map(|asset| asset.clips).sum::<u64>() + done,
        done,
    });
    Ok(Survey { missing, rejects })
}

/// Tells of the recordings rejected in a shard that was finished before, and counts them.
fn tell_rejects<S: DatasetSource>(shared: &Shared<'_, S>, record: &ShardRecord) -> u64 {
    let tell = |row| (shared.events)(Event::Rejected(row));
    record.rejects.iter().for_each(tell);
    record.rejects.len() as u64
}

/// Shards to build.
struct Queue {
    /// Those that nobody has looked at.
    fresh: VecDeque<u32>,
    /// Those that another process was building: for the end.
    held: VecDeque<u32>,
}

/// Builds one shard of the queue after the other until there is none or another lane fails; counts rejected recordings.
fn build_from<S: DatasetSource>(queue: &Mutex<Queue>, shared: &Shared<'_, S>, folder: &LockedFolder) -> Result<u64> {
    let queue = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let next = || {
        let mut queue = queue();
        let fresh = queue.fresh.pop_front().map(|shard| (shard, false));
        fresh.or_else(|| queue.held.pop_front().map(|shard| (shard, true)))
    };
    let build = |shard: u32, patient: bool| -> Result<u64> {
        let lock = match (patient, folder.lock_shard(shard, Duration::ZERO)) {
            (false, Err(FormatError::Locked { .. })) => {
                queue().held.push_back(shard);
                return Ok(0);
            }
            (true, Err(FormatError::Locked { .. })) => wait_for(shard, shared, folder)?,
            (_, other) => Some(other?),
        };
        match lock {
            Some(_lock) => build_or_take(shard, shared, folder),
            None => Ok(0),
        }
    };
    let mut rejects = 0;
    while let Some((shard, patient)) = next().filter(|_| !shared.workers.is_stopped()) {
        rejects += build(shard, patient).inspect_err(|_| shared.workers.stop())?;
    }
    shared.workers.leave();
    Ok(rejects)
}

/// Waits as long as the folder's patience lasts for a shard that another process builds; `None` when the lanes stop.
fn wait_for<S: DatasetSource>(shard: u32, shared: &Shared<'_, S>, folder: &LockedFolder) -> Result<Option<Lock>> {
    let begun = Instant::now();
    loop {
        let left = folder.patience().saturating_sub(begun.elapsed());
        match folder.lock_shard(shard, left.min(GLANCE)) {
            Ok(lock) => return Ok(Some(lock)),
            Err(FormatError::Locked { .. }) if shared.workers.is_stopped() => return Ok(None),
            Err(FormatError::Locked { .. }) if begun.elapsed() < folder.patience() => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Builds a shard that is locked, unless whoever had the lock before has finished it.
fn build_or_take<S: DatasetSource>(shard: u32, shared: &Shared<'_, S>, folder: &LockedFolder) -> Result<u64> {
    match recorded(shared.source, folder, shared.plan_xxh3, shard)? {
        Recorded::Finished(record) => {
            (shared.events)(Event::Clips(record.files.clips()));
            return Ok(tell_rejects(shared, &record));
        }
        // Not before the lock is held: until then another process may be writing a new one.
        Recorded::Stale => folder.records().remove_shard(shard)?,
        Recorded::Nothing => {}
    }
    let record = match unpublished(shared.source, folder, shared.plan_xxh3, shard)? {
        Some(record) => {
            (shared.events)(Event::Clips(record.files.clips()));
            tell_rejects(shared, &record);
            record
        }
        None => {
            let Some(record) = shared.build(shard)? else {
                return Ok(0);
            };
            folder.records().write_shard(shard, &record)?;
            record
        }
    };
    deliver(shared.source, folder, shared.plan_xxh3, &record)?;
    Ok(record.rejects.len() as u64)
}

/// Runs `lane` on each of the threads and adds up what they count. A thread that cannot be started has the others
/// `stop`.
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
