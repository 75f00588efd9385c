//! Defines `Recording` and what its tables say of it: boxes, spans, priors.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use shardfmt::{BoxStatus, Split};

/// Nanoseconds in a second: times are compared as integers, so that 0.58 - 0.50 s is 80 ms and not 79.99.
const NS_PER_S: f64 = 1e9;

/// No recording is as long (about 31 years), in nanoseconds.
const LONGEST_NS: i64 = 1_000_000_000_000_000_000;

/// When a recording was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedAt {
    /// Microseconds since 1970-01-01 00:00 UTC.
    pub unix_us: i64,
    /// Local time minus UTC, in minutes.
    pub utc_offset_min: i32,
}

/// One asset: a recording with all that the tables say of it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Unique id of the asset.
    pub asset_id: i64,
    /// Path as outputs name it: relative to the recordings table, forward slashes.
    pub path: String,
    /// Where the file is.
    pub file: PathBuf,
    /// Train, val or test.
    pub split: Split,
    /// Class index of the species the recording was made for.
    pub target: Option<u32>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Time of the recording.
    pub recorded_at: Option<RecordedAt>,
    /// Checklist the recording belongs to.
    pub checklist_id: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// Where the recording was published.
    pub source_url: Option<String>,
    /// Classes heard anywhere in it, in class order; `None` = nobody said.
    pub heard: Option<Vec<u32>>,
    /// Annotation file of this recording, in place of the pattern of `[tables.boxes]`.
    pub annotation: Option<String>,
    /// Boxes, in table order.
    pub boxes: Vec<AssetBox>,
    /// Annotated spans, in table order.
    pub spans: Vec<Span>,
    /// Geographic prior; `None` = no such row.
    pub geo: Option<GeoPrior>,
    /// Checklist prior; `None` = no such row.
    pub checklist: Option<Arc<Checklist>>,
    /// A model's scores of classes that were heard, in table order: those that the rule for weak labels takes.
    pub scores: Vec<ClipScore>,
    /// Line in the recordings table.
    pub line: u64,
}

/// A model's score of a class in one clip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipScore {
    /// Which clip.
    pub clip: NamedClip,
    /// The class.
    pub class: u32,
    /// The score.
    pub score: f64,
}

/// A clip as a table names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedClip {
    /// By its number in its recording.
    Index(u32),
    /// By its start, in nanoseconds of its recording.
    Start(i64),
}

impl Recording {
    /// Which prior says that a class is absent, if any does: "geographic" or "checklist".
    pub fn ruled_out_by(&self, class: u32) -> Option<&'static str> {
        let geo = self.geo.as_ref().is_some_and(|prior| prior.is_negative(class));
        let list = || self.checklist.as_ref().is_some_and(|prior| prior.is_negative(class));
        match geo {
            true => Some("geographic"),
            false => list().then_some("checklist"),
        }
    }

    /// Whether a class was heard anywhere in it.
    pub fn is_heard(&self, class: u32) -> bool {
        let heard = self.heard.as_deref().unwrap_or_default();
        heard.binary_search(&class).is_ok()
    }
}

/// What the code of a box means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoxCode {
    /// A class, by its index.
    Class(u32),
    /// A bird nobody could name.
    UnknownBird(String),
    /// "No bird here".
    NoBird(String),
    /// No class and no marker: kept with the clip, labels nothing.
    Other(String),
}

/// A table of boxes, for messages.
#[derive(Debug, PartialEq, Eq)]
pub struct BoxTable {
    /// The file.
    pub file: PathBuf,
    /// The column of its labels.
    pub label_column: String,
}

/// One box on a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetBox {
    /// Start in nanoseconds of the recording.
    pub start_ns: i64,
    /// End in nanoseconds of the recording; not before the start.
    pub end_ns: i64,
    /// Lower edge in Hz.
    pub low_hz: Option<f64>,
    /// Upper edge in Hz.
    pub high_hz: Option<f64>,
    /// What its code means.
    pub code: BoxCode,
    /// Status from the table; `None` = derive.
    pub status: Option<BoxStatus>,
    /// The table it came from.
    pub table: Arc<BoxTable>,
    /// Line in that table.
    pub line: u64,
}

/// What was looked for in an annotated span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanScope {
    /// Every class.
    All,
    /// Only the asset's target species.
    Target,
}

/// A stretch of a recording that was annotated completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Start in nanoseconds of the recording.
    pub start_ns: i64,
    /// End in nanoseconds of the recording.
    pub end_ns: i64,
    /// What was looked for.
    pub scope: SpanScope,
}

impl Span {
    /// All of a recording, whatever its length; every class was looked for.
    pub const WHOLE: Span = Span {
        start_ns: 0,
        end_ns: LONGEST_NS,
        scope: SpanScope::All,
    };
}

/// Which species can occur at a place and time. Class indices, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoPrior {
    /// Species that can occur.
    pub possible: Vec<u32>,
    /// Species the model knows anything about; the others are neither possible nor impossible.
    pub modelled: Arc<[u32]>,
}

impl GeoPrior {
    /// Whether the prior says this class is absent: modelled, and not possible.
    pub fn is_negative(&self, class: u32) -> bool {
        self.modelled.binary_search(&class).is_ok() && self.possible.binary_search(&class).is_err()
    }
}

/// Which species an observer reported. Class indices, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checklist {
    /// Species on the list.
    pub observed: Vec<u32>,
    /// Species that the list neither has nor rules out, as those of a pair that the observer could not tell apart.
    pub unsure: Vec<u32>,
    /// Whether the observer reported every species; only then is absence from the list a negative.
    pub complete: bool,
}

impl Checklist {
    /// Whether the list says this class is absent: complete, and neither observed nor unsure.
    pub fn is_negative(&self, class: u32) -> bool {
        let has = |list: &[u32]| list.binary_search(&class).is_ok();
        self.complete && !has(&self.observed) && !has(&self.unsure)
    }

    /// The classes that the list does not rule out, in class order: what a dataset keeps of it.
    pub fn not_ruled_out(&self) -> Vec<u32> {
        let mut classes = [self.observed.as_slice(), &self.unsure].concat();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}

/// Whether the recordings' files have to be there.
#[derive(Clone, Copy, Debug)]
pub enum Audio<'a> {
    /// A missing one is a mistake: they are to be decoded.
    Required,
    /// A missing one is counted in the notes: they have been decoded before, and lasted this long (in seconds, by
    /// asset id).
    MayBeGone(&'a HashMap<i64, f64>),
}

impl Audio<'_> {
    /// How long a recording lasted, in seconds, where it has been decoded before.
    pub(super) fn known_s(self, asset_id: i64) -> Option<f64> {
        match self {
            Audio::MayBeGone(durations) => durations.get(&asset_id).copied(),
            Audio::Required => None,
        }
    }
}

/// Seconds as integer nanoseconds.
pub fn nanoseconds(seconds: f64) -> i64 {
    (seconds * NS_PER_S).round() as i64
}

/// Integer nanoseconds as seconds.
pub fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / NS_PER_S
}
