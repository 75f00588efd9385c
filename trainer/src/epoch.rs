//! Defines one pass over the training rows: batches in, steps taken, events and checkpoints out.

use std::collections::VecDeque;

use crate::checkpoint::{Checkpoints, State};
use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use crate::learner::{Learner, Outcome};
use crate::loader::{ClipReader, Loaded, Ring, Stream, stream};
use crate::sampler::Sampler;
use crate::supervision::Supervision;

/// Steps whose outcome is not read yet. Reading one waits for the device, so on a GPU the next is queued before.
const STEPS_AHEAD: usize = 1;

/// What an epoch works on; all but the learner stays as it is.
pub(crate) struct Pass<'a> {
    pub(crate) clips: &'a ClipReader,
    pub(crate) supervision: &'a Supervision,
    pub(crate) sampler: &'a Sampler,
    pub(crate) loader_threads: usize,
    pub(crate) checkpoint_every: Option<u64>,
    pub(crate) checkpoints: &'a Checkpoints,
}

impl Pass<'_> {
    /// Trains from where `state` stands to the end of its epoch.
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
        let (epoch, mut done) = self.sampler.resume(&state.sampler)?;
        let first = done;
        let batches = |number: u64| {
            let rows = self.sampler.batch(epoch, first + usize::try_from(number).ok()?);
            (!rows.is_empty()).then_some(rows)
        };
        let places = &self.supervision.clips;
        stream(self.clips, places, &batches, ring, self.loader_threads, |stream| {
            let mut ahead: VecDeque<(Loaded, Outcome)> = VecDeque::with_capacity(STEPS_AHEAD + 1);
            while let Some(batch) = stream.next_batch()? {
                let outcome = learner.step(&batch, epoch)?;
                ahead.push_back((batch, outcome));
                let taken = state.step + ahead.len() as u64;
                let due = self.checkpoint_every.is_some_and(|every| taken.is_multiple_of(every));
                // A checkpoint needs every step read; the last of an epoch waits for the evaluation.
                let behind = if due { 0 } else { STEPS_AHEAD };
                done += self.settle(behind, &mut ahead, stream, learner, state, observer)?;
                if due && done < self.sampler.batches_per_epoch() {
                    state.sampler = self.sampler.state(epoch, done);
                    self.checkpoint(epoch, learner, state, observer, false)?;
                }
            }
            self.settle(0, &mut ahead, stream, learner, state, observer)?;
            Ok(())
        })
    }

    /// Reads outcomes until at most `behind` are left, and returns how many were read.
    fn settle(
        &self,
        behind: usize,
        ahead: &mut VecDeque<(Loaded, Outcome)>,
        stream: &Stream<'_>,
        learner: &Learner,
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<usize> {
        let before = ahead.len();
        while ahead.len() > behind {
            let Some((batch, outcome)) = ahead.pop_front() else {
                break;
            };
            let (loss, asset_reg) = outcome.read()?;
            state.step += 1;
            state.loss_sum += loss * batch.rows.len() as f64;
            let (epoch, step) = (state.sampler.epoch, state.step);
            if !loss.is_finite() {
                let assets = batch
                    .rows
                    .iter()
                    .map(|&row| self.supervision.clips[row as usize].asset_id);
                return Err(Error::NotFinite {
                    step,
                    epoch,
                    loss,
                    assets: assets.collect(),
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
        }
        Ok(before - ahead.len())
    }

    /// Tells of a checkpoint and writes it. What observers have noted is made durable before, so that a resumed run finds
    /// everything up to the checkpoint, and cuts off what came after.
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
