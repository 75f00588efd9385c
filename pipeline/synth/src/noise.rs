//! Provides the sound of a place without birds: hiss, wind, rumble, insects and clicks.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::filter::Biquad;
use super::oscillator::sin_turns;

/// What a place sounds like; levels are RMS in decibels against its pink noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Ambience {
    /// Brown noise with gusts.
    pub wind_db: f64,
    /// Noise below [`Ambience::rumble_hz`]: traffic, surf.
    pub rumble_db: f64,
    /// Corner of the rumble.
    pub rumble_hz: f64,
    /// White noise of the recorder.
    pub floor_db: f64,
    /// A chorus of insects.
    pub insects: Option<Insects>,
    /// Twigs and drops: mean count per second.
    pub clicks_per_s: f64,
}

/// A narrow band of noise, pulsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Insects {
    /// Centre of the band.
    pub centre_hz: f64,
    /// Centre over bandwidth.
    pub quality: f64,
    /// RMS against the pink noise.
    pub level_db: f64,
    /// Pulses per second.
    pub pulse_hz: f64,
}

/// Loudest click against the pink noise's RMS.
const CLICK_PEAK: f64 = 8.0;

impl Ambience {
    /// A place drawn at random: calm or windy, two in five with insects, most with a few clicks.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            wind_db: rng.random_range(-10.0..10.0),
            rumble_db: rng.random_range(-8.0..12.0),
            rumble_hz: rng.random_range(60.0..160.0),
            floor_db: rng.random_range(-24.0..-10.0),
            insects: rng.random_bool(0.4).then(|| Insects {
                centre_hz: rng.random_range(3500.0..8500.0),
                quality: rng.random_range(6.0..18.0),
                level_db: rng.random_range(-14.0..-2.0),
                pulse_hz: rng.random_range(4.0..28.0),
            }),
            clicks_per_s: rng.random_range(0.0..0.7),
        }
    }

    /// `frames` samples of this place; the pink layer has an RMS of 1.
    pub fn render(&self, rate_hz: u32, frames: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut mix = vec![0.0; frames];
        let mut layer = vec![0.0; frames];

        pink(&mut layer, rng);
        add_at(&mut mix, &layer, 0.0);

        wind(&mut layer, rate_hz, rng);
        add_at(&mut mix, &layer, self.wind_db);

        let mut low_pass = Biquad::low_pass(rate_hz, self.rumble_hz);
        fill(&mut layer, || low_pass.step(white(rng)));
        add_at(&mut mix, &layer, self.rumble_db);

        fill(&mut layer, || white(rng));
        add_at(&mut mix, &layer, self.floor_db);

        if let Some(insects) = &self.insects {
            insects.render(&mut layer, rate_hz, rng);
            add_at(&mut mix, &layer, insects.level_db);
        }
        let expected_clicks = self.clicks_per_s * frames as f64 / f64::from(rate_hz);
        let clicks = (expected_clicks + rng.random_range(0.0..1.0)) as usize;
        for _ in 0..clicks {
            add_click(&mut mix, rate_hz, rng);
        }
        mix
    }
}

impl Insects {
    fn render(&self, layer: &mut [f32], rate_hz: u32, rng: &mut ChaCha8Rng) {
        let rate = f64::from(rate_hz);
        let mut band_pass = Biquad::band_pass(rate_hz, self.centre_hz, self.quality);
        let mut elapsed_s = 0.0;
        fill(layer, || {
            elapsed_s += 1.0 / rate;
            let pulse = 0.5 + 0.5 * sin_turns(self.pulse_hz * elapsed_s);
            band_pass.step(white(rng)) * (0.15 + 0.85 * pulse * pulse)
        });
    }
}

/// Noise of unit variance from integer arithmetic: the sum of four uniform 16-bit numbers, whose
/// distribution is close to normal within three standard deviations.
#[inline]
pub fn white(rng: &mut ChaCha8Rng) -> f64 {
    let bits = rng.next_u64();
    let sum: u64 = (0..4).map(|lane| (bits >> (16 * lane)) & 0xffff).sum();
    // Mean 4 * 65535 / 2; variance 4 * (2^32 - 1) / 12, so the deviation is 2^16 / sqrt(3).
    (sum as f64 - 131_070.0) * (3.0_f64.sqrt() / 65_536.0)
}

fn fill(layer: &mut [f32], mut next: impl FnMut() -> f64) {
    for sample in layer {
        *sample = next() as f32;
    }
}

/// Pink noise by P. Kellet's six-pole filter ("refined" method, musicdsp.org archive no. 76):
/// -3 dB per octave within 0.05 dB above 9.2 Hz at 44.1 kHz; the slope scales with the rate.
fn pink(layer: &mut [f32], rng: &mut ChaCha8Rng) {
    const POLES: [f64; 6] = [0.998_86, 0.993_32, 0.969, 0.8665, 0.55, -0.7616];
    const GAINS: [f64; 6] = [
        0.055_517_9,
        0.075_075_9,
        0.153_852,
        0.310_485_6,
        0.532_952_2,
        -0.016_898,
    ];
    let mut states = [0.0; 6];
    let mut delayed = 0.0;
    fill(layer, || {
        let input = white(rng);
        let mut output = delayed + 0.5362 * input;
        for ((state, pole), gain) in states.iter_mut().zip(POLES).zip(GAINS) {
            *state = pole * *state + gain * input;
            output += *state;
        }
        delayed = 0.115_926 * input;
        output
    });
}

/// Brown noise above 40 Hz whose level follows gusts of about a second.
fn wind(layer: &mut [f32], rate_hz: u32, rng: &mut ChaCha8Rng) {
    let rate = f64::from(rate_hz);
    let pole = 1.0 - std::f64::consts::TAU * 40.0 / rate;
    let (mut brown, mut gust, mut next_gust) = (0.0, 0.5, 0.5);
    let (mut position, mut step) = (1.0, 0.0);
    fill(layer, || {
        if position >= 1.0 {
            gust = next_gust;
            next_gust = rng.random_range(0.15..1.0);
            step = 1.0 / (rate * rng.random_range(0.4..1.6));
            position = 0.0;
        }
        position += step;
        brown = pole * brown + white(rng);
        brown * (gust + (next_gust - gust) * position)
    });
}

/// Adds a damped oscillation of a few milliseconds at a random place.
fn add_click(mix: &mut [f32], rate_hz: u32, rng: &mut ChaCha8Rng) {
    if mix.is_empty() {
        return;
    }
    let rate = f64::from(rate_hz);
    let first = rng.random_range(0..mix.len());
    let hz = rng.random_range(800.0..6000.0);
    let decay = 1.0 - 1.0 / (rate * rng.random_range(0.0006..0.003));
    let mut amplitude = CLICK_PEAK * rng.random_range(0.15..1.0);
    for (index, sample) in mix[first..].iter_mut().enumerate() {
        if amplitude < 1e-3 {
            break;
        }
        *sample += (amplitude * sin_turns(hz * index as f64 / rate)) as f32;
        amplitude *= decay;
    }
}

/// Adds `layer`, brought to an RMS of `level_db`.
fn add_at(mix: &mut [f32], layer: &[f32], level_db: f64) {
    let energy: f64 = layer.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if energy > 0.0 {
        let gain = (amplitude(level_db) / (energy / layer.len() as f64).sqrt()) as f32;
        for (sample, &addend) in mix.iter_mut().zip(layer) {
            *sample += gain * addend;
        }
    }
}

/// Decibels to an amplitude factor.
pub fn amplitude(level_db: f64) -> f64 {
    10.0_f64.powf(level_db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::{Ambience, Insects, pink, white};
    use crate::filter::band_power;
    use crate::seeding::{Draw, keyed};

    const RATE_HZ: u32 = 44_100;

    #[test]
    fn white_noise_has_unit_variance_and_no_mean() {
        let mut rng = keyed(3, Draw::Background, 0);
        let draws: Vec<f64> = (0..100_000).map(|_| white(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f64>() / 1e5;
        // Five standard errors: 1/sqrt(1e5) for the mean, about sqrt(2/1e5) for the variance.
        assert!(mean.abs() < 5.0 / 1e5_f64.sqrt());
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / 1e5_f64).sqrt());
    }

    #[test]
    fn pink_noise_has_equal_power_in_each_octave() {
        let mut layer = vec![0.0; 1 << 19];
        pink(&mut layer, &mut keyed(3, Draw::Background, 1));
        let low = band_power(&layer, RATE_HZ, 500.0, 1000.0);
        let high = band_power(&layer, RATE_HZ, 4000.0, 8000.0);
        // 500 Hz over 12 s is some 6,000 independent values: 2 % standard error; the bilinear
        // warping of the upper filters narrows their skirts by a few per cent more.
        assert!((high / low - 1.0).abs() < 0.15, "{}", high / low);
    }

    #[test]
    fn insects_stand_out_in_their_band_only() {
        let place = |insects| Ambience {
            wind_db: -20.0,
            rumble_db: -20.0,
            rumble_hz: 100.0,
            floor_db: -30.0,
            insects,
            clicks_per_s: 0.0,
        };
        let insects = Insects {
            centre_hz: 6000.0,
            quality: 10.0,
            level_db: 0.0,
            pulse_hz: 10.0,
        };
        let quiet = place(None).render(RATE_HZ, 200_000, &mut keyed(3, Draw::Background, 2));
        let loud = place(Some(insects)).render(RATE_HZ, 200_000, &mut keyed(3, Draw::Background, 2));
        let ratio = |low, high| band_power(&loud, RATE_HZ, low, high) / band_power(&quiet, RATE_HZ, low, high);
        // The pink layer has under a tenth of its power in this band, the insects most of theirs.
        assert!(ratio(5500.0, 6500.0) > 5.0);
        assert!(ratio(300.0, 1000.0) < 1.2);
    }
}
