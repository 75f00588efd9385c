//! Provides `l48 subset`: the clips of a list, as a dataset of their own.

use anyhow::Result;

use super::progress::BuildProgress;
use super::{Exit, summary};
use crate::cli::SubsetArgs;
use pipeline::rework::{self, ClipList};

pub(super) fn run(args: SubsetArgs) -> Result<Exit> {
    let progress = BuildProgress::new();
    let list = ClipList::read(&args.clips)?;
    for remark in list.remarks() {
        tracing::warn!("{remark}");
    }
    let dataset = args.cache.open(&args.dir)?;
    let chosen = rework::subset(&dataset, &list, &args.out, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.out, &chosen?))
}
