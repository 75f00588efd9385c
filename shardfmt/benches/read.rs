//! Compares reading clips in random order into one batch buffer with copying the same rows between two buffers.
//!
//! 512 clips of 448 x 448 bytes, 64 a batch. The batch buffer starts on a page boundary, as pinned memory and tensors
//! do: records are page-aligned too, and a destination a few bytes past a page boundary halves the speed of `memcpy`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shardfmt::{Checks, ClipSpec, Dtype, MappedFile, Result, Shard, ShardWriter, map_file};

const ROWS: u32 = 512;
const CLIPS_PER_ASSET: u32 = 4;
const BATCH: usize = 64;
const SIDE: u32 = 448;
const CLIP_BYTES: usize = (SIDE * SIDE) as usize;
const PAGE_BYTES: usize = 4096;

fn write(path: &Path) -> Result<()> {
    let spec = ClipSpec::new(Dtype::U8, None, SIDE, SIDE)?;
    let mut writer = ShardWriter::create(path, spec, &BTreeMap::new())?;
    for row in 0..ROWS {
        let clip: Vec<u8> = (0..SIDE * SIDE).map(|i| (i ^ row) as u8).collect();
        writer.push((row / CLIPS_PER_ASSET).into(), row % CLIPS_PER_ASSET, 0.0, &clip)?;
    }
    writer.finish().map(drop)
}

/// Every row once, in an order that a stride prime to their number makes: no neighbours follow each other.
fn order() -> Vec<u32> {
    (0..ROWS).map(|i| (i * 197 + 31) % ROWS).collect()
}

/// A buffer and where in it the first page starts.
fn aligned(bytes: usize) -> (Vec<u8>, usize) {
    let buffer = vec![1; bytes + PAGE_BYTES];
    let start = buffer.as_ptr().align_offset(PAGE_BYTES);
    (buffer, start)
}

/// One pass over all rows, batch by batch into the same buffer.
fn pass<'d>(order: &[u32], batch: &mut [u8], mut clip: impl FnMut(u32) -> Result<&'d [u8]>) -> Result<()> {
    for rows in order.chunks(BATCH) {
        for (row, into) in rows.iter().zip(batch.chunks_exact_mut(CLIP_BYTES)) {
            into.copy_from_slice(clip(*row)?);
        }
        black_box(&mut *batch);
    }
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("shard.safetensors");
    let (Ok(()), Ok(map)) = (write(&path), map_file(&path)) else {
        return;
    };
    let open = |checks| Shard::from_named(map.as_ref(), &path, checks);
    let (Ok(unchecked), Ok(touched), Ok(always)) = (open(Checks::Off), open(Checks::FirstTouch), open(Checks::Always))
    else {
        return;
    };
    let order = order();
    let (mut batch, start) = aligned(BATCH * CLIP_BYTES);
    let batch = &mut batch[start..][..BATCH * CLIP_BYTES];
    let (mut rows, start) = aligned(ROWS as usize * CLIP_BYTES);
    let rows = &mut rows[start..][..ROWS as usize * CLIP_BYTES];
    for (row, into) in (0..).zip(rows.chunks_exact_mut(CLIP_BYTES)) {
        let Ok(clip) = touched.clip(row) else { return };
        into.copy_from_slice(clip);
    }

    let mut group = criterion.benchmark_group("read 512 clips in random order");
    group.sample_size(30).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("memcpy of the same rows", |bencher| {
        let row = |row: u32| Ok(&rows[row as usize * CLIP_BYTES..][..CLIP_BYTES]);
        bencher.iter(|| pass(&order, batch, row).is_ok());
    });
    group.bench_function("checks off", |bencher| {
        bencher.iter(|| pass(&order, batch, |row| unchecked.clip(row)).is_ok());
    });
    group.bench_function("first touch, later passes", |bencher| {
        bencher.iter(|| pass(&order, batch, |row| touched.clip(row)).is_ok());
    });
    group.bench_function("first touch, first pass", |bencher| {
        bencher.iter_custom(|times| {
            let one = |_| {
                let Ok(shard) = open(Checks::FirstTouch) else {
                    return Duration::MAX;
                };
                let begin = Instant::now();
                let read = pass(&order, batch, |row| shard.clip(row));
                if read.is_ok() { begin.elapsed() } else { Duration::MAX }
            };
            (0..times).map(one).sum()
        });
    });
    group.bench_function("always", |bencher| {
        bencher.iter(|| pass(&order, batch, |row| always.clip(row)).is_ok());
    });
    group.finish();

    let mut group = criterion.benchmark_group("shard");
    group.sample_size(30).measurement_time(Duration::from_secs(1));
    group.bench_function("open 512 clips", |bencher| {
        bencher.iter(|| Shard::<MappedFile>::open(black_box(&path), Checks::FirstTouch).is_ok());
    });
    group.bench_function("asset look-up", |bencher| {
        bencher.iter(|| touched.asset_rows(black_box(77)));
    });
    group.finish();
}

criterion_group!(reading, benches);
criterion_main!(reading);
