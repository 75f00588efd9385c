//! Provides `l48 build`: a manifest in, a committed dataset or, with `--shards`, some of its shards out.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, summary, threads, verify};
use crate::cli::{BuildArgs, OutputArgs};
use pipeline::dataset_source::DatasetSource;
use pipeline::event::Event;
use pipeline::ingest::{self, BuildOptions, Built, Existing};
use pipeline::manifest::{Audio, Manifest};
use pipeline::recording_source::RecordingSource;

pub(super) fn run(args: BuildArgs) -> Result<Exit> {
    let started = Instant::now();
    let source = load(&args.manifest, Audio::Required)?;
    let Some(range) = args.shards else {
        return whole(&source, &args.output, source.manifest().settings.shard_clips, started);
    };
    let out = &args.output.out;
    let progress = BuildProgress::new();
    let events = |event: Event<'_>| progress.observe(event);
    let built = ingest::build_range(&source, out, range.clone(), threads(args.output.threads), &events);
    progress.finish();
    let built = built?;
    let (out, Range { start, end }) = (out.display(), range);
    say!(
        "Built shards {start}..{end} of {} in {out}; {} recordings rejected.",
        built.planned,
        built.rejects
    );
    say!("Next: build the other shards, then run l48 commit {out}");
    Ok(if built.rejects == 0 { Exit::Clean } else { Exit::Rejects })
}

/// Builds a dataset from plan to commit, behind a progress bar, and prints a summary.
pub(super) fn whole<S: DatasetSource>(
    source: &S,
    output: &OutputArgs,
    shard_clips: u32,
    started: Instant,
) -> Result<Exit> {
    let options = BuildOptions {
        threads: threads(output.threads),
        shard_clips,
        existing: match (output.resume, output.overwrite) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Overwrite,
            _ => Existing::Refuse,
        },
        max_rejects: output.max_rejects,
    };
    let progress = BuildProgress::new();
    let built = ingest::build(source, &output.out, &options, &|event| progress.observe(event));
    progress.finish();
    match built? {
        Built::Committed(outcome) => Ok(summary::print(&output.out, &outcome, Some(started.elapsed()))),
        Built::Verified(report) => {
            say!("{} is already committed.", output.out.display());
            Ok(verify::print(&report))
        }
    }
}

/// Reads the manifest, logs its warnings, and prepares its recordings.
pub(super) fn load(file: &Path, audio: Audio<'_>) -> Result<RecordingSource> {
    let manifest = Manifest::load_with(file, audio)?;
    for warning in manifest.notes.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(RecordingSource::new(manifest))
}
