//! Defines the label rules: from the boxes, spans and priors of a recording to present, absent and unknown classes of
//! each clip.
//!
//! A clip is `[start, start + duration)` of its recording; what lies past the recording's end is padding. All
//! comparisons are made on integer nanoseconds. The thresholds are those of the L48 data set's documentation.

use shardfmt::{BoxStatus, ClipBox, FromRecording, HeardSource, LabelSource, Taxa};

use crate::manifest::{
    AssetBox, BoxCode, Completeness, IgnoredOnly, LabelRules, Recording, SpanScope, nanoseconds, seconds,
};

mod left_out;
mod weak;

pub use weak::add_weak;

/// A box longer than this that shows only at the edge of a clip is ignored there.
const EDGE_MIN_DURATION_NS: i64 = 80_000_000;
/// What counts as the edge of a clip, at either end.
const EDGE_NS: i64 = 200_000_000;
/// A span written to the millisecond covers a recording that ends within the same millisecond: half of one is forgiven.
const COVER_SLACK_NS: i64 = 500_000;

/// The image a clip became: where a time and a frequency lie in it.
pub trait ImageAxes {
    /// Position of a time (seconds from the clip's start) between the image's left (0) and right (1) edge.
    fn x_of_s(&self, time_s: f64) -> f64;
    /// Position of a frequency between the image's row 0 (0) and its last row's far edge (1), on the image's own scale.
    fn y_of_hz(&self, hz: f64) -> f64;
    /// Lowest and highest frequency of the image in Hz.
    fn range_hz(&self) -> (f64, f64);
}

/// The stretch of a recording that one clip holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipSpan {
    /// Start in nanoseconds of the recording.
    pub start_ns: i64,
    /// End of the clip, padding included.
    pub end_ns: i64,
    /// End of the real audio in the clip: at most `end_ns`.
    pub real_end_ns: i64,
}

/// How much of a sound a clip shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Nothing.
    None,
    /// Only a part at the clip's edge, of a sound that is long enough to count elsewhere: it is ignored here.
    Edge,
    /// Enough to count.
    Full,
}

/// How much `clip` shows of a sound from `.0` to `.1` (nanoseconds of its recording).
///
/// A sound longer than 80 ms of which only the clip's first or last 200 ms show anything is at the edge. One without
/// length, a point label, shows where it falls into the clip.
pub fn sight_in((start_ns, end_ns): (i64, i64), clip: ClipSpan) -> Sight {
    let (start, end) = (start_ns.max(clip.start_ns), end_ns.min(clip.real_end_ns));
    let is_point = start_ns == end_ns && start == end && start < clip.real_end_ns;
    let at_edge = end <= clip.start_ns + EDGE_NS || start >= clip.end_ns - EDGE_NS;
    if start >= end && !is_point {
        Sight::None
    } else if end_ns - start_ns > EDGE_MIN_DURATION_NS && at_edge {
        Sight::Edge
    } else {
        Sight::Full
    }
}

/// The labels of one clip: every class is in exactly one of the three lists, ascending.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipLabels {
    /// Classes heard.
    pub present: Vec<u32>,
    /// Classes looked for, or ruled out, and not heard.
    pub absent: Vec<u32>,
    /// Classes nobody looked for.
    pub unknown: Vec<u32>,
    /// What made the clip complete.
    pub source: LabelSource,
    /// Classes that are present because they were heard in the recording, all of which is in the clip; ascending.
    pub from_recording: Vec<FromRecording>,
    /// The boxes that overlap the clip's audio, in table order.
    pub boxes: Vec<ClipBox>,
}

/// The rules applied to one recording.
pub struct Labeller<'a> {
    rules: &'a LabelRules,
    recording: &'a Recording,
    taxa: &'a Taxa,
    ceiling_hz: f64,
    end_ns: i64,
    /// Boxes by start, each with the latest end among it and those before it.
    by_start: Vec<(usize, i64)>,
    complete_spans: Covered,
    target_spans: Covered,
}

impl<'a> Labeller<'a> {
    /// `duration_s` is the decoded length; `ceiling_hz` the lower of the image's highest
    /// frequency and the recording's own Nyquist frequency.
    pub fn new(
        rules: &'a LabelRules,
        recording: &'a Recording,
        taxa: &'a Taxa,
        duration_s: f64,
        ceiling_hz: f64,
    ) -> Self {
        let mut by_start: Vec<(usize, i64)> = (0..recording.boxes.len()).map(|number| (number, i64::MIN)).collect();
        by_start.sort_by_key(|(number, _)| recording.boxes[*number].start_ns);
        let mut latest_end = i64::MIN;
        for (number, latest) in &mut by_start {
            latest_end = latest_end.max(recording.boxes[*number].end_ns);
            *latest = latest_end;
        }
        let of_scope = |scopes: &[SpanScope]| {
            let spans = recording.spans.iter().filter(|span| scopes.contains(&span.scope));
            Covered::of(spans.map(|span| (span.start_ns, span.end_ns)).collect())
        };
        Labeller {
            rules,
            recording,
            taxa,
            ceiling_hz,
            end_ns: nanoseconds(duration_s),
            by_start,
            complete_spans: of_scope(&[SpanScope::All]),
            target_spans: of_scope(&[SpanScope::All, SpanScope::Target]),
        }
    }

    /// The labels of one clip; adds to `prior_conflicts` the classes whose box won over a prior.
    pub fn label(&self, clip: ClipSpan, axes: &dyn ImageAxes, prior_conflicts: &mut u64) -> ClipLabels {
        // 1 = counts, 2 = ignored: bits, since a class may have both kinds of boxes.
        let mut boxed = vec![0u8; self.taxa.len()];
        let mut unknown_bird = false;
        let mut no_bird: Vec<(i64, i64)> = Vec::new();
        let mut boxes = Vec::new();
        for found in self.boxes_near(clip) {
            let Some((status, counting)) = self.status_in(found, clip) else {
                continue;
            };
            match &found.code {
                BoxCode::Class(class) => {
                    if let Some(bits) = boxed.get_mut(*class as usize) {
                        *bits |= if counting { 1 } else { 2 };
                    }
                }
                BoxCode::UnknownBird(_) => unknown_bird = true,
                BoxCode::NoBird(_) if counting => no_bird.push((found.start_ns, found.end_ns)),
                BoxCode::NoBird(_) => {}
                BoxCode::Other(_) => {}
            }
            boxes.push(self.clip_box(found, status, clip, axes));
        }
        let target_span = self.target_spans.holds(clip);
        let counting_box = boxed.iter().any(|bits| bits & 1 == 1);
        let source = if self.complete_spans.holds(clip) {
            LabelSource::Span
        } else if Covered::of(no_bird).holds(clip) {
            LabelSource::NoBird
        } else if self.rules.completeness == Completeness::Box && counting_box {
            LabelSource::Box
        } else {
            LabelSource::Incomplete
        };
        let complete = source != LabelSource::Incomplete;
        let mut labels = ClipLabels {
            present: Vec::new(),
            absent: Vec::new(),
            unknown: Vec::new(),
            source,
            from_recording: Vec::new(),
            boxes,
        };
        let whole = self.is_whole(clip);
        for (class, bits) in (0u32..).zip(&boxed) {
            let geo_negative = self.recording.geo.as_ref().is_some_and(|geo| geo.is_negative(class));
            let heard = self.recording.is_heard(class);
            let list = if bits & 1 == 1 {
                *prior_conflicts += u64::from(self.recording.ruled_out_by(class).is_some());
                &mut labels.present
            } else if heard && whole {
                labels.from_recording.push(from_whole(class));
                &mut labels.present
            } else if *bits == 2 && self.rules.ignored_only == IgnoredOnly::Unknown {
                &mut labels.unknown
            } else if geo_negative && !heard {
                &mut labels.absent
            } else if unknown_bird {
                &mut labels.unknown
            } else if complete || (target_span && self.recording.target == Some(class)) {
                &mut labels.absent
            } else {
                &mut labels.unknown
            };
            list.push(class);
        }
        labels
    }

    /// The boxes that could overlap the clip, in table order: a recording of a day has many others.
    fn boxes_near(&self, clip: ClipSpan) -> impl Iterator<Item = &'a AssetBox> {
        let boxes = &self.recording.boxes;
        let end = self
            .by_start
            .partition_point(|(number, _)| boxes[*number].start_ns < clip.real_end_ns);
        let before_end = self.by_start.get(..end).unwrap_or_default();
        let reaching = before_end
            .iter()
            .rev()
            .take_while(|(_, latest_end)| *latest_end >= clip.start_ns);
        let mut near: Vec<usize> = reaching.map(|(number, _)| *number).collect();
        near.sort_unstable();
        near.into_iter().map(|number| &boxes[number])
    }

    /// Whether all of the recording's sound is in the clip.
    fn is_whole(&self, clip: ClipSpan) -> bool {
        clip.start_ns <= 0 && clip.real_end_ns + COVER_SLACK_NS >= self.end_ns
    }

    fn is_above_range(&self, found: &AssetBox) -> bool {
        found.low_hz.is_some_and(|low_hz| low_hz >= self.ceiling_hz)
    }

    /// The box's status in a clip and whether it counts; `None` when it is not there.
    fn status_in(&self, found: &AssetBox, clip: ClipSpan) -> Option<(BoxStatus, bool)> {
        if found.start_ns >= self.end_ns {
            return None;
        }
        let ignored = match sight_in((found.start_ns, found.end_ns), clip) {
            Sight::None => return None,
            Sight::Edge => true,
            Sight::Full => found.status == Some(BoxStatus::Ignore) || self.is_above_range(found),
        };
        let status = if ignored {
            BoxStatus::Ignore
        } else {
            found.status.unwrap_or(BoxStatus::Active)
        };
        Some((status, !ignored))
    }

    fn clip_box(&self, found: &AssetBox, status: BoxStatus, clip: ClipSpan, axes: &dyn ImageAxes) -> ClipBox {
        let (start_ns, end_ns) = (found.start_ns.max(clip.start_ns), found.end_ns.min(clip.real_end_ns));
        let (fmin_hz, fmax_hz) = axes.range_hz();
        let inside = |hz: Option<f64>| hz.map(|hz| hz.clamp(fmin_hz, fmax_hz));
        let (low_hz, high_hz) = (inside(found.low_hz), inside(found.high_hz));
        let x = |ns: i64| axes.x_of_s(seconds(ns - clip.start_ns)) as f32;
        let y = |hz: Option<f64>| hz.map(|hz| axes.y_of_hz(hz) as f32);
        let species_code = match &found.code {
            BoxCode::Class(class) => self.taxa.code(*class).unwrap_or_default(),
            BoxCode::UnknownBird(code) | BoxCode::NoBird(code) | BoxCode::Other(code) => code,
        };
        ClipBox {
            species_code: species_code.into(),
            status,
            start_s: seconds(start_ns),
            end_s: seconds(end_ns),
            low_hz,
            high_hz,
            x_min: x(start_ns),
            x_max: x(end_ns),
            y_min: y(low_hz),
            y_max: y(high_hz),
        }
    }
}

/// What a clip that holds all of a recording has of a class that was heard in it.
fn from_whole(class: u32) -> FromRecording {
    FromRecording {
        class,
        label_source: HeardSource::Whole,
        score: None,
    }
}

/// A union of intervals: gaps that a time written to the millisecond could leave are closed.
struct Covered(Vec<(i64, i64)>);

impl Covered {
    fn of(mut intervals: Vec<(i64, i64)>) -> Self {
        intervals.sort_unstable();
        let mut union: Vec<(i64, i64)> = Vec::new();
        for (start, end) in intervals {
            match union.last_mut() {
                Some((_, covered_to)) if start <= *covered_to + COVER_SLACK_NS => *covered_to = end.max(*covered_to),
                _ => union.push((start, end)),
            }
        }
        Covered(union)
    }

    /// Whether the clip's real audio lies in it.
    fn holds(&self, clip: ClipSpan) -> bool {
        let before = self
            .0
            .partition_point(|(start, _)| *start <= clip.start_ns + COVER_SLACK_NS);
        let last = before.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|(_, end)| *end + COVER_SLACK_NS >= clip.real_end_ns && *end > clip.start_ns)
    }
}

#[cfg(test)]
mod tests;
