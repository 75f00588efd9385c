//! Reads every clip of a dataset in random order into one batch buffer, and prints the speeds as JSON.
//!
//! `read_random DIR warm` compares the kinds of checks with copying the same rows between two buffers, one round of all
//! after the other, and prints the medians. `read_random DIR cold` reads once, unchecked: whoever calls it decides
//! whether the files are cached. `read_random DIR open` times opening and asset look-ups.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use shardfmt::{Checks, Dataset, DatasetShard, Result};

const BATCH: usize = 64;
const ROUNDS: usize = 9;
/// Pinned memory and tensors start on page boundaries; a buffer that does not makes copies from records, which do,
/// slow.
const PAGE_BYTES: usize = 4096;

/// A row of a shard.
type Place = (usize, u32);

fn open(dataset: &Dataset, checks: Checks) -> Result<Vec<DatasetShard>> {
    (0..dataset.shard_count())
        .map(|shard| dataset.open_shard(shard, checks))
        .collect()
}

/// All rows, shuffled (Fisher and Yates; the generator of Knuth's MMIX).
fn shuffled(shards: &[DatasetShard]) -> Vec<Place> {
    let rows = shards.iter().enumerate();
    let mut places: Vec<Place> = rows
        .flat_map(|(at, shard)| (0..shard.rows()).map(move |row| (at, row)))
        .collect();
    let mut state = 48_u64;
    for last in (1..places.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        places.swap(last, (state >> 33) as usize % (last + 1));
    }
    places
}

/// Memory and where in it the first page starts.
fn aligned(bytes: usize) -> (Vec<u8>, usize) {
    let memory = vec![1; bytes + PAGE_BYTES];
    let start = memory.as_ptr().align_offset(PAGE_BYTES);
    (memory, start)
}

/// Reads all places, batch by batch into the same buffer; returns clips a second.
fn pass<'d>(places: &[Place], batch: &mut [u8], clip: impl Fn(Place) -> Result<&'d [u8]>) -> Result<f64> {
    let clip_bytes = batch.len() / BATCH;
    let begin = Instant::now();
    for rows in places.chunks(BATCH) {
        for (&place, into) in rows.iter().zip(batch.chunks_exact_mut(clip_bytes)) {
            into.copy_from_slice(clip(place)?);
        }
        black_box(&mut *batch);
    }
    Ok(places.len() as f64 / begin.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn warm(dataset: &Dataset) -> Result<String> {
    let unchecked = open(dataset, Checks::Off)?;
    let always = open(dataset, Checks::Always)?;
    let places = shuffled(&unchecked);
    let clip_bytes = dataset.head().clips.clip_bytes();
    let (mut memory, start) = aligned(BATCH * clip_bytes);
    let batch = &mut memory[start..][..BATCH * clip_bytes];
    let (mut memory, start) = aligned(places.len() * clip_bytes);
    let rows = &mut memory[start..][..places.len() * clip_bytes];
    let first_rows: Vec<usize> = unchecked
        .iter()
        .scan(0, |rows, shard| {
            Some(std::mem::replace(rows, *rows + shard.rows() as usize))
        })
        .collect();
    let at = |(shard, row): Place| (first_rows[shard] + row as usize) * clip_bytes;
    for &(shard, row) in &places {
        rows[at((shard, row))..][..clip_bytes].copy_from_slice(unchecked[shard].clip(row)?);
    }
    let rows = &*rows;
    let names = [
        "memcpy",
        "off",
        "first touch, first pass",
        "first touch, later",
        "always",
    ];
    let mut speeds = vec![Vec::new(); names.len()];
    for _ in 0..ROUNDS {
        let touched = open(dataset, Checks::FirstTouch)?;
        let touch = |(shard, row): Place| touched[shard].clip(row);
        let round = [
            pass(&places, batch, |place| Ok(&rows[at(place)..][..clip_bytes]))?,
            pass(&places, batch, |(shard, row)| unchecked[shard].clip(row))?,
            pass(&places, batch, touch)?,
            pass(&places, batch, touch)?,
            pass(&places, batch, |(shard, row)| always[shard].clip(row))?,
        ];
        speeds.iter_mut().zip(round).for_each(|(all, speed)| all.push(speed));
    }
    let fields = names.iter().zip(speeds);
    let fields: Vec<String> = fields
        .map(|(name, all)| format!("\"{name}\": {:.0}", median(all)))
        .collect();
    Ok(format!("{{{}}}", fields.join(", ")))
}

fn cold(dataset: &Dataset) -> Result<String> {
    let shards = open(dataset, Checks::Off)?;
    let places = shuffled(&shards);
    let clip_bytes = dataset.head().clips.clip_bytes();
    let (mut memory, start) = aligned(BATCH * clip_bytes);
    let batch = &mut memory[start..][..BATCH * clip_bytes];
    let speed = pass(&places, batch, |(shard, row)| shards[shard].clip(row))?;
    let rate = speed * clip_bytes as f64 / 1e6;
    Ok(format!("{{\"clips_per_s\": {speed:.0}, \"mb_per_s\": {rate:.0}}}"))
}

fn opening(dir: &Path) -> Result<String> {
    let times = (0..5).map(|_| {
        let begin = Instant::now();
        let dataset = Dataset::open(dir)?;
        open(&dataset, Checks::FirstTouch)?;
        Ok(begin.elapsed().as_secs_f64())
    });
    let open_s = median(times.collect::<Result<_>>()?);
    let dataset = Dataset::open(dir)?;
    let ids: Vec<i64> = dataset.assets().iter().map(|asset| asset.asset_id).collect();
    let laps = 1_000_000_usize.div_ceil(ids.len().max(1));
    let begin = Instant::now();
    for _ in 0..laps {
        for &id in &ids {
            black_box(dataset.asset(black_box(id)));
        }
    }
    let lookup_ns = begin.elapsed().as_secs_f64() * 1e9 / (laps * ids.len().max(1)) as f64;
    Ok(format!(
        "{{\"open_s\": {open_s:.6}, \"lookup_ns\": {lookup_ns:.2}, \"assets\": {}}}",
        ids.len()
    ))
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, mode] = arguments.as_slice() else {
        return Err("usage: read_random DIR warm|cold|open".into());
    };
    let dir = Path::new(dir);
    let report = match mode.as_str() {
        "warm" => warm(&Dataset::open(dir)?)?,
        "cold" => cold(&Dataset::open(dir)?)?,
        "open" => opening(dir)?,
        _ => return Err("usage: read_random DIR warm|cold|open".into()),
    };
    println!("{report}");
    Ok(())
}
