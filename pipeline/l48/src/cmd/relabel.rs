//! Provides `l48 relabel`: the labels and priors of a changed manifest over a dataset's clips.

use anyhow::Result;

use super::progress::BuildProgress;
use super::{Exit, build, summary};
use crate::cli::RelabelArgs;
use pipeline::manifest::Audio;
use pipeline::rework::{self, Linked};

pub(super) fn run(args: RelabelArgs) -> Result<Exit> {
    let durations = rework::durations_s(&args.dir)?;
    let source = build::load(&args.manifest, Audio::MayBeGone(&durations))?;
    let linked = if args.no_verify { Linked::Trust } else { Linked::Verify };
    let progress = BuildProgress::new();
    let relabelled = rework::relabel(&source, &args.dir, linked, &|event| progress.observe(event));
    progress.finish();
    Ok(summary::print_rework(&args.dir, &relabelled?))
}
