//! Measures decoding by codec and resampling by rate, in samples of one channel a second.
//!
//! A WAV is made here and the MPEG-4 files are fixtures; the recordings of `L48_DATA` are decoded too when it is set.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use frontend::audio::{Channel, Decoder, Reject, Resampler};

const MINUTE_S: u32 = 60;
/// Native rates of recorders; 22,000 Hz is a worst case, 441 samples for every 440.
const RATES_HZ: [u32; 4] = [22_000, 32_000, 44_100, 48_000];
const DATASET_RATE_HZ: u32 = 22_050;

fn noise() -> impl Iterator<Item = i16> {
    // A linear congruential generator (Numerical Recipes): noise without a dependency.
    let mut state = 1u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 18) as i16
    })
}

fn write_wav(path: &Path, rate_hz: u32) -> hound::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for sample in noise().take((rate_hz * MINUTE_S) as usize) {
        writer.write_sample(sample)?;
    }
    writer.finalize()
}

/// The longest recording of each kind of file, by extension.
fn recordings(own: &Path) -> BTreeMap<String, PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/encoded");
    let mut found = BTreeMap::from([
        ("wav, one minute at 44,100 Hz".to_owned(), own.to_path_buf()),
        ("alac.m4a".to_owned(), fixtures.join("alac.m4a")),
        ("aac.m4a".to_owned(), fixtures.join("aac.m4a")),
    ]);
    let folder = std::env::var_os("L48_DATA").map(|data| Path::new(&data).join("audio"));
    let files = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    for file in files.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let kind = file.extension().and_then(OsStr::to_str).unwrap_or_default();
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |facts| facts.len());
        if ["flac", "mp3", "ogg", "opus"].contains(&kind)
            && found.get(kind).is_none_or(|known| bytes(known) < bytes(&file))
        {
            found.insert(kind.to_owned(), file);
        }
    }
    found
}

fn decode(file: &Path, samples: &mut Vec<f32>) -> Result<u64, Reject> {
    let mut decoder = Decoder::open(file, Channel::Mean)?;
    let mut frames = 0;
    loop {
        samples.clear();
        match decoder.read(samples)? {
            0 => return Ok(frames),
            more => frames += more as u64,
        }
    }
}

fn decoding(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let own = folder.path().join("noise.wav");
    if write_wav(&own, 44_100).is_err() {
        return;
    }
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for (kind, file) in recordings(&own) {
        let mut samples = Vec::new();
        // What is refused (damaged files) is not measured.
        let Ok(frames) = decode(&file, &mut samples) else {
            continue;
        };
        group.throughput(Throughput::Elements(frames));
        group.bench_function(kind, |bencher| {
            bencher.iter(|| decode(black_box(&file), &mut samples).is_ok());
        });
    }
    group.finish();
}

fn resampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample one minute to 22,050 Hz");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for rate_hz in RATES_HZ {
        let input: Vec<f32> = noise()
            .take((rate_hz * MINUTE_S) as usize)
            .map(|sample| f32::from(sample) / 32_768.0)
            .collect();
        let mut output = Vec::new();
        let mut resample = || {
            output.clear();
            let mut resampler = Resampler::new(rate_hz, DATASET_RATE_HZ)?;
            // Pieces as a decoder hands them out.
            for piece in input.chunks(4096) {
                resampler.push(black_box(piece), &mut output)?;
            }
            resampler.finish(&mut output)
        };
        group.throughput(Throughput::Elements(input.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(rate_hz), |bencher| {
            bencher.iter(|| resample().is_ok());
        });
    }
    group.finish();
}

criterion_group!(audio, decoding, resampling);
criterion_main!(audio);
