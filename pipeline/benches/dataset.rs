//! Measures what is done once for a dataset: its manifest read and planned, its commit, its verification.
//!
//! 400 recordings of one second at 4,000 Hz, ten clips of 16 x 16 each, in shards of 256: little audio, many files and
//! rows.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pipeline::Result;
use pipeline::ingest::{BuildOptions, CommitOptions, Existing, Part, Shards, build_part, commit, plan};
use pipeline::manifest::Manifest;
use pipeline::recording_source::RecordingSource;
use shardfmt::OutputFolder;
use shardfmt::verify::{Depth, verify};

const RECORDINGS: u64 = 400;
const CLIPS: u64 = 10 * RECORDINGS;
const RATE_HZ: u32 = 4000;
const SHARD_CLIPS: u32 = 256;
const MANIFEST: &str = "[dataset]
name = \"bench\"
[tables]
recordings = \"recordings.csv\"
taxa = \"taxa.csv\"
[audio]
sample_rate_hz = 4000
[clips]
duration_s = 0.1
hop_s = 0.1
[spectrogram]
n_fft = 128
win_length = 128
hop_length = 25
n_mels = 16
frames = 16
fmin_hz = 50.0
fmax_hz = 2000.0
";

fn write_recordings(folder: &Path) -> io::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut table = String::from("asset_id,path,split\n");
    for number in 0..RECORDINGS {
        let mut writer =
            hound::WavWriter::create(folder.join(format!("{number}.wav")), spec).map_err(io::Error::other)?;
        for sample in 0..RATE_HZ {
            let value = (sample as i16).wrapping_mul(257 + 2 * number as i16);
            writer.write_sample(value).map_err(io::Error::other)?;
        }
        writer.finalize().map_err(io::Error::other)?;
        table += &format!("{number},{number}.wav,train\n");
    }
    fs::write(folder.join("recordings.csv"), table)?;
    fs::write(folder.join("taxa.csv"), "species_code\nwoothr\n")?;
    fs::write(folder.join("manifest.toml"), MANIFEST)
}

fn source(folder: &Path) -> Result<RecordingSource> {
    Ok(RecordingSource::new(Manifest::load(&folder.join("manifest.toml"))?))
}

const OPTIONS: BuildOptions = BuildOptions {
    threads: 2,
    shard_clips: SHARD_CLIPS,
    existing: Existing::Refuse,
    max_rejects: None,
    wait: Duration::ZERO,
};

/// Builds every shard and stops before the commit.
fn build_shards(source: &RecordingSource, dir: &Path) -> Result<()> {
    let folder = OutputFolder::at(dir)?;
    plan(source, &folder, (&OPTIONS, None), &|_| {})?;
    build_part(
        source,
        &folder,
        &Shards::Part(Part { index: 0, of: 1 }),
        &OPTIONS,
        &|_| {},
    )
    .map(drop)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn benches(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let (built, out) = (folder.path().join("built"), folder.path().join("out"));
    if write_recordings(folder.path()).is_err() {
        return;
    }
    let built_all = source(folder.path()).and_then(|source| build_shards(&source, &built));
    if built_all.is_err() {
        return;
    }
    let mut group = criterion.benchmark_group("a dataset of 4,000 small clips");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(CLIPS));
    group.bench_function("manifest and plan (every header)", |bencher| {
        let planned = |_| {
            plan(
                &source(folder.path())?,
                &OutputFolder::at(&out)?,
                (&OPTIONS, None),
                &|_| {},
            )
        };
        bencher.iter_batched(|| fs::remove_dir_all(&out), planned, BatchSize::PerIteration);
    });
    group.bench_function("commit (tables, syncs)", |bencher| {
        let uncommitted = || {
            let _ = fs::remove_dir_all(&out);
            copy(&built, &out)
        };
        bencher.iter_batched(
            uncommitted,
            |_| commit(&OutputFolder::at(&out)?, CommitOptions::default(), &|_| {}),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("verify (every byte, every value)", |bencher| {
        bencher.iter(|| verify(&out, Depth::Full, &mut |_, _| {}));
    });
    group.finish();
}

criterion_group!(dataset, benches);
criterion_main!(dataset);
