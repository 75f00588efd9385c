//! Provides the choice of clips that an annotator should look at next: those a model is unsure of, or those it hears
//! otherwise than the rest of their recording.

use std::collections::HashMap;

use clap::ValueEnum;
use loader::Supervision;

/// Why a clip is worth a look. Only classes that are unknown in it count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Worth {
    /// The model is unsure: the sum of the entropies of its probabilities.
    Uncertainty,
    /// It hears something else in the recording's other clips: the sum of the Jensen-Shannon divergences between its
    /// probabilities and their mean over those.
    Disagreement,
}

/// A clip and how much it is worth a look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// Row of the supervision.
    pub row: usize,
    /// In bits.
    pub worth: f64,
}

/// The `clips` clips that are worth most, at most `per_recording` of each recording; clips without an unknown class are
/// worth nothing and never among them. `probabilities` are those of the rows of `supervision`, `[rows, classes]`
/// row-major; equal worth keeps their order.
#[must_use]
pub fn suggest(
    probabilities: &[f32],
    supervision: &Supervision,
    worth: Worth,
    (clips, per_recording): (usize, usize),
) -> Vec<Suggestion> {
    let classes = supervision.classes().max(1);
    let means = match worth {
        Worth::Uncertainty => HashMap::new(),
        Worth::Disagreement => sums(probabilities, supervision),
    };
    let (mut labels, mut mask) = (vec![0; classes], vec![0; classes]);
    let mut found = Vec::new();
    for ((row, clip), of_clip) in (0..).zip(&supervision.clips).zip(probabilities.chunks_exact(classes)) {
        supervision.labels.write(row, &mut labels, &mut mask);
        let others = means.get(&clip.asset_id);
        let unknown = of_clip
            .iter()
            .zip(&mask)
            .enumerate()
            .filter(|(_, (_, known))| **known == 0);
        let worth: f64 = unknown
            .map(|(class, (&probability, _))| match (worth, others) {
                (Worth::Uncertainty, _) => entropy(f64::from(probability)),
                (Worth::Disagreement, Some((count, sums))) if *count > 1 => {
                    let sum = sums.get(class).copied().unwrap_or_default();
                    let probability = f64::from(probability);
                    divergence(probability, (sum - probability) / (*count - 1) as f64)
                }
                // Nothing to disagree with.
                (Worth::Disagreement, _) => 0.0,
            })
            .sum();
        if worth > 0.0 {
            found.push(Suggestion { row, worth });
        }
    }
    found.sort_by(|a, b| b.worth.total_cmp(&a.worth).then(a.row.cmp(&b.row)));
    let mut taken: HashMap<i64, usize> = HashMap::new();
    found.retain(|suggestion| {
        let asset_id = supervision.clips.get(suggestion.row).map_or(0, |clip| clip.asset_id);
        let taken = taken.entry(asset_id).or_default();
        *taken += 1;
        *taken <= per_recording
    });
    found.truncate(clips);
    found
}

/// Clips of each recording, and the sums of their probabilities by class.
fn sums(probabilities: &[f32], supervision: &Supervision) -> HashMap<i64, (usize, Vec<f64>)> {
    let classes = supervision.classes().max(1);
    let mut sums: HashMap<i64, (usize, Vec<f64>)> = HashMap::new();
    for (clip, of_clip) in supervision.clips.iter().zip(probabilities.chunks_exact(classes)) {
        let (count, sums) = sums.entry(clip.asset_id).or_insert_with(|| (0, vec![0.0; classes]));
        *count += 1;
        for (sum, &probability) in sums.iter_mut().zip(of_clip) {
            *sum += f64::from(probability);
        }
    }
    sums
}

/// Entropy in bits of an event of probability `p`.
fn entropy(p: f64) -> f64 {
    let of = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    of(p) + of(1.0 - p)
}

/// Jensen-Shannon divergence in bits between events of probability `p` and `q` (Lin 1991).
fn divergence(p: f64, q: f64) -> f64 {
    let (p, q) = (p.clamp(0.0, 1.0), q.clamp(0.0, 1.0));
    (entropy(f64::midpoint(p, q)) - f64::midpoint(entropy(p), entropy(q))).max(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use loader::{Clip, Labels, Report};
    use shardfmt::Split;

    use super::*;

    fn supervision(assets: &[i64], mask: &[u8]) -> Supervision {
        let clip = |(&asset_id, row): (&i64, u32)| Clip {
            shard: 0,
            row,
            asset_id,
            clip_index: row,
            split: Split::Train,
            silent: false,
            fully_annotated: false,
            target: None,
            source_index: None,
        };
        Supervision {
            clips: assets.iter().zip(0..).map(clip).collect(),
            labels: Labels::from_matrices(2, &vec![0; mask.len()], mask).unwrap(),
            unknown_left_out: false,
            report: Report::default(),
        }
    }

    fn rows(worth: Worth, limits: (usize, usize)) -> Vec<usize> {
        // The last clip is known already, and the only one of recording 3.
        let probabilities = [0.5, 0.5, 0.9, 0.1, 0.1, 0.1, 0.5, 0.9, 0.5, 0.5];
        let supervision = supervision(&[1, 2, 2, 2, 3], &[0, 0, 0, 0, 0, 1, 0, 0, 1, 1]);
        let found = suggest(&probabilities, &supervision, worth, limits);
        found.iter().map(|suggestion| suggestion.row).collect()
    }

    #[test]
    fn unsure_clips_come_first_and_known_classes_do_not_count() {
        assert_eq!(rows(Worth::Uncertainty, (9, 9)), [0, 3, 1, 2]);
        assert_eq!(rows(Worth::Uncertainty, (9, 1)), [0, 3]);
        assert_eq!(rows(Worth::Uncertainty, (1, 9)), [0]);
    }

    #[test]
    fn clips_unlike_the_rest_of_their_recording_come_first() {
        // Recording 1 has one clip: nothing to compare with.
        assert_eq!(rows(Worth::Disagreement, (9, 9)), [3, 1, 2]);
    }

    #[test]
    fn entropies_and_divergences_by_hand() {
        assert!((entropy(0.5) - 1.0).abs() < 1e-12 && entropy(0.0) == 0.0 && entropy(1.0) == 0.0);
        assert!((divergence(0.0, 1.0) - 1.0).abs() < 1e-12 && divergence(0.3, 0.3) == 0.0);
        // H(.5) - (H(.25) + H(.75))/2
        assert!((divergence(0.25, 0.75) - (1.0 - 0.811_278_124_459)).abs() < 1e-9);
    }
}
