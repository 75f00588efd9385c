//! Defines one pass over the training rows: batches in, steps taken, events and checkpoints out.

use loader::{ClipReader, Sampler, Supervision};
use shardfmt::fail_point;

use crate::batch::{Loaded, Ring, Stream, THREADS, stream};
use crate::checkpoint::{Checkpoints, State};
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::learner::{Learner, StepOutcome};

/// The fixed inputs of an epoch.
pub(crate) struct Pass<'a> {
    pub(crate) clips: &'a ClipReader,
    pub(crate) supervision: &'a Supervision,
    pub(crate) sampler: &'a Sampler,
    /// Steps taken before their outcomes are read.
    pub(crate) unread: usize,
    pub(crate) checkpoint_every: Option<u64>,
    pub(crate) checkpoints: &'a Checkpoints,
}

impl Pass<'_> {
    /// Trains from the place in `state` to the end of its epoch.
    ///
    /// # Errors
    /// Those of reading clips and of libtorch; [`Error::NotFinite`] with the state saved.
    pub(crate) fn run(
        &self,
        learner: &mut Learner,
        ring: &mut Ring,
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let (epoch, first) = self.sampler.resume(&state.sampler)?;
        let mut done = first;
        let batches = |number: u64| {
            let step = first + usize::try_from(number).ok()?;
            self.clips.expect(self.sampler, &self.supervision.clips, (epoch, step));
            let rows = self.sampler.batch(epoch, step);
            (!rows.is_empty()).then_some(rows)
        };
        let places = &self.supervision.clips;
        stream(self.clips, places, &batches, ring, THREADS, |stream| {
            let mut taken: Vec<(Loaded, StepOutcome)> = Vec::with_capacity(self.unread);
            while let Some(batch) = stream.next_batch()? {
                let outcome = learner.step(&batch, epoch)?;
                taken.push((batch, outcome));
                let step = state.step + taken.len() as u64;
                let due = self.checkpoint_every.is_some_and(|every| step.is_multiple_of(every));
                // A checkpoint needs every step read; the last of an epoch waits for the evaluation.
                if due || taken.len() >= self.unread {
                    self.read_outcomes(&mut taken, &mut done, stream, learner, state, observer)?;
                }
                if due && done < self.sampler.batches_per_epoch() {
                    state.sampler = self.sampler.state(epoch, done);
                    self.checkpoint(epoch, learner, state, observer, false)?;
                }
            }
            self.read_outcomes(&mut taken, &mut done, stream, learner, state, observer)
        })
    }

    /// Reads the outcomes of the steps taken, and counts them in `done`.
    fn read_outcomes(
        &self,
        taken: &mut Vec<(Loaded, StepOutcome)>,
        done: &mut usize,
        stream: &Stream<'_>,
        learner: &Learner,
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let mut unread = taken.len();
        for (batch, outcome) in taken.drain(..) {
            let (loss, asset_reg) = outcome.read()?;
            unread -= 1;
            *done += 1;
            state.step += 1;
            state.loss_sum += loss * batch.rows.len() as f64;
            let (epoch, step) = (state.sampler.epoch, state.step);
            if !loss.is_finite() {
                let assets = batch
                    .rows
                    .iter()
                    .map(|&row| self.supervision.clips[row as usize].asset_id);
                // The place of the failing step, wherever the last checkpoint was.
                state.sampler = self.sampler.state(epoch, *done);
                return Err(Error::NotFinite {
                    step,
                    epoch,
                    loss,
                    assets: assets.collect(),
                    ahead: unread,
                    saved: self.checkpoints.write_failed(state, &learner.parts()?)?,
                });
            }
            observer.observe(&Event::Step {
                epoch,
                step,
                loss,
                asset_reg,
            })?;
            stream.recycle(batch);
            fail_point::reach("step");
        }
        Ok(())
    }

    /// Announces a checkpoint and writes it. Logs are made durable first, so that a resumed run finds everything up to
    /// the checkpoint and cuts off the rest.
    pub(crate) fn checkpoint(
        &self,
        epoch: u32,
        learner: &Learner,
        state: &State,
        observer: &mut dyn Observer,
        best: bool,
    ) -> Result<()> {
        observer.observe(&Event::Checkpoint {
            epoch,
            step: state.step,
            best,
        })?;
        observer.flush()?;
        self.checkpoints.write(state, &learner.parts()?, best)
    }
}
