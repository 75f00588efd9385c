//! Streaming into memory of the caller's own: batches in order and whole, and what does not fit is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use loader::{
    BatchMemory, BatchSource, Catalogue, Clip, ClipReader, Error, Gather, Loaded, Next, OwnedStream, block_mean_spec,
    stream,
};
use shardfmt::{ClipSpec, Dataset};

/// Memory that somebody else owns: it is lent for the time of a stream.
struct Lent<'a>(&'a mut [u8]);

impl BatchMemory for Lent<'_> {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.0
    }
}

fn golden() -> (ClipReader, Vec<Clip>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shardfmt/tests/golden");
    let dataset = Dataset::open(&golden).unwrap();
    let clips = Catalogue::read(&dataset).unwrap().clips().to_vec();
    (ClipReader::open(&dataset).unwrap(), clips)
}

/// Rows last to first, two at a time.
fn backwards(number: u64, count: usize) -> Option<Vec<u32>> {
    let last = u32::try_from(count)
        .unwrap()
        .checked_sub(2 * u32::try_from(number).unwrap())?;
    (last > 0).then(|| (last.saturating_sub(2)..last).rev().collect())
}

#[test]
fn batches_fill_memory_that_is_lent() {
    let (clips, places) = golden();
    let gather = Gather::new(&clips, &places, clips.spec()).unwrap();
    let clip_bytes = gather.clip_bytes();
    assert!(places.len() > 2, "{} clips show little", places.len());
    let mut owned = vec![0; 3 * 2 * clip_bytes + 3];
    let batches = |number| backwards(number, places.len());
    let expected: Vec<Vec<u32>> = (0..).map_while(batches).collect();
    for threads in [1, 2, 4] {
        let mut found = Vec::new();
        // Memory may be larger than a batch.
        let mut free: Vec<Lent<'_>> = owned.chunks_mut(2 * clip_bytes + 1).map(Lent).collect();
        assert_eq!(free.len(), 3);
        stream(gather, &batches, &mut free, threads, |stream| {
            while let Some(mut batch) = stream.next_batch()? {
                let stored: Result<Vec<_>, Error> = batch
                    .rows
                    .iter()
                    .map(|&row| clips.stored(&places[row as usize]))
                    .collect();
                assert_eq!(stored?.concat(), batch.bytes());
                assert_eq!(batch.ref_db.len(), batch.rows.len());
                found.push(batch.rows.clone());
                stream.recycle(batch);
            }
            Ok::<_, Error>(())
        })
        .unwrap();
        assert_eq!((&found, free.len()), (&expected, 3), "{threads} threads");
    }
}

#[test]
fn a_consumer_that_leaves_leaves_all_memory() {
    let (clips, places) = golden();
    let gather = Gather::new(&clips, &places, clips.spec()).unwrap();
    let batches = |number| (number < 50).then(|| vec![0, 1]);
    let mut free = vec![vec![0; 2 * gather.clip_bytes()]; 4];
    for threads in [1, 3] {
        let left = stream(gather, &batches, &mut free, threads, |stream| {
            let batch = stream.next_batch()?.unwrap();
            stream.recycle(batch);
            // Time for all memory to be filled with what is not wanted any more.
            std::thread::sleep(std::time::Duration::from_millis(50));
            Ok::<_, Error>("left")
        });
        assert_eq!((left.unwrap(), free.len()), ("left", 4), "{threads} threads");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (clips, places) = golden();
    let gather = Gather::new(&clips, &places, clips.spec()).unwrap();
    let clip_bytes = gather.clip_bytes();
    let message = |error: Error| error.to_string();
    let run = |rows: Vec<u32>, mut free: Vec<Vec<u8>>| {
        let batches = |number| (number == 0).then(|| rows.clone());
        let result = stream(gather, &batches, &mut free, 2, |stream| {
            let batch = stream.next_batch()?;
            batch.into_iter().for_each(|batch| stream.recycle(batch));
            Ok::<_, Error>(())
        });
        result.map_err(message)
    };
    assert_eq!(run(vec![0, 1], vec![vec![0; 2 * clip_bytes]]), Ok(()));
    assert_eq!(
        run(vec![0], vec![]),
        Err("batch buffers: must be at least 1".to_owned())
    );
    let error = run(vec![0, 1], vec![vec![0; 2 * clip_bytes - 1]]).unwrap_err();
    assert_eq!(error, "batch: has 2 rows, but its memory has room for 1");
    let beyond = u32::try_from(places.len()).unwrap();
    let error = run(vec![0, beyond], vec![vec![0; 2 * clip_bytes]]).unwrap_err();
    assert_eq!(
        error,
        format!("batch: asks for row {beyond}, but there are {beyond} rows")
    );
    // A clip of another recording lies there.
    let moved = Clip {
        asset_id: -1,
        ..places[0].clone()
    };
    let error = Gather::new(&clips, &[moved], clips.spec())
        .unwrap()
        .batch(&[0], &mut vec![0; clip_bytes]);
    assert!(message(error.unwrap_err()).contains("asset_id"));
    let stored = clips.spec();
    let other = ClipSpec {
        height: stored.height + 1,
        ..stored
    };
    let error = Gather::new(&clips, &places, other)
        .map(drop)
        .map_err(message)
        .unwrap_err();
    assert!(error.starts_with("loaded: "), "{error}");
    if let Some(means) = block_mean_spec(stored, stored.height / 2, stored.width / 2) {
        assert!(Gather::new(&clips, &places, means).is_ok());
    }
}

/// Batches of the golden dataset, two rows each, that note how many threads fill at a time.
struct Source {
    clips: ClipReader,
    places: Vec<Clip>,
    count: u64,
    pause: Duration,
    filled: Arc<AtomicUsize>,
}

impl BatchSource<Vec<u8>> for Source {
    fn rows(&self, number: u64) -> Option<Vec<u32>> {
        let first = u32::try_from(number).unwrap() % (u32::try_from(self.places.len()).unwrap() - 1);
        (number < self.count).then(|| vec![first, first + 1])
    }

    fn fill(&self, rows: &[u32], memory: &mut Vec<u8>) -> loader::Result<Vec<f32>> {
        std::thread::sleep(self.pause);
        self.filled.fetch_add(1, Ordering::Relaxed);
        Gather::new(&self.clips, &self.places, self.clips.spec())?.batch(rows, memory)
    }

    fn clip_bytes(&self) -> usize {
        self.clips.spec().clip_bytes()
    }
}

fn owned(count: u64, buffers: usize, threads: usize, pause: Duration) -> (OwnedStream<Vec<u8>, Source>, Source) {
    let source = || {
        let (clips, places) = golden();
        let filled = Arc::default();
        Source {
            clips,
            places,
            count,
            pause,
            filled,
        }
    };
    let (first, kept) = (source(), source());
    let kept = Source {
        filled: Arc::clone(&first.filled),
        ..kept
    };
    let free = vec![vec![0; 2 * first.clip_bytes()]; buffers];
    (OwnedStream::new(first, free, threads).unwrap(), kept)
}

const LONG: Duration = Duration::from_secs(60);

fn next(stream: &mut OwnedStream<Vec<u8>, Source>) -> Loaded<Vec<u8>> {
    let batch = match stream.next_within(LONG).unwrap() {
        Next::Batch(batch) => Some(batch),
        Next::End | Next::NotYet => None,
    };
    batch.unwrap()
}

#[test]
fn a_stream_that_owns_its_threads_gives_batches_in_order() {
    for threads in [1, 2, 4] {
        let (mut stream, source) = owned(40, 3, threads, Duration::ZERO);
        for number in 0..40 {
            let mut batch = next(&mut stream);
            assert_eq!(batch.rows, source.rows(number).unwrap());
            let stored: Vec<_> = batch
                .rows
                .iter()
                .map(|&row| source.clips.stored(&source.places[row as usize]).unwrap())
                .collect();
            assert!(stored.concat() == batch.bytes());
            assert_eq!(stream.memory_count(), 2);
            stream.give(batch.memory);
        }
        assert!(matches!(stream.next_within(LONG).unwrap(), Next::End));
        assert_eq!(stream.end().len(), 3);
    }
}

#[test]
fn patience_ends_and_what_is_ready_is_there_at_once() {
    let (mut stream, _) = owned(9, 3, 2, Duration::from_millis(300));
    assert!(stream.ready().unwrap().is_none());
    // The consumer loads too, and is not interrupted at that.
    let begin = Instant::now();
    let first = stream.next_within(Duration::from_millis(1)).unwrap();
    assert!(matches!(first, Next::NotYet | Next::Batch(_)) && begin.elapsed() < Duration::from_secs(5));
    std::thread::sleep(Duration::from_secs(2));
    let begin = Instant::now();
    assert!(stream.ready().unwrap().is_some());
    assert!(begin.elapsed() < Duration::from_millis(100));
}

#[test]
fn a_stream_that_is_dropped_ends_its_threads_and_memory_comes_back_to_it_only_before() {
    let (mut stream, source) = owned(1000, 3, 3, Duration::from_millis(5));
    let batch = next(&mut stream);
    let returns = stream.returns();
    let memory = returns.give_below(2, batch.memory).unwrap_err();
    assert!(returns.give_below(3, memory).is_ok());
    assert_eq!(stream.memory_count(), 3);
    drop(stream);
    let filled = source.filled.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(
        source.filled.load(Ordering::Relaxed),
        filled,
        "no thread loads any more"
    );
    assert!(returns.give_below(9, Vec::new()).is_err());
}

#[test]
fn an_error_comes_in_its_turn_and_costs_no_memory() {
    let (clips, places) = golden();
    let (pause, filled) = (Duration::ZERO, Arc::default());
    let source = Source {
        clips,
        places,
        count: 3,
        pause,
        filled,
    };
    let mut stream = OwnedStream::new(source, vec![Vec::new(); 2], 2).unwrap();
    for _ in 0..3 {
        let error = stream.next_within(LONG).unwrap_err().to_string();
        assert_eq!(error, "batch: has 2 rows, but its memory has room for 0");
    }
    assert_eq!(stream.end().len(), 2);
}
