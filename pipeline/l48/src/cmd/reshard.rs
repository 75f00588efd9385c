//! Provides `l48 reshard`: the same clips in shards of another size.

use anyhow::Result;

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::ReshardArgs;
use pipeline::rework;

pub(super) fn run(args: ReshardArgs) -> Result<Exit> {
    let progress = BuildProgress::new();
    let resharded = rework::reshard(&args.dir, args.clips, &args.out, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.out, &resharded?))
}
