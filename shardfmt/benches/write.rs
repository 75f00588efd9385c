//! Measures writing a shard of 128 clips: pushed, hashed, synced, read back and renamed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shardfmt::{ClipSpec, Dtype, Result, ShardWriter};

const ROWS: u32 = 128;
const SIDE: u32 = 448;

fn write(path: &Path, clip: &[u8], finish: bool) -> Result<()> {
    let spec = ClipSpec::new(Dtype::U8, None, SIDE, SIDE)?;
    let mut writer = ShardWriter::create(path, spec, &BTreeMap::new())?;
    for row in 0..ROWS {
        writer.push(1, row, 0.0, clip)?;
    }
    if finish {
        writer.finish()?;
    }
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("shard.safetensors");
    let clip: Vec<u8> = (0..SIDE * SIDE).map(|i| (i % 251) as u8).collect();
    let mut group = criterion.benchmark_group("write a shard of 128 clips");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("push only (hash, page cache)", |bencher| {
        bencher.iter(|| write(&path, &clip, false).is_ok());
    });
    group.bench_function("push and finish (sync, read back, rename)", |bencher| {
        bencher.iter(|| write(&path, &clip, true).is_ok());
    });
    // What the disk itself takes for the same bytes.
    group.bench_function("a plain file, written and synced", |bencher| {
        bencher.iter(|| -> std::io::Result<()> {
            let mut file = std::fs::File::create(folder.path().join("plain"))?;
            (0..ROWS).try_for_each(|_| std::io::Write::write_all(&mut file, &clip))?;
            file.sync_all()
        });
    });
    group.finish();
}

criterion_group!(shard, benches);
criterion_main!(shard);
