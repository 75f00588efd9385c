//! Defines `Settings`, what the TOML file of a manifest says, before its tables are opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::DeTable;

use super::problem::Problems;
use super::section::{Section, Source};
use crate::audio::Channel;
use crate::spectrogram::{
    AllKeyword, ClipKeyword, Dtype, Frames, LogMel, MelNorm, MelScale, NoneKeyword, Reference, SpectrogramConfig, TopDb,
};
use crate::window::{Decimal, Tail, Windowing};

/// `[audio]`: what every recording is turned into before it is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioSettings {
    /// Sample rate of the clips in Hz.
    pub sample_rate_hz: u32,
    /// How several channels become one.
    pub channel: Channel,
}

/// `[clips]`: how a recording is cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClipSettings {
    /// Length of a clip in seconds.
    pub duration_s: Decimal,
    /// Distance between the starts of neighbouring clips in seconds.
    pub hop_s: Decimal,
    /// What happens to the last, partial clip.
    pub tail: Tail,
}

/// What makes a clip complete (every class looked for): see `labels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// A counting box of any class: whoever drew it labelled the whole clip (the L48 protocol).
    Box,
    /// Only annotated spans (and no-bird boxes).
    Span,
}

/// What a class becomes in a clip where all of its boxes are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IgnoredOnly {
    /// As if the boxes were not there: absent in a complete clip.
    Absent,
    /// Unknown.
    Unknown,
}

/// What happens to a box whose code is no class and no marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherCodes {
    /// The manifest is refused.
    Error,
    /// The box is stored with the clip and labels nothing.
    KeepBox,
}

/// What happens where a box says present and a prior says absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PriorConflict {
    /// The manifest is refused.
    Error,
    /// The box wins (vagrants are real); counted in the summary.
    PositiveWins,
}

/// `[labels]`: the rules by which boxes, spans and priors become present, absent and unknown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRules {
    /// What makes a clip complete.
    pub completeness: Completeness,
    /// Codes of boxes around a bird nobody could name.
    pub unknown_bird_codes: Vec<String>,
    /// Codes of boxes that say "no bird here".
    pub no_bird_codes: Vec<String>,
    /// Label in the tables -> species code.
    pub aliases: BTreeMap<String, String>,
    /// What ignored boxes alone make of a class.
    pub ignored_only: IgnoredOnly,
    /// What happens to codes that are no class.
    pub other_codes: OtherCodes,
    /// What happens where a box contradicts a prior.
    pub prior_conflict: PriorConflict,
}

/// Where the boxes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoxesFrom {
    /// One table with the columns of `boxes.csv`.
    Table(PathBuf),
    /// Raven selection tables found by a file-name pattern.
    Raven {
        /// Pattern relative to the manifest, with `{stem}`, `{name}` and `{asset_id}`.
        files: String,
        /// The column with the label.
        label_column: String,
    },
    /// Audacity label tracks found by a file-name pattern.
    Audacity {
        /// Pattern as for Raven.
        files: String,
    },
}

/// `[tables]`: paths, already joined to the manifest's folder.
#[derive(Clone, Debug)]
pub struct TablePaths {
    /// Folder of the manifest.
    pub folder: PathBuf,
    /// The recordings table.
    pub recordings: PathBuf,
    /// The classes.
    pub taxa: PathBuf,
    /// The boxes.
    pub boxes: Option<BoxesFrom>,
    /// Geographic prior.
    pub geo_prior: Option<PathBuf>,
    /// Checklist prior.
    pub checklist_prior: Option<PathBuf>,
    /// Annotated spans.
    pub annotated_spans: Option<PathBuf>,
}

/// Everything the TOML file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the dataset.
    pub name: String,
    /// Where the tables are.
    pub tables: TablePaths,
    /// `[audio]`.
    pub audio: AudioSettings,
    /// `[clips]`.
    pub clips: ClipSettings,
    /// `[labels]`.
    pub labels: LabelRules,
    /// Key, code and line of every marker and alias of `[labels]`, for messages.
    pub label_lines: Vec<(String, String, u64)>,
    /// `[spectrogram]`.
    pub spectrogram: SpectrogramConfig,
    /// Clips a shard aims at.
    pub shard_clips: u32,
}

/// 512 clips of 448 x 448 u8 are 98 MiB: exactly 49 huge pages, few files, and a size that copies and resumes well.
const SHARD_CLIPS: u32 = 512;
/// Clips are held in memory, several at a time.
const LONGEST_CLIP_S: f64 = 600.0;
/// Rates beyond these are typing mistakes, not microphones.
const RATE_LIMITS_HZ: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Reads the TOML file. `None` when nothing usable can be had; every mistake is in `problems` either way.
pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<Settings> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            problems.file(file, format!("cannot be read: {error}"));
            return None;
        }
    };
    parse(file, &text, problems)
}

/// Parses the text of a manifest that stands at `file` (whose folder its paths are relative to).
pub fn parse(file: &Path, text: &str, problems: &mut Problems) -> Option<Settings> {
    let source = Source { file, text };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = source.line(error.span().map_or(0, |span| span.start));
            problems.line(file, line, format!("is not valid TOML: {}", error.message()));
            return None;
        }
    };
    let mut root = Section::new(source, "", 1, table.get_ref());
    let name = match root.take_section("dataset", problems) {
        Some(mut section) => {
            let name = section.require_str("name", problems);
            if let Some(name) = name.as_ref().filter(|name| name.value.trim().is_empty()) {
                section.problem(problems, "name", name.line, &name.value, "must not be empty");
            }
            section.finish(problems);
            name.map(|name| name.value)
        }
        None => {
            problems.line(file, 1, "the section [dataset] with a `name` is missing");
            None
        }
    };
    let tables = match root.take_section("tables", problems) {
        Some(section) => tables(file, section, problems),
        None => {
            problems.line(file, 1, "the section [tables] with `recordings` and `taxa` is missing");
            None
        }
    };
    let audio = audio(root.take_section("audio", problems), problems);
    let section = root.take_section("clips", problems);
    let clips_line = section.as_ref().map_or(1, Section::line);
    let clips = clips(section, problems);
    let (labels, label_lines) = labels(root.take_section("labels", problems), problems);
    let section = root.take_section("spectrogram", problems);
    let spectrogram_line = section.as_ref().map_or(1, Section::line);
    let spectrogram = spectrogram(section, problems);
    if problems.is_empty() {
        check_fit(
            file,
            &audio,
            &clips,
            &spectrogram,
            (clips_line, spectrogram_line),
            problems,
        );
    }
    let shard_clips = match root.take_section("shards", problems) {
        Some(mut section) => {
            let clips = section.take_u32("clips", problems);
            if let Some(zero) = clips.as_ref().filter(|clips| clips.value == 0) {
                section.problem(problems, "clips", zero.line, "0", "a shard needs at least one clip");
            }
            section.finish(problems);
            clips.map_or(SHARD_CLIPS, |clips| clips.value)
        }
        None => SHARD_CLIPS,
    };
    root.finish(problems);
    Some(Settings {
        // A missing name is a problem already; the tables are looked at all the same.
        name: name.unwrap_or_default(),
        tables: tables?,
        audio,
        clips,
        labels,
        label_lines,
        spectrogram,
        shard_clips,
    })
}

/// Checks that clips and images can be made with these settings together.
fn check_fit(
    file: &Path,
    audio: &AudioSettings,
    clips: &ClipSettings,
    spectrogram: &SpectrogramConfig,
    (clips_line, spectrogram_line): (u64, u64),
    problems: &mut Problems,
) {
    if clips.duration_s.to_f64() > LONGEST_CLIP_S {
        let message = format!("is longer than {LONGEST_CLIP_S} s, which no image is made of");
        return problems.cell(
            file,
            clips_line,
            "clips.duration_s",
            &clips.duration_s.to_string(),
            message,
        );
    }
    match Windowing::new(clips.duration_s, clips.hop_s, audio.sample_rate_hz, clips.tail) {
        Err(error) => problems.line(file, clips_line, format!("[clips] {error}")),
        Ok(windowing) => {
            // At most 600 s at 768 kHz: fits.
            let samples = windowing.duration_samples() as usize;
            if let Err(error) = LogMel::new(spectrogram, audio.sample_rate_hz, samples) {
                problems.line(file, spectrogram_line, format!("[spectrogram] {error}"));
            }
        }
    }
}

fn tables(file: &Path, mut section: Section<'_, '_>, problems: &mut Problems) -> Option<TablePaths> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let recordings = section
        .require_str("recordings", problems)
        .map(|t| folder.join(t.value));
    let taxa = section.require_str("taxa", problems).map(|t| folder.join(t.value));
    let boxes = if section.is_table("boxes") {
        section
            .take_section("boxes", problems)
            .and_then(|boxes| boxes_from(boxes, problems))
    } else {
        section
            .take_str("boxes", problems)
            .map(|t| BoxesFrom::Table(folder.join(t.value)))
    };
    let mut path = |key| section.take_str(key, problems).map(|t| folder.join(t.value));
    let (geo_prior, checklist_prior, annotated_spans) =
        (path("geo_prior"), path("checklist_prior"), path("annotated_spans"));
    section.finish(problems);
    Some(TablePaths {
        folder: folder.into(),
        recordings: recordings?,
        taxa: taxa?,
        boxes,
        geo_prior,
        checklist_prior,
        annotated_spans,
    })
}

fn boxes_from(mut section: Section<'_, '_>, problems: &mut Problems) -> Option<BoxesFrom> {
    #[derive(Clone, Copy)]
    enum Format {
        Raven,
        Audacity,
    }
    let formats = [("raven", Format::Raven), ("audacity", Format::Audacity)];
    let format = section.require_choice("format", &formats, problems);
    let files = section.require_str("files", problems).map(|t| t.value);
    let boxes = match format {
        Some(Format::Raven) => {
            let label_column = section
                .take_str("label_column", problems)
                .map_or("Species".into(), |t| t.value);
            files.map(|files| BoxesFrom::Raven { files, label_column })
        }
        Some(Format::Audacity) => files.map(|files| BoxesFrom::Audacity { files }),
        None => None,
    };
    section.finish(problems);
    boxes
}

fn audio(section: Option<Section<'_, '_>>, problems: &mut Problems) -> AudioSettings {
    let mut settings = AudioSettings {
        sample_rate_hz: 22_050,
        channel: Channel::Mean,
    };
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
    section.finish(problems);
    settings
}

fn clips(section: Option<Section<'_, '_>>, problems: &mut Problems) -> ClipSettings {
    let three = Decimal::from_whole(3);
    let mut settings = ClipSettings {
        duration_s: three,
        hop_s: three,
        tail: Tail::Pad,
    };
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
    settings.duration_s = decimal(&mut section, "duration_s").unwrap_or(three);
    // Clips that lie end to end are what a duration alone asks for.
    settings.hop_s = decimal(&mut section, "hop_s").unwrap_or(settings.duration_s);
    settings.tail = section
        .take_choice("tail", &[("pad", Tail::Pad), ("drop", Tail::Drop)], problems)
        .unwrap_or(Tail::Pad);
    section.finish(problems);
    settings
}

fn labels(section: Option<Section<'_, '_>>, problems: &mut Problems) -> (LabelRules, Vec<(String, String, u64)>) {
    let mut rules = LabelRules {
        completeness: Completeness::Box,
        unknown_bird_codes: Vec::new(),
        no_bird_codes: Vec::new(),
        aliases: BTreeMap::new(),
        ignored_only: IgnoredOnly::Absent,
        other_codes: OtherCodes::Error,
        prior_conflict: PriorConflict::Error,
    };
    let mut lines = Vec::new();
    let Some(mut section) = section else {
        return (rules, lines);
    };
    let completeness = [("box", Completeness::Box), ("span", Completeness::Span)];
    rules.completeness = section
        .take_choice("completeness", &completeness, problems)
        .unwrap_or(rules.completeness);
    for (key, codes) in [
        ("unknown_bird_codes", &mut rules.unknown_bird_codes),
        ("no_bird_codes", &mut rules.no_bird_codes),
    ] {
        for code in section.take_strings(key, problems).unwrap_or_default() {
            lines.push((format!("labels.{key}"), code.value.clone(), code.line));
            codes.push(code.value);
        }
    }
    for (key, code, line) in lines.iter().filter(|(key, ..)| key == "labels.no_bird_codes") {
        if rules.unknown_bird_codes.contains(code) {
            let message = "stands in unknown_bird_codes too; keep it in one of them";
            section.problem(problems, key.trim_start_matches("labels."), *line, code, message);
        }
    }
    for (label, code) in section.take_string_map("aliases", problems).unwrap_or_default() {
        lines.push((format!("labels.aliases.{label}"), code.value.clone(), code.line));
        rules.aliases.insert(label, code.value);
    }
    let ignored_only = [("absent", IgnoredOnly::Absent), ("unknown", IgnoredOnly::Unknown)];
    rules.ignored_only = section
        .take_choice("ignored_only", &ignored_only, problems)
        .unwrap_or(rules.ignored_only);
    let other_codes = [("error", OtherCodes::Error), ("keep-box", OtherCodes::KeepBox)];
    rules.other_codes = section
        .take_choice("other_codes", &other_codes, problems)
        .unwrap_or(rules.other_codes);
    let prior_conflict = [
        ("error", PriorConflict::Error),
        ("positive-wins", PriorConflict::PositiveWins),
    ];
    rules.prior_conflict = section
        .take_choice("prior_conflict", &prior_conflict, problems)
        .unwrap_or(rules.prior_conflict);
    section.finish(problems);
    (rules, lines)
}

/// Every key is optional; whether the values fit each other is checked where the filters are made.
fn spectrogram(section: Option<Section<'_, '_>>, problems: &mut Problems) -> SpectrogramConfig {
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
