//! Provides `l48 merge`: several datasets become one.

use anyhow::Result;

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::MergeArgs;
use pipeline::rework;

pub(super) fn run(args: MergeArgs) -> Result<Exit> {
    let datasets = args.dirs.iter().map(|dir| args.cache.open(dir));
    let datasets = datasets.collect::<storage::Result<_>>()?;
    let progress = BuildProgress::new();
    let merged = rework::merge(datasets, &args.out, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.out, &merged?))
}
