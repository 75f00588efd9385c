//! `l48-train benchmark`: a matrix of methods, modes and regularisers over seeds, and its table.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tch::Device;

use super::{device, output};
use crate::benchmark::{Effort, Plan, Progress, efforts, markdown, run};
use crate::cli::BenchmarkArgs;
use crate::fit::{BUFFERS, LOADER_THREADS, Material, sampler_config};
use crate::learner::Learner;
use crate::sampler::Sampler;
use crate::throughput::Rig;

/// Steps that the cost of a dry run is estimated from.
const PROBE_STEPS: u32 = 5;

/// Runs the command.
pub(super) fn run_command(args: &BenchmarkArgs) -> Result<()> {
    let plan = Plan::read(&args.file)?;
    let device = device::choose(args.device.device);
    let material = Material::open(&plan.dataset)?;
    if args.dry_run {
        let efforts = efforts(&plan, &material)?;
        let step_s = step_s(&plan, &material, device)?;
        return output::print(&listing(&plan, &efforts, step_s));
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let begin = Instant::now();
    let mut tell = |progress: &Progress<'_>| {
        let folder = progress.folder.strip_prefix(&args.out).unwrap_or(progress.folder);
        tracing::info!(
            "{} of {}: {}: val mAP {:.3}, test {:.3}",
            progress.done,
            progress.of,
            folder.display(),
            progress.val_map,
            progress.test_map
        );
    };
    let results = run(&plan, &material, &args.out, device, &mut tell)?;
    tracing::info!(
        "{} minutes; {} and results.parquet beside it",
        begin.elapsed().as_secs() / 60,
        args.out.join("table.md").display()
    );
    output::print(&markdown(&plan, &results))
}

/// Seconds a step of the first cell takes here.
fn step_s(plan: &Plan, material: &Material, device: Device) -> Result<f64> {
    let cell = plan.cells().next().context("the benchmark has no cells")?;
    let config = plan.config(cell, &[])?;
    tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
    let supervision = material.training(&config)?;
    let sampler = Sampler::new(&supervision, 0, sampler_config(&config))?;
    let mut learner = Learner::new(&config, &material.dataset, &supervision, device)?;
    let rig = Rig {
        clips: &material.clips,
        supervision: &supervision,
        sampler: &sampler,
        batch: config.batch,
        threads: LOADER_THREADS,
        buffers: BUFFERS,
    };
    let (clips_per_s, ..) = rig.training(&mut learner, PROBE_STEPS, 1)?.medians();
    Ok(config.batch as f64 / clips_per_s)
}

fn listing(plan: &Plan, efforts: &[Effort<'_>], step_s: f64) -> String {
    let mut text = String::from("| method | column | rows | steps | runs |\n|---|---|---|---|---|\n");
    for effort in efforts {
        let (method, column) = (&effort.cell.method.name, &effort.cell.column.name);
        let _ = writeln!(
            text,
            "| {method} | {column} | {} | {} | {} |",
            effort.rows, effort.steps, effort.runs
        );
    }
    let runs: u64 = efforts.iter().map(|effort| effort.runs).sum();
    let steps: u64 = efforts.iter().map(|effort| effort.runs * effort.steps).sum();
    let training = Duration::from_secs_f64(steps as f64 * step_s);
    let _ = writeln!(
        text,
        "\n{}: {} cells, {runs} runs, {steps} steps of {:.0} ms (measured on the first cell): about {:.1} hours of training; evaluation comes on top.",
        plan.name,
        efforts.len(),
        1000.0 * step_s,
        training.as_secs_f64() / 3600.0
    );
    text
}
