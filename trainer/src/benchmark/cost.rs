//! Measures what a step and an evaluation take on this machine, to say beforehand what a benchmark will.

use std::time::{Duration, Instant};

use loader::Sampler;
use shardfmt::{Split, Xxh3};
use tch::Device;

use crate::config::Config;
use crate::error::Result;
use crate::learner::Learner;
use crate::material::Material;
use crate::predict;
use crate::throughput::Rig;

/// How long each of the two is measured, beyond the first time, which warms up.
const BUDGET: Duration = Duration::from_secs(1);
/// Clips scored at most in one go.
const SCORED_CLIPS: usize = 2 * predict::BATCH;

/// Seconds that things take.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// A step of training.
    pub step_s: f64,
    /// Scoring one clip.
    pub score_s: f64,
}

/// Measures a few steps of `config`, and the scoring of a few clips.
///
/// # Errors
/// Those of training and of reading clips.
pub fn measure(config: &Config, material: &Material, device: Device) -> Result<Cost> {
    tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
    let supervision = material.training(config)?;
    let sampler = Sampler::new(&supervision, Xxh3::default(), config.sampler())?;
    let mut learner = Learner::new(
        config,
        &material.dataset,
        &supervision,
        sampler.batches_per_epoch(),
        device,
    )?;
    let rig = Rig {
        clips: &material.clips,
        supervision: &supervision,
        sampler: &sampler,
    };
    let step_s = rig.step_s(&mut learner, BUDGET)?;
    let val = material.evaluation(config, Split::Val)?.clips;
    let some = val.get(..SCORED_CLIPS.min(val.len())).unwrap_or_default();
    let (model, scaling) = learner.model();
    let mut ring = predict::ring(&material.clips, model);
    let begin = Instant::now();
    let mut score_s = f64::INFINITY;
    while score_s.is_infinite() || begin.elapsed() < BUDGET {
        let begin = Instant::now();
        predict::scores((model, scaling), &material.clips, some, &mut ring, |_, _| Ok(()))?;
        score_s = score_s.min(begin.elapsed().as_secs_f64() / some.len().max(1) as f64);
    }
    Ok(Cost { step_s, score_s })
}
