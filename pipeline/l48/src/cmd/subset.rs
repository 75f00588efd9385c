//! Provides `l48 subset`: the clips of a list, as a dataset of their own.

use anyhow::Result;

use super::Exit;
use super::progress::Progress;
use crate::cli::SubsetArgs;
use pipeline::rework::{self, ClipList};

pub(super) fn run(args: SubsetArgs) -> Result<Exit> {
    let progress = Progress::new();
    let list = ClipList::read(&args.clips)?;
    let chosen = rework::subset(&args.dir, &list, &args.out, &|event| progress.observe(event));
    progress.finish();
    super::build::summary(&args.out, &chosen?, None);
    // Recordings that were rejected before are no news.
    Ok(Exit::Clean)
}
