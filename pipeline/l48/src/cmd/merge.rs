//! Provides `l48 merge`: several datasets become one.

use anyhow::{Context, Result};

use super::Exit;
use super::progress::Progress;
use crate::cli::MergeArgs;
use pipeline::rework;

pub(super) fn run(args: MergeArgs) -> Result<Exit> {
    let (first, others) = args.dirs.split_first().context("no dataset to merge was given")?;
    let progress = Progress::new();
    let merged = rework::merge(first, others, &args.out, &|event| progress.observe(event));
    progress.finish();
    super::build::summary(&args.out, &merged?, None);
    // Recordings that were rejected before are no news.
    Ok(Exit::Clean)
}
