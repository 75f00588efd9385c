//! `l48-train benchmark`: a matrix of methods, modes and regularisers over datasets and seeds, and its tables.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tch::Device;

use super::{INCOMPLETE, device, output};
use crate::benchmark::{
    BenchmarkPlace, BenchmarkPlan, Cost, Effort, Materials, RunOver, efforts, markdown, measure, run,
};
use crate::cli::BenchmarkArgs;

/// Runs the command.
pub(super) fn run_command(args: &BenchmarkArgs) -> Result<ExitCode> {
    let plan = BenchmarkPlan::read(&args.file)?;
    let device = device::choose(args.device.device);
    let mut materials = Materials::default();
    if args.dry_run {
        let efforts = efforts(&plan, &mut materials, &args.out)?;
        let costs = costs(&plan, &efforts, &mut materials, device)?;
        output::print(&listing(&plan, &efforts, &costs, args.jobs))?;
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let begin = Instant::now();
    let mut tell = |progress: &RunOver<'_>| {
        let folder = progress.folder.strip_prefix(&args.out).unwrap_or(progress.folder);
        let result = progress.measured.map_or_else(
            || "diverged".to_owned(),
            |measured| format!("val mAP {:.3}, test {:.3}", measured.val_map, measured.test_map),
        );
        tracing::info!("{} of {}: {}: {result}", progress.done, progress.of, folder.display());
    };
    let place = BenchmarkPlace {
        out: &args.out,
        device,
        jobs: args.jobs.into(),
    };
    let results = run(&plan, &mut materials, place, &mut tell)?;
    tracing::info!(
        "{:.1} minutes; {}, with results.parquet and pictures beside it",
        begin.elapsed().as_secs_f64() / 60.0,
        args.out.join("table.md").display()
    );
    output::print(&markdown(&plan, &results))?;
    let diverged = results.iter().filter(|result| result.measured.is_none()).count();
    if diverged > 0 {
        tracing::warn!("{diverged} of the table's {} runs diverged", results.len());
        return Ok(ExitCode::from(INCOMPLETE));
    }
    Ok(ExitCode::SUCCESS)
}

/// The costs of a step and a score in each cell, measured once for each dataset, network and batch.
fn costs(plan: &BenchmarkPlan, efforts: &[Effort<'_>], materials: &mut Materials, device: Device) -> Result<Vec<Cost>> {
    let mut measured: Vec<(_, Cost)> = Vec::new();
    let cost = |effort: &Effort<'_>| {
        let config = plan.config(effort.cell, &[])?;
        let path = effort.cell.dataset.path.clone();
        let shape = (path, config.model.clone(), config.batch, config.threads);
        if let Some((_, found)) = measured.iter().find(|(other, _)| *other == shape) {
            return Ok(*found);
        }
        let found = measure(&config, materials.of(&shape.0)?, device)?;
        tracing::info!(
            "{:?} on {}: {:.1} ms a step of {} clips, {:.2} ms to score a clip",
            config.model.arch,
            effort.cell.dataset.name,
            1000.0 * found.step_s,
            config.batch,
            1000.0 * found.score_s
        );
        measured.push((shape, found));
        Ok(found)
    };
    efforts.iter().map(cost).collect()
}

fn listing(plan: &BenchmarkPlan, efforts: &[Effort<'_>], costs: &[Cost], jobs: u16) -> String {
    let mut text =
        String::from("| dataset | method | column | rows | steps | runs | minutes |\n|---|---|---|---|---|---|---|\n");
    let mut total = Duration::ZERO;
    for (effort, cost) in efforts.iter().zip(costs) {
        let run_s = effort.steps as f64 * cost.step_s + effort.scored as f64 * cost.score_s;
        let all = Duration::try_from_secs_f64(effort.runs as f64 * run_s).unwrap_or_default();
        total += all;
        let cell = effort.cell;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {:.1} |",
            cell.dataset.name,
            cell.method.name,
            cell.column.name,
            effort.rows,
            effort.steps,
            effort.runs,
            all.as_secs_f64() / 60.0
        );
    }
    let runs: u64 = efforts.iter().map(|effort| effort.runs).sum();
    let steps: u64 = efforts.iter().map(|effort| effort.runs * effort.steps).sum();
    let hours = total.as_secs_f64() / 3600.0;
    let _ = writeln!(
        text,
        "\n{}: {} cells, {runs} runs, {steps} steps. About {hours:.1} hours, one run after another, by the steps and \
         scores just measured here for \
         each dataset and network; startup, checkpoints and pictures come on top.",
        plan.name,
        efforts.len(),
    );
    if jobs > 1 {
        let _ = writeln!(
            text,
            "{jobs} at a time: {:.1} hours, given cores for all their threads.",
            hours / f64::from(jobs)
        );
    }
    text
}
