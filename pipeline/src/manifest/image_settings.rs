//! Provides the reader of the `[spectrogram]` section of a manifest.

use super::section::Section;
use crate::spectrogram::{
    AllKeyword, ClipKeyword, Dtype, Frames, MelNorm, MelScale, NoneKeyword, Reference, SpectrogramConfig, TopDb,
};
use crate::tables::Problems;

/// Every key is optional; whether the values fit each other is checked where the filters are made.
pub(super) fn read(section: Option<Section<'_, '_>>, problems: &mut Problems) -> SpectrogramConfig {
    let mut config = SpectrogramConfig::default();
    let Some(mut section) = section else { return config };
    let sizes = [
        ("n_fft", &mut config.n_fft),
        ("win_length", &mut config.win_length),
        ("hop_length", &mut config.hop_length),
        ("n_mels", &mut config.n_mels),
    ];
    for (key, size) in sizes {
        *size = section
            .take_u32(key, problems)
            .map_or(*size, |taken| taken.value as usize);
    }
    for (key, hz) in [("fmin_hz", &mut config.fmin_hz), ("fmax_hz", &mut config.fmax_hz)] {
        *hz = section.take_f64(key, problems).map_or(*hz, |taken| taken.value);
    }
    let scales = [("slaney", MelScale::Slaney), ("htk", MelScale::Htk)];
    config.mel_scale = section
        .take_choice("mel_scale", &scales, problems)
        .unwrap_or(config.mel_scale);
    let norms = [("slaney", MelNorm::Slaney), ("none", MelNorm::None)];
    config.mel_norm = section
        .take_choice("mel_norm", &norms, problems)
        .unwrap_or(config.mel_norm);
    let dtypes = [("u8", Dtype::U8), ("f16", Dtype::F16), ("f32", Dtype::F32)];
    config.dtype = section.take_choice("dtype", &dtypes, problems).unwrap_or(config.dtype);
    if let Some(frames) = section.take_str_or_u32("frames", problems) {
        match frames.value {
            Ok(count) => config.frames = Frames::First(count as usize),
            Err(word) if word == "all" => config.frames = Frames::All(AllKeyword::All),
            Err(word) => section.problem(
                problems,
                "frames",
                frames.line,
                &word,
                "expected a number of frames or \"all\"",
            ),
        }
    }
    if let Some(reference) = section.take_str_or_f64("reference", problems) {
        match reference.value {
            Ok(level_db) => config.reference = Reference::FixedDb(level_db),
            Err(word) if word == "clip" => config.reference = Reference::Clip(ClipKeyword::Clip),
            Err(word) => section.problem(
                problems,
                "reference",
                reference.line,
                &word,
                "expected \"clip\" or a level in dB",
            ),
        }
    }
    if let Some(top_db) = section.take_str_or_f64("top_db", problems) {
        match top_db.value {
            Ok(range_db) => config.top_db = TopDb::Below(range_db),
            Err(word) if word == "none" => config.top_db = TopDb::Unlimited(NoneKeyword::None),
            Err(word) => section.problem(
                problems,
                "top_db",
                top_db.line,
                &word,
                "expected a number of dB or \"none\"",
            ),
        }
    }
    section.finish(problems);
    config
}
