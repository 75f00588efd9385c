//! Times mAP and its interval at the size of the official test split: 31,365 clips, 100 classes.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use loader::random::{Purpose, keyed};
use rand::RngExt;
use trainer::metric::{BOOTSTRAP_REPLICATES, evaluate, interval};

const CLIPS: usize = 31_365;
const CLASSES: usize = 100;
/// About as many as in the official recordings.
const CLIPS_PER_ASSET: usize = 12;
/// Prevalence of a class.
const PREVALENCE: f64 = 0.02;

fn benches(criterion: &mut Criterion) {
    let mut random = keyed(1, Purpose::Weights, &[]);
    let scores: Vec<f32> = (0..CLIPS * CLASSES).map(|_| random.random()).collect();
    let labels: Vec<u8> = (0..CLIPS * CLASSES)
        .map(|_| u8::from(random.random_bool(PREVALENCE)))
        .collect();
    let mask = vec![1; CLIPS * CLASSES];
    let assets: Vec<i64> = (0..CLIPS as i64).map(|clip| clip / CLIPS_PER_ASSET as i64).collect();
    let mut group = criterion.benchmark_group("31365 clips x 100 classes");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    group.bench_function("mAP", |bencher| {
        bencher.iter(|| evaluate(black_box(&scores), &labels, &mask, CLASSES).is_ok());
    });
    group.sample_size(10);
    group.bench_function("interval of 1000 replicates", |bencher| {
        bencher.iter(|| {
            interval(
                black_box(&scores),
                &labels,
                &mask,
                CLASSES,
                &assets,
                1,
                BOOTSTRAP_REPLICATES,
            )
            .is_ok()
        });
    });
    group.finish();
}

criterion_group!(map, benches);
criterion_main!(map);
