//! Provides planning, building and committing of a dataset from any `ClipSource`: threads, rejects, resume, commit.

mod commit;
pub(crate) mod folder;
mod ledger;
mod plan;
mod reader;
mod shard;

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};
use shardfmt::RejectRow;
use shardfmt::persist::Lock;

pub use commit::{Outcome, commit};
pub use plan::{PROGRAM, Plan};
pub(crate) use plan::{PlannedAsset, first_difference, pack};

use crate::error::{Error, Result};
use crate::source::ClipSource;
use folder::State;

/// Something that happened while shards were built; the observer draws progress from it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The build expects this many clips, of which these are done already.
    Planned {
        /// Clips in the plan.
        clips: u64,
        /// Clips of shards that are finished already.
        done: u64,
    },
    /// This many clips more were written.
    Clips(u64),
    /// A recording was finished.
    Asset,
    /// A recording was rejected.
    Rejected(&'a RejectRow),
    /// Worth a warning.
    Warning(&'a str),
}

/// Observer of a build.
pub type Events<'a> = dyn Fn(Event<'_>) + Sync + 'a;

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
pub fn build<S: ClipSource>(source: &S, dir: &Path, options: &BuildOptions, events: &Events<'_>) -> Result<Built> {
    match (folder::state(dir)?, options.existing) {
        (State::Free, _) | (State::Unfinished, Existing::Resume) => {
            build_in(source, dir, options, events).map(Built::Committed)
        }
        (State::Committed, Existing::Resume) => verify_committed(source, dir).map(Built::Verified),
        (State::Committed | State::Unfinished, Existing::Overwrite) => {
            let aside = folder::beside(dir);
            let built = build_aside(source, &aside, options, events)?;
            folder::replace(dir, &aside)?;
            Ok(Built::Committed(built))
        }
        (State::Foreign(what), Existing::Overwrite | Existing::Resume) => Err(folder::foreign(dir, &what)),
        (State::Foreign(what), Existing::Refuse) => Err(Error::NotEmpty { path: dir.into(), what }),
        (State::Committed, Existing::Refuse) => Err(Error::NotEmpty {
            path: dir.into(),
            what: "a committed dataset".into(),
        }),
        (State::Unfinished, Existing::Refuse) => Err(Error::NotEmpty {
            path: dir.into(),
            what: "an unfinished build".into(),
        }),
    }
}

/// Builds in the folder beside; what an earlier, interrupted run left there is used when it fits and dropped when not.
fn build_aside<S: ClipSource>(
    source: &S,
    aside: &Path,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Outcome> {
    match build_in(source, aside, options, events) {
        Err(Error::PlanChanged { .. } | Error::Record { .. }) => {
            folder::remove(aside)?;
            build_in(source, aside, options, events)
        }
        other => other,
    }
}

/// Plans or takes up the plan, builds what is missing, commits.
fn build_in<S: ClipSource>(source: &S, dir: &Path, options: &BuildOptions, events: &Events<'_>) -> Result<Outcome> {
    let _lock = folder::lock(dir)?;
    let pool = pool(options.threads)?;
    let plan = match ledger::read_plan(dir)? {
        Some(plan) => {
            pool.install(|| plan.check(source, dir))?;
            plan
        }
        None => {
            let plan = pool.install(|| Plan::make(source, options.shard_clips));
            ledger::write_plan(dir, &plan)?;
            plan
        }
    };
    let shards: Vec<u32> = (0..plan.shards.len() as u32).collect();
    build_shards(source, dir, &plan, &pool, &shards, events)?;
    commit::commit_locked(dir, options.max_rejects, events)
}

/// Writes the plan of a dataset into an empty folder, for `build_range` and `commit` to follow.
///
/// # Errors
/// When the folder is not empty or the plan cannot be written.
pub fn plan<S: ClipSource>(source: &S, dir: &Path, options: &BuildOptions) -> Result<Plan> {
    match folder::state(dir)? {
        State::Free => {}
        State::Unfinished if ledger::read_plan(dir)?.is_none() => {}
        State::Unfinished => {
            return Err(Error::NotEmpty {
                path: dir.into(),
                what: "an unfinished build".into(),
            });
        }
        State::Committed => {
            return Err(Error::NotEmpty {
                path: dir.into(),
                what: "a committed dataset".into(),
            });
        }
        State::Foreign(what) => return Err(Error::NotEmpty { path: dir.into(), what }),
    }
    let _lock = folder::lock(dir)?;
    let plan = pool(options.threads)?.install(|| Plan::make(source, options.shard_clips));
    ledger::write_plan(dir, &plan)?;
    Ok(plan)
}

/// Builds some of the planned shards. Several processes may do so at once, each with its own shards.
///
/// # Errors
/// When there is no plan, the plan is another one, or a shard cannot be built.
pub fn build_range<S: ClipSource>(
    source: &S,
    dir: &Path,
    range: Range<u32>,
    threads: usize,
    events: &Events<'_>,
) -> Result<Plan> {
    let plan = ledger::read_plan(dir)?.ok_or_else(|| Error::NotPlanned { path: dir.into() })?;
    let planned = plan.shards.len() as u32;
    if range.start >= range.end || range.end > planned {
        return Err(Error::ShardRange {
            start: range.start,
            end: range.end,
            planned,
        });
    }
    let _lock = folder::lock_shared(dir)?;
    let pool = pool(threads)?;
    pool.install(|| plan.check(source, dir))?;
    let locks: Result<Vec<Lock>> = range.clone().map(|shard| folder::lock_shard(dir, shard)).collect();
    let _locks = locks?;
    let shards: Vec<u32> = range.collect();
    build_shards(source, dir, &plan, &pool, &shards, events)?;
    Ok(plan)
}

/// Builds those of the shards that have no valid record yet: as many at a time as there are threads.
fn build_shards<S: ClipSource>(
    source: &S,
    dir: &Path,
    plan: &Plan,
    pool: &ThreadPool,
    shards: &[u32],
    events: &Events<'_>,
) -> Result<()> {
    folder::create(dir)?;
    let mut missing = VecDeque::new();
    let mut done = 0;
    for &shard in shards {
        match folder::finished(source, dir, plan, shard)? {
            Some(record) => {
                done += record.rows;
                record.rejects.iter().for_each(|row| events(Event::Rejected(row)));
            }
            None => missing.push_back(shard),
        }
    }
    let planned = |shard: &u32| {
        plan.shards
            .get(*shard as usize)
            .and_then(|range| plan.assets.get(range.clone()))
    };
    let clips: u64 = missing
        .iter()
        .filter_map(planned)
        .flatten()
        .map(|asset| asset.clips)
        .sum();
    events(Event::Planned {
        clips: clips + done,
        done,
    });
    let lanes = pool.current_num_threads().min(missing.len());
    let (queue, stop) = (Mutex::new(missing), AtomicBool::new(false));
    let shop = shard::Shop {
        source,
        plan,
        pool,
        dir,
        events,
        stop: &stop,
    };
    let lane = || -> Result<()> {
        loop {
            let next = queue
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .pop_front();
            let Some(shard) = next.filter(|_| !stop.load(Ordering::Relaxed)) else {
                return Ok(());
            };
            let assets = plan.shards.get(shard as usize).cloned().unwrap_or_default();
            let built = shop.build(shard, assets).and_then(|record| match record {
                Some(record) => ledger::write_record(dir, &record),
                None => Ok(()),
            });
            if built.is_err() {
                stop.store(true, Ordering::Relaxed);
                return built;
            }
        }
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let join = |lane: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        lanes.into_iter().map(join).fold(Ok(()), Result::and)
    })
}

/// A committed dataset is checked to be this one, and every byte of it verified.
fn verify_committed<S: ClipSource>(source: &S, dir: &Path) -> Result<shardfmt::verify::Report> {
    folder::tidy(dir)?;
    let info = shardfmt::read_dataset_json(&dir.join(shardfmt::entry::DATASET_JSON))?;
    let wanted = source.dataset_info();
    if let Some(difference) = plan::first_difference("", &info.config, &wanted.config) {
        return Err(Error::PlanChanged {
            path: dir.into(),
            difference,
        });
    }
    if info.program != wanted.program {
        return Err(Error::PlanChanged {
            path: dir.into(),
            difference: format!("by {}, this is {}", info.program, wanted.program),
        });
    }
    Ok(shardfmt::verify::verify(
        dir,
        shardfmt::verify::Depth::Full,
        &mut |_, _| {},
    )?)
}

fn pool(threads: usize) -> Result<ThreadPool> {
    let named = |i| format!("l48-{i}");
    let built = ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .thread_name(named)
        .build();
    built.map_err(|error| Error::Threads {
        threads,
        message: error.to_string(),
    })
}
