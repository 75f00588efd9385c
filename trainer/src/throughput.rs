//! Measures how fast clips are loaded and trained on, each beside what bounds it: plain copies, a batch that stays in
//! place.

use std::time::{Duration, Instant};

use loader::{ClipReader, Sampler, Supervision};
use rayon::ThreadPool;
use rayon::prelude::*;
use tch::{Cuda, Device};

use crate::batch::{Buffer, Loaded, Ring, THREADS, TRAINING_BUFFERS, stream, unread_steps};
use crate::error::{Error, Result};
use crate::learner::{Learner, StepOutcome};

/// Rows that the copy of the loader's bound may hold.
const COPY_BYTES: usize = 1 << 30;

/// Clips a second, of two ways that were measured in turn: one value a round.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// As in a run.
    pub ours: Vec<f64>,
    /// The upper bound.
    pub bound: Vec<f64>,
}

impl Rates {
    /// Median rate of ours, of the bound, and the median of their ratios round by round.
    #[must_use]
    pub fn medians(&self) -> (f64, f64, f64) {
        let ratios = self.ours.iter().zip(&self.bound).map(|(ours, bound)| ours / bound);
        (
            median(self.ours.clone()),
            median(self.bound.clone()),
            median(ratios.collect()),
        )
    }
}

/// Clips a second of copying `clips` batch by batch, each thread a share of them into a buffer of its own.
fn copying(pool: &ThreadPool, clips: &[&[u8]], batch: usize, buffers: &mut [Buffer]) -> f64 {
    let share = clips.len().div_ceil(batch).div_ceil(buffers.len()) * batch;
    let begin = Instant::now();
    pool.install(|| {
        clips.par_chunks(share).zip(buffers).for_each(|(clips, buffer)| {
            let clip_bytes = buffer.clip_bytes();
            for batch in clips.chunks(batch) {
                for (clip, into) in batch.iter().zip(buffer.bytes_mut().chunks_exact_mut(clip_bytes)) {
                    into.copy_from_slice(clip);
                }
                std::hint::black_box(buffer.bytes_mut());
            }
        });
    });
    clips.len() as f64 / begin.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Clips a second of the loader, beside two copies that it cannot be faster than.
#[derive(Clone, Debug, Default)]
pub struct Loading {
    /// Bound: a memcpy of the same rows from one piece of memory, where they lie in the order they are asked for.
    pub from_memory: Rates,
    /// Bound: a memcpy of the same rows from where they are mapped, in the same order.
    pub from_map: Rates,
}

/// The rows to measure with, with the threads and buffers of a run.
#[derive(Debug)]
pub struct Rig<'a> {
    /// The clips.
    pub clips: &'a ClipReader,
    /// The training rows.
    pub supervision: &'a Supervision,
    /// Their order.
    pub sampler: &'a Sampler,
}

impl Rig<'_> {
    /// The loader into batch buffers in the sampler's order, beside as many threads that only copy the same rows into
    /// such buffers.
    ///
    /// # Errors
    /// Those of reading clips.
    pub fn loading(&self, rounds: u32) -> Result<Loading> {
        let clip_bytes = self.clips.spec().clip_bytes();
        let batch = self.sampler.largest_batch().max(1);
        let most = COPY_BYTES / clip_bytes / batch;
        let batches = 0..self.sampler.batches_per_epoch().min(most.max(1));
        let batches: Vec<Vec<u32>> = batches.map(|step| self.sampler.batch(1, step)).collect();
        let rows: usize = batches.iter().map(Vec::len).sum();
        let mut ring = Ring::new(self.clips.spec(), batch, TRAINING_BUFFERS, Device::Cpu);
        let mut copies = vec![0_u8; rows * clip_bytes];
        let mut load = |take: &mut dyn FnMut(&[u8])| {
            let next = |number: u64| batches.get(usize::try_from(number).ok()?).cloned();
            let places = &self.supervision.clips;
            stream(self.clips, places, &next, &mut ring, THREADS, |stream| {
                while let Some(mut batch) = stream.next_batch()? {
                    take(batch.bytes());
                    stream.recycle(batch);
                }
                Ok(())
            })
        };
        // The first pass verifies every record and fills the copy.
        let mut room = copies.chunks_exact_mut(clip_bytes);
        load(&mut |bytes| {
            for (clip, into) in bytes.chunks_exact(clip_bytes).zip(&mut room) {
                into.copy_from_slice(clip);
            }
        })?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build();
        let pool = pool.map_err(|cause| Error::setting("threads", cause.to_string()))?;
        let mut buffers = Vec::new();
        for _ in 0..THREADS {
            buffers.push(Buffer::new(self.clips.spec(), batch, Device::Cpu)?);
        }
        let in_memory: Vec<&[u8]> = copies.chunks_exact(clip_bytes).collect();
        let places = batches
            .iter()
            .flatten()
            .map(|&row| &self.supervision.clips[row as usize]);
        let mapped = places
            .map(|place| self.clips.stored(place))
            .collect::<loader::Result<Vec<_>>>()?;
        let mapped: Vec<&[u8]> = mapped.iter().map(AsRef::as_ref).collect();
        let mut rates = Loading::default();
        for _ in 0..rounds {
            let begin = Instant::now();
            load(&mut |_| ())?;
            let ours = rows as f64 / begin.elapsed().as_secs_f64();
            for (rates, clips) in [(&mut rates.from_memory, &in_memory), (&mut rates.from_map, &mapped)] {
                rates.ours.push(ours);
                rates.bound.push(copying(&pool, clips, batch, &mut buffers));
            }
        }
        Ok(rates)
    }

    /// Seconds of a step on batches from the shards: the mean of as many as `budget` allows, at least one, after one
    /// that warms up.
    ///
    /// # Errors
    /// Those of reading clips and of libtorch.
    pub fn step_s(&self, learner: &mut Learner, budget: Duration) -> Result<f64> {
        let spec = learner.loaded(self.clips.spec());
        let mut ring = Ring::new(spec, self.sampler.largest_batch(), TRAINING_BUFFERS, learner.device());
        let next = |number: u64| {
            let step = usize::try_from(number).ok()? % self.sampler.batches_per_epoch().max(1);
            Some(self.sampler.batch(1, step))
        };
        stream(
            self.clips,
            &self.supervision.clips,
            &next,
            &mut ring,
            THREADS,
            |stream| {
                let (mut warm, mut step_s) = (None, f64::NAN);
                let mut steps = 0.0;
                while let Some(batch) = stream.next_batch()? {
                    learner.step(&batch, 1)?.read()?;
                    stream.recycle(batch);
                    let Some(begin) = warm else {
                        warm = Some(Instant::now());
                        continue;
                    };
                    steps += 1.0;
                    step_s = begin.elapsed().as_secs_f64() / steps;
                    if begin.elapsed() >= budget {
                        break;
                    }
                }
                Ok(step_s)
            },
        )
    }

    /// Steps on batches from the shards, beside as many on one batch that is on the device already.
    ///
    /// # Errors
    /// Those of reading clips and of libtorch; [`Error::Setting`] if no batch is full.
    pub fn training(&self, learner: &mut Learner, steps: u32, rounds: u32) -> Result<Rates> {
        let spec = learner.loaded(self.clips.spec());
        let mut ring = Ring::new(spec, self.sampler.largest_batch(), TRAINING_BUFFERS, learner.device());
        let per_epoch = self.sampler.batches_per_epoch().max(1);
        let next = |number: u64| {
            let step = usize::try_from(number).ok().filter(|&step| step < steps as usize)?;
            let epoch = 1 + step / per_epoch;
            Some(self.sampler.batch(u32::try_from(epoch).ok()?, step % per_epoch))
        };
        let places = &self.supervision.clips;
        let mut rates = Rates::default();
        // An extra round first warms up caches, clocks and the choice of convolutions.
        for round in 0..=rounds {
            let begin = Instant::now();
            let mut rows = 0;
            stream(self.clips, places, &next, &mut ring, THREADS, |stream| {
                let mut taken: Vec<(Loaded, StepOutcome)> = Vec::new();
                while let Some(batch) = stream.next_batch()? {
                    rows += batch.rows.len();
                    let outcome = learner.step(&batch, 1)?;
                    taken.push((batch, outcome));
                    // As in a run.
                    if taken.len() < unread_steps(learner.device()) {
                        continue;
                    }
                    for (batch, outcome) in taken.drain(..) {
                        outcome.read()?;
                        stream.recycle(batch);
                    }
                }
                for (batch, outcome) in taken {
                    outcome.read()?;
                    stream.recycle(batch);
                }
                Ok(())
            })?;
            let from_shards = rows as f64 / begin.elapsed().as_secs_f64();
            let first = |number: u64| (number == 0).then(|| self.sampler.batch(1, 0));
            let resident = stream(self.clips, places, &first, &mut ring, 1, |stream| {
                let Some(batch) = stream.next_batch()? else {
                    return Err(Error::setting("batch", "there is no row to train on"));
                };
                let stored = batch.memory.upload(batch.rows.len(), learner.device())?;
                if let Device::Cuda(index) = learner.device() {
                    Cuda::synchronize(index as i64);
                }
                let begin = Instant::now();
                let mut taken: Vec<StepOutcome> = Vec::new();
                for _ in 0..steps {
                    taken.push(learner.step_on(stored.shallow_clone(), &batch, 1)?);
                    if taken.len() >= unread_steps(learner.device()) {
                        taken.drain(..).try_for_each(|outcome| outcome.read().map(drop))?;
                    }
                }
                taken.iter().try_for_each(|outcome| outcome.read().map(drop))?;
                let rate = (batch.rows.len() * steps as usize) as f64 / begin.elapsed().as_secs_f64();
                stream.recycle(batch);
                Ok(rate)
            })?;
            if round > 0 {
                rates.ours.push(from_shards);
                rates.bound.push(resident);
            }
        }
        Ok(rates)
    }
}
