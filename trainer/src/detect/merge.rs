//! Provides merging: windows one after the other with the same class become one detection.

use super::choice::Found;
use super::times::Times;

/// Something detected in a recording: a class, from one window to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Detection {
    pub(super) first_window: u32,
    pub(super) last_window: u32,
    pub(super) found: Found,
}

impl Detection {
    /// What was detected in one window.
    pub(super) fn of_window(window: u32, found: Found) -> Self {
        Self {
            first_window: window,
            last_window: window,
            found,
        }
    }
}

/// Makes one of detections of a class whose windows touch or overlap, of those in the order of windows: from the start
/// of the first to the end of the last, with the logit and probability of the most probable. The result is in the order
/// of starts, the most probable first.
pub(super) fn merged(detections: Vec<Detection>, times: &Times) -> Vec<Detection> {
    let mut newest: Vec<Option<usize>> = Vec::new();
    let mut merged: Vec<Detection> = Vec::new();
    for next in detections {
        let class = next.found.class as usize;
        if newest.len() <= class {
            newest.resize(class + 1, None);
        }
        let Some(newest) = newest.get_mut(class) else { continue };
        let before = newest.and_then(|at| merged.get_mut(at));
        match before.filter(|before| times.touch(before.last_window, next.first_window)) {
            Some(before) => {
                before.last_window = next.last_window;
                if next.found.probability > before.found.probability {
                    before.found = next.found;
                }
            }
            None => {
                *newest = Some(merged.len());
                merged.push(next);
            }
        }
    }
    merged.sort_by(|a, b| {
        let more_probable = b.found.probability.total_cmp(&a.found.probability);
        a.first_window.cmp(&b.first_window).then(more_probable)
    });
    merged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use frontend::{Frontend, ImageSettings};

    use super::*;

    fn times(hop_s: &str) -> Times {
        let mut settings = ImageSettings::default();
        settings.clips.hop_s = hop_s.parse().unwrap();
        Times::new(&Frontend::new(settings).unwrap())
    }

    fn at(window: u32, class: u32, probability: f32) -> Detection {
        let found = Found {
            class,
            logit: 10.0 * probability,
            probability,
        };
        Detection::of_window(window, found)
    }

    fn merge(hop_s: &str, detections: &[Detection]) -> Vec<(u32, u32, u32, f32)> {
        let merged = merged(detections.to_vec(), &times(hop_s)).into_iter();
        merged
            .map(|one| (one.first_window, one.last_window, one.found.class, one.found.logit))
            .collect()
    }

    #[test]
    fn neighbours_become_one_with_the_best_score() {
        let detections = [
            at(0, 5, 0.5),
            at(1, 5, 0.9),
            at(1, 2, 0.3),
            at(2, 5, 0.75),
            at(4, 5, 0.5),
            at(4, 2, 0.5),
        ];
        let expected = [(0, 2, 5, 9.0), (1, 1, 2, 3.0), (4, 4, 5, 5.0), (4, 4, 2, 5.0)];
        assert_eq!(merge("3", &detections), expected);
        // With an overlap of a half, windows 2 and 4 touch too.
        assert_eq!(
            merge("1.5", &detections),
            [(0, 4, 5, 9.0), (1, 1, 2, 3.0), (4, 4, 2, 5.0)]
        );
        // With gaps nothing does.
        assert_eq!(merge("4", &detections).len(), detections.len());
    }
}
