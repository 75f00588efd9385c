//! Provides `run`, which moves the clips of many assets through reading, rendering and delivery: on all
//! threads at once, and in order.
//!
//! Tasks of two kinds run on the threads. An asset is read in order, and hashed meanwhile, so its reading is one task
//! after the other; rendering is a task a batch. The calling thread is not one of these
//! threads, so that nothing waits on them: it hands out the tasks, takes back what they made, and delivers it in the
//! order of the assets. Where threads have nothing else to do, the assets that follow are read ahead. Memory is
//! bounded by the number of batches; reading ahead leaves enough of them to the first asset.
//!
//! `Flow` is what the calling thread knows. It holds `Stream`s, consecutive assets that one task reads at a time;
//! each has a `Feeder`, which knows the asset that is open, and the `ClipBatch`es that it has filled. `Done` is what a
//! task sends back.

mod batch;
mod delivery;
mod feeder;
mod workers;

use std::any::Any;
use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use rayon::Scope;

use crate::source::ClipSource;
use batch::{ClipBatch, Scratches};
pub use delivery::{AssetEnd, Delivery, StoredClip, WholeAsset};
use feeder::Feeder;
pub use workers::Workers;

/// Bytes of batches for each reading task; with the decoder and tables it keeps a thread below 64 MiB.
const READER_BYTES: usize = 16 << 20;
/// Batches that reading ahead leaves to the first asset: one to read, one to render, one to deliver.
const RESERVED: usize = 3;

/// Reads and renders the `assets` of `source` and delivers all of it in order; `false` when the workers were stopped
/// before.
///
/// `expected_clips` says how many clips an asset will probably have, so that small assets share a batch.
///
/// # Errors
/// The first error of `deliver`; nothing is delivered after it.
pub fn run<S: ClipSource, E>(
    workers: &Workers,
    source: &S,
    assets: Range<usize>,
    expected_clips: impl Fn(usize) -> u64,
    mut deliver: impl FnMut(Delivery<'_, S::Facts>) -> Result<(), E>,
) -> Result<bool, E> {
    let (batch_clips, batch_bytes) = ClipBatch::size(source);
    let scratches = Scratches::<S>::default();
    let mut flow = Flow {
        workers,
        source,
        scratches: &scratches,
        left: assets,
        expected_clips: &expected_clips,
        streams: VecDeque::new(),
        opened: 0,
        batch_clips,
        batch_bytes,
        free: Vec::new(),
        in_use: 0,
    };
    let (sender, receiver) = channel();
    workers
        .pool()
        .in_place_scope(|scope| flow.steer(scope, &sender, &receiver, &mut deliver))
}

/// A batch or reader that comes back from a thread.
enum Done<'a, S: ClipSource> {
    Read(u64, Feeder<'a, S>, ClipBatch<S>),
    Rendered(u64, u64, ClipBatch<S>),
    Panicked(Box<dyn Any + Send>),
}

/// Consecutive assets that one task reads.
struct Stream<'a, S: ClipSource> {
    number: u64,
    /// `None` while a task reads.
    feeder: Option<Feeder<'a, S>>,
    /// The batches read and not yet delivered, in order; `None` while a task renders.
    batches: VecDeque<Option<ClipBatch<S>>>,
    /// Number of the first of them in the stream.
    first_batch: u64,
}

impl<S: ClipSource> Stream<'_, S> {
    fn is_reading(&self) -> bool {
        self.feeder.as_ref().is_none_or(|feeder| !feeder.is_done())
    }
}

/// The clips in motion, as the calling thread sees them.
struct Flow<'a, S: ClipSource> {
    workers: &'a Workers,
    source: &'a S,
    scratches: &'a Scratches<S>,
    left: Range<usize>,
    expected_clips: &'a dyn Fn(usize) -> u64,
    streams: VecDeque<Stream<'a, S>>,
    opened: u64,
    batch_clips: usize,
    batch_bytes: usize,
    free: Vec<ClipBatch<S>>,
    /// Batches that are not free.
    in_use: usize,
}

impl<'a, S: ClipSource> Flow<'a, S> {
    fn steer<'scope, E>(
        &mut self,
        scope: &Scope<'scope>,
        sender: &Sender<Done<'a, S>>,
        receiver: &Receiver<Done<'a, S>>,
        deliver: &mut impl FnMut(Delivery<'_, S::Facts>) -> Result<(), E>,
    ) -> Result<bool, E>
    where
        'a: 'scope,
    {
        loop {
            if self.workers.is_stopped() {
                return Ok(false);
            }
            self.start_reading(scope, sender);
            if self.streams.is_empty() {
                return Ok(true);
            }
            // A task always sends, and one runs as long as there is a stream: the first one is never without a batch.
            match receiver.recv() {
                Ok(Done::Read(number, feeder, batch)) => self.accept_read(number, feeder, batch, scope, sender),
                Ok(Done::Rendered(stream, number, batch)) => self.accept_rendered(stream, number, batch),
                Ok(Done::Panicked(panic)) => resume_unwind(panic),
                Err(_) => return Ok(false),
            }
            self.deliver_ready(deliver)?;
        }
    }

    /// Starts reading wherever a reader is idle and a batch is free.
    fn start_reading<'scope>(&mut self, scope: &Scope<'scope>, sender: &Sender<Done<'a, S>>)
    where
        'a: 'scope,
    {
        let readers = self.workers.readers();
        let limit = (readers.saturating_mul(READER_BYTES) / self.batch_bytes).max(RESERVED);
        while self.streams.iter().filter(|stream| stream.is_reading()).count() < readers && !self.left.is_empty() {
            self.open_stream();
        }
        let mut ahead = false;
        for at in 0..self.streams.len() {
            if !self.streams.get(at).is_some_and(Stream::is_reading) {
                continue;
            }
            let allowed = if ahead { limit - RESERVED } else { limit };
            ahead = true;
            if self.in_use >= allowed {
                continue;
            }
            let Some(stream) = self.streams.get_mut(at) else {
                continue;
            };
            let Some(mut feeder) = stream.feeder.take() else {
                continue;
            };
            let number = stream.number;
            let mut batch = self.take_batch();
            spawn(scope, sender, move || {
                feeder.fill(&mut batch);
                Done::Read(number, feeder, batch)
            });
        }
    }

    /// Opens a stream of the next assets: one, or as many small ones as fill a batch.
    fn open_stream(&mut self) {
        let first = self.left.start;
        let mut clips = 0;
        for asset in self.left.by_ref() {
            clips += (self.expected_clips)(asset);
            if clips >= self.batch_clips as u64 {
                break;
            }
        }
        self.streams.push_back(Stream {
            number: self.opened,
            feeder: Some(Feeder::new(self.source, first..self.left.start)),
            batches: VecDeque::new(),
            first_batch: 0,
        });
        self.opened += 1;
    }

    fn take_batch(&mut self) -> ClipBatch<S> {
        self.in_use += 1;
        let new = || ClipBatch::new(self.source, self.batch_clips);
        self.free.pop().unwrap_or_else(new)
    }

    /// A batch was read: reading goes on at once, since it is what the rest waits for; then the batch is rendered.
    fn accept_read<'scope>(
        &mut self,
        number: u64,
        feeder: Feeder<'a, S>,
        mut batch: ClipBatch<S>,
        scope: &Scope<'scope>,
        sender: &Sender<Done<'a, S>>,
    ) where
        'a: 'scope,
    {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.number == number) else {
            return;
        };
        stream.feeder = Some(feeder);
        let batch_number = stream.first_batch + stream.batches.len() as u64;
        let rendered = !batch.has_clips();
        let at = stream.batches.len();
        stream.batches.push_back(None);
        if rendered {
            if let Some(place) = stream.batches.get_mut(at) {
                *place = Some(batch);
            }
            return;
        }
        self.start_reading(scope, sender);
        let (source, scratches) = (self.source, self.scratches);
        spawn(scope, sender, move || {
            batch.render(source, scratches);
            Done::Rendered(number, batch_number, batch)
        });
    }

    fn accept_rendered(&mut self, number: u64, batch_number: u64, batch: ClipBatch<S>) {
        let stream = self.streams.iter_mut().find(|stream| stream.number == number);
        let place = stream.and_then(|stream| {
            let at = usize::try_from(batch_number.checked_sub(stream.first_batch)?).ok()?;
            stream.batches.get_mut(at)
        });
        if let Some(place) = place {
            *place = Some(batch);
        }
    }

    /// Delivers all batches whose turn it is.
    fn deliver_ready<E>(&mut self, deliver: &mut impl FnMut(Delivery<'_, S::Facts>) -> Result<(), E>) -> Result<(), E> {
        while let Some(stream) = self.streams.front_mut() {
            while let Some(place) = stream.batches.front_mut() {
                let Some(mut batch) = place.take() else {
                    return Ok(());
                };
                stream.batches.pop_front();
                stream.first_batch += 1;
                deliver_batch(&mut batch, deliver)?;
                self.in_use -= 1;
                self.free.push(batch);
            }
            if stream.is_reading() {
                return Ok(());
            }
            self.streams.pop_front();
        }
        Ok(())
    }
}

/// Delivers the clips of a batch and the ends of assets among them, and empties it.
fn deliver_batch<S: ClipSource, E>(
    batch: &mut ClipBatch<S>,
    deliver: &mut impl FnMut(Delivery<'_, S::Facts>) -> Result<(), E>,
) -> Result<(), E> {
    let (slots, mut ends) = batch.take();
    for at in 0..=slots.len() {
        while let Some((_, end)) = ends.pop_front_if(|(end, _)| *end == at) {
            deliver(Delivery::End(end))?;
        }
        if let Some(slot) = slots.get_mut(at)
            && let Some(rendered) = slot.rendered.take()
        {
            deliver(Delivery::Clip(StoredClip {
                asset: slot.asset,
                bytes: &slot.stored,
                xxh3: slot.xxh3,
                rendered,
            }))?;
        }
    }
    Ok(())
}

/// Runs a task on one of the threads; whatever becomes of it, something is sent.
fn spawn<'scope, 'a: 'scope, S: ClipSource>(
    scope: &Scope<'scope>,
    sender: &Sender<Done<'a, S>>,
    task: impl FnOnce() -> Done<'a, S> + Send + 'scope,
) {
    let sender = sender.clone();
    scope.spawn(move |_| {
        let done = catch_unwind(AssertUnwindSafe(task)).unwrap_or_else(Done::Panicked);
        // Nobody listens any more when the flow has failed.
        let _ = sender.send(done);
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests;
