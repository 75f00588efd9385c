//! Provides `l48 demo`: a small set of synthetic recordings with all tables and a manifest.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use super::{Exit, human_bytes};
use crate::cli::DemoArgs;
use crate::demo::{DemoOptions, synthesise};

pub(super) fn run(args: DemoArgs) -> Result<Exit> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{wide_bar:.green/black} {pos}/{len} recordings");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let options = DemoOptions {
        seed: args.seed,
        ..DemoOptions::default()
    };
    let summary = synthesise(&args.dir, &options, &|done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let summary = summary?;
    let dir = args.dir.display();
    let [train, val, test] = summary.by_split;
    let what = if summary.unchanged {
        "is there already"
    } else {
        "synthesised"
    };
    let (clips, boxes, minutes) = (summary.clips, summary.boxes, summary.audio_ms as f64 / 60_000.0);
    say!(
        "{dir} {what}: {} recordings ({train} train, {val} val, {test} test), {minutes:.0} minutes, {clips} clips, {boxes} boxes, {} species, {}",
        summary.recordings,
        summary.shares.len(),
        human_bytes(summary.audio_bytes)
    );
    say!("Next: l48 build {dir}/manifest.toml --out data/demo");
    Ok(Exit::Clean)
}
