//! Provides `l48 reshard`: the same clips in shards of another size.

use anyhow::Result;

use super::Exit;
use super::progress::Progress;
use crate::cli::ReshardArgs;
use pipeline::rework;

pub(super) fn run(args: ReshardArgs) -> Result<Exit> {
    let progress = Progress::new();
    let resharded = rework::reshard(&args.dir, args.clips, &args.out, &|event| progress.observe(event));
    progress.finish();
    super::build::summary(&args.out, &resharded?, None);
    // Recordings that were rejected before are no news.
    Ok(Exit::Clean)
}
