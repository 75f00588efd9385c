//! Provides each species' share of the clips, and the bounds that make the demo worth training on.

use serde::{Deserialize, Serialize};

use super::scene::{Bird, Plan, Split};
use super::species::Species;

/// Smallest share of a split's clips in which a species is present: enough positives to score.
pub const MIN_SPLIT_SHARE: f64 = 0.03;

/// Smallest and largest share of all clips.
pub const OVERALL_SHARE: (f64, f64) = (0.05, 0.15);

/// In which share of the clips a species is present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeciesShare {
    /// Species code.
    pub code: String,
    /// Of all clips.
    pub overall: f64,
    /// Of the train, val and test clips.
    pub by_split: [f64; 3],
}

/// The shares of a plan, in class order.
pub(super) fn shares(plan: &Plan, species: &[Species]) -> Vec<SpeciesShare> {
    let mut clips = [0; Split::ALL.len()];
    let mut present = vec![[0; Split::ALL.len()]; species.len()];
    for recording in &plan.recordings {
        let split = recording.split as usize;
        clips[split] += recording.clips();
        for class in recording.classes() {
            present[class][split] += recording.clips_with(Bird::Class(class));
        }
    }
    let all_clips = clips.iter().sum::<usize>().max(1) as f64;
    species
        .iter()
        .zip(present)
        .map(|(species, present)| SpeciesShare {
            code: species.code.clone(),
            overall: f64::from(present.iter().sum::<u32>()) / all_clips,
            by_split: std::array::from_fn(|split| {
                f64::from(present[split]) / clips[split].max(1) as f64
            }),
        })
        .collect()
}

/// The first share out of bounds, described.
pub(super) fn violation(shares: &[SpeciesShare]) -> Option<String> {
    let percent = |share: f64| 100.0 * share;
    shares.iter().find_map(
        |SpeciesShare {
             code,
             overall,
             by_split,
         }| {
            if !(OVERALL_SHARE.0..=OVERALL_SHARE.1).contains(overall) {
                return Some(format!(
                    "{code} is in {:.1} % of the clips",
                    percent(*overall)
                ));
            }
            let split = Split::ALL
                .into_iter()
                .find(|&s| by_split[s as usize] < MIN_SPLIT_SHARE)?;
            let share = percent(by_split[split as usize]);
            Some(format!(
                "{code} is in {share:.1} % of the {} clips",
                split.name()
            ))
        },
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{SpeciesShare, violation};

    #[test]
    fn names_the_species_and_the_split_out_of_bounds() {
        let share = |overall, by_split| {
            violation(&[SpeciesShare {
                code: "fenowl1".to_owned(),
                overall,
                by_split,
            }])
        };
        assert_eq!(share(0.05, [0.03, 0.2, 0.1]), None);
        assert!(
            share(0.16, [0.1; 3])
                .unwrap()
                .contains("16.0 % of the clips")
        );
        assert!(share(0.04, [0.1; 3]).unwrap().contains("fenowl1"));
        assert!(
            share(0.1, [0.1, 0.02, 0.1])
                .unwrap()
                .contains("2.0 % of the val clips")
        );
    }
}
