//! Provides `l48 import`: a published set of pictures in, a committed dataset out.

use std::time::Instant;

use anyhow::Result;

use super::{Exit, build, threads};
use crate::build::BuildOptions;
use crate::cli::{ImportArgs, ImportMl48sArgs, ImportOutput, ImportSet};
use crate::import::ml48s::Ml48s;
use crate::source::ClipSource;

pub(super) fn run(args: ImportArgs) -> Result<Exit> {
    match args.set {
        ImportSet::Ml48s(args) => ml48s(&args),
    }
}

fn ml48s(args: &ImportMl48sArgs) -> Result<Exit> {
    let started = Instant::now();
    let set = Ml48s::open(&args.src, args.val_split.as_deref(), args.output.shard_clips)?;
    set.facts().iter().for_each(|fact| tracing::info!("{fact}"));
    set.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    write(&set, &args.output, started)
}

/// Builds the dataset of a set.
fn write<S: ClipSource>(set: &S, output: &ImportOutput, started: Instant) -> Result<Exit> {
    let options = BuildOptions {
        threads: threads(output.threads),
        shard_clips: output.shard_clips,
        existing: build::existing(output.resume, output.overwrite),
        max_rejects: output.max_rejects,
    };
    build::whole(set, &output.out, &options, started)
}
