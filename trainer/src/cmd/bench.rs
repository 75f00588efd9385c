//! `l48-train bench`: how fast clips are loaded and trained on, each beside what bounds it.

use anyhow::Result;
use loader::Sampler;
use shardfmt::Xxh3;

use super::{device, output, settings};
use crate::cli::BenchArgs;
use crate::config::Config;
use crate::learner::Learner;
use crate::material::Material;
use crate::throughput::{Rates, Rig};

/// Runs the command.
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let config = settings::resolve(&args.settings, Config::default())?;
    let device = device::choose(args.device.device);
    tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
    let material = Material::open(&args.dataset)?;
    let supervision = material.training(&config)?;
    let sampler = Sampler::new(&supervision, Xxh3::default(), config.sampler())?;
    let rig = Rig {
        clips: &material.clips,
        supervision: &supervision,
        sampler: &sampler,
    };
    tracing::info!("loading, {} rounds", args.rounds);
    let loading = rig.loading(args.rounds)?;
    tracing::info!("training, {} rounds of {} steps", args.rounds, args.steps);
    let epoch_steps = sampler.batches_per_epoch();
    let mut learner = Learner::new(&config, &material.dataset, &supervision, epoch_steps, device)?;
    let training = rig.training(&mut learner, args.steps, args.rounds)?;
    output::print(&format!(
        "| clips/s, medians of {} rounds | ours | bound | ratio |\n|---|---|---|---|\n{}{}{}",
        args.rounds,
        row(
            "loader into batch buffers; bound: memcpy of the same rows",
            &loading.from_memory
        ),
        row(
            "loader-mapped is the same; bound: memcpy of the same rows from the map",
            &loading.from_map
        ),
        row(
            "training from shards; bound: one batch that stays on the device",
            &training
        ),
    ))
}

fn row(what: &str, rates: &Rates) -> String {
    let (ours, bound, ratio) = rates.medians();
    format!("| {what} | {ours:.1} | {bound:.1} | {ratio:.3} |\n")
}
