//! Defines `Frontend`, which makes clips and images of recordings as `ImageSettings` say.

use std::fmt;
use std::path::Path;

use shardfmt::{Axes, ClipSpec, Row0, ValueScale, ValueUnit};

use crate::audio::{probe, resampled_frames};
use crate::error::{Error, Result};
use crate::instruction_set::InstructionSet;
use crate::recordings::{RecordingReader, Waveform};
use crate::settings::ImageSettings;
use crate::source::{Rejected, Rendered};
use crate::spectrogram::{LogMel, Scratch, rms_dbfs};
use crate::window::Windowing;

/// Clips are held in memory, several at a time.
const LONGEST_CLIP_S: u32 = 600;

/// The settings with what is planned from them. It is immutable: share one between threads, each with its own
/// [`Scratch`].
pub struct Frontend {
    settings: ImageSettings,
    windowing: Windowing,
    log_mel: LogMel,
}

impl fmt::Debug for Frontend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut named = f.debug_struct("Frontend");
        named.field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Frontend {
    /// Prepares window, filters and transforms.
    ///
    /// # Errors
    /// [`Error::Clips`], [`Error::LongClip`] or [`Error::Spectrogram`]: the setting that cannot work, and what to
    /// change.
    pub fn new(settings: ImageSettings) -> Result<Self> {
        let (clips, rate_hz) = (&settings.clips, settings.audio.sample_rate_hz);
        if clips.duration_s.to_f64() > f64::from(LONGEST_CLIP_S) {
            return Err(Error::LongClip {
                duration_s: clips.duration_s,
                longest_s: LONGEST_CLIP_S,
            });
        }
        let windowing = Windowing::new(clips.duration_s, clips.hop_s, rate_hz, clips.tail)?;
        let samples = usize::try_from(windowing.duration_samples()).unwrap_or(usize::MAX);
        let log_mel = LogMel::new(&settings.spectrogram, rate_hz, samples)?;
        Ok(Frontend {
            settings,
            windowing,
            log_mel,
        })
    }

    /// What it was made from.
    pub fn settings(&self) -> &ImageSettings {
        &self.settings
    }

    /// Where the clips of a recording lie.
    pub fn windowing(&self) -> &Windowing {
        &self.windowing
    }

    /// How images are made.
    pub fn log_mel(&self) -> &LogMel {
        &self.log_mel
    }

    /// Sample rate of the clips in Hz.
    pub fn rate_hz(&self) -> f64 {
        f64::from(self.settings.audio.sample_rate_hz)
    }

    /// Shape and type of an image.
    pub fn clip_spec(&self) -> ClipSpec {
        ClipSpec {
            dtype: self.settings.spectrogram.dtype.into(),
            channels: None,
            height: self.log_mel.height() as u32,
            width: self.log_mel.width() as u32,
        }
    }

    /// What rows and columns of an image mean.
    pub fn axes(&self) -> Axes {
        let (fmin_hz, fmax_hz) = self.log_mel.axis().range_hz();
        Axes {
            frequency_scale: self.log_mel.axis().scale(),
            fmin_hz,
            fmax_hz,
            row_0: Row0::Lowest,
            frame_rate_hz: self.rate_hz() / self.settings.spectrogram.hop_length as f64,
            clip_duration_s: self.settings.clips.duration_s.to_f64(),
            hop_s: self.settings.clips.hop_s.to_f64(),
            sample_rate_hz: Some(self.settings.audio.sample_rate_hz),
        }
    }

    /// What stored values mean.
    pub fn values(&self) -> ValueScale {
        let (reference, offset, step) = self.log_mel.value_scale();
        ValueScale {
            unit: ValueUnit::Decibel,
            reference,
            offset,
            step,
        }
    }

    /// Where a time in a clip lies along an image, from 0 at its left edge to 1 at its right one.
    pub fn x_of_s(&self, time_s: f64) -> f64 {
        // Frame t is centred on sample t * hop, and drawn from t to t + 1.
        let frame = time_s * self.rate_hz() / self.settings.spectrogram.hop_length as f64;
        ((frame + 0.5) / self.log_mel.width() as f64).clamp(0.0, 1.0)
    }

    /// What decides rounding here.
    pub fn instruction_set(&self) -> InstructionSet {
        InstructionSet::detect()
    }

    /// Clips that a recording probably has, from its header alone; 0 when nobody can tell.
    pub fn estimate_clips(&self, file: &Path) -> u64 {
        let header = probe(file).ok();
        let rate_hz = self.settings.audio.sample_rate_hz;
        let frames = header.and_then(|header| Some(resampled_frames(header.declared_frames?, header.rate_hz, rate_hz)));
        frames.map_or(0, |frames| self.windowing.clip_count(frames))
    }

    /// Bytes a clip takes before rendering.
    pub fn clip_input_bytes(&self) -> usize {
        usize::try_from(self.windowing.duration_samples())
            .unwrap_or(usize::MAX)
            .saturating_mul(size_of::<f32>())
    }

    /// Starts reading a recording.
    ///
    /// # Errors
    /// Why it cannot be decoded or resampled.
    pub fn open(&self, file: &Path) -> std::result::Result<RecordingReader, Rejected> {
        RecordingReader::open(file, &self.settings.audio, self.windowing)
    }

    /// Working memory of one thread for [`render`](Self::render).
    pub fn scratch(&self) -> Scratch {
        self.log_mel.scratch()
    }

    /// Makes the image of a clip.
    ///
    /// # Panics
    /// If the clip, `scratch` or `stored` belong to other settings, as [`LogMel::render`].
    pub fn render(&self, clip: &Waveform, scratch: &mut Scratch, stored: &mut [u8]) -> Rendered {
        let image = self.log_mel.render(&clip.samples, scratch, stored);
        let valid = clip.samples.get(..clip.valid_samples).unwrap_or(&clip.samples);
        Rendered {
            ref_db: image.ref_db,
            silent: image.silent,
            rms_dbfs: rms_dbfs(valid),
            mean_db: None,
        }
    }

    /// Mean level in dB of a stored image, padding included: that of its values, relative to `ref_db`.
    pub fn mean_db(&self, ref_db: f32, stored: &[u8]) -> f32 {
        let (_, offset, step) = self.log_mel.value_scale();
        (f64::from(ref_db) + offset + step * self.log_mel.mean_stored(stored)) as f32
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_each_other_name_their_section() {
        let error = |change: fn(&mut ImageSettings)| {
            let mut settings = ImageSettings::default();
            change(&mut settings);
            Frontend::new(settings).unwrap_err().to_string()
        };
        assert_eq!(
            error(|settings| settings.clips.duration_s = "600.5".parse().unwrap()),
            "[clips] duration_s is 600.5 s; at most 600 s are possible"
        );
        let hop = error(|settings| settings.clips.hop_s = "0.00001".parse().unwrap());
        assert!(hop.starts_with("[clips] a hop of 0.00001 s"), "{hop}");
        let band = error(|settings| settings.spectrogram.fmax_hz = 12_000.0);
        assert!(
            band.starts_with("[spectrogram] fmin_hz is 50 and fmax_hz is 12000"),
            "{band}"
        );
    }
}
