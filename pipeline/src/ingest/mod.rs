//! Provides planning, building and committing of a dataset from any `DatasetSource`: threads, rejects, resume, commit.

mod build_part;
mod commit;
mod deliver;
mod headers;
mod lanes;
mod ledger;
mod parts;
mod plan;
mod shard;
mod shard_list;
mod status;

use std::fmt::Display;
use std::time::Duration;

use frontend::flow::Workers;
use shardfmt::dataset::{FolderState, LockedFolder};
use shardfmt::{DatasetInfo, OutputFolder};

pub use build_part::{BuiltPart, Shards, build_part};
pub use commit::{CommitOptions, Committed, commit};
pub use parts::Part;
pub use plan::Plan;
pub use shard_list::ranges;
pub use status::{Stage, Status, status};

use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::event::{Event, Events, Outcome};
use frontend::InstructionSet;
use lanes::build_shards;

/// What the folder beside a dataset is called, in which `--overwrite` builds.
const OVERWRITE: &str = "overwrite";

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
    /// How long to wait for locks that other processes have.
    pub wait: Duration,
}

/// How a build ended.
#[derive(Debug)]
pub enum Built {
    /// A dataset was committed.
    Committed(Outcome),
    /// The folder held the committed dataset already.
    Verified(shardfmt::verify::Report),
    /// It was committed already where it is kept, and so many files are there as they are listed; none was read.
    Found {
        /// Their number.
        files: usize,
    },
}

/// The folder, whose locks are waited for; an overwrite that was cut off while it exchanged folders there is brought to
/// its end.
fn ready(folder: &OutputFolder, wait: Duration) -> Result<OutputFolder> {
    let folder = folder.clone().patient(wait);
    folder.end_exchange(&folder.beside(OVERWRITE))?;
    Ok(folder)
}

/// Builds a dataset in a folder, or in scratch for where it is kept: plan, shards, commit.
///
/// # Errors
/// See [`Error`]; what was committed before is never harmed, and an unfinished build can be resumed.
pub fn build<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Built> {
    let folder = &ready(folder, options.wait)?;
    match (folder.state()?, options.existing) {
        (FolderState::Free, _) | (FolderState::Unfinished, Existing::Resume) => {
            build_here(source, folder, options, events)
        }
        (FolderState::Committed, Existing::Resume) => verify_committed(source, folder, events),
        (FolderState::Committed | FolderState::Unfinished, Existing::Overwrite) if folder.is_scratch() => {
            Err(Error::NoOverwrite { path: folder.place() })
        }
        (FolderState::Committed | FolderState::Unfinished, Existing::Overwrite) => {
            overwrite(source, folder, options, events)
        }
        (FolderState::Foreign(what), Existing::Overwrite | Existing::Resume) => Err(Error::Foreign {
            path: folder.place(),
            what,
        }),
        (state, Existing::Refuse) => Err(not_empty(folder, state)),
    }
}

fn not_empty(folder: &OutputFolder, state: FolderState) -> Error {
    let path = folder.place();
    let what = match state {
        FolderState::Free => "nothing".into(),
        FolderState::Unfinished => "an unfinished build".into(),
        FolderState::Committed => "a committed dataset".into(),
        FolderState::Foreign(what) => return Error::Foreign { path, what },
    };
    Error::NotEmpty { path, what }
}

/// An error unless the folder holds an unfinished build.
fn expect_unfinished(folder: &OutputFolder) -> Result<()> {
    let path = folder.place();
    match folder.state()? {
        FolderState::Unfinished => Ok(()),
        FolderState::Committed => Err(Error::AlreadyCommitted { path }),
        FolderState::Free => Err(Error::NotPlanned { path }),
        FolderState::Foreign(what) => Err(Error::Foreign { path, what }),
    }
}

/// Builds in a folder that is free or holds an unfinished build.
fn build_here<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Built> {
    let locked = folder.lock();
    // A rival may have committed between the first look and the lock, and removed what the lock was in.
    if folder.state()? == FolderState::Committed {
        drop(locked);
        return match options.existing {
            Existing::Resume => verify_committed(source, folder, events),
            Existing::Refuse | Existing::Overwrite => Err(not_empty(folder, FolderState::Committed)),
        };
    }
    let outcome = build_locked(source, &locked?, options, events)?;
    folder.remove_records()?;
    Ok(Built::Committed(outcome))
}

/// Builds beside what is there and puts the new dataset in its place. What an interrupted run left beside is used when
/// it fits and dropped when not.
fn overwrite<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Built> {
    let aside = folder.beside(OVERWRITE);
    for folder in [folder, &aside] {
        if let Some(what) = folder.foreign_entry()? {
            let path = folder.place();
            return Err(Error::Foreign { path, what });
        }
    }
    // A committed dataset has no rival builders but other replacements, which the lock beside keeps out.
    let _lock = folder.has_records().then(|| folder.lock()).transpose()?;
    if matches!(aside.state()?, FolderState::Foreign(_)) || aside.is_leftover()? {
        aside.remove()?;
    }
    let mut locked = aside.lock()?;
    let outcome = match build_locked(source, &locked, options, events) {
        Err(Error::PlanChanged { .. } | Error::Record { .. } | Error::WrongInstructionSet { .. }) => {
            aside.remove()?;
            locked = aside.lock()?;
            build_locked(source, &locked, options, events)?
        }
        other => other?,
    };
    locked.replace(folder)?;
    Ok(Built::Committed(outcome))
}

/// Plans or takes up the plan, builds what is missing, commits. The records stay.
fn build_locked<S: DatasetSource>(
    source: &S,
    folder: &LockedFolder,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<Outcome> {
    let workers = Workers::start(options.threads)?;
    let plan = match ledger::read_plan(folder)? {
        Some(plan) => {
            plan.check_processor(source, &folder.place())?;
            workers.install(|| plan.check(source, &folder.place(), &plan.all_shards()))?;
            plan
        }
        None => make_plan(source, folder, (options, &InstructionSet::detect()), &workers, events)?,
    };
    let built = build_shards(source, folder, (&plan, &plan.all_shards()), &workers, events);
    built.map_err(|error| match folder.is_scratch() {
        true => error,
        false => with_clips_bytes(error, &plan),
    })?;
    commit::commit_locked(folder, options.max_rejects, events)
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

fn make_plan<S: DatasetSource>(
    source: &S,
    folder: &LockedFolder,
    (options, instruction_set): (&BuildOptions, &InstructionSet),
    workers: &Workers,
    events: &Events<'_>,
) -> Result<Plan> {
    let (assets, parts) = workers.install(|| headers::look_at_all(source, folder, events))?;
    let plan = Plan::of(source, assets, options.shard_clips, instruction_set);
    let plan = match folder.records().write_plan(&plan)? {
        true => plan,
        false => rival_plan(folder, &plan)?,
    };
    parts.remove();
    Ok(plan)
}

/// The plan that another machine has written meanwhile where the dataset is kept, if it is as good as `own`.
fn rival_plan(folder: &OutputFolder, own: &Plan) -> Result<Plan> {
    let plan = ledger::plan_of(folder)?;
    if plan.xxh3() == own.xxh3() {
        return Ok(plan);
    }
    Err(Error::PlanChanged {
        path: folder.place(),
        difference: "another machine has planned it meanwhile, from other settings, tables or recordings".into(),
    })
}

/// What `plan` found or did.
#[derive(Debug)]
pub enum Planned {
    /// The plan was made.
    New(Plan),
    /// The folder has this plan already.
    Already(Plan),
    /// The folder holds the dataset already.
    Committed,
}

/// Writes the plan of a dataset into an empty folder, for `build_part` and `commit` to follow: for machines that have
/// `instruction_set`, or else what this one has. With [`Existing::Resume`] a folder that has this plan, or the dataset
/// made of it, is as good, and headers that were looked at before a run was cut off are not looked at again.
///
/// # Errors
/// When the folder holds something else, [`Error::PlanChanged`] says what differs; when the plan cannot be written.
pub fn plan<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    (options, instruction_set): (&BuildOptions, Option<&InstructionSet>),
    events: &Events<'_>,
) -> Result<Planned> {
    let folder = ready(folder, options.wait)?;
    let workers = Workers::start(options.threads)?;
    let found = || -> Result<Option<Planned>> {
        match folder.state()? {
            FolderState::Free => Ok(None),
            FolderState::Unfinished => match ledger::read_plan(&folder)? {
                // Cut off before its plan was written.
                None => Ok(None),
                Some(plan) if options.existing == Existing::Resume => {
                    workers.install(|| expect_same_plan(source, &folder, (options, instruction_set), &plan))?;
                    Ok(Some(Planned::Already(plan)))
                }
                Some(_) => Err(not_empty(&folder, FolderState::Unfinished)),
            },
            FolderState::Committed if options.existing == Existing::Resume => {
                expect_same_dataset(source, &folder)?;
                Ok(Some(Planned::Committed))
            }
            state => Err(not_empty(&folder, state)),
        }
    };
    if let Some(found) = found()? {
        return Ok(found);
    }
    let locked = folder.lock();
    // A rival may have planned in between, or even committed, and removed what the lock was in.
    if let Some(found) = found()? {
        return Ok(found);
    }
    let locked = locked?;
    let here = InstructionSet::detect();
    let options = (options, instruction_set.unwrap_or(&here));
    let plan = make_plan(source, &locked, options, &workers, events)?;
    drop(locked);
    folder.tidy();
    Ok(Planned::New(plan))
}

/// Refuses a plan that is not the one that would be made now.
fn expect_same_plan<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    (options, instruction_set): (&BuildOptions, Option<&InstructionSet>),
    plan: &Plan,
) -> Result<()> {
    plan.check(source, &folder.place(), &plan.all_shards())?;
    let differs = |key: &str, was: &dyn Display, is: &dyn Display| Error::PlanChanged {
        path: folder.place(),
        difference: format!("{key} was {was} and is {is}"),
    };
    if let Some(asked) = instruction_set.filter(|asked| asked.as_str() != plan.head.instruction_set) {
        return Err(differs("instruction_set", &plan.head.instruction_set, asked));
    }
    if options.shard_clips != plan.shard_clips {
        return Err(differs("shards.clips", &plan.shard_clips, &options.shard_clips));
    }
    Ok(())
}

/// Refuses a committed dataset that is not the one that would be built now.
fn expect_same_dataset<S: DatasetSource>(source: &S, folder: &OutputFolder) -> Result<DatasetInfo> {
    let info = folder.info()?;
    let (head, wanted) = (&info.head, source.head());
    let differs = |difference| Error::PlanChanged {
        path: folder.place(),
        difference,
    };
    if let Some(first) = shardfmt::difference("", &head.config, &wanted.config).first() {
        return Err(differs(first.to_string()));
    }
    if head.program != wanted.program {
        return Err(differs(format!("by {}, this is {}", head.program, wanted.program)));
    }
    Ok(info)
}

/// Removes from a committed dataset what runs that were cut off have left there: records, and unfinished files whose
/// writers have died.
fn tidy(folder: &OutputFolder) -> Result<()> {
    if folder.is_scratch() {
        return Ok(folder.remove_records()?);
    }
    if folder.has_records() {
        let _lock = folder.lock()?;
        folder.remove_records()?;
    }
    Ok(folder.remove_leftovers()?)
}

/// A committed dataset is checked to be this one, and every byte of it verified, or, where it is kept elsewhere, its
/// files looked at; what an interrupted run left is removed.
fn verify_committed<S: DatasetSource>(source: &S, folder: &OutputFolder, events: &Events<'_>) -> Result<Built> {
    let info = expect_same_dataset(source, folder)?;
    tidy(folder)?;
    if folder.is_scratch() {
        let lacking = folder.not_held(&info)?;
        return match lacking.first() {
            None => Ok(Built::Found {
                files: info.files.len(),
            }),
            Some(first) => Err(Error::NotWhole {
                path: folder.place(),
                files: lacking.len(),
                first: (*first).to_owned(),
            }),
        };
    }
    let aside = folder.beside(OVERWRITE);
    if aside.is_leftover()? && aside.foreign_entry()?.is_none() {
        aside.remove()?;
    } else if aside.path().exists() {
        let text = format!(
            "{} is what an interrupted --overwrite left; finish it with --overwrite, or delete it",
            aside.path().display()
        );
        events(Event::Warning(&text));
    }
    let report = shardfmt::verify::verify(folder.path(), shardfmt::verify::Depth::Full, &mut |_, _| {})?;
    Ok(Built::Verified(report))
}
