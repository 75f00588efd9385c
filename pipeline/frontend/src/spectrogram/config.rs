//! Defines what picture is made of a clip, and which settings cannot work.

use serde::{Deserialize, Serialize};

/// Settings of the log-mel spectrogram. The defaults make 448 x 448 pictures of 3 s at 22,050 Hz.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpectrogramConfig {
    /// Samples of one Fourier transform, even.
    pub n_fft: usize,
    /// Samples of the Hann window, centred in `n_fft`.
    pub win_length: usize,
    /// Samples between frames. Frame `t` is centred at sample `t * hop_length` of the clip.
    pub hop_length: usize,
    /// Mel bands: rows of the picture.
    pub n_mels: usize,
    /// Lower end of the lowest band, in Hz.
    pub fmin_hz: f64,
    /// Upper end of the highest band, in Hz; at most half the sampling rate.
    pub fmax_hz: f64,
    /// Columns of the picture.
    pub frames: Frames,
    /// The mel scale.
    pub mel_scale: MelScale,
    /// The weight of each band.
    pub mel_norm: MelNorm,
    /// What 0 dB is.
    pub reference: Reference,
    /// How far below the reference values are kept.
    pub top_db: TopDb,
    /// What is stored.
    pub dtype: Dtype,
}

impl Default for SpectrogramConfig {
    fn default() -> Self {
        Self {
            n_fft: 2048,
            win_length: 1024,
            hop_length: 147,
            n_mels: 448,
            fmin_hz: 50.0,
            fmax_hz: 11_025.0,
            frames: Frames::First(448),
            mel_scale: MelScale::Slaney,
            mel_norm: MelNorm::Slaney,
            reference: Reference::Clip(ClipKeyword::Clip),
            top_db: TopDb::Below(80.0),
            dtype: Dtype::U8,
        }
    }
}

/// Columns of the picture: a number, or `"all"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of frames, or \"all\"")]
pub enum Frames {
    /// The first frames of the clip.
    First(usize),
    /// Every frame: `1 + clip_samples / hop_length`.
    All(AllKeyword),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllKeyword {
    /// `"all"`
    All,
}

/// The mel scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelScale {
    /// Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above.
    Slaney,
    /// HTK: `2595 log10(1 + f / 700)`.
    Htk,
}

/// The weight of each band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MelNorm {
    /// Every band has the same area.
    Slaney,
    /// Every band peaks at one.
    None,
}

/// What 0 dB is: `"clip"`, or a power level in dB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"clip\", or a level in dB")]
pub enum Reference {
    /// The clip's own maximum.
    Clip(ClipKeyword),
    /// `10 log10` of the power that is 0 dB; 0 is a mel power of one.
    FixedDb(f64),
}

/// The word `clip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClipKeyword {
    /// `"clip"`
    Clip,
}

/// How far below the reference values are kept: a number of dB, or `"none"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of dB, or \"none\"")]
pub enum TopDb {
    /// Lower values are raised to this many dB below the reference.
    Below(f64),
    /// All values are kept, down to a power of 1e-10.
    Unlimited(NoneKeyword),
}

/// The word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoneKeyword {
    /// `"none"`
    None,
}

/// The stored type. `f16` and `f32` are little-endian dB relative to the reference. `u8` maps
/// `[reference - top_db, reference]` to 0..=255 and clamps beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// One byte.
    U8,
    /// Half precision.
    F16,
    /// Single precision.
    F32,
}

impl From<Dtype> for shardfmt::Dtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::U8 => Self::U8,
            Dtype::F16 => Self::F16,
            Dtype::F32 => Self::F32,
        }
    }
}

impl Dtype {
    /// Bytes of one value.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }
}

/// A mistake in the spectrogram's settings. Each message says which setting to change.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A size is outside its range.
    #[error("{name} is {got}; {min} to {max} is possible")]
    Size {
        /// The setting.
        name: &'static str,
        /// Its value.
        got: usize,
        /// The least possible value.
        min: usize,
        /// The greatest possible value.
        max: usize,
    },
    /// `n_fft` is odd.
    #[error("n_fft is {got}; it must be even")]
    OddFft {
        /// Its value.
        got: usize,
    },
    /// The band limits are not `0 <= fmin_hz < fmax_hz <= rate / 2`.
    #[error("fmin_hz is {fmin_hz} and fmax_hz is {fmax_hz}; 0 <= fmin_hz < fmax_hz <= {nyquist_hz} is needed")]
    Band {
        /// The lower limit.
        fmin_hz: f64,
        /// The upper limit.
        fmax_hz: f64,
        /// Half the sampling rate.
        nyquist_hz: f64,
    },
    /// A mel band lies between two bins of the transform and would always be silent.
    #[error(
        "mel band {band} ({low_hz:.1} to {high_hz:.1} Hz) holds no bin of the transform: raise n_fft (now {n_fft}) or lower n_mels (now {n_mels})"
    )]
    EmptyBand {
        /// The band, from 0.
        band: usize,
        /// Its lower end.
        low_hz: f64,
        /// Its upper end.
        high_hz: f64,
        /// The transform's size.
        n_fft: usize,
        /// The number of bands.
        n_mels: usize,
    },
    /// The clip is too short for the picture's width.
    #[error(
        "frames is {wanted}, but a clip of {clip_samples} samples has {available}: lower frames or hop_length, or lengthen the clip"
    )]
    Frames {
        /// Columns asked for.
        wanted: usize,
        /// Columns the clip has.
        available: usize,
        /// The clip's samples.
        clip_samples: usize,
    },
    /// `top_db` is not a positive number.
    #[error("top_db is {got}; a positive number of dB is needed")]
    TopDb {
        /// Its value.
        got: f64,
    },
    /// `reference` is not a finite number.
    #[error("reference is {got}; a number of dB is needed")]
    Reference {
        /// Its value.
        got: f64,
    },
    /// One byte needs both ends of its range.
    #[error("dtype u8 needs a number for top_db: it maps [reference - top_db, reference] to 0..=255")]
    ByteRange,
}

impl SpectrogramConfig {
    /// Checks everything but the filterbank and returns the number of columns.
    pub(super) fn validate(&self, rate_hz: u32, clip_samples: usize) -> Result<usize, ConfigError> {
        let within = |name, got, min, max| {
            if (min..=max).contains(&got) {
                Ok(())
            } else {
                Err(ConfigError::Size { name, got, min, max })
            }
        };
        within("n_fft", self.n_fft, 16, 1 << 20)?;
        if self.n_fft % 2 == 1 {
            return Err(ConfigError::OddFft { got: self.n_fft });
        }
        within("win_length", self.win_length, 2, self.n_fft)?;
        within("hop_length", self.hop_length, 1, 1 << 20)?;
        within("n_mels", self.n_mels, 1, 1 << 14)?;
        let (fmin_hz, fmax_hz, nyquist_hz) = (self.fmin_hz, self.fmax_hz, f64::from(rate_hz) / 2.0);
        if !(0.0 <= fmin_hz && fmin_hz < fmax_hz && fmax_hz <= nyquist_hz) {
            return Err(ConfigError::Band {
                fmin_hz,
                fmax_hz,
                nyquist_hz,
            });
        }
        match self.top_db {
            TopDb::Below(got) if !(got > 0.0 && got.is_finite()) => {
                return Err(ConfigError::TopDb { got });
            }
            TopDb::Unlimited(_) if self.dtype == Dtype::U8 => return Err(ConfigError::ByteRange),
            _ => {}
        }
        if let Reference::FixedDb(got) = self.reference
            && !got.is_finite()
        {
            return Err(ConfigError::Reference { got });
        }
        let available = 1 + clip_samples / self.hop_length;
        let frames = match self.frames {
            Frames::First(wanted) if wanted > available => {
                return Err(ConfigError::Frames {
                    wanted,
                    available,
                    clip_samples,
                });
            }
            Frames::First(wanted) => wanted,
            Frames::All(_) => available,
        };
        within("frames", frames, 1, 1 << 20)?;
        Ok(frames)
    }
}
