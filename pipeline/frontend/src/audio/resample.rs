//! Resamples a stream of samples, in constant memory and without moving it in time.

use super::blocks::Blocks;
use super::reject::Reject;

/// The largest ratio of two rates. 1 MHz to 4 kHz is within it.
const MAX_RATIO: u32 = 256;

/// The number of output samples for `frames` input samples: `ceil(frames * to_hz / from_hz)`, exact;
/// `u64::MAX` where that is exceeded.
pub fn resampled_frames(frames: u64, from_hz: u32, to_hz: u32) -> u64 {
    let exact = (u128::from(frames) * u128::from(to_hz)).div_ceil(u128::from(from_hz.max(1)));
    u64::try_from(exact).unwrap_or(u64::MAX)
}

/// Resamples one mono recording from start to end.
///
/// The output does not depend on how the input is divided into calls.
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// `None` passes samples through.
    blocks: Option<Blocks>,
    received: u64,
    sent: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler")
            .field("from_hz", &self.from_hz)
            .field("to_hz", &self.to_hz)
            .finish()
    }
}

impl Resampler {
    /// Plans the change from one rate to another, in Hz.
    ///
    /// # Errors
    ///
    /// [`Reject::Rate`] if a rate is zero, the ratio exceeds 256, or the rates have so small a common
    /// factor that a block would exceed 2^20 samples.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, Reject> {
        let refuse = |reason: String| Reject::Rate { from_hz, to_hz, reason };
        if from_hz == 0 || to_hz == 0 {
            return Err(refuse("a rate is zero".to_owned()));
        }
        let (low, high) = (from_hz.min(to_hz), from_hz.max(to_hz));
        if u64::from(high) > u64::from(low) * u64::from(MAX_RATIO) {
            return Err(refuse(format!("the ratio exceeds {MAX_RATIO}")));
        }
        let same = from_hz == to_hz;
        Ok(Self {
            from_hz,
            to_hz,
            blocks: if same { None } else { Some(Blocks::new(from_hz, to_hz)?) },
            received: 0,
            sent: 0,
        })
    }

    /// Takes the next input samples and appends the output samples that they complete.
    ///
    /// # Errors
    ///
    /// [`Reject::Resample`], after which the recording must be dropped.
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) -> Result<(), Reject> {
        self.received += input.len() as u64;
        let Some(blocks) = &mut self.blocks else {
            out.extend_from_slice(input);
            self.sent += input.len() as u64;
            return Ok(());
        };
        let start = out.len();
        blocks.push(input, out)?;
        self.sent += (out.len() - start) as u64;
        Ok(())
    }

    /// Appends what is left, so that the whole output has [`resampled_frames`] samples.
    ///
    /// # Errors
    ///
    /// [`Reject::Resample`].
    pub fn finish(mut self, out: &mut Vec<f32>) -> Result<(), Reject> {
        let total = resampled_frames(self.received, self.from_hz, self.to_hz);
        let Some(mut blocks) = self.blocks.take() else {
            return Ok(());
        };
        let start = out.len();
        let missing = usize::try_from(total.saturating_sub(self.sent)).unwrap_or(usize::MAX);
        while out.len() - start < missing {
            blocks.fill_up(out)?;
        }
        out.truncate(start + missing);
        blocks.keep();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resample(input: &[f32], chunks: &[usize], from_hz: u32, to_hz: u32) -> Vec<f32> {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let (mut out, mut rest) = (Vec::new(), input);
        for &chunk in chunks.iter().cycle() {
            let (now, later) = rest.split_at(chunk.min(rest.len()));
            resampler.push(now, &mut out).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        resampler.finish(&mut out).unwrap();
        out
    }

    #[test]
    fn lengths_are_exact_and_short_inputs_work() {
        for (from_hz, to_hz) in [
            (48_000, 22_050),
            (44_100, 22_050),
            (16_000, 22_050),
            (44_101, 22_050),
            (48_000, 22_051),
            (22_050, 22_050),
        ] {
            for frames in [0usize, 1, 5, 2047, 2048, 48_001] {
                let out = resample(&vec![0.25; frames], &[1000], from_hz, to_hz);
                // The same rule in floating point, exact for these sizes.
                let expected = (frames as f64 * f64::from(to_hz) / f64::from(from_hz)).ceil();
                assert_eq!(out.len() as f64, expected, "{frames} frames, {from_hz} to {to_hz}");
            }
        }
    }

    #[test]
    fn absurd_rates_are_refused_with_a_reason() {
        for (from_hz, to_hz, reason) in [
            (0, 22_050, "a rate is zero"),
            (1, 22_050, "the ratio exceeds 256"),
            (100_000_000, 22_050, "the ratio exceeds 256"),
            (25_700, 100, "the ratio exceeds 256"),
            (100, 25_601, "the ratio exceeds 256"),
            (3_999_971, 22_050, "blocks of 3999971 samples"),
        ] {
            let error = Resampler::new(from_hz, to_hz).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(error.stage(), "resample");
        }
        assert!(Resampler::new(25_600, 100).is_ok(), "the largest ratio");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn output_does_not_depend_on_the_chunks(
            chunks in proptest::collection::vec(1usize..9000, 1..6),
            frames in 1usize..30_000,
            from_hz in prop_oneof![Just(48_000u32), Just(44_100), Just(32_000), Just(16_000)],
        ) {
            let input: Vec<f32> = (0..frames).map(|i| ((i * i) as f32 * 0.001).sin()).collect();
            let whole = resample(&input, &[frames], from_hz, 22_050);
            prop_assert_eq!(resample(&input, &chunks, from_hz, 22_050), whole);
        }
    }
}
