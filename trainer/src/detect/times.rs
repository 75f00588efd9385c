//! Defines `Times`, where the windows of a recording lie in it, in seconds.

use frontend::Frontend;
use frontend::window::Windowing;

/// Where windows lie; the same for every recording but for its end.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    windowing: Windowing,
    rate_hz: f64,
}

impl Times {
    /// Those of the windows that `frontend` cuts.
    #[must_use]
    pub fn new(frontend: &Frontend) -> Self {
        Self {
            windowing: *frontend.windowing(),
            rate_hz: frontend.rate_hz(),
        }
    }

    /// Start and end of window number `window` in a recording of `duration_s`, whose own length ends the last one.
    #[must_use]
    pub fn of(&self, window: u32, duration_s: f64) -> [f64; 2] {
        let start = self.windowing.start(window.into());
        let end = start.saturating_add(self.windowing.duration_samples());
        let [start_s, end_s] = [start, end].map(|sample| sample as f64 / self.rate_hz);
        [start_s, end_s.min(duration_s).max(start_s)]
    }

    /// Whether nothing lies between the end of window `first` and the start of window `second`.
    #[must_use]
    pub fn touch(&self, first: u32, second: u32) -> bool {
        let end = self
            .windowing
            .start(first.into())
            .saturating_add(self.windowing.duration_samples());
        self.windowing.start(second.into()) <= end
    }
}

/// Seconds as text: to the nanosecond, without zeros at the end.
pub(super) fn seconds(time_s: f64) -> String {
    let text = format!("{time_s:.9}");
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use frontend::window::{Decimal, Tail};

    use super::*;

    fn times(hop_s: &str) -> Times {
        let windowing = Windowing::new(Decimal::from_whole(3), hop_s.parse().unwrap(), 22_050, Tail::Pad).unwrap();
        Times {
            windowing,
            rate_hz: 22_050.0,
        }
    }

    #[test]
    fn windows_end_with_their_recording() {
        let times = times("1.5");
        assert_eq!(times.of(0, 60.0), [0.0, 3.0]);
        assert_eq!(times.of(3, 60.0), [4.5, 7.5]);
        assert_eq!(times.of(3, 5.25), [4.5, 5.25]);
        // Resampling may round the number of samples up.
        assert_eq!(times.of(3, 4.499_99), [4.5, 4.5]);
    }

    #[test]
    fn windows_touch_unless_the_hop_leaves_a_gap() {
        assert!(times("3").touch(0, 1) && !times("3").touch(0, 2));
        assert!(times("1.5").touch(0, 2) && !times("1.5").touch(0, 3));
        assert!(!times("3.1").touch(0, 1));
    }

    #[test]
    fn seconds_are_written_short() {
        assert_eq!([0.0, 3.0, 4.5, 0.1 + 0.2].map(seconds), ["0", "3", "4.5", "0.3"]);
    }
}
