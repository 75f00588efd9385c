//! Provides planning, building and committing of a dataset from any `DatasetSource`: threads, rejects, resume, commit.

mod commit;
pub(crate) mod folder;
mod ledger;
mod plan;
mod shard;

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::thread::Builder;

pub use commit::{Outcome, commit};
pub use plan::Plan;

use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::event::{Event, Events};
use folder::State;
use frontend::flow::Workers;

/// What to do with a folder that holds something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is an error.
    #[default]
    Refuse,
    /// Go on with an unfinished build; verify a committed one.
    Resume,
    /// Build beside it and put the new dataset in its place.
    Overwrite,
}

/// How to build.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Threads that decode and compute.
    pub threads: usize,
    /// Clips a shard aims at.
    pub shard_clips: u32,
    /// What to do with a folder that holds something.
    pub existing: Existing,
    /// More rejected recordings than this fail the build.
    pub max_rejects: Option<u64>,
}

/// How a build ended.
#[derive(Debug)]
pub enum Built {
    /// A dataset was committed.
    Committed(Outcome),
    /// The folder held the committed dataset already.
    Verified(shardfmt::verify::Report),
}

/// Builds a dataset: plan, shards, commit.
///
/// # Errors
/// See [`Error`]; what was committed before is never harmed, and an unfinished build can be resumed.
pub fn build<S: DatasetSource>(source: &S, dir: &Path, options: &BuildOptions, events: &Events<'_>) -> Result<Built> {
    let dir = &folder::canonical(dir)?;
    folder::end_exchange(dir, &folder::beside(dir))?;
    match (folder::state(dir)?, options.existing) {
        (State::Free, _) | (State::Unfinished, Existing::Resume) => build_here(source, dir, options, events),
        (State::Committed, Existing::Resume) => verify_committed(source, dir, events).map(Built::Verified),
        (State::Committed | State::Unfinished, Existing::Overwrite) => overwrite(source, dir, options, events),
        (State::Foreign(what), Existing::Overwrite | Existing::Resume) => {
            Err(Error::Foreign { path: dir.into(), what })
        }
        (state, Existing::Refuse) => Err(not_empty(dir, state)),
    }
}

fn not_empty(dir: &Path, state: State) -> Error {
    let what = match state {
        State::Free => "nothing".into(),
        State::Unfinished => "an unfinished build".into(),
        State::Committed => "a committed dataset".into(),
        State::Foreign(what) => return Error::Foreign { path: dir.into(), what },
    };
    Error::NotEmpty { path: dir.into(), what }
}

/// Builds in a folder that is free or holds an unfinished build.
fn build_here<S: DatasetSource>(source: &S, dir: &Path, options: &BuildOptions, events: &Events<'_>) -> Result<Built> {
    let lock = folder::lock(dir)?;
    // A rival may have committed between the first look and the lock.
    if folder::state(dir)? == State::Committed {
        drop(lock);
        return match options.existing {
            Existing::Resume => verify_committed(source, dir, events).map(Built::Verified),
            Existing::Refuse | Existing::Overwrite => Err(not_empty(dir, State::Committed)),
        };
    }
    let outcome = build_locked(source, dir, options, events)?;
    folder::tidy(dir)?;
    Ok(Built::Committed(outcome))
}

/// Builds beside what is there and puts the new dataset in its place. What an interrupted run left beside is used when it
/// fits and dropped when not.
fn overwrite<S: DatasetSource>(source: &S, dir: &Path, options: &BuildOptions, events: &Events<'_>) -> Result<Built> {
    let aside = &folder::beside(dir);
    for folder in [dir, aside] {
        if let Some(what) = folder::foreign_entry(folder)? {
            return Err(Error::Foreign {
                path: folder.into(),
                what,
            });
        }
    }
    // A committed dataset has no rival builders but other replacements, which the lock beside keeps out.
    let _lock = if folder::has_records(dir) {
        Some(folder::lock(dir)?)
    } else {
        None
    };
    if matches!(folder::state(aside)?, State::Foreign(_)) || folder::is_leftover(aside)? {
        folder::remove(aside)?;
    }
    let mut aside_lock = folder::lock(aside)?;
    let outcome = match build_locked(source, aside, options, events) {
        Err(Error::PlanChanged { .. } | Error::Record { .. }) => {
            folder::remove(aside)?;
            aside_lock = folder::lock(aside)?;
            build_locked(source, aside, options, events)?
        }
        other => other?,
    };
    folder::replace(dir, aside)?;
    drop(aside_lock);
    Ok(Built::Committed(outcome))
}

/// Plans or takes up the plan, builds what is missing, commits. The records stay.
fn build_locked<S: DatasetSource>(
    source: &S,
    dir: &Path,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Outcome> {
    let workers = Workers::start(options.threads)?;
    let plan = match ledger::read_plan(dir)? {
        Some(plan) => {
            workers.install(|| plan.check(source, dir))?;
            plan
        }
        None => make_plan(source, dir, options, &workers)?,
    };
    let built = build_shards(
        source,
        dir,
        &plan,
        &workers,
        0..plan.shards.len() as u32,
        Rivals::KeptOut,
        events,
    );
    built.map_err(|error| with_clips_bytes(error, &plan))?;
    commit::commit_locked(dir, options.max_rejects, events)
}

/// Says of a full disk how much the whole plan needs.
fn with_clips_bytes(error: Error, plan: &Plan) -> Error {
    if !error.is_disk_full() {
        return error;
    }
    let clips: u64 = plan.assets.iter().map(|asset| asset.clips).sum();
    Error::DiskFull {
        cause: Box::new(error),
        clips_bytes: clips.saturating_mul(plan.head.clips.clip_bytes() as u64),
    }
}

fn make_plan<S: DatasetSource>(source: &S, dir: &Path, options: &BuildOptions, workers: &Workers) -> Result<Plan> {
    let plan = workers.install(|| Plan::make(source, options.shard_clips));
    ledger::write_plan(dir, &plan)?;
    Ok(plan)
}

/// Writes the plan of a dataset into an empty folder, for `build_range` and `commit` to follow.
///
/// # Errors
/// When the folder is not empty or the plan cannot be written.
pub fn plan<S: DatasetSource>(source: &S, dir: &Path, options: &BuildOptions) -> Result<Plan> {
    let dir = &folder::canonical(dir)?;
    folder::end_exchange(dir, &folder::beside(dir))?;
    let is_free = || -> Result<bool> {
        Ok(match folder::state(dir)? {
            State::Free => true,
            // Cut off before its plan was written.
            State::Unfinished => ledger::read_plan(dir)?.is_none(),
            State::Committed | State::Foreign(_) => false,
        })
    };
    if !is_free()? {
        return Err(not_empty(dir, folder::state(dir)?));
    }
    let _lock = folder::lock(dir)?;
    if !is_free()? {
        return Err(not_empty(dir, folder::state(dir)?));
    }
    make_plan(source, dir, options, &Workers::start(options.threads)?)
}

/// What `build_range` did.
#[derive(Debug)]
pub struct BuiltRange {
    /// Shards of the whole plan.
    pub planned: u32,
    /// Recordings rejected in the shards of the range.
    pub rejects: u64,
}

/// Builds some of the planned shards. Several processes may do so at once, each with its own shards.
///
/// # Errors
/// When there is no plan, the plan is another one, or a shard cannot be built.
pub fn build_range<S: DatasetSource>(
    source: &S,
    dir: &Path,
    range: Range<u32>,
    threads: usize,
    events: &Events<'_>,
) -> Result<BuiltRange> {
    let dir = &folder::canonical(dir)?;
    folder::expect_unfinished(dir)?;
    let _lock = folder::lock_shared(dir)?;
    folder::expect_unfinished(dir)?;
    let plan = ledger::read_plan(dir)?.ok_or_else(|| Error::NotPlanned { path: dir.into() })?;
    let planned = plan.shards.len() as u32;
    if range.start >= range.end || range.end > planned {
        return Err(Error::ShardRange {
            start: range.start,
            end: range.end,
            planned,
        });
    }
    let workers = Workers::start(threads)?;
    workers.install(|| plan.check(source, dir))?;
    let rejects = build_shards(source, dir, &plan, &workers, range, Rivals::Beside, events)?;
    Ok(BuiltRange { planned, rejects })
}

/// Whether other processes may build shards of the same plan at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rivals {
    /// The whole folder is locked.
    KeptOut,
    /// They may: each shard is locked while it is built.
    Beside,
}

/// Builds those of the shards that have no valid record yet, as many at a time as there are threads; says how many recordings
/// were rejected in all of them.
fn build_shards<S: DatasetSource>(
    source: &S,
    dir: &Path,
    plan: &Plan,
    workers: &Workers,
    shards: Range<u32>,
    rivals: Rivals,
    events: &Events<'_>,
) -> Result<u64> {
    folder::create(dir)?;
    let plan_xxh3 = plan.xxh3();
    let mut missing = VecDeque::new();
    let (mut done, mut rejects) = (0, 0);
    for shard in shards {
        match folder::finished(source, dir, plan_xxh3, shard)? {
            Some(record) => {
                done += record.rows;
                rejects += record.rejects.len() as u64;
                record.rejects.iter().for_each(|row| events(Event::Rejected(row)));
            }
            None => missing.push_back(shard),
        }
    }
    let assets_of = |shard: u32| plan.shards.get(shard as usize).cloned().unwrap_or_default();
    let planned = missing
        .iter()
        .filter_map(|shard| plan.assets.get(assets_of(*shard)))
        .flatten();
    events(Event::Planned {
        clips: planned.map(|asset| asset.clips).sum::<u64>() + done,
        done,
    });
    let lanes = workers.threads().min(missing.len());
    workers.share(lanes);
    let queue = Mutex::new(missing);
    let shop = shard::Shop {
        source,
        workers,
        plan,
        plan_xxh3,
        dir,
        events,
    };
    let build_one = |shard: u32| -> Result<u64> {
        let _lock = if rivals == Rivals::Beside {
            Some(folder::lock_shard(dir, shard)?)
        } else {
            None
        };
        let Some(record) = shop.build(shard, assets_of(shard))? else {
            return Ok(0);
        };
        ledger::write_record(dir, &record)?;
        Ok(record.rejects.len() as u64)
    };
    let lane = || -> Result<u64> {
        let mut rejects = 0;
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .pop_front();
            let Some(shard) = next.filter(|_| !workers.is_stopped()) else {
                workers.leave();
                return Ok(rejects);
            };
            let built = build_one(shard);
            if built.is_err() {
                workers.stop();
            }
            rejects += built?;
        }
    };
    let threads = (0..lanes).map(|number| Builder::new().name(format!("l48-shard-{number}")));
    Ok(rejects + on_threads(threads, &|| workers.stop(), lane)?)
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

/// A committed dataset is checked to be this one, and every byte of it verified; what an interrupted run left is removed.
fn verify_committed<S: DatasetSource>(source: &S, dir: &Path, events: &Events<'_>) -> Result<shardfmt::verify::Report> {
    let head = shardfmt::read_dataset_json(&dir.join(shardfmt::entry::DATASET_JSON))?.head;
    let wanted = source.head();
    let differs = |difference| Error::PlanChanged {
        path: dir.into(),
        difference,
    };
    if let Some(first) = shardfmt::difference("", &head.config, &wanted.config).first() {
        return Err(differs(first.to_string()));
    }
    if head.program != wanted.program {
        return Err(differs(format!("by {}, this is {}", head.program, wanted.program)));
    }
    if folder::has_records(dir) {
        let _lock = folder::lock(dir)?;
        folder::tidy(dir)?;
    }
    let aside = folder::beside(dir);
    if folder::is_leftover(&aside)? && folder::foreign_entry(&aside)?.is_none() {
        folder::remove(&aside)?;
    } else if aside.exists() {
        let text = format!(
            "{} is what an interrupted --overwrite left; finish it with --overwrite, or delete it",
            aside.display()
        );
        events(Event::Warning(&text));
    }
    Ok(shardfmt::verify::verify(
        dir,
        shardfmt::verify::Depth::Full,
        &mut |_, _| {},
    )?)
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
