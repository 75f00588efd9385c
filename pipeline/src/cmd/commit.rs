//! Provides `l48 commit`: from finished shards to a dataset.

use anyhow::Result;

use super::Exit;
use super::progress::Progress;
use crate::build;
use crate::cli::CommitArgs;

pub(super) fn run(args: CommitArgs) -> Result<Exit> {
    let progress = Progress::new();
    let outcome = build::commit(&args.dir, args.max_rejects, &|event| progress.observe(event))?;
    Ok(super::build::summary(&args.dir, &outcome, None))
}
