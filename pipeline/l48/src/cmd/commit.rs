//! Provides `l48 commit`: from finished shards to a dataset.

use anyhow::Result;

use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::CommitArgs;
use pipeline::ingest::{self, CommitOptions, Committed, Existing};

pub(super) fn run(args: CommitArgs) -> Result<Exit> {
    let progress = BuildProgress::new();
    let existing = if args.resume {
        Existing::Resume
    } else {
        Existing::Refuse
    };
    let options = CommitOptions {
        existing,
        max_rejects: args.max_rejects,
        wait: args.wait,
    };
    let folder = args.scratch.output(&args.dir)?;
    let place = folder.place();
    match ingest::commit(&folder, options, &|event| progress.observe(event))? {
        Committed::Now(outcome) => Ok(summary::print(&place, &outcome, None)),
        Committed::Already => {
            say!("{} is already committed.", place.display());
            Ok(Exit::Clean)
        }
    }
}
