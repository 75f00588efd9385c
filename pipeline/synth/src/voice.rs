//! Provides the sound of a song: notes to samples.

use rand_chacha::ChaCha8Rng;

use super::noise::white;
use super::oscillator::sin_turns;
use super::seeding::{Draw, keyed};
use super::song::{Note, Song};

/// Adds `song` to `samples` (mono, from the start of the recording), at unit level per partial.
///
/// What lies beyond the end of `samples` is cut.
pub fn add_song(song: &Song, rate_hz: u32, samples: &mut [f32]) {
    let mut rng = keyed(song.voice_seed, Draw::Voice, 0);
    for note in &song.notes {
        add_note(note, rate_hz, samples, &mut rng);
    }
}

fn add_note(note: &Note, rate_hz: u32, samples: &mut [f32], rng: &mut ChaCha8Rng) {
    let rate = f64::from(rate_hz);
    let syllable = &note.syllable;
    let first = (note.start_s * rate).ceil().max(0.0) as usize;
    let end = ((note.end_s() * rate).ceil().max(0.0) as usize).min(samples.len());
    let Some(samples) = samples.get_mut(first..end) else {
        return;
    };
    let partials: Vec<(f64, f64)> = syllable
        .partials
        .iter()
        .enumerate()
        .filter(|&(index, _)| syllable.sounds(index))
        .map(|(index, &amplitude)| ((index + 1) as f64, amplitude))
        .collect();
    let mut roughness = Roughness::new(syllable.roughness_hz, rate);
    let edge_s = syllable.edge_s();
    let mut phase = 0.0_f64;
    for (index, sample) in samples.iter_mut().enumerate() {
        let elapsed_s = (first + index) as f64 / rate - note.start_s;
        let position = elapsed_s / syllable.duration_s;
        let vibrato = syllable.vibrato.depth * sin_turns(syllable.vibrato.rate_hz * elapsed_s);
        phase += (syllable.fundamental_hz(position) + vibrato) / rate;
        phase -= phase as i64 as f64;

        // Quadrature noise turns each pure partial into a band around it.
        let (in_phase, quadrature) = roughness.step(rng);
        let mut value = 0.0;
        for &(multiple, amplitude) in &partials {
            let turns = multiple * phase;
            value += amplitude * in_phase * sin_turns(turns);
            if quadrature != 0.0 {
                value += amplitude * quadrature * sin_turns(turns + 0.25);
            }
        }

        let remaining_s = syllable.duration_s - elapsed_s;
        let edge = rise(elapsed_s / edge_s) * rise(remaining_s / edge_s);
        let swell = 1.0 - 0.3 * (2.0 * position - 1.0).powi(2);
        let beat = 0.5 - 0.5 * sin_turns(syllable.tremolo.rate_hz * elapsed_s + 0.25);
        let tremolo = 1.0 - syllable.tremolo.depth * (1.0 - beat);
        let tremolo = if syllable.tremolo.rate_hz > 0.0 { tremolo } else { 1.0 };
        *sample += (syllable.level * edge * swell * tremolo * value) as f32;
    }
}

/// Raised cosine from 0 at 0 to 1 at 1, constant outside.
fn rise(position: f64) -> f64 {
    0.5 - 0.5 * sin_turns(0.5 * position.clamp(0.0, 1.0) + 0.25)
}

/// Two independent low-pass noises of unit power together, or the constant (1, 0).
struct Roughness {
    /// One-pole coefficient; `None` for a pure tone.
    pole: Option<f64>,
    gain: f64,
    state: [[f64; 2]; 2],
}

impl Roughness {
    fn new(bandwidth_hz: f64, rate: f64) -> Self {
        // Two equal one-pole sections of corner c are 3 dB down at 0.644 c, so a band of width w
        // around each partial needs c = w / (2 * 0.644).
        let step = (std::f64::consts::TAU * bandwidth_hz / (2.0 * 0.644) / rate).min(1.0);
        let pole = (bandwidth_hz > 0.0).then_some(1.0 - step);
        // Power of white noise through (1-p)^2 / (1 - p z^-1)^2 is (1-p)(1+p^2)/(1+p)^3.
        let power = pole.map_or(1.0, |p| (1.0 - p) * (1.0 + p * p) / (1.0 + p).powi(3));
        Self {
            pole,
            gain: (0.5 / power).sqrt(),
            state: [[0.0; 2]; 2],
        }
    }

    fn step(&mut self, rng: &mut ChaCha8Rng) -> (f64, f64) {
        let Some(pole) = self.pole else {
            return (1.0, 0.0);
        };
        let mut output = [0.0; 2];
        for (state, output) in self.state.iter_mut().zip(&mut output) {
            state[0] = pole * state[0] + (1.0 - pole) * white(rng);
            state[1] = pole * state[1] + (1.0 - pole) * state[0];
            *output = self.gain * state[1];
        }
        (output[0], output[1])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fourier::real_forward;

    use super::add_song;
    use crate::seeding::{Draw, keyed};
    use crate::species::{demo_species, unknown_birds};

    /// Energy of `samples` inside and outside `band` hertz.
    fn energies(samples: &[f32], rate_hz: u32, band: (f64, f64)) -> (f64, f64) {
        let fft = real_forward(samples.len());
        let mut spectrum = fft.make_output_vec();
        fft.process(&mut samples.to_vec(), &mut spectrum).unwrap();
        let bin_hz = f64::from(rate_hz) / samples.len() as f64;
        spectrum
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |(inside, outside), (bin, value)| {
                let power = f64::from(value.norm_sqr());
                let hz = bin as f64 * bin_hz;
                if hz >= band.0 && hz <= band.1 {
                    (inside + power, outside)
                } else {
                    (inside, outside + power)
                }
            })
    }

    #[test]
    fn each_song_fills_its_box_and_nothing_else() {
        let models = demo_species().into_iter().map(|species| species.song);
        for (index, model) in models.chain(unknown_birds()).enumerate() {
            for (rate_hz, item) in [(22_050, 0), (48_000, 1)] {
                let mut rng = keyed(11, Draw::Songs, item);
                let bird = model.individual(&mut rng);
                let song = model.sing(&bird, 0.5, &mut rng).unwrap();
                let mut samples = vec![0.0; 8 * rate_hz as usize];
                add_song(&song, rate_hz, &mut samples);

                let first = samples.iter().position(|&sample| sample != 0.0).unwrap();
                let last = samples.iter().rposition(|&sample| sample != 0.0).unwrap();
                assert!(first as f64 / f64::from(rate_hz) >= song.start_s());
                assert!(last as f64 / f64::from(rate_hz) <= song.end_s());
                // Both ends sound to within their 40 ms (longest) edges.
                assert!(first as f64 / f64::from(rate_hz) - song.start_s() < 0.04);
                assert!(song.end_s() - last as f64 / f64::from(rate_hz) < 0.04);

                let band = song.band_hz();
                // Partials 20 dB down (1 % of the energy each) may lie outside, and the skirts of
                // edges and roughness: 4 % in all.
                let (inside, outside) = energies(&samples, rate_hz, band);
                assert!(outside < 0.04 * inside, "{index} {band:?} {}", outside / inside);
                // The box is not merely wide: each outer quarter of its height holds some energy.
                let quarter = (band.1 - band.0) / 4.0;
                let bottom = energies(&samples, rate_hz, (band.0, band.0 + quarter)).0;
                let top = energies(&samples, rate_hz, (band.1 - quarter, band.1)).0;
                assert!(bottom > 1e-3 * inside, "{index} bottom {}", bottom / inside);
                assert!(top > 1e-3 * inside, "{index} top {}", top / inside);
            }
        }
    }

    #[test]
    fn a_song_past_the_end_is_cut() {
        let model = &demo_species()[0].song;
        let mut rng = keyed(11, Draw::Songs, 3);
        let bird = model.individual(&mut rng);
        let song = model.sing(&bird, 0.9, &mut rng).unwrap();
        let mut samples = vec![0.0; 22_050];
        add_song(&song, 22_050, &mut samples);
        add_song(&song, 22_050, &mut samples[..10]);
        assert!(samples[21_000..].iter().any(|&sample| sample != 0.0));
    }
}
