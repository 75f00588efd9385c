//! Provides `Flow`, which moves the clips of one shard through reading, rendering and writing on all threads at once.
//!
//! Reading an asset runs in order, so it is one task after the other; rendering is a task a batch. The calling thread hands
//! out the tasks, takes the batches back and writes them in plan order. Hashing a source is a task of its own. It is not part of the pool, so nothing waits inside
//! the pool. Where threads have nothing else to do, the assets that follow are read ahead. Memory is bounded by the number of
//! batches; those ahead leave enough of them to the first.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use rayon::{Scope, ThreadPool};

use super::batch::Batch;
use super::fingerprint::Fingerprint;
use super::plan::PlannedAsset;
use super::reader::Feeder;
use crate::error::Result;
use crate::source::ClipSource;

/// Bytes of batches for each reading task; with the decoder and tables it keeps a thread below 64 MiB.
const READER_BYTES: usize = 16 << 20;
/// Batches that reading ahead leaves to the first asset: one to read, one to render, one to write.
const RESERVED: usize = 3;

/// What the flows of all shards share.
pub(super) struct Machine<'a, S: ClipSource> {
    pub(super) source: &'a S,
    pub(super) pool: &'a ThreadPool,
    /// Shards being built now, which share the threads.
    pub(super) lanes: &'a AtomicUsize,
    /// Set when another shard failed: there is no use in going on.
    pub(super) stop: &'a AtomicBool,
}

impl<S: ClipSource> Machine<'_, S> {
    /// Tasks of this shard that may read at once.
    fn readers(&self) -> usize {
        let lanes = self.lanes.load(Ordering::Relaxed).max(1);
        self.pool.current_num_threads().div_ceil(lanes)
    }
}

/// A batch or reader that comes back from the pool.
enum Done<'a, S: ClipSource> {
    Read(u64, Feeder<'a, S>, Batch<S>),
    Rendered(u64, u64, Batch<S>),
    Hashed(usize, Fingerprint),
    Panicked(Box<dyn Any + Send>),
}

/// Consecutive assets that one task reads.
struct Stream<'a, S: ClipSource> {
    number: u64,
    /// `None` while a task reads.
    feeder: Option<Feeder<'a, S>>,
    /// The batches read and not yet written, in order; `None` while a task renders.
    batches: VecDeque<Option<Batch<S>>>,
    /// Number of the first of them in the stream.
    first_batch: u64,
}

impl<S: ClipSource> Stream<'_, S> {
    fn is_reading(&self) -> bool {
        self.feeder.as_ref().is_none_or(|feeder| !feeder.is_done())
    }
}

/// The clips of one shard in motion.
pub(super) struct Flow<'a, S: ClipSource> {
    machine: &'a Machine<'a, S>,
    assets: &'a [PlannedAsset],
    left: Range<usize>,
    streams: VecDeque<Stream<'a, S>>,
    opened: u64,
    clip_bytes: usize,
    batch_clips: usize,
    batch_bytes: usize,
    free: Vec<Batch<S>>,
    in_use: usize,
    fingerprints: BTreeMap<usize, Fingerprint>,
}

impl<'a, S: ClipSource> Flow<'a, S> {
    /// The flow of the assets numbered `left` of all planned `assets`.
    pub(super) fn new(
        machine: &'a Machine<'a, S>,
        assets: &'a [PlannedAsset],
        left: Range<usize>,
        clip_bytes: usize,
    ) -> Self {
        let (batch_clips, batch_bytes) = Batch::size(machine.source, clip_bytes);
        Flow {
            machine,
            assets,
            left,
            streams: VecDeque::new(),
            opened: 0,
            clip_bytes,
            batch_clips,
            batch_bytes,
            free: Vec::new(),
            in_use: 0,
            fingerprints: BTreeMap::new(),
        }
    }

    /// Reads and renders everything and hands it to `write` in plan order, with the fingerprints of the assets that end in a
    /// batch. `None` when stopped early.
    pub(super) fn run(
        mut self,
        mut write: impl FnMut(&mut Batch<S>, &mut BTreeMap<usize, Fingerprint>) -> Result<()>,
    ) -> Result<Option<()>> {
        let (sender, receiver) = channel();
        self.machine
            .pool
            .in_place_scope(|scope| self.steer(scope, &sender, &receiver, &mut write))
    }

    fn steer<'scope>(
        &mut self,
        scope: &Scope<'scope>,
        sender: &Sender<Done<'a, S>>,
        receiver: &Receiver<Done<'a, S>>,
        write: &mut impl FnMut(&mut Batch<S>, &mut BTreeMap<usize, Fingerprint>) -> Result<()>,
    ) -> Result<Option<()>>
    where
        'a: 'scope,
    {
        loop {
            if self.machine.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            self.read_on(scope, sender);
            if self.streams.is_empty() {
                return Ok(Some(()));
            }
            // A task always sends, and one runs as long as there is a stream: the first one is never without a batch.
            match receiver.recv() {
                Ok(Done::Read(number, feeder, batch)) => self.take_read(number, feeder, batch, scope, sender),
                Ok(Done::Rendered(stream, number, batch)) => self.take_rendered(stream, number, batch),
                Ok(Done::Hashed(asset, fingerprint)) => {
                    self.fingerprints.insert(asset, fingerprint);
                }
                Ok(Done::Panicked(panic)) => resume_unwind(panic),
                Err(_) => return Ok(None),
            }
            self.write_on(write)?;
        }
    }

    /// Starts reading wherever a reader is idle and a batch is free.
    fn read_on<'scope>(&mut self, scope: &Scope<'scope>, sender: &Sender<Done<'a, S>>)
    where
        'a: 'scope,
    {
        let readers = self.machine.readers();
        let limit = (readers.saturating_mul(READER_BYTES) / self.batch_bytes).max(RESERVED);
        while self.streams.iter().filter(|stream| stream.is_reading()).count() < readers && !self.left.is_empty() {
            self.open_stream(scope, sender);
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

    /// Opens a stream of the next assets: one, or as many small ones as fill a batch. Their files are hashed meanwhile.
    fn open_stream<'scope>(&mut self, scope: &Scope<'scope>, sender: &Sender<Done<'a, S>>)
    where
        'a: 'scope,
    {
        let first = self.left.start;
        let mut clips = 0;
        for asset in self.left.by_ref() {
            clips += self.assets.get(asset).map_or(0, |asset| asset.clips);
            if clips >= self.batch_clips as u64 {
                break;
            }
        }
        let (source, assets) = (self.machine.source, first..self.left.start);
        self.streams.push_back(Stream {
            number: self.opened,
            feeder: Some(Feeder::new(source, assets.clone())),
            batches: VecDeque::new(),
            first_batch: 0,
        });
        self.opened += 1;
        for asset in assets {
            let hashing = move || Done::Hashed(asset, Fingerprint::take(asset, &source.files(asset)));
            spawn(scope, sender, hashing);
        }
    }

    fn take_batch(&mut self) -> Batch<S> {
        self.in_use += 1;
        let new = || Batch::new(self.machine.source, self.batch_clips, self.clip_bytes);
        self.free.pop().unwrap_or_else(new)
    }

    /// A batch was read: reading goes on at once, since it is what the rest waits for; then the batch is rendered.
    fn take_read<'scope>(
        &mut self,
        number: u64,
        feeder: Feeder<'a, S>,
        mut batch: Batch<S>,
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
        self.read_on(scope, sender);
        let source = self.machine.source;
        spawn(scope, sender, move || {
            batch.render(source);
            Done::Rendered(number, batch_number, batch)
        });
    }

    fn take_rendered(&mut self, number: u64, batch_number: u64, batch: Batch<S>) {
        let stream = self.streams.iter_mut().find(|stream| stream.number == number);
        let place = stream.and_then(|stream| {
            let at = usize::try_from(batch_number.checked_sub(stream.first_batch)?).ok()?;
            stream.batches.get_mut(at)
        });
        if let Some(place) = place {
            *place = Some(batch);
        }
    }

    /// Writes all batches whose turn it is.
    fn write_on(
        &mut self,
        write: &mut impl FnMut(&mut Batch<S>, &mut BTreeMap<usize, Fingerprint>) -> Result<()>,
    ) -> Result<()> {
        while let Some(stream) = self.streams.front_mut() {
            while let Some(place) = stream.batches.front_mut() {
                let known = |batch: &Batch<S>| batch.ended().all(|asset| self.fingerprints.contains_key(&asset));
                let Some(mut batch) = place.take_if(|batch| known(batch)) else {
                    return Ok(());
                };
                stream.batches.pop_front();
                stream.first_batch += 1;
                write(&mut batch, &mut self.fingerprints)?;
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

/// Runs a task in the pool; whatever becomes of it, something is sent.
fn spawn<'scope, 'a: 'scope, S: ClipSource>(
    scope: &Scope<'scope>,
    sender: &Sender<Done<'a, S>>,
    task: impl FnOnce() -> Done<'a, S> + Send + 'scope,
) {
    let sender = sender.clone();
    scope.spawn(move |_| {
        let done = catch_unwind(AssertUnwindSafe(task)).unwrap_or_else(Done::Panicked);
        // Nobody listens any more when the build has failed.
        let _ = sender.send(done);
    });
}
