//! Provides `l48 commit`: from finished shards to a dataset.

use anyhow::Result;

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::CommitArgs;
use pipeline::ingest;

pub(super) fn run(args: CommitArgs) -> Result<Exit> {
    let progress = BuildProgress::new();
    let outcome = ingest::commit(&args.dir, args.max_rejects, &|event| progress.observe(event))?;
    Ok(summary::print(&args.dir, &outcome, None))
}
