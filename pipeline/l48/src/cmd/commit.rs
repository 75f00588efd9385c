//! Provides `l48 commit`: from finished shards to a dataset.

use anyhow::Result;

use super::Exit;
use super::progress::Progress;
use crate::cli::CommitArgs;
use pipeline::ingest;

pub(super) fn run(args: CommitArgs) -> Result<Exit> {
    let progress = Progress::new();
    let outcome = ingest::commit(&args.dir, args.max_rejects, &|event| progress.observe(event))?;
    Ok(super::build::summary(&args.dir, &outcome, None))
}
