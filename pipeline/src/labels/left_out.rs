//! Counts what the clips of a recording leave out of its boxes and spans, or cut.

use shardfmt::BoxStatus;

use super::{COVER_SLACK_NS, ClipSpan, ImageAxes, Labeller, Sight, sight_in};
use crate::manifest::{AssetBox, Span, SpanScope};
use crate::tally::{Reason, Tallies};

impl Labeller<'_> {
    /// Which boxes and spans are left out or cut, where these are the recording's clips, in order.
    pub fn tallies(&self, clips: &[ClipSpan], axes: &dyn ImageAxes) -> Tallies {
        let mut tallies = Tallies::default();
        for found in &self.recording.boxes {
            self.tally_box(found, clips, axes, &mut tallies);
        }
        for span in &self.recording.spans {
            let has_nobody = span.scope == SpanScope::Target && self.recording.target.is_none();
            let idle = match has_nobody {
                true => Some(Reason::SpanWithoutTarget),
                false => (!self.completes_any(span, clips)).then_some(Reason::SpanWithoutClip),
            };
            idle.into_iter().for_each(|reason| tallies.add(reason, 1));
            let is_cut = span.start_ns < self.end_ns && self.is_cut(span.end_ns) && *span != Span::WHOLE;
            tallies.add(Reason::SpanCutAtEnd, u64::from(is_cut));
        }
        let heard = self.recording.heard.iter().flatten();
        let conflicts = heard.filter(|class| self.recording.ruled_out_by(**class).is_some());
        tallies.add(Reason::HeardConflict, conflicts.count() as u64);
        tallies
    }

    fn tally_box(&self, found: &AssetBox, clips: &[ClipSpan], axes: &dyn ImageAxes, tallies: &mut Tallies) {
        if found.start_ns >= self.end_ns {
            tallies.add(Reason::BoxPastEnd, 1);
            return;
        }
        tallies.add(Reason::BoxCutAtEnd, u64::from(self.is_cut(found.end_ns)));
        let times = (found.start_ns, found.end_ns);
        let mut shown = showing(times, clips).iter().peekable();
        let (fmin_hz, fmax_hz) = axes.range_hz();
        if shown.peek().is_none() {
            tallies.add(Reason::BoxOutsideClips, 1);
        } else if self.is_above_range(found) {
            tallies.add(Reason::BoxAboveRange, 1);
        } else {
            let is_cut = found.low_hz.is_some_and(|hz| hz < fmin_hz) || found.high_hz.is_some_and(|hz| hz > fmax_hz);
            tallies.add(Reason::BoxCutInFrequency, u64::from(is_cut));
            let counts_nowhere = shown.all(|clip| sight_in(times, *clip) != Sight::Full);
            let is_lost = counts_nowhere && found.status != Some(BoxStatus::Ignore);
            tallies.add(Reason::BoxAtEdges, u64::from(is_lost));
        }
    }

    /// Whether what ends there reaches beyond the recording's end.
    fn is_cut(&self, end_ns: i64) -> bool {
        end_ns > self.end_ns + COVER_SLACK_NS
    }

    /// Whether the span helps to cover one of the clips.
    fn completes_any(&self, span: &Span, clips: &[ClipSpan]) -> bool {
        let covered = match span.scope {
            SpanScope::All => &self.complete_spans,
            SpanScope::Target => &self.target_spans,
        };
        let shown = showing((span.start_ns, span.end_ns), clips);
        shown.iter().any(|clip| covered.holds(*clip))
    }
}

/// Those of `clips`, which are in order, that show something of `.0` to `.1` (nanoseconds of their recording), or of
/// the point where both are one.
fn showing((start_ns, end_ns): (i64, i64), clips: &[ClipSpan]) -> &[ClipSpan] {
    let first = clips.partition_point(|clip| clip.real_end_ns <= start_ns);
    let end = clips.partition_point(|clip| clip.start_ns < end_ns.max(start_ns.saturating_add(1)));
    clips.get(first..end).unwrap_or_default()
}
