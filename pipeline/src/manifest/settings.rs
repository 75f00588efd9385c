//! Defines `Settings`, what the TOML file of a manifest says, before its tables are opened.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::image_settings;
use super::label_rules::{self, CodeLine, LabelRules};
use storage::Location;

use super::section::{Section, TomlText};
use crate::tables::{Problems, decode, nfc};
use frontend::{Frontend, ImageSettings};

/// Where the boxes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoxesFrom {
    /// One table with the columns of `boxes.csv`.
    Table(PathBuf),
    /// Raven selection tables found by a file-name pattern.
    Raven {
        /// Pattern relative to the manifest, with `{stem}`, `{name}` and `{asset_id}`.
        files: String,
        /// The column with the label: the first of these that a table has.
        label_columns: Vec<String>,
        /// What the times of a table over several files count from.
        times: RavenTimes,
        /// What a table without rows means.
        empty_table: EmptyTable,
    },
    /// Audacity label tracks found by a file-name pattern.
    Audacity {
        /// Pattern as for Raven.
        files: String,
        /// What a track without labels means.
        empty_table: EmptyTable,
    },
}

/// What the times of a Raven table over several files count from, where it has no `File Offset (s)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RavenTimes {
    /// Whatever they fit; where that does not decide it, the manifest is refused.
    Fitting,
    /// The start of each row's own file.
    File,
    /// The start of the first file: the files follow one another, as in Raven's window.
    Running,
}

/// What an annotation file without rows means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyTable {
    /// Nothing: its recording stays as it is without.
    Unknown,
    /// The whole recording was listened to for every class, and nothing was heard.
    Absent,
}

/// `[tables]`: paths, already joined to the manifest's folder.
#[derive(Clone, Debug)]
pub struct TablePaths {
    /// Folder of the manifest.
    pub folder: PathBuf,
    /// The recordings table.
    pub recordings: PathBuf,
    /// Address that its paths are under, if not its own folder.
    pub recordings_at: Option<String>,
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
    /// A model's scores of clips.
    pub clip_scores: Option<PathBuf>,
}

/// Everything the TOML file says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the dataset.
    pub name: String,
    /// Where the tables are.
    pub tables: TablePaths,
    /// `[labels]`.
    pub labels: LabelRules,
    /// Key, code and line of every marker and alias of `[labels]`, for messages.
    pub label_lines: Vec<CodeLine>,
    /// Clips a shard aims at.
    pub shard_clips: u32,
}

/// Clips a shard aims at by default. 512 clips of 448 x 448 u8 are 98 MiB: exactly 49 huge pages, few files, and a
/// size that copies and resumes well.
pub const SHARD_CLIPS: u32 = 512;

/// Reads the TOML file. `None` when nothing usable can be had; every mistake is in `problems` either way. There is no
/// `Frontend` when there is a mistake.
pub(super) fn read(file: &Path, problems: &mut Problems) -> Option<(Settings, Option<Frontend>)> {
    let bytes = std::fs::read(file);
    let bytes = bytes.map_err(|error| problems.file(file, format!("cannot be read: {error}")));
    let bytes = bytes.ok()?;
    let text = decode(file, &bytes, problems)?;
    parse(file, &text, problems)
}

/// Parses the text of the manifest `file`, whose folder its paths are relative to.
fn parse(file: &Path, text: &str, problems: &mut Problems) -> Option<(Settings, Option<Frontend>)> {
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
    let audio = image_settings::audio(root.take_section("audio", problems), problems);
    let section = root.take_section("clips", problems);
    let clips_line = section.as_ref().map_or(1, Section::line);
    let clips = image_settings::clips(section, problems);
    let (labels, label_lines) = {
        let has_scores = tables.as_ref().is_none_or(|tables| tables.clip_scores.is_some());
        label_rules::read(root.take_section("labels", problems), has_scores, problems)
    };
    let section = root.take_section("spectrogram", problems);
    let spectrogram_line = section.as_ref().map_or(1, Section::line);
    let spectrogram = image_settings::spectrogram(section, problems);
    let images = ImageSettings {
        audio,
        clips,
        spectrogram,
    };
    let frontend = if problems.is_empty() {
        image_settings::plan(file, images, (clips_line, spectrogram_line), problems)
    } else {
        None
    };
    let shard_clips = shard_clips(&mut root, problems);
    root.finish(problems);
    let settings = Settings {
        // A missing name is a problem already; the tables are looked at all the same.
        name: name.unwrap_or_default(),
        tables: tables?,
        labels,
        label_lines,
        shard_clips,
    };
    Some((settings, frontend))
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

fn tables(file: &Path, mut section: Section<'_, '_>, problems: &mut Problems) -> Option<TablePaths> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let recordings = section
        .require_str("recordings", problems)
        .map(|t| folder.join(t.value));
    let recordings_at = section.take_str("recordings_at", problems);
    if let Some(at) = &recordings_at
        && !Location::is_address(Path::new(&at.value))
    {
        let message = "expected an address that the paths of recordings are under, such as s3://lab/audio";
        section.problem(problems, "recordings_at", at.line, &at.value, message);
    }
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
    let (geo_prior, checklist_prior) = (path("geo_prior"), path("checklist_prior"));
    let (annotated_spans, clip_scores) = (path("annotated_spans"), path("clip_scores"));
    section.finish(problems);
    Some(TablePaths {
        folder: folder.into(),
        recordings: recordings?,
        recordings_at: recordings_at.map(|at| at.value),
        taxa: taxa?,
        boxes,
        geo_prior,
        checklist_prior,
        annotated_spans,
        clip_scores,
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
    let empty_table = [("unknown", EmptyTable::Unknown), ("absent", EmptyTable::Absent)];
    let empty_table = section.take_choice("empty_table", &empty_table, problems);
    let empty_table = empty_table.unwrap_or(EmptyTable::Unknown);
    let boxes = match format {
        Some(Format::Raven) => {
            let label_columns = section.take_str_or_strings("label_column", problems);
            let label_columns = label_columns.map_or_else(
                || vec!["Species".into()],
                |names| names.iter().map(|name| nfc(&name.value).into_owned()).collect(),
            );
            let times = [
                ("fitting", RavenTimes::Fitting),
                ("file", RavenTimes::File),
                ("running", RavenTimes::Running),
            ];
            let times = section.take_choice("times", &times, problems);
            files.map(|files| BoxesFrom::Raven {
                files,
                label_columns,
                times: times.unwrap_or(RavenTimes::Fitting),
                empty_table,
            })
        }
        Some(Format::Audacity) => files.map(|files| BoxesFrom::Audacity { files, empty_table }),
        None => None,
    };
    section.finish(problems);
    boxes
}
