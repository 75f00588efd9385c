//! Defines `Settings`, what the TOML file of a manifest says, before its tables are opened.

use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::de::DeTable;

use super::image_settings;
use super::label_rules::{self, CodeLine, LabelRules};
use super::section::{Section, TomlText};
use crate::audio::Channel;
use crate::spectrogram::{LogMel, SpectrogramConfig};
use crate::tables::Problems;
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
    pub label_lines: Vec<CodeLine>,
    /// `[spectrogram]`.
    pub spectrogram: SpectrogramConfig,
    /// Clips a shard aims at.
    pub shard_clips: u32,
}

/// Clips a shard aims at by default. 512 clips of 448 x 448 u8 are 98 MiB: exactly 49 huge pages, few files, and a
/// size that copies and resumes well.
pub const SHARD_CLIPS: u32 = 512;
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

/// Parses the text of the manifest `file`, whose folder its paths are relative to.
pub fn parse(file: &Path, text: &str, problems: &mut Problems) -> Option<Settings> {
    let text = TomlText { file, text };
    let table = match DeTable::parse(text.text) {
        Ok(table) => table,
        Err(error) => {
            let line = text.line(error.span().map_or(0, |span| span.start));
            problems.line(file, line, format!("is not valid TOML: {}", error.message()));
            return None;
        }
    };
    let mut root = Section::new(text, "", 1, table.get_ref());
    let name = dataset_name(&mut root, problems);
    let tables = match root.take_section("tables", problems) {
        Some(section) => tables(file, section, problems),
        None => {
            root.report_missing(problems, "missing section [tables] with `recordings` and `taxa`");
            None
        }
    };
    let audio = audio(root.take_section("audio", problems), problems);
    let section = root.take_section("clips", problems);
    let clips_line = section.as_ref().map_or(1, Section::line);
    let clips = clips(section, problems);
    let (labels, label_lines) = label_rules::read(root.take_section("labels", problems), problems);
    let section = root.take_section("spectrogram", problems);
    let spectrogram_line = section.as_ref().map_or(1, Section::line);
    let spectrogram = image_settings::read(section, problems);
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
    let shard_clips = shard_clips(&mut root, problems);
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

fn dataset_name(root: &mut Section<'_, '_>, problems: &mut Problems) -> Option<String> {
    let Some(mut section) = root.take_section("dataset", problems) else {
        root.report_missing(problems, "missing section [dataset] with a `name`");
        return None;
    };
    let name = section.require_str("name", problems);
    if let Some(name) = name.as_ref().filter(|name| name.value.trim().is_empty()) {
        section.problem(problems, "name", name.line, &name.value, "must not be empty");
    }
    section.finish(problems);
    name.map(|name| name.value)
}

fn shard_clips(root: &mut Section<'_, '_>, problems: &mut Problems) -> u32 {
    let Some(mut section) = root.take_section("shards", problems) else {
        return SHARD_CLIPS;
    };
    let clips = section.take_u32("clips", problems);
    if let Some(zero) = clips.as_ref().filter(|clips| clips.value == 0) {
        section.problem(problems, "clips", zero.line, "0", "a shard needs at least one clip");
    }
    section.finish(problems);
    clips.map_or(SHARD_CLIPS, |clips| clips.value)
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
        let message = format!("must be at most {LONGEST_CLIP_S} s");
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
