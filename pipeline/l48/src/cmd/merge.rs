//! Provides `l48 merge`: several datasets become one.

use anyhow::Result;
use storage::{Location, open_dataset};

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::MergeArgs;
use pipeline::rework;

pub(super) fn run(args: MergeArgs) -> Result<Exit> {
    let cache = args.cache.settings()?;
    let open = |dir| open_dataset(&Location::of(dir), &cache);
    let datasets = args.dirs.iter().map(|dir| open(dir)).collect::<storage::Result<_>>()?;
    let progress = BuildProgress::new();
    let merged = rework::merge_of(datasets, &args.out, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.out, &merged?))
}
