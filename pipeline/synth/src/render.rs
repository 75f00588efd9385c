//! Provides the sound of a scene: singers at set signal-to-noise ratios before a background.

use super::filter::{Biquad, band_power};
use super::noise::{Ambience, amplitude};
use super::seeding::{Draw, keyed};
use super::song::Song;
use super::voice::add_song;

/// One bird in a recording.
#[derive(Clone, Debug)]
pub struct Singer {
    /// Its songs; all lie within the recording.
    pub songs: Vec<Song>,
    /// Mean power while it sounds against the background's power in the band of its songs.
    pub snr_db: f64,
    /// Corner of the low-pass that distance and leaves make.
    pub air_hz: f64,
    /// -1 (left) to 1 (right); only heard in stereo.
    pub pan: f64,
}

/// One bell of an equaliser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Its centre.
    pub centre_hz: f64,
    /// Centre over bandwidth.
    pub quality: f64,
    /// Gain at the centre.
    pub gain_db: f64,
}

/// Everything that can be heard in a recording.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Native sample rate.
    pub rate_hz: u32,
    /// Length; `duration_s * rate_hz` is a whole number of frames.
    pub duration_s: f64,
    /// Two channels instead of one.
    pub stereo: bool,
    /// The place.
    pub ambience: Ambience,
    /// What the microphone raises and lowers; empty for a flat one.
    pub equaliser: Vec<Band>,
    /// RMS of the place's pink noise in the file, against full scale.
    pub background_dbfs: f64,
    /// The birds.
    pub singers: Vec<Singer>,
    /// Key of the background.
    pub seed: u64,
}

/// Largest absolute sample: loud scenes are turned down to it, as a recordist would.
const PEAK: f32 = 0.9;

/// Inverse of how long the low-pass of the air may ring after a note: 10 ms leave a Butterworth
/// filter of 5 kHz at exp(-220), far below any sample.
const RING_PER_S: u32 = 100;

impl Scene {
    /// Frames of the recording.
    pub fn frames(&self) -> usize {
        (self.duration_s * f64::from(self.rate_hz)).round() as usize
    }

    /// The samples of each channel, within ±0.9.
    ///
    /// Signal-to-noise ratios hold in the mean of the channels, before the equaliser.
    pub fn render(&self) -> Vec<Vec<f32>> {
        let frames = self.frames();
        let mut channels: Vec<Vec<f32>> = (0..if self.stereo { 2 } else { 1 })
            .map(|channel| {
                let mut rng = keyed(self.seed, Draw::Background, channel);
                self.ambience.render(self.rate_hz, frames, &mut rng)
            })
            .collect();
        let background = mean(&channels);
        for singer in &self.singers {
            let voice = self.voice(singer, &background);
            let pans = if self.stereo {
                [1.0 - singer.pan, 1.0 + singer.pan]
            } else {
                [1.0; 2]
            };
            for (channel, pan) in channels.iter_mut().zip(pans) {
                for (sample, &addend) in channel.iter_mut().zip(&voice) {
                    *sample += pan as f32 * addend;
                }
            }
        }
        for band in &self.equaliser {
            for channel in &mut channels {
                let mut bell = Biquad::peaking(self.rate_hz, band.centre_hz, band.quality, band.gain_db);
                for sample in channel {
                    *sample = bell.step(f64::from(*sample)) as f32;
                }
            }
        }
        let peak = channels
            .iter()
            .flatten()
            .fold(0.0_f32, |peak, &sample| peak.max(sample.abs()));
        let gain = amplitude(self.background_dbfs) as f32;
        let gain = if peak * gain > PEAK { PEAK / peak } else { gain };
        for sample in channels.iter_mut().flatten() {
            *sample *= gain;
        }
        channels
    }

    /// A singer alone, at its level before `background`.
    fn voice(&self, singer: &Singer, background: &[f32]) -> Vec<f32> {
        let mut voice = vec![0.0; background.len()];
        let mut band = (f64::INFINITY, 0.0_f64);
        let mut sounding_s = 0.0;
        for song in &singer.songs {
            add_song(song, self.rate_hz, &mut voice);
            let (low, high) = song.band_hz();
            band = (band.0.min(low), band.1.max(high));
            sounding_s += song.sounding_s();
        }
        let mut air = Biquad::low_pass(self.rate_hz, singer.air_hz);
        let mut energy = 0.0;
        let ring_frames = self.rate_hz / RING_PER_S;
        let mut ringing = 0;
        for sample in &mut voice {
            if *sample != 0.0 {
                ringing = ring_frames;
            } else if ringing == 0 {
                air.clear();
                continue;
            } else {
                ringing -= 1;
            }
            *sample = air.step(f64::from(*sample)) as f32;
            energy += f64::from(*sample).powi(2);
        }
        if energy > 0.0 {
            let power = energy / (sounding_s * f64::from(self.rate_hz));
            let noise = band_power(background, self.rate_hz, band.0, band.1);
            let gain = ((noise / power).sqrt() * amplitude(singer.snr_db)) as f32;
            for sample in &mut voice {
                *sample *= gain;
            }
        }
        voice
    }
}

fn mean(channels: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = channels.first().cloned().unwrap_or_default();
    for channel in channels.iter().skip(1) {
        for (sum, &sample) in sum.iter_mut().zip(channel) {
            *sum += sample;
        }
    }
    for sample in &mut sum {
        *sample /= channels.len() as f32;
    }
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Scene, Singer, mean};
    use crate::filter::band_power;
    use crate::noise::Ambience;
    use crate::seeding::{Draw, keyed};
    use crate::species::demo_species;

    fn scene(stereo: bool, snr_db: f64, singing: bool) -> Scene {
        let mut rng = keyed(4, Draw::Songs, 9);
        let model = &demo_species()[8].song;
        let bird = model.individual(&mut rng);
        let song = model.sing(&bird, 1.0, &mut rng).unwrap();
        let singer = Singer {
            songs: vec![song],
            snr_db,
            air_hz: 9000.0,
            pan: 0.4,
        };
        Scene {
            rate_hz: 24_000,
            duration_s: 3.0,
            stereo,
            ambience: Ambience::draw(&mut keyed(4, Draw::Background, 7)),
            equaliser: Vec::new(),
            background_dbfs: -60.0,
            singers: if singing { vec![singer] } else { Vec::new() },
            seed: 77,
        }
    }

    #[test]
    fn the_signal_to_noise_ratio_is_as_asked() {
        for stereo in [false, true] {
            for snr_db in [0.0, 20.0] {
                let with = mean(&scene(stereo, snr_db, true).render());
                let without = mean(&scene(stereo, snr_db, false).render());
                let voice: Vec<f32> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
                let song = &scene(stereo, snr_db, true).singers[0].songs[0];
                let (low, high) = song.band_hz();
                let energy: f64 = voice.iter().map(|&sample| f64::from(sample).powi(2)).sum();
                let power = energy / (song.sounding_s() * 24_000.0);
                let noise = band_power(&without, 24_000, low, high);
                let measured_db = 10.0 * (power / noise).log10();
                // Only f32 rounding of the mix: samples of about 1e-3 with 1e-10 steps.
                assert!((measured_db - snr_db).abs() < 0.01, "{measured_db} {snr_db}");
            }
        }
    }

    #[test]
    fn loud_scenes_are_turned_down_not_clipped() {
        let mut scene = scene(true, 25.0, true);
        scene.background_dbfs = 0.0;
        let channels = scene.render();
        let peak = channels
            .iter()
            .flatten()
            .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        // One f32 rounding away from 0.9.
        assert!((peak - 0.9).abs() < 1e-6);
    }
}
