//! Defines how many clips the recordings of a benchmark have.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Fewest and most clips that a recording may have.
const CLIPS: RangeInclusive<usize> = 2..=200;

/// Fewest and most clips of a recording, written `10-100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipRange {
    /// Of the shortest recording.
    pub fewest: usize,
    /// Of the longest.
    pub most: usize,
}

impl ClipRange {
    /// Checks both numbers.
    ///
    /// # Errors
    /// [`Error::Condition`].
    pub(crate) fn validate(self) -> Result<(), Error> {
        let is_within = CLIPS.contains(&self.fewest) && CLIPS.contains(&self.most) && self.fewest <= self.most;
        if is_within {
            Ok(())
        } else {
            Err(refused_clips(&self.to_string()))
        }
    }

    /// The clips of one recording: even where the longest is less than twice the shortest, else even in the logarithm,
    /// so that short recordings are common and long ones rare, as in collections. 10-100 has a mean of 39.
    pub(crate) fn draw(self, rng: &mut ChaCha8Rng) -> usize {
        let Self { fewest, most } = self;
        if most < 2 * fewest {
            return rng.random_range(fewest..=most);
        }
        let (low, high) = ((fewest as f64).ln(), ((most + 1) as f64).ln());
        (rng.random_range(low..high).exp() as usize).clamp(fewest, most)
    }
}

fn refused_clips(got: &str) -> Error {
    Error::Condition {
        name: "range of clips",
        expected: "the fewest and the most of a recording, from 2 to 200, such as 10-100",
        got: got.to_owned(),
    }
}

impl FromStr for ClipRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |part: &str| part.parse().ok();
        let range = text
            .split_once('-')
            .and_then(|(fewest, most)| Some((number(fewest)?, number(most)?)));
        let (fewest, most) = range.ok_or_else(|| refused_clips(text))?;
        let range = Self { fewest, most };
        range.validate().map(|()| range)
    }
}

impl fmt::Display for ClipRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.fewest, self.most)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::ClipRange;
    use crate::seeding::{Draw, keyed};

    #[test]
    fn a_range_of_clips_is_two_numbers() {
        let range = ClipRange { fewest: 10, most: 100 };
        assert_eq!("10-100".parse::<ClipRange>().unwrap(), range);
        assert_eq!(range.to_string(), "10-100");
        for text in ["", "10", "10-", "-100", "100-10", "10-1000", "a-b", "1.5-3"] {
            let reason = text.parse::<ClipRange>().unwrap_err().to_string();
            assert!(reason.contains("such as 10-100"), "{reason}");
        }
    }

    #[test]
    fn wide_ranges_have_few_long_recordings_and_narrow_ones_are_even() {
        let mut rng = keyed(48, Draw::BenchmarkPlan, 0);
        let mut drawn = |range: &str| -> Vec<usize> {
            let range: ClipRange = range.parse().unwrap();
            (0..4000).map(|_| range.draw(&mut rng)).collect()
        };
        let wide = drawn("10-100");
        assert!(wide.contains(&10) && wide.contains(&100) && wide.iter().all(|clips| (10..=100).contains(clips)));
        // The mean of floor(x), x even in the logarithm from 10 to 101, is 38.9, its deviation 25; the median is 31.8.
        let mean = wide.iter().sum::<usize>() as f64 / 4000.0;
        let below = wide.iter().filter(|&&clips| clips < 32).count() as f64 / 4000.0;
        assert!(
            (mean - 38.9).abs() < 1.6 && (below - 0.5).abs() < 0.03,
            "{mean} {below}"
        );
        let narrow = drawn("12-14");
        for clips in 12..=14 {
            // A third each, with a standard error of 0.0075.
            let share = narrow.iter().filter(|&&drawn| drawn == clips).count() as f64 / 4000.0;
            assert!((share - 1.0 / 3.0).abs() < 0.03, "{clips}: {share}");
        }
    }
}
