//! Compares the log-mel stage with the bare Fourier transforms that it contains.
//!
//! Both make one clip of 3 s at 22,050 Hz: 448 frames, 448 bands. The ratio of the two medians is the
//! stage's overhead; below one it costs less than calling a real-FFT library for each frame.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fourier::real_forward;
use pipeline::spectrogram::{LogMel, SpectrogramConfig};

const RATE_HZ: u32 = 22_050;
const CLIP_SAMPLES: usize = 66_150;

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
    criterion.bench_function("bare real FFTs, one clip", |bencher| {
        bencher.iter(|| {
            for _ in 0..plan.width() {
                // The transform destroys its input; its speed does not depend on the values.
                let _ = black_box(fft.process_with_scratch(black_box(&mut input), &mut output, &mut work));
            }
        });
    });
}

criterion_group!(logmel, benches);
criterion_main!(logmel);
