//! Compares the log-mel stage with the bare Fourier transforms that it contains.
//!
//! Both make one clip of 3 s at 22,050 Hz: 448 frames, 448 bands. The ratio of the two medians is the stage's
//! overhead; below one it costs less than calling a real-FFT library for each frame. It is printed at the end, from
//! runs that take turns, so that a busy machine slows both alike.
#![allow(clippy::print_stdout, reason = "what was measured is printed")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use fourier::real_forward;
use frontend::spectrogram::{LogMel, SpectrogramConfig};

const RATE_HZ: u32 = 22_050;
const CLIP_SAMPLES: usize = 66_150;
/// The stage should take no more than this many times what its bare transforms take.
const TARGET: f64 = 1.6;
/// Runs of each of the two whose medians are compared.
const TURNS: usize = 201;

fn waveform() -> Vec<f32> {
    // A linear congruential generator (Numerical Recipes): noise without a dependency.
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    });
    noise.take(CLIP_SAMPLES).collect()
}

fn benches(criterion: &mut Criterion) {
    let waveform = waveform();
    let config = SpectrogramConfig::default();
    let Ok(plan) = LogMel::new(&config, RATE_HZ, CLIP_SAMPLES) else {
        return;
    };
    let mut scratch = plan.scratch();
    let mut out = vec![0; plan.bytes()];
    criterion.bench_function("log-mel stage, one clip", |bencher| {
        bencher.iter(|| plan.render(black_box(&waveform), &mut scratch, &mut out));
    });

    let fft = real_forward(config.n_fft);
    let (mut input, mut output, mut work) = (fft.make_input_vec(), fft.make_output_vec(), fft.make_scratch_vec());
    let mut transform = || {
        for _ in 0..plan.width() {
            // The transform destroys its input; its speed does not depend on the values.
            let _ = black_box(fft.process_with_scratch(black_box(&mut input), &mut output, &mut work));
        }
    };
    criterion.bench_function("bare real FFTs, one clip", |bencher| bencher.iter(&mut transform));

    let (mut stage, mut bare) = (Vec::with_capacity(TURNS), Vec::with_capacity(TURNS));
    for _ in 0..TURNS {
        bare.push(timed(&mut transform));
        stage.push(timed(|| plan.render(black_box(&waveform), &mut scratch, &mut out)));
    }
    let ratio = median(stage).as_secs_f64() / median(bare).as_secs_f64();
    println!("log-mel stage: {ratio:.2} x its bare FFTs (target {TARGET} x at most)");
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let begin = Instant::now();
    black_box(run());
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

criterion_group!(logmel, benches);
criterion_main!(logmel);
