//! Provides the reliability of probabilities: how often they come true, by their size.

use crate::chart::{Across, BLUE, Chart, Line, Stroke, VERMILLION, svg};

/// Bins of equal width from 0 to 1.
const BINS: usize = 10;

/// Probabilities of one size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The share of them that came true.
    pub share: f64,
}

/// The bins of `probabilities` with whether they came true, and the expected calibration error: the mean distance
/// between the mean and the share of a bin, weighted by count (Naeini, Cooper and Hauskrecht 2015).
#[must_use]
pub fn reliability(probabilities: impl Iterator<Item = (f64, bool)>) -> (Vec<Bin>, f64) {
    let mut bins = [(0_u64, 0.0, 0_u64); BINS];
    for (probability, came_true) in probabilities {
        let at = ((probability * BINS as f64) as usize).min(BINS - 1);
        if let Some((count, sum, positives)) = bins.get_mut(at) {
            *count += 1;
            *sum += probability;
            *positives += u64::from(came_true);
        }
    }
    let all: u64 = bins.iter().map(|bin| bin.0).sum();
    let filled = bins.into_iter().filter(|bin| bin.0 > 0);
    let bins: Vec<Bin> = filled
        .map(|(count, sum, positives)| Bin {
            count,
            mean: sum / count as f64,
            share: positives as f64 / count as f64,
        })
        .collect();
    let distance = |bin: &Bin| bin.count as f64 * (bin.mean - bin.share).abs();
    let error = bins.iter().map(distance).sum::<f64>() / all.max(1) as f64;
    (bins, error)
}

/// The reliability diagram, as an SVG file: how often probabilities come true against how large they are, before and
/// after calibration.
#[must_use]
pub fn reliability_svg(sigmoids: &[Bin], calibrated: &[Bin]) -> String {
    let line = |name, colour, stroke, points| Line {
        name,
        colour,
        stroke,
        points,
        bars: Vec::new(),
    };
    let points = |bins: &[Bin]| bins.iter().map(|bin| (bin.mean, bin.share)).collect();
    svg(&[Chart {
        heading: "Share of clips with the class, val",
        across: Across::Shares("probability"),
        lines: vec![
            line("ideal", "#2f3e46", Stroke::Dashed, vec![(0.0, 0.0), (1.0, 1.0)]),
            line("sigmoid", VERMILLION, Stroke::Bold, points(sigmoids)),
            line("calibrated", BLUE, Stroke::Bold, points(calibrated)),
        ],
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_and_error_by_hand() {
        let said = [(0.05, false), (0.15, false), (0.15, true), (1.0, true), (0.9, false)];
        let (bins, error) = reliability(said.into_iter());
        let expected = [(1, 0.05, 0.0), (2, 0.15, 0.5), (2, 0.95, 0.5)];
        assert_eq!(bins.len(), expected.len());
        for (bin, (count, mean, share)) in bins.iter().zip(expected) {
            assert!(
                bin.count == count && (bin.mean - mean).abs() < 1e-12 && (bin.share - share).abs() < 1e-12,
                "{bin:?}"
            );
        }
        assert!(
            (error - (0.05 + 2.0 * 0.35 + 2.0 * 0.45) / 5.0).abs() < 1e-12,
            "{error}"
        );
        assert_eq!(reliability(std::iter::empty()), (Vec::new(), 0.0));
    }

    #[test]
    fn the_diagram_has_a_dot_for_each_bin() {
        let (bins, _) = reliability([(0.05, false), (0.9, true)].into_iter());
        let svg = reliability_svg(&bins, &bins[..1]);
        // And one in the legend of each of the two lines.
        assert_eq!(svg.matches("<circle").count(), 2 + 1 + 2);
        for text in ["ideal", "sigmoid", "calibrated", ">probability<", ">1.0<"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }
}
