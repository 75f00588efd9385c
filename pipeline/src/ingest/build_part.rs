//! Provides `build_part`: some of the shards of a plan, beside other processes that build others.

use std::ops::Range;

use frontend::flow::Workers;
use shardfmt::OutputFolder;
use shardfmt::dataset::FolderState;

use super::lanes::build_shards;
use super::parts::Part;
use super::plan::Plan;
use super::{BuildOptions, Existing, expect_same_dataset, expect_unfinished, ledger};
use crate::dataset_source::DatasetSource;
use crate::error::{Error, Result};
use crate::event::Events;

/// Which shards of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shards {
    /// By number.
    Range(Range<u32>),
    /// A share of all.
    Part(Part),
}

impl Shards {
    /// Their numbers.
    fn of(&self, plan: &Plan) -> Result<Vec<u32>> {
        let planned = plan.shards.len() as u32;
        match self {
            Shards::Range(Range { start, end }) if start >= end || *end > planned => Err(Error::ShardRange {
                start: *start,
                end: *end,
                planned,
            }),
            Shards::Range(range) => Ok(range.clone().collect()),
            Shards::Part(part) => Ok(plan.shards_of(*part)),
        }
    }
}

/// What `build_part` did.
#[derive(Debug)]
pub enum BuiltPart {
    /// The shards are built.
    Built {
        /// Which these are.
        shards: Vec<u32>,
        /// Shards of the whole plan.
        planned: u32,
        /// Recordings rejected in them.
        rejects: u64,
    },
    /// The dataset is committed already.
    Committed,
}

/// Builds some of the planned shards. Several processes may do so at once; one that comes to a shard which another is
/// building turns to its other shards first, then waits as long as the options say, and takes it as it is. With
/// [`Existing::Resume`] there is nothing to do where the dataset has been committed.
///
/// # Errors
/// When there is no plan, the plan is another one or for other processors ([`Error::WrongInstructionSet`]), when
/// another process has a shard for longer than the options say, or when a shard cannot be built.
pub fn build_part<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    shards: &Shards,
    options: &BuildOptions,
    events: &Events<'_>,
) -> Result<BuiltPart> {
    let folder = folder.clone().patient(options.wait);
    let is_done = || -> Result<bool> {
        if options.existing == Existing::Resume && folder.state()? == FolderState::Committed {
            expect_same_dataset(source, &folder)?;
            return Ok(true);
        }
        expect_unfinished(&folder)?;
        Ok(false)
    };
    if is_done()? {
        folder.remove_leftovers()?;
        return Ok(BuiltPart::Committed);
    }
    let locked = folder.lock_shared();
    // A rival may have committed in between, and removed what the lock was in.
    if is_done()? {
        return Ok(BuiltPart::Committed);
    }
    let locked = locked?;
    let plan = ledger::plan_of(&folder)?;
    plan.check_processor(source, &folder.place())?;
    let (shards, planned) = (shards.of(&plan)?, plan.shards.len() as u32);
    let workers = Workers::start(options.threads)?;
    workers.install(|| plan.check(source, &folder.place(), &shards))?;
    let rejects = match build_shards(source, &locked, (&plan, &shards), &workers, events) {
        Ok(rejects) => rejects,
        // Where locks do nothing, others may have built these shards too, committed, and removed the records.
        Err(error) => match is_done() {
            Ok(true) => return Ok(BuiltPart::Committed),
            Err(committed @ Error::AlreadyCommitted { .. }) => return Err(committed),
            _ => return Err(error),
        },
    };
    drop(locked);
    folder.tidy();
    Ok(BuiltPart::Built {
        shards,
        planned,
        rejects,
    })
}
