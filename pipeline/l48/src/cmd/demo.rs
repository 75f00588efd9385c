//! Provides `l48 demo`: a synthetic set of recordings or pictures with all tables.

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use super::{Exit, human_bytes};
use crate::cli::{BenchmarkArgs, DemoArgs, DemoLayout, DemoSize};
use synth::{BenchmarkOptions, Conditions, DemoForm, DemoOptions, SetLayout, SetSummary, benchmark, demo};

/// Confusability of a benchmark unless one is given: hard, but not impossible.
const CONFUSABILITY: f64 = 0.9;

pub(super) fn run(args: DemoArgs) -> Result<Exit> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{wide_bar:.green/black} {pos}/{len} recordings");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let form = match args.layout {
        Some(DemoLayout::Audiomoth) => DemoForm::AudioMoth,
        _ => DemoForm::Tables,
    };
    let layout = match args.layout {
        None | Some(DemoLayout::Audio | DemoLayout::Audiomoth) => SetLayout::Audio,
        Some(DemoLayout::Ml48s) => SetLayout::Ml48s,
        Some(DemoLayout::Coco) => SetLayout::Coco,
    };
    let summary = match args.size {
        DemoSize::Small if layout != SetLayout::Audio || args.benchmark != BenchmarkArgs::default() => {
            bail!("pictures and the options of a benchmark are of the benchmark: add --size benchmark, or omit them")
        }
        DemoSize::Benchmark if form == DemoForm::AudioMoth => {
            bail!("--layout audiomoth is of the small demo: omit --size benchmark")
        }
        DemoSize::Small => {
            let options = DemoOptions {
                seed: args.seed,
                form,
                ..DemoOptions::default()
            };
            demo::synthesise(&args.dir, &options, &progress)
        }
        DemoSize::Benchmark => {
            let options = BenchmarkOptions {
                seed: args.seed,
                confusability: args.benchmark.confusability.unwrap_or(CONFUSABILITY),
                layout,
                conditions: conditions(&args.benchmark),
            };
            benchmark::synthesise(&args.dir, &options, &progress)
        }
    };
    bar.finish_and_clear();
    say_what_is_there(&args, form, layout, &summary?);
    Ok(Exit::Clean)
}

/// What was asked for; what was left out is as by default.
fn conditions(args: &BenchmarkArgs) -> Conditions {
    let usual = Conditions::default();
    Conditions {
        recordings: args.recordings.unwrap_or(usual.recordings),
        clips: args.clips.unwrap_or(usual.clips),
        target_free: args.target_free.unwrap_or(usual.target_free),
        same_confusion: args.same_confusion,
        false_absences: args.false_absences.unwrap_or(usual.false_absences),
        unsure_species: args.unsure_species.unwrap_or(usual.unsure_species),
        species_seed: args.species_seed,
    }
}

/// Says how large the set is, and what to do with it.
fn say_what_is_there(args: &DemoArgs, form: DemoForm, layout: SetLayout, summary: &SetSummary) {
    let dir = args.dir.display();
    let [train, val, test] = summary.by_split;
    let made = if summary.unchanged {
        format!("{dir} already exists")
    } else {
        format!("Synthesised {dir}")
    };
    let (clips, boxes, minutes) = (summary.clips, summary.boxes, summary.audio_ms as f64 / 60_000.0);
    say!(
        "{made}: {} recordings ({train} train, {val} val, {test} test), {minutes:.0} minutes, {clips} clips, {boxes} boxes, {} species, {}",
        summary.recordings,
        summary.shares.len(),
        human_bytes(summary.audio_bytes)
    );
    match (args.size, layout) {
        (DemoSize::Small, _) if form == DemoForm::AudioMoth => {
            say!(
                "Next: l48 scan {dir}/{} --out data/scanned --site '{{site}}'",
                demo::CARD
            );
        }
        (DemoSize::Small, _) => say!("Next: l48 build {dir}/manifest.toml --out data/demo"),
        (DemoSize::Benchmark, SetLayout::Audio) => say!("Next: l48 build {dir}/manifest.toml --out data/benchmark"),
        (DemoSize::Benchmark, SetLayout::Ml48s) => {
            say!("Next: l48 import ml48s {dir} --val-split {dir}/val_split.npy --out data/benchmark-ml48s");
        }
        (DemoSize::Benchmark, SetLayout::Coco) => {
            say!("Next: l48 import coco2014 {dir} --prior-rates geo=0.55,checklist=0.75 --out data/benchmark-coco");
        }
    }
}
