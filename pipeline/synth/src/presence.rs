//! Provides which clips of a recording a song counts in, for the demo's own quota check and for what its photographs show.

/// Clip length and hop of the demo's manifest.
pub(super) const CLIP_S: f64 = 3.0;

/// A song longer than this that shows only at a clip's edge is not counted there (L48 protocol).
const LONG_SONG_S: f64 = 0.08;

/// Width of a clip's edge (L48 protocol).
const EDGE_S: f64 = 0.2;

/// Clips of a recording, the padded last one included.
pub(super) fn clip_count(duration_s: f64) -> usize {
    (duration_s / CLIP_S).ceil() as usize
}

/// Whether a song from `start_s` to `end_s` counts in clip number `clip`.
///
/// It does unless it lies elsewhere, or is longer than 80 ms and shows only within the first or the
/// last 200 ms of the clip. Songs lie within their recording.
pub(super) fn counts_in(start_s: f64, end_s: f64, clip: usize) -> bool {
    let clip_start_s = clip as f64 * CLIP_S;
    let clip_end_s = clip_start_s + CLIP_S;
    let visible = (start_s.max(clip_start_s), end_s.min(clip_end_s));
    let overlaps = visible.0 < visible.1;
    let at_edge = visible.1 <= clip_start_s + EDGE_S || visible.0 >= clip_end_s - EDGE_S;
    overlaps && !(end_s - start_s > LONG_SONG_S && at_edge)
}

#[cfg(test)]
mod tests {
    use super::{clip_count, counts_in};

    #[test]
    fn the_last_clip_may_be_padded() {
        assert_eq!([9.0, 9.02, 11.98].map(clip_count), [3, 4, 4]);
    }

    #[test]
    fn a_long_song_at_the_edge_is_not_counted_there() {
        // 0.507 to 3.042 s leaves 42 ms in the second clip.
        assert!(counts_in(0.507, 3.042, 0));
        assert!(!counts_in(0.507, 3.042, 1));
        assert!(!counts_in(2.85, 4.0, 0));
        assert!(counts_in(2.75, 4.0, 0));
        assert!(counts_in(2.9, 2.97, 0), "short songs count anywhere");
        assert!(!counts_in(2.9, 2.97, 1));
    }
}
