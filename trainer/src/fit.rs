//! Provides `fit`, a whole run: epochs, evaluation, the best of them, checkpoints, and the results at its end.

use std::path::Path;
use std::time::Instant;

use loader::Supervision;
use shardfmt::Split;
use tch::Device;

use crate::batch::{Ring, TRAINING_BUFFERS, unread_steps};
use crate::checkpoint::{Best, Checkpoint, Pointer};
use crate::config::Config;
use crate::epoch::Pass;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::learner::{Subject, trained_model};
use crate::material::Material;
use crate::measured::Measured;
use crate::metric::{BOOTSTRAP_REPLICATES, Evaluation};
use crate::prior_logits::PriorLogitsConfig;
use crate::run::{Existing, Run};
use crate::run_folder::write_per_class;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The best epoch on val.
    pub best: Best,
    /// Val at that epoch.
    pub val: Evaluation,
    /// Test at that epoch; `None` if the settings say not to measure it.
    pub test: Option<Evaluation>,
}

/// Trains on `material` as `config` says, in the folder `out` and from the last checkpoint there, and measures the best
/// epoch.
///
/// # Errors
/// Settings that do not fit, damaged files; those of a run that diverges ([`Error::is_divergence`]), which its log
/// records too. The last checkpoint stays whole.
pub fn fit(material: &Material, config: &Config, out: &Path, device: Device, existing: Existing) -> Result<RunOutcome> {
    let mut run = Run::open(out, material, config, device, existing)?;
    run.announce()?;
    let clips = run.learner.loaded(material.clips.spec());
    let mut ring = Ring::new(clips, run.sampler.largest_batch(), TRAINING_BUFFERS, device);
    let mut best_val = None;
    while run.state.sampler.epoch <= run.config.epochs {
        let trained = run.train_epoch(&mut ring);
        best_val = run.log_divergence(trained)?.or(best_val);
    }
    let finished = run.finish(best_val);
    run.log_divergence(finished)
}

impl Run<'_> {
    fn announce(&mut self) -> Result<()> {
        let report = &self.rows.training.report;
        self.observers.observe(&Event::Started {
            rows: self.sampler.rows_per_epoch() as u64,
            assets: report.kept.assets,
            classes: self.rows.training.classes() as u64,
            steps_per_epoch: self.sampler.batches_per_epoch() as u64,
            epochs: self.config.epochs,
            resumed_at_step: self.state.step,
        })?;
        if self.state.step > 0 {
            return Ok(());
        }
        let notes = report.notes();
        let prior = self.prior.as_ref().map(ToString::to_string);
        let mut notes = notes.iter().chain(self.learner.notes()).chain(&prior);
        notes.try_for_each(|text| self.observers.observe(&Event::Note { text: text.clone() }))
    }

    /// Trains to the end of the epoch, evaluates, and writes a checkpoint. Returns the evaluation on val if it is the
    /// best so far.
    fn train_epoch(&mut self, ring: &mut Ring) -> Result<Option<Evaluation>> {
        let pass = Pass {
            clips: &self.material.clips,
            supervision: &self.rows.training,
            sampler: &self.sampler,
            unread: unread_steps(self.device),
            checkpoint_every: self.config.checkpoint.every_steps,
            checkpoints: &self.checkpoints,
        };
        let (learner, state, observer) = (&mut self.learner, &mut self.state, &mut self.observers);
        let (epoch, done) = self.sampler.resume(&state.sampler)?;
        let before = self.sampler.state(epoch, done).rows_consumed;
        let begin = Instant::now();
        pass.run(learner, ring, state, observer)?;
        let (rows, step) = (self.sampler.rows_per_epoch() as u64, state.step);
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
        let mut tell = |clips, of| {
            observer.observe(&Event::Scored {
                split: Split::Val,
                clips,
                of,
            })
        };
        let prior = self.config.prior_logits.filter(PriorLogitsConfig::in_scores);
        let offsets = prior.and(self.prior);
        let val = Measured {
            rows: &self.rows.val,
            eval: &self.config.eval,
            scratch: self.claim.folder().dir(),
        };
        let (val, added) = self.material.evaluate_val(learner.model(), &val, offsets, &mut tell)?;
        state.prior_logits = added;
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
        state.sampler = self.sampler.state(epoch + 1, 0);
        state.loss_sum = 0.0;
        pass.checkpoint(epoch, learner, state, observer, best)?;
        Ok(best.then_some(val))
    }

    /// Records a divergence in the log, if that is what `outcome` is.
    fn log_divergence<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome
            && error.is_divergence()
        {
            let (step, reason) = (self.state.step, error.to_string());
            self.observers.observe(&Event::Diverged { step, reason })?;
            self.observers.flush()?;
        }
        outcome
    }

    /// Evaluates the best epoch on test, and on val unless this process has, and writes the results.
    fn finish(&mut self, best_val: Option<Evaluation>) -> Result<RunOutcome> {
        let (Some(best), Some(dir)) = (self.state.best, self.checkpoints.pointed(Pointer::Best)?) else {
            return Err(Error::Checkpoint {
                path: self.checkpoints.dir().to_path_buf(),
                reason: "the run has no best epoch; start a new run".into(),
            });
        };
        let checkpoint = Checkpoint::open(&dir)?;
        let subject = Subject::of(&self.material.dataset);
        let (model, scaling) = trained_model(&self.config, &subject, &checkpoint, self.device)?;
        let (material, observer, eval) = (self.material, &mut self.observers, &self.config.eval);
        let (prior, scratch) = (checkpoint.state.prior_logits.as_ref(), self.claim.folder().dir());
        let mut measure = |rows: &Supervision, split, replicates| {
            let mut tell = |clips, of| observer.observe(&Event::Scored { split, clips, of });
            let split = Measured { rows, eval, scratch };
            material.evaluate((&model, &scaling), &split, prior, replicates, &mut tell)
        };
        let val = match best_val {
            Some(val) => val,
            None => measure(&self.rows.val, Split::Val, 0)?,
        };
        let test = self.rows.test.as_ref();
        let test = test
            .map(|test| measure(test, Split::Test, BOOTSTRAP_REPLICATES))
            .transpose()?;
        if let Some(test) = &test {
            self.observers
                .observe(&evaluated(test, best.epoch, best.step, Split::Test))?;
        }
        if let Some(quality) = self.learner.table_quality(&self.rows.training.labels)? {
            self.observers.observe(&Event::AssetTable(quality))?;
        }
        self.observers.observe(&Event::Finished {
            best_epoch: best.epoch,
            val_map: best.val_map,
            test_map: test.as_ref().map(|test| test.map),
        })?;
        self.observers.flush()?;
        let test_row = test.as_ref().map(|test| (Split::Test, test));
        let rows: Vec<_> = [(Split::Val, &val)].into_iter().chain(test_row).collect();
        write_per_class(&self.claim.folder().per_class(), self.material.dataset.taxa(), &rows)?;
        Ok(RunOutcome { best, val, test })
    }
}

fn evaluated(evaluation: &Evaluation, epoch: u32, step: u64, split: Split) -> Event {
    Event::Evaluated {
        epoch,
        step,
        split,
        map: evaluation.map,
        map_occurring: evaluation.map_occurring,
        chance: evaluation.chance,
        clips: evaluation.kept,
        left_out: evaluation.left_out,
        interval: evaluation.interval,
    }
}
