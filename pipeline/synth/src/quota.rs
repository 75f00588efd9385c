//! Provides each species' share of the clips, and the bounds that make the demo worth training on.

use serde::{Deserialize, Serialize};
use shardfmt::Split;

use crate::planned::{Bird, SetPlan};
use crate::species::Species;

/// Smallest share of a split's clips in which a species is present: enough positives to score.
pub const MIN_SPLIT_SHARE: f64 = 0.03;

/// Smallest and largest share of all clips.
pub const OVERALL_SHARE: (f64, f64) = (0.05, 0.15);

/// In how many clips a species is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeciesShare {
    /// Species code.
    pub code: String,
    /// Train, val and test clips in which it is present.
    pub present: [usize; 3],
    /// All train, val and test clips.
    pub clips: [usize; 3],
}

impl SpeciesShare {
    /// Share of all clips, 0 to 1.
    pub fn overall(&self) -> f64 {
        ratio(self.present.iter().sum(), self.clips.iter().sum())
    }

    /// Share of the train, val and test clips, 0 to 1.
    pub fn by_split(&self) -> [f64; 3] {
        std::array::from_fn(|split| ratio(self.present[split], self.clips[split]))
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The shares of a plan, in class order.
pub(super) fn shares(plan: &SetPlan, species: &[Species]) -> Vec<SpeciesShare> {
    let mut clips = [0; Split::ALL.len()];
    let mut present = vec![[0; Split::ALL.len()]; species.len()];
    for recording in &plan.recordings {
        let split = recording.split as usize;
        clips[split] += recording.clips();
        for class in recording.classes() {
            present[class][split] += recording.clips_with(Bird::Class(class));
        }
    }
    species
        .iter()
        .zip(present)
        .map(|(species, present)| SpeciesShare {
            code: species.code.clone(),
            present,
            clips,
        })
        .collect()
}

/// The first share out of bounds, described.
pub(super) fn violation(shares: &[SpeciesShare]) -> Option<String> {
    shares.iter().find_map(|share| {
        let (code, overall, by_split) = (&share.code, share.overall(), share.by_split());
        if !(OVERALL_SHARE.0..=OVERALL_SHARE.1).contains(&overall) {
            return Some(format!("{code} is in {:.1} % of the clips", 100.0 * overall));
        }
        let split = Split::ALL
            .into_iter()
            .find(|&split| by_split[split as usize] < MIN_SPLIT_SHARE)?;
        let percent = 100.0 * by_split[split as usize];
        Some(format!("{code} is in {percent:.1} % of the {} clips", split.as_str()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{SpeciesShare, violation};

    #[test]
    fn names_the_species_and_the_split_out_of_bounds() {
        let share = |present| {
            violation(&[SpeciesShare {
                code: "fenowl1".to_owned(),
                present,
                clips: [600, 200, 200],
            }])
        };
        assert_eq!(share([38, 6, 6]), None);
        assert_eq!(share([110, 20, 20]), None);
        assert!(share([111, 20, 20]).unwrap().contains("15.1 % of the clips"));
        assert!(share([37, 6, 6]).unwrap().contains("fenowl1"));
        assert!(share([80, 5, 20]).unwrap().contains("2.5 % of the val clips"));
    }
}
