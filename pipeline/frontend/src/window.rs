//! Cuts a stream of samples into clips at exact, drift-free positions.
//!
//! Clip `i` starts at sample `floor(i * hop_s * rate_hz + 1/2)`, computed in integers from the decimal
//! digits of the hop: neither a rounded hop nor a binary fraction accumulates over a long recording.

mod decimal;

use serde::{Deserialize, Serialize};

pub use decimal::Decimal;
use decimal::MAX_DIGITS;

/// A mistake in the configuration of durations and hops.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowConfigError {
    /// Not a plain decimal number. Write it as `3` or `0.25`.
    #[error("{text:?} is not a decimal number of at most {MAX_DIGITS} digits, such as 3 or 0.25")]
    Decimal {
        /// The text.
        text: String,
    },
    /// The clip has no samples, or more than 2^31. Change the duration.
    #[error("a duration of {duration_s} s at {rate_hz} Hz is {samples} samples; 1 to 2147483648 are possible")]
    Duration {
        /// The duration.
        duration_s: Decimal,
        /// The rate.
        rate_hz: u32,
        /// Its samples.
        samples: u128,
    },
    /// Two clips could start at the same sample. Raise the hop.
    #[error("a hop of {hop_s} s at {rate_hz} Hz is shorter than one sample")]
    Hop {
        /// The hop.
        hop_s: Decimal,
        /// The rate.
        rate_hz: u32,
    },
}

/// What happens to samples behind the last whole clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tail {
    /// The fewest clips that cover every sample; the last ones are filled up with zeros.
    Pad,
    /// Whole clips only.
    Drop,
}

/// Where the clips of a recording lie, in samples at the target rate.
///
/// If the hop is longer than the duration, samples between clips belong to none, and `Tail::Pad`
/// makes every clip that starts before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    duration_samples: u64,
    /// The hop in samples, as a reduced fraction of at least one.
    hop: (u128, u128),
    tail: Tail,
}

impl Windowing {
    /// Places clips of `duration_s` every `hop_s` at `rate_hz`. The duration is rounded half up to
    /// whole samples.
    ///
    /// # Errors
    ///
    /// A clip without samples, or a hop below one sample.
    pub fn new(duration_s: Decimal, hop_s: Decimal, rate_hz: u32, tail: Tail) -> Result<Self, WindowConfigError> {
        let (numerator, denominator) = duration_s.times(rate_hz);
        let samples = (2 * numerator + denominator) / (2 * denominator);
        let duration_samples = match u64::try_from(samples) {
            Ok(samples @ 1..=0x8000_0000) => samples,
            _ => {
                return Err(WindowConfigError::Duration {
                    duration_s,
                    rate_hz,
                    samples,
                });
            }
        };
        let hop = hop_s.times(rate_hz);
        if hop.0 < hop.1 {
            return Err(WindowConfigError::Hop { hop_s, rate_hz });
        }
        Ok(Self {
            duration_samples,
            hop,
            tail,
        })
    }

    /// Samples of every clip.
    pub fn duration_samples(&self) -> u64 {
        self.duration_samples
    }

    /// The sample at which clip `index` starts; `u64::MAX` where that is exceeded.
    pub fn start(&self, index: u64) -> u64 {
        let (numerator, denominator) = self.hop;
        let exact = u128::from(index)
            .checked_mul(2 * numerator)
            .and_then(|twice| twice.checked_add(denominator))
            .map(|twice| twice / (2 * denominator));
        exact.and_then(|start| u64::try_from(start).ok()).unwrap_or(u64::MAX)
    }

    /// How many clips a recording of `total_samples` has.
    pub fn clip_count(&self, total_samples: u64) -> u64 {
        let whole = total_samples
            .checked_sub(self.duration_samples)
            .map_or(0, |last| self.starts_to(last));
        match self.tail {
            Tail::Drop => whole,
            Tail::Pad => {
                let Some(last) = total_samples.checked_sub(1) else {
                    return 0;
                };
                let end_before_total = last
                    .checked_sub(self.duration_samples)
                    .map_or(0, |last| self.starts_to(last));
                // One more than end before the last sample, unless a gap swallows it.
                self.starts_to(last).min(end_before_total + 1)
            }
        }
    }

    /// How many clips start at or before `sample`.
    ///
    /// `floor(i h + 1/2) <= s` holds exactly if `2 i h < 2 s + 1`.
    fn starts_to(&self, sample: u64) -> u64 {
        let (numerator, denominator) = self.hop;
        // Below 2^65 times 10^18: no overflow.
        let count = (denominator * (2 * u128::from(sample) + 1)).div_ceil(2 * numerator);
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

/// One clip of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// Its number, from 0.
    pub index: u64,
    /// Its first sample in the recording.
    pub start_sample: u64,
    /// Samples that come from the recording; the rest are zeros.
    pub valid_samples: u64,
}

/// Cuts a stream into clips, holding no more than one clip and one push.
///
/// Call [`next_clip`](Self::next_clip) until `None` after every [`push`](Self::push), and again after
/// [`finish`](Self::finish).
#[derive(Debug)]
pub struct Cutter {
    windowing: Windowing,
    /// Samples of the recording from `base` on.
    buffer: Vec<f32>,
    base: u64,
    received: u64,
    next_index: u64,
    /// The number of clips, known at the end.
    clip_count: Option<u64>,
}

impl Cutter {
    /// Starts a recording.
    pub fn new(windowing: Windowing) -> Self {
        Self {
            windowing,
            buffer: Vec::new(),
            base: 0,
            received: 0,
            next_index: 0,
            clip_count: None,
        }
    }

    /// Takes the next samples of the recording.
    pub fn push(&mut self, samples: &[f32]) {
        self.forget();
        // Samples in a gap between clips are not stored.
        let skipped = self.windowing.start(self.next_index).saturating_sub(self.received);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX).min(samples.len());
        let skipped = if self.buffer.is_empty() { skipped } else { 0 };
        self.buffer.extend_from_slice(&samples[skipped..]);
        self.base += skipped as u64;
        self.received += samples.len() as u64;
    }

    /// Ends the recording: the clips that [`Tail::Pad`] fills up come next.
    pub fn finish(&mut self) {
        self.clip_count = Some(self.windowing.clip_count(self.received));
    }

    /// The next clip that is complete; `waveform` becomes all its samples.
    pub fn next_clip(&mut self, waveform: &mut Vec<f32>) -> Option<Clip> {
        let start_sample = self.windowing.start(self.next_index);
        let end_sample = start_sample.checked_add(self.windowing.duration_samples)?;
        let valid_samples = if end_sample <= self.received {
            self.windowing.duration_samples
        } else if self.clip_count.is_some_and(|count| self.next_index < count) {
            self.received.saturating_sub(start_sample)
        } else {
            return None;
        };
        self.forget();
        let at = (start_sample - self.base) as usize;
        let end = at + self.windowing.duration_samples as usize;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0.0);
        }
        let index = self.next_index;
        self.next_index += 1;
        waveform.clear();
        if at == 0 && end_sample <= self.windowing.start(self.next_index) {
            // No other clip has samples of this one: all of them change hands, and only what follows is copied.
            std::mem::swap(waveform, &mut self.buffer);
            self.buffer.extend_from_slice(&waveform[end..]);
            waveform.truncate(end);
            self.base = end_sample;
        } else {
            waveform.extend_from_slice(&self.buffer[at..end]);
        }
        Some(Clip {
            index,
            start_sample,
            valid_samples,
        })
    }

    /// Drops samples before the next clip, once they are the larger part of the buffer.
    fn forget(&mut self) {
        let passed = self.windowing.start(self.next_index).saturating_sub(self.base);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(self.buffer.len());
        if passed > 0 && 2 * passed >= self.buffer.len() {
            self.buffer.drain(..passed);
            self.base += passed as u64;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
