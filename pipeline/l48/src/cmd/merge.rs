//! Provides `l48 merge`: several datasets become one.

use anyhow::{Context, Result};

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::MergeArgs;
use pipeline::rework;

pub(super) fn run(args: MergeArgs) -> Result<Exit> {
    let (first, others) = args.dirs.split_first().context("no dataset to merge was given")?;
    let progress = BuildProgress::new();
    let merged = rework::merge(first, others, &args.out, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.out, &merged?))
}
