//! Provides `l48 build`: a manifest in, a committed dataset out (or, with `--shards`, some of its shards).

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::output::say;
use super::progress::Progress;
use super::{Exit, human_bytes, threads};
use crate::cli::{BuildArgs, OutputArgs};
use pipeline::event::Event;
use pipeline::ingest::{self, BuildOptions, Built, Existing, Outcome};
use pipeline::manifest::{Audio, Manifest};
use pipeline::recording_source::RecordingSource;
use pipeline::source::ClipSource;

pub(super) fn run(args: BuildArgs) -> Result<Exit> {
    let started = Instant::now();
    let source = load(&args.manifest, Audio::Required)?;
    let Some(range) = args.shards else {
        return whole(&source, &args.output, source.manifest().settings.shard_clips, started);
    };
    let out = &args.output.out;
    let progress = Progress::new();
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
    say!("Next: build the others, then  l48 commit {out}");
    Ok(if built.rejects == 0 { Exit::Clean } else { Exit::Rejects })
}

/// Builds a dataset from its plan to its commit, with a progress bar, and prints what became of it.
pub(super) fn whole<S: ClipSource>(
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
    let progress = Progress::new();
    let built = ingest::build(source, &output.out, &options, &|event| progress.observe(event));
    progress.finish();
    match built? {
        Built::Committed(outcome) => Ok(summary(&output.out, &outcome, Some(started.elapsed()))),
        Built::Verified(report) => {
            say!("{} is committed already.", output.out.display());
            Ok(super::verify::print(&report))
        }
    }
}

/// Reads the manifest, logs what is odd in it, and prepares its recordings.
pub(super) fn load(file: &Path, audio: Audio<'_>) -> Result<RecordingSource> {
    let manifest = Manifest::load_with(file, audio)?;
    for warning in manifest.notes.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(RecordingSource::new(manifest)?)
}

/// Prints what was committed and what to try next.
pub(super) fn summary(dir: &Path, outcome: &Outcome, took: Option<Duration>) -> Exit {
    let Outcome {
        shards,
        clips,
        assets,
        bytes,
        silent_clips,
        counts,
        rejects,
    } = outcome;
    let speed = took.map_or(String::new(), |took| {
        format!(
            " in {:.1} s ({:.0} clips/s)",
            took.as_secs_f64(),
            *clips as f64 / took.as_secs_f64()
        )
    });
    say!(
        "Committed {}: {clips} clips of {assets} recordings in {shards} shards, {}{speed}",
        dir.display(),
        human_bytes(*bytes)
    );
    let notes = [
        (*silent_clips, "clips are digital silence (flagged `silent`)"),
        (
            counts.boxes_past_end,
            "boxes start after their recording's end and were dropped",
        ),
        (
            counts.boxes_above_range,
            "boxes lie above what the image or the recording can show and are ignored",
        ),
        (counts.prior_conflicts, "labels contradict a prior; the box won"),
        (
            rejects.len() as u64,
            "recordings were rejected (reasons in rejects.parquet)",
        ),
    ];
    for (count, what) in notes.iter().filter(|(count, _)| *count > 0) {
        say!("  {count} {what}");
    }
    let dir = dir.display();
    say!("Next: l48 verify {dir}   |   l48 stats {dir}   |   l48 preview {dir} --asset ID --out sheet.png");
    if rejects.is_empty() { Exit::Clean } else { Exit::Rejects }
}
