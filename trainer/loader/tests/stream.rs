//! Streaming into memory of the caller's own: batches in order and whole, and what does not fit is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use loader::{BatchMemory, Catalogue, Clip, ClipReader, Error, Gather, block_mean_spec, stream};
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
                let stored: Result<Vec<&[u8]>, Error> = batch
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
