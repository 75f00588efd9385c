//! Provides `l48 commit`: from finished shards to a dataset.

use anyhow::Result;

use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::CommitArgs;
use pipeline::ingest::{self, CommitOptions};

pub(super) fn run(args: CommitArgs) -> Result<Exit> {
    let progress = BuildProgress::new();
    let options = CommitOptions {
        max_rejects: args.max_rejects,
        wait: args.wait,
    };
    let folder = args.scratch.output(&args.dir)?;
    match ingest::commit(&folder, options, &|event| progress.observe(event)) {
        Err(pipeline::Error::AlreadyCommitted { path }) if args.resume => {
            say!("{} is already committed.", path.display());
            Ok(Exit::Clean)
        }
        outcome => Ok(summary::print(&folder.place(), &outcome?, None)),
    }
}
