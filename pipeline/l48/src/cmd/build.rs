//! Provides `l48 build`: a manifest in, a committed dataset or, with `--shards` or `--part`, some of its shards out.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use shardfmt::OutputFolder;

use super::die_with_parent::die_with_parent;
use super::output::say;
use super::progress::BuildProgress;
use super::{Exit, summary, threads, verify};
use crate::cli::{BuildArgs, OutputArgs};
use pipeline::dataset_source::DatasetSource;
use pipeline::ingest::{self, BuildOptions, Built, BuiltPart, Existing, Shards};
use pipeline::manifest::{Audio, Manifest};
use pipeline::recording_source::RecordingSource;

pub(super) fn run(args: BuildArgs) -> Result<Exit> {
    let started = Instant::now();
    if let Some(parent) = args.die_with_parent {
        die_with_parent(parent)?;
    }
    let shards = match (&args.shards, args.part) {
        (Some(range), _) => Some(Shards::Range(range.clone())),
        (_, Some(part)) => Some(Shards::Part(part)),
        _ => None,
    };
    let source = load(&args.manifest, Audio::Required)?;
    let options = options(&args.output, source.manifest().settings.shard_clips, args.wait);
    let folder = args.output.scratch.output(&args.output.out)?;
    match shards {
        Some(shards) => part(&source, &folder, &shards, &options),
        None => whole(&source, &folder, &options, started),
    }
}

/// How to build.
pub(super) fn options(output: &OutputArgs, shard_clips: u32, wait: Duration) -> BuildOptions {
    BuildOptions {
        threads: threads(output.threads),
        shard_clips,
        existing: match (output.resume, output.overwrite) {
            (true, _) => Existing::Resume,
            (_, true) => Existing::Overwrite,
            _ => Existing::Refuse,
        },
        max_rejects: output.max_rejects,
        wait,
    }
}

/// Builds some shards of a plan.
fn part(source: &RecordingSource, folder: &OutputFolder, shards: &Shards, options: &BuildOptions) -> Result<Exit> {
    let progress = BuildProgress::new();
    let built = ingest::build_part(source, folder, shards, options, &|event| progress.observe(event));
    progress.finish();
    let place = folder.place();
    let out = place.display();
    let BuiltPart::Built {
        shards,
        planned,
        rejects,
    } = built?
    else {
        say!("{out} is already committed.");
        return Ok(Exit::Clean);
    };
    if shards.is_empty() {
        say!("This part has no shards: {out} is planned with {planned}, fewer than there are parts.");
    } else {
        let shards = ingest::ranges(&shards);
        say!("Built shards {shards} of {planned} in {out}; {rejects} recordings rejected.");
    }
    say!("Next: build the other shards, then run l48 commit {out}");
    Ok(if rejects == 0 { Exit::Clean } else { Exit::Rejects })
}

/// Builds a dataset from plan to commit, behind a progress bar, and prints a summary.
pub(super) fn whole<S: DatasetSource>(
    source: &S,
    folder: &OutputFolder,
    options: &BuildOptions,
    started: Instant,
) -> Result<Exit> {
    let progress = BuildProgress::new();
    let built = ingest::build(source, folder, options, &|event| progress.observe(event));
    progress.finish();
    let place = folder.place();
    let out = place.display();
    match built? {
        Built::Committed(outcome) => Ok(summary::print(&place, &outcome, Some(started.elapsed()))),
        Built::Verified(report) => {
            say!("{out} is already committed.");
            Ok(verify::print(&report))
        }
        Built::Found { files } => {
            say!("{out} is already committed, and its {files} files are there; l48 verify {out} reads every byte.");
            Ok(Exit::Clean)
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
