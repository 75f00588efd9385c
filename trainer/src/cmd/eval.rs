//! `l48-train eval`: measures the best epoch of a run on a split.

use anyhow::{Context, Result};
use loader::{Level, Unheard};
use shardfmt::Split;

use super::{device, fit, output, trained};
use crate::cli::{EvalArgs, EvaluatedSplit};
use crate::config::Config;
use crate::material::Material;
use crate::measured::Measured;
use crate::run_folder::RunFolder;

/// Runs the command.
pub(super) fn run(args: &EvalArgs) -> Result<()> {
    let device = device::choose(args.device.device);
    let (folder, record) = RunFolder::open(&args.run)?;
    let dataset = args.dataset.as_ref().unwrap_or(&record.dataset.path);
    let material = Material::open(dataset).context("the dataset to evaluate on; --dataset names another one")?;
    let split = match args.split {
        EvaluatedSplit::Val => Split::Val,
        EvaluatedSplit::Test => Split::Test,
    };
    let trained = trained::for_dataset(&args.run, &material.dataset, device)?;
    let config = Config::read(&folder.config())?;
    let mut eval = config.eval;
    eval.level = args.level.unwrap_or(eval.level);
    // What was not heard means nothing for clips: of the run's setting nothing is left then.
    let of_run = if eval.level == Level::Recording {
        eval.unheard
    } else {
        Unheard::default()
    };
    eval.unheard = args.unheard.unwrap_or(of_run);
    eval.validate()?;
    if split == Split::Val && config.permute_labels {
        tracing::warn!(
            "the run chose its epoch on val with other clips' labels; here val is measured with its own, so the \
             figures differ"
        );
    }
    let supervision = material.catalogue.evaluation(split)?;
    let bar = indicatif::ProgressBar::new(supervision.rows() as u64);
    let mut tell = |clips, of| {
        bar.set_length(of);
        bar.set_position(clips);
        Ok(())
    };
    let model = (&trained.model, &trained.scaling);
    let measured = Measured {
        rows: &supervision,
        eval: &eval,
        scratch: folder.dir(),
    };
    let evaluation = material.evaluate(model, &measured, trained.prior.as_ref(), args.bootstrap, &mut tell)?;
    bar.finish_and_clear();
    output::print(&fit::line(split, eval.level, &evaluation))
}
