//! Provides `l48 subset`: the clips that fulfil a condition, as a dataset of their own.

use anyhow::Result;

use super::Exit;
use super::progress::Progress;
use crate::cli::SubsetArgs;
use crate::rework;

pub(super) fn run(args: SubsetArgs) -> Result<Exit> {
    let progress = Progress::new();
    let chosen = rework::subset(&args.dir, &args.condition, &args.out, &|event| progress.observe(event));
    progress.finish();
    super::build::summary(&args.out, &chosen?, None);
    // Recordings that were rejected before are no news.
    Ok(Exit::Clean)
}
