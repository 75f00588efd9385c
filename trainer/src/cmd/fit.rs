//! `l48-train fit`: trains a model and evaluates its best epoch.

use anyhow::Result;
use loader::Level;
use shardfmt::Split;

use super::{device, output, settings};
use crate::cli::FitArgs;
use crate::config::Config;
use crate::fit::fit;
use crate::material::Material;
use crate::metric::Evaluation;
use crate::run::Existing;
use crate::run_folder::RunFolder;

/// Runs the command.
pub(super) fn run(args: &FitArgs) -> Result<()> {
    let base = if args.resume && RunFolder::has_run(&args.out) {
        // Settings that are not given are those of the run.
        Config::read(&RunFolder::open(&args.out)?.0.config())?
    } else {
        Config::default()
    };
    let config = settings::resolve(&args.settings, base)?;
    let device = device::choose(args.device.device);
    let material = Material::open(&args.dataset)?;
    let existing = if args.resume {
        Existing::Resume
    } else {
        Existing::Refuse
    };
    let outcome = fit(&material, &config, &args.out, device, existing)?;
    let folder = RunFolder::open(&args.out)?.0;
    let (of, level) = (config.epochs, config.eval.level);
    let mut text = line(Split::Val, level, &outcome.val);
    text += &match &outcome.test {
        Some(test) => line(Split::Test, level, test),
        None => "test  not measured, as requested\n".to_owned(),
    };
    text += &format!("best  epoch {} of {of}, chosen on val\n", outcome.best.epoch);
    text += &format!(
        "see   {}, {}\n",
        folder.curves().display(),
        folder.per_class().display()
    );
    output::print(&text)
}

/// A line on a split: mAP and what to compare it with.
pub(super) fn line(split: Split, level: Level, evaluation: &Evaluation) -> String {
    let interval = evaluation
        .interval
        .map_or_else(String::new, |[low, high]| format!(" [{low:.3}, {high:.3}]"));
    format!(
        "{:<5} mAP {:.4}{interval}, chance {:.4}; over classes that occur {:.4}; {} {level}s, {} left out\n",
        split.as_str(),
        evaluation.map,
        evaluation.chance,
        evaluation.map_occurring,
        evaluation.kept,
        evaluation.left_out
    )
}
