//! Provides which clips of a recording a song counts in, for the demo's own quota check and for what its photographs
//! show.

use pipeline::labels::{ClipSpan, Sight, sight_in};
use pipeline::manifest::nanoseconds;

/// Clip length and hop of the demo's manifest.
pub(crate) const CLIP_S: f64 = 3.0;

/// Clips of a recording, the padded last one included.
pub(crate) fn clip_count(duration_s: f64) -> usize {
    (duration_s / CLIP_S).ceil() as usize
}

/// Whether a song from `start_s` to `end_s` counts in clip number `clip`. Songs lie within their recording.
pub(crate) fn counts_in(start_s: f64, end_s: f64, clip: usize) -> bool {
    let end_ns = nanoseconds((clip + 1) as f64 * CLIP_S);
    let span = ClipSpan {
        start_ns: nanoseconds(clip as f64 * CLIP_S),
        end_ns,
        // A song ends before its recording does.
        real_end_ns: end_ns,
    };
    sight_in((nanoseconds(start_s), nanoseconds(end_s)), span) == Sight::Full
}

#[cfg(test)]
pub(crate) mod oracle {
    //! The L48 protocol, written down a second time for tests.

    use super::CLIP_S;

    /// A song longer than this that shows only at a clip's edge is not counted there.
    const LONG_SONG_S: f64 = 0.08;

    /// Width of a clip's edge.
    const EDGE_S: f64 = 0.2;

    /// As [`counts_in`](super::counts_in).
    pub(crate) fn counts_in(start_s: f64, end_s: f64, clip: usize) -> bool {
        let clip_start_s = clip as f64 * CLIP_S;
        let clip_end_s = clip_start_s + CLIP_S;
        let visible = (start_s.max(clip_start_s), end_s.min(clip_end_s));
        let overlaps = visible.0 < visible.1;
        let at_edge = visible.1 <= clip_start_s + EDGE_S || visible.0 >= clip_end_s - EDGE_S;
        overlaps && !(end_s - start_s > LONG_SONG_S && at_edge)
    }
}

#[cfg(test)]
mod tests {
    use super::{clip_count, counts_in, oracle};

    #[test]
    fn the_last_clip_may_be_padded() {
        assert_eq!([9.0, 9.02, 11.98].map(clip_count), [3, 4, 4]);
    }

    #[test]
    fn a_long_song_at_the_edge_is_not_counted_there() {
        // 0.507 to 3.042 s leaves 42 ms in the second clip.
        for (start_s, end_s, clip, expected) in [
            (0.507, 3.042, 0, true),
            (0.507, 3.042, 1, false),
            (2.85, 4.0, 0, false),
            (2.75, 4.0, 0, true),
            // Short songs count anywhere.
            (2.9, 2.97, 0, true),
            (2.9, 2.97, 1, false),
        ] {
            let got = [counts_in, oracle::counts_in].map(|counts_in| counts_in(start_s, end_s, clip));
            assert_eq!(got, [expected; 2], "{start_s} {end_s} {clip}");
        }
    }
}
