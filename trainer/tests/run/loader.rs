//! The loader: batches in order and whole, whoever loads them; the first error in order; every buffer comes back.

use std::path::Path;
use std::time::Duration;

use loader::{Catalogue, Clip, ClipReader};
use shardfmt::Dataset;
use tch::Device;
use trainer::batch::{Ring, stream};

use crate::dataset::{Made, write};

/// Batches are of so many rows and of one in turn, so that those of one are loaded before the one they follow.
const BATCH: usize = 20;
const DEPTH: usize = 5;
/// Height and width of a clip; large, so that threads are at work at the same time.
const SIDE: u32 = 512;
/// Threads that load, the consumer's included.
const THREADS: [usize; 3] = [1, 2, 5];

fn made(assets: u32) -> Made {
    Made {
        assets,
        size: [SIDE; 2],
        ..Made::default()
    }
}

fn open(dir: &Path) -> (ClipReader, Vec<Clip>) {
    let dataset = Dataset::open(dir).unwrap();
    let clips = Catalogue::read(&dataset).unwrap().clips().to_vec();
    (ClipReader::open(&dataset).unwrap(), clips)
}

fn ring(clips: &ClipReader) -> Ring {
    Ring::new(clips.spec(), BATCH, DEPTH, Device::Cpu)
}

/// Batch `number` of `count` rows that come last to first.
fn rows(number: u64, count: usize) -> Option<Vec<u32>> {
    let number = usize::try_from(number).unwrap();
    let (pair, single) = (number / 2 * (BATCH + 1), number % 2 == 1);
    let (first, size) = if single { (pair + BATCH, 1) } else { (pair, BATCH) };
    let backwards = (0..u32::try_from(count).unwrap()).rev();
    let rows: Vec<u32> = backwards.skip(first).take(size).collect();
    (!rows.is_empty()).then_some(rows)
}

#[test]
fn batches_come_in_order_and_whole_whoever_loads_them() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), made(21));
    let (clips, places) = open(folder.path());
    let batches = |number| rows(number, places.len());
    let expected: Vec<Vec<u32>> = (0..).map_while(batches).collect();
    assert_eq!((expected.len(), expected.concat().len()), (6, 63));
    for threads in THREADS {
        for pause in [Duration::ZERO, Duration::from_millis(2)] {
            let mut ring = ring(&clips);
            let mut found = Vec::new();
            let consume = |stream: &mut trainer::batch::Stream<'_>| {
                while let Some(mut batch) = stream.next_batch()? {
                    std::thread::sleep(pause);
                    let stored = batch
                        .rows
                        .clone()
                        .into_iter()
                        .map(|row| clips.stored(&places[row as usize]));
                    let stored: Vec<_> = stored.collect::<loader::Result<_>>()?;
                    assert!(batch.bytes() == stored.concat(), "{threads} threads");
                    assert!(batch.ref_db.iter().all(|&level| level == -20.0));
                    assert_eq!(batch.ref_db.len(), batch.rows.len());
                    found.push(batch.rows.clone());
                    stream.recycle(batch);
                }
                Ok(())
            };
            stream(&clips, &places, &batches, &mut ring, threads, consume).unwrap();
            assert_eq!(found, expected, "{threads} threads");
            assert_eq!(ring.free(), DEPTH, "{threads} threads");
        }
    }
}

#[test]
fn a_consumer_that_leaves_gets_its_result_and_leaves_every_buffer() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), made(20));
    let (clips, places) = open(folder.path());
    let batches = |number| rows(number, places.len());
    let mut ring = ring(&clips);
    for threads in THREADS {
        let second = stream(&clips, &places, &batches, &mut ring, threads, |stream| {
            for _ in 0..2 {
                let batch = stream.next_batch()?.unwrap();
                stream.recycle(batch);
            }
            // Time for every buffer to be filled with what is not wanted any more.
            std::thread::sleep(Duration::from_millis(20));
            Ok(2)
        });
        assert_eq!((second.unwrap(), ring.free()), (2, DEPTH), "{threads} threads");
    }
    // No batch at all.
    let none = stream(&clips, &places, &|_| None, &mut ring, 2, |stream| {
        Ok(stream.next_batch()?.is_none())
    });
    assert!(none.unwrap());
    assert_eq!(ring.free(), DEPTH);
}

#[test]
fn the_first_error_in_order_is_the_one_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), made(20));
    let places = open(folder.path()).1;
    // The header is a page, and records follow it. Batches 2 and 3 have a damaged row each.
    let shard = folder.path().join("shards/00000.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    let damaged = [2, 3].map(|number| *rows(number, places.len()).unwrap().last().unwrap());
    for row in damaged {
        bytes[4096 + (SIDE * SIDE * row) as usize + 7] ^= 1;
    }
    std::fs::write(&shard, bytes).unwrap();
    let batches = |number| rows(number, places.len());
    for threads in THREADS {
        // A reader anew, since what is verified once is not looked at again.
        let (clips, places) = open(folder.path());
        let mut ring = ring(&clips);
        let mut whole = 0;
        let error = stream(&clips, &places, &batches, &mut ring, threads, |stream| {
            while let Some(batch) = stream.next_batch()? {
                whole += 1;
                std::thread::sleep(Duration::from_millis(2));
                stream.recycle(batch);
            }
            Ok(())
        });
        let error = error.unwrap_err().to_string();
        assert_eq!(whole, 2, "{threads} threads");
        assert!(error.contains(&format!("row {}", damaged[0])), "{error}");
    }
}
