//! Provides `fit`, a whole run: epochs, evaluation, the best of them, checkpoints, and the results at its end.

use std::path::Path;
use std::time::Instant;

use shardfmt::Split;
use tch::Device;

use crate::checkpoint::{Best, Checkpoint, Checkpoints, Pointer, State};
use crate::config::Config;
use crate::epoch::{Pass, UNREAD_ON_GPU, unread};
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::learner::{Learner, trained_model};
use crate::loader::Ring;
use crate::material::{LOADER_THREADS, Material};
use crate::metric::{BOOTSTRAP_REPLICATES, Evaluation};
use crate::run_folder::{RunFolder, write_per_class};
use crate::sampler::{Sampler, SamplerConfig};
use crate::session::{Session, check_same};
use crate::supervision::Supervision;

/// Batch buffers of training: one for each loader thread, those whose step is not read yet, one full.
pub(crate) const BUFFERS: usize = LOADER_THREADS + UNREAD_ON_GPU + 1;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best epoch on val.
    pub best: Best,
    /// Val at that epoch.
    pub val: Evaluation,
    /// Test at that epoch; `None` if the settings say not to measure it.
    pub test: Option<Evaluation>,
}

/// Trains on `material` as `config` says, in the folder `out` and from the last checkpoint there, and measures the best epoch.
///
/// # Errors
/// Settings that do not fit, damaged files; those of a run that diverges ([`Error::is_divergence`]), which its log tells too. What the last
/// checkpoint holds stays whole.
pub fn fit(material: &Material, config: &Config, out: &Path, device: Device) -> Result<Outcome> {
    let begun = RunFolder::has_run(out).then(|| check_same(out, &material.dataset, config, device));
    let begun = begun.transpose()?;
    let mut config = config.resolved(material.dataset.head(), device)?;
    tch::set_num_threads(i32::try_from(config.threads).unwrap_or(i32::MAX));
    let supervision = material.training(&config)?;
    // Before any training: an evaluation that cannot be done is an error of the dataset, not of the first epoch, or of the last.
    let val = material.evaluation(&config, Split::Val)?;
    let test = config
        .measure_test
        .then(|| material.evaluation(&config, Split::Test))
        .transpose()?;
    let last = begun.map(|run| Checkpoints::new(run.checkpoints()).pointed(Pointer::Last));
    let learner = match last.transpose()?.flatten() {
        Some(_) => Learner::before_resume,
        None => Learner::new,
    };
    let mut learner = learner(&config, &material.dataset, &supervision, device)?;
    let given = std::mem::replace(&mut config.loss.parameters, learner.parameters());
    let names = config.loss.parameters.keys();
    let worked_out: Vec<String> = names.filter(|name| !given.contains_key(*name)).cloned().collect();
    let config = &config;
    // Nothing is written before all is known to fit.
    let mut session = Session::open(out, &material.dataset, config, worked_out, device)?;
    let sampler = Sampler::new(&supervision, session.dataset_hash, sampler_config(config))?;
    let mut state = State::start(sampler.state(1, 0));
    if let Some(checkpoint) = &session.checkpoint {
        learner.resume(checkpoint)?;
        state = checkpoint.state.clone();
    }
    let checkpoints = Checkpoints::new(session.folder.checkpoints());
    let observer = &mut session.observers;
    tell_start(&supervision, &sampler, config, &learner, &state, observer)?;
    let clips = learner.loaded(material.clips.spec());
    let mut ring = Ring::new(clips, sampler.largest_batch(), BUFFERS, device);
    let pass = Pass {
        clips: &material.clips,
        supervision: &supervision,
        sampler: &sampler,
        loader_threads: LOADER_THREADS,
        unread: unread(device),
        checkpoint_every: config.checkpoint.every_steps,
        checkpoints: &checkpoints,
    };
    let mut best_val = None;
    while state.sampler.epoch <= config.epochs {
        let trained = epoch(material, &pass, &val, &mut learner, &mut ring, &mut state, observer);
        best_val = told(trained, state.step, observer)?.or(best_val);
    }
    let measured = Splits {
        val: &val,
        best_val,
        test: test.as_ref(),
    };
    let outcome = finish(material, config, measured, &checkpoints, &state, device, observer);
    let outcome = told(outcome, state.step, observer)?;
    let measured = [(Split::Val, Some(&outcome.val)), (Split::Test, outcome.test.as_ref())];
    let measured: Vec<_> = measured
        .into_iter()
        .filter_map(|(split, found)| Some((split, found?)))
        .collect();
    write_per_class(&session.folder.per_class(), material.dataset.taxa(), &measured)?;
    Ok(outcome)
}

/// Rows in an epoch and their order.
pub(crate) fn sampler_config(config: &Config) -> SamplerConfig {
    SamplerConfig {
        seed: config.seed,
        batch: config.batch,
        clips_per_asset: config.sampling.clips_per_asset,
        max_clips_per_asset: config.sampling.max_clips_per_asset,
        class_balanced: config.sampling.class_balanced,
        rank: 0,
        ranks: 1,
    }
}

fn tell_start(
    supervision: &Supervision,
    sampler: &Sampler,
    config: &Config,
    learner: &Learner,
    state: &State,
    observer: &mut dyn Observer,
) -> Result<()> {
    observer.observe(&Event::Started {
        rows: sampler.rows_per_epoch() as u64,
        assets: supervision.report.kept.assets,
        classes: supervision.classes as u64,
        steps_per_epoch: sampler.batches_per_epoch() as u64,
        epochs: config.epochs,
        resumed_at_step: state.step,
    })?;
    if state.step > 0 {
        return Ok(());
    }
    let notes = supervision.report.notes();
    let mut notes = notes.iter().chain(learner.notes());
    notes.try_for_each(|text| observer.observe(&Event::Note { text: text.clone() }))
}

/// Trains to the end of the epoch, evaluates, and writes a checkpoint. Returns what was measured on val if it is the best so far.
fn epoch(
    material: &Material,
    pass: &Pass<'_>,
    val: &Supervision,
    learner: &mut Learner,
    ring: &mut Ring,
    state: &mut State,
    observer: &mut dyn Observer,
) -> Result<Option<Evaluation>> {
    let (epoch, done) = pass.sampler.resume(&state.sampler)?;
    let before = pass.sampler.state(epoch, done).rows_consumed;
    let begin = Instant::now();
    pass.run(learner, ring, state, observer)?;
    let (rows, step) = (pass.sampler.rows_per_epoch() as u64, state.step);
    let train_s = begin.elapsed().as_secs_f64();
    observer.observe(&Event::Timing {
        epoch,
        train_s,
        clips_per_s: (rows - before) as f64 / train_s,
    })?;
    observer.observe(&Event::Epoch {
        epoch,
        step,
        loss: state.loss_sum / rows as f64,
        rows,
    })?;
    let mut tell = |done, of| observer.observe(&scored(Split::Val, done, of));
    let val = material.evaluate(learner.model(), val, 0, &mut tell)?;
    observer.observe(&evaluated(&val, epoch, step, Split::Val))?;
    // The first of equals stays: a strict maximum, as published.
    let best = state.best.is_none_or(|best| val.map > best.val_map);
    if best {
        state.best = Some(Best {
            epoch,
            step,
            val_map: val.map,
        });
    }
    state.sampler = pass.sampler.state(epoch + 1, 0);
    state.loss_sum = 0.0;
    pass.checkpoint(epoch, learner, state, observer, best)?;
    Ok(best.then_some(val))
}

/// Tells of a divergence, if that is what `outcome` is: the log then says how the run ended.
fn told<T>(outcome: Result<T>, step: u64, observer: &mut dyn Observer) -> Result<T> {
    if let Err(error) = &outcome
        && error.is_divergence()
    {
        let reason = error.to_string();
        observer.observe(&Event::Diverged { step, reason })?;
        observer.flush()?;
    }
    outcome
}

fn scored(split: Split, clips: u64, of: u64) -> Event {
    let split = split.as_str().to_owned();
    Event::Scored { split, clips, of }
}

fn evaluated(evaluation: &Evaluation, epoch: u32, step: u64, split: Split) -> Event {
    Event::Evaluated {
        epoch,
        step,
        split: split.as_str().to_owned(),
        map: evaluation.map,
        map_occurring: evaluation.map_occurring,
        chance: evaluation.chance,
        clips: evaluation.kept,
        left_out: evaluation.left_out,
        interval: evaluation.interval,
    }
}

/// What the best epoch is measured on.
struct Splits<'a> {
    val: &'a Supervision,
    /// What was measured of it on val; there unless the run was resumed after it.
    best_val: Option<Evaluation>,
    test: Option<&'a Supervision>,
}

/// Evaluates the best epoch on test and tells the result.
fn finish(
    material: &Material,
    config: &Config,
    splits: Splits<'_>,
    checkpoints: &Checkpoints,
    state: &State,
    device: Device,
    observer: &mut dyn Observer,
) -> Result<Outcome> {
    let missing = || Error::Checkpoint {
        path: checkpoints.dir().to_path_buf(),
        reason: "the run has no best epoch; start it anew".into(),
    };
    let (Some(best), Some(dir)) = (state.best, checkpoints.pointed(Pointer::Best)?) else {
        return Err(missing());
    };
    let checkpoint = Checkpoint::open(&dir)?;
    let (model, scaling) = trained_model(config, &material.dataset, &checkpoint, device)?;
    let val = match splits.best_val {
        Some(val) => val,
        None => {
            let mut tell = |done, of| observer.observe(&scored(Split::Val, done, of));
            material.evaluate((&model, &scaling), splits.val, 0, &mut tell)?
        }
    };
    let mut tell = |done, of| observer.observe(&scored(Split::Test, done, of));
    let test = splits.test;
    let test = test.map(|test| material.evaluate((&model, &scaling), test, BOOTSTRAP_REPLICATES, &mut tell));
    let test = test.transpose()?;
    if let Some(test) = &test {
        observer.observe(&evaluated(test, best.epoch, best.step, Split::Test))?;
    }
    observer.observe(&Event::Finished {
        best_epoch: best.epoch,
        val_map: best.val_map,
        test_map: test.as_ref().map(|test| test.map),
    })?;
    observer.flush()?;
    Ok(Outcome { best, val, test })
}
