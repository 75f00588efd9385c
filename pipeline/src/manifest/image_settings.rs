//! Provides the readers of the sections of a manifest that decide clips and images: `[audio]`, `[clips]`,
//! `[spectrogram]`.

use std::path::Path;

use super::section::Section;
use crate::tables::Problems;
use frontend::audio::{Channel, OpenLength};
use frontend::spectrogram::{
    AllKeyword, ClipKeyword, Dtype, Frames, MelNorm, MelScale, NoneKeyword, Reference, SpectrogramConfig, TopDb,
};
use frontend::window::{Decimal, Tail};
use frontend::{AudioSettings, ClipSettings, Frontend, ImageSettings};

/// Rates beyond these are typing mistakes, not microphones.
const RATE_LIMITS_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

pub(super) fn audio(section: Option<Section<'_, '_>>, problems: &mut Problems) -> AudioSettings {
    let mut settings = AudioSettings::default();
    let Some(mut section) = section else { return settings };
    if let Some(rate) = section.take_u32("sample_rate_hz", problems) {
        if !RATE_LIMITS_HZ.contains(&rate.value) {
            let (low, high) = (RATE_LIMITS_HZ.start(), RATE_LIMITS_HZ.end());
            let message = format!("expected {low} to {high} Hz");
            section.problem(problems, "sample_rate_hz", rate.line, &rate.value.to_string(), message);
        } else {
            settings.sample_rate_hz = rate.value;
        }
    }
    if let Some(channel) = section.take_str_or_u32("channel", problems) {
        match channel.value {
            Ok(index) => settings.channel = Channel::Index(index),
            Err(word) if word == "mean" => settings.channel = Channel::Mean,
            Err(word) => {
                let message = "expected \"mean\" or the index of a channel, counted from 0";
                section.problem(problems, "channel", channel.line, &word, message);
            }
        }
    }
    let choices = [("refuse", OpenLength::Refuse), ("to-end", OpenLength::ToEnd)];
    if let Some(open_length) = section.take_choice("open_length", &choices, problems) {
        settings.open_length = open_length;
    }
    section.finish(problems);
    settings
}

pub(super) fn clips(section: Option<Section<'_, '_>>, problems: &mut Problems) -> ClipSettings {
    let mut settings = ClipSettings::default();
    let Some(mut section) = section else { return settings };
    let mut decimal = |section: &mut Section<'_, '_>, key| {
        let taken = section.take_decimal_text(key, problems)?;
        match taken.value.parse::<Decimal>() {
            Ok(value) if value != Decimal::from_whole(0) => Some(value),
            Ok(_) => {
                section.problem(problems, key, taken.line, &taken.value, "must be greater than 0");
                None
            }
            Err(error) => {
                section.problem(problems, key, taken.line, &taken.value, error.to_string());
                None
            }
        }
    };
    settings.duration_s = decimal(&mut section, "duration_s").unwrap_or(settings.duration_s);
    // Clips that lie end to end are what a duration alone asks for.
    settings.hop_s = decimal(&mut section, "hop_s").unwrap_or(settings.duration_s);
    settings.tail = section
        .take_choice("tail", &[("pad", Tail::Pad), ("drop", Tail::Drop)], problems)
        .unwrap_or(settings.tail);
    section.finish(problems);
    settings
}

/// Every key is optional; whether the values fit each other is found out in [`plan`].
pub(super) fn spectrogram(section: Option<Section<'_, '_>>, problems: &mut Problems) -> SpectrogramConfig {
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

/// Prepares what makes clips and images as `settings` say; the lines are those of `[clips]` and `[spectrogram]`.
pub(super) fn plan(
    file: &Path,
    settings: ImageSettings,
    (clips_line, spectrogram_line): (u64, u64),
    problems: &mut Problems,
) -> Option<Frontend> {
    let planned = Frontend::new(settings);
    if let Err(error) = &planned {
        let line = match error {
            frontend::Error::Spectrogram(_) => spectrogram_line,
            _ => clips_line,
        };
        problems.line(file, line, error.to_string());
    }
    planned.ok()
}
