//! Defines `FrequencyAxis`: where a frequency lies in the height of an image.

use shardfmt::FrequencyScale;

use super::config::MelScale;

/// The vertical axis of an image whose row `r` is centred at `(r + 0.5) / rows`, row 0 the lowest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyAxis {
    scale: Option<MelScale>,
    fmin_hz: f64,
    fmax_hz: f64,
    rows: usize,
}

impl FrequencyAxis {
    /// The axis of `rows` mel bands between two frequencies.
    pub fn mel(scale: MelScale, fmin_hz: f64, fmax_hz: f64, rows: usize) -> Self {
        FrequencyAxis {
            scale: Some(scale),
            fmin_hz,
            fmax_hz,
            rows,
        }
    }

    /// The axis that `dataset.json` describes; of a photograph, it means nothing.
    pub fn described(scale: FrequencyScale, fmin_hz: f64, fmax_hz: f64, rows: usize) -> Self {
        let scale = match scale {
            FrequencyScale::MelSlaney => Some(MelScale::Slaney),
            FrequencyScale::MelHtk => Some(MelScale::Htk),
            FrequencyScale::Linear | FrequencyScale::None => None,
        };
        FrequencyAxis {
            scale,
            fmin_hz,
            fmax_hz,
            rows,
        }
    }

    /// What `dataset.json` says of the scale.
    pub fn scale(&self) -> FrequencyScale {
        match self.scale {
            Some(MelScale::Slaney) => FrequencyScale::MelSlaney,
            Some(MelScale::Htk) => FrequencyScale::MelHtk,
            None => FrequencyScale::Linear,
        }
    }

    /// Lowest and highest frequency of the image in Hz.
    pub fn range_hz(&self) -> (f64, f64) {
        (self.fmin_hz, self.fmax_hz)
    }

    /// The height of a frequency: 0 at the lower edge of row 0, 1 at the upper edge of the last row.
    ///
    /// A mel image has `rows + 2` corner frequencies at equal distances on its scale, of which row `r` is centred on
    /// the `r + 1`st; a linear one has its range from edge to edge.
    pub fn y_of_hz(&self, hz: f64) -> f64 {
        let y = match self.scale {
            Some(scale) => {
                let (low, high) = (scale.mel(self.fmin_hz), scale.mel(self.fmax_hz));
                let corner = (scale.mel(hz.max(0.0)) - low) / (high - low) * (self.rows + 1) as f64;
                (corner - 0.5) / self.rows as f64
            }
            None => (hz - self.fmin_hz) / (self.fmax_hz - self.fmin_hz),
        };
        y.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn band_centres_lie_in_the_middle_of_their_rows() {
        let axis = FrequencyAxis::mel(MelScale::Slaney, 50.0, 11_025.0, 448);
        let (low, high) = (MelScale::Slaney.mel(50.0), MelScale::Slaney.mel(11_025.0));
        for row in [0, 1, 200, 447] {
            let centre_hz = MelScale::Slaney.hz(low + (high - low) * f64::from(row + 1) / 449.0);
            assert!(
                (axis.y_of_hz(centre_hz) - (f64::from(row) + 0.5) / 448.0).abs() < 1e-9,
                "row {row}"
            );
        }
        assert_eq!((axis.y_of_hz(0.0), axis.y_of_hz(20_000.0)), (0.0, 1.0));
    }

    #[test]
    fn descriptions_lead_back_to_the_axis() {
        for axis in [
            FrequencyAxis::mel(MelScale::Htk, 0.0, 16_000.0, 128),
            FrequencyAxis::described(FrequencyScale::Linear, 0.0, 11_025.0, 448),
        ] {
            let (fmin_hz, fmax_hz) = axis.range_hz();
            assert_eq!(
                FrequencyAxis::described(axis.scale(), fmin_hz, fmax_hz, axis.rows),
                axis
            );
        }
        assert_eq!(
            FrequencyAxis::described(FrequencyScale::Linear, 0.0, 1000.0, 10).y_of_hz(250.0),
            0.25
        );
    }
}
