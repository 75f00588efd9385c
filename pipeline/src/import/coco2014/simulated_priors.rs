//! Provides simulated priors for pictures, which have neither a place nor a checklist: true negatives drawn at a
//! stated rate.
//!
//! The paper's simulated negatives of COCO come from a generator that is not published, so this one is our own: each
//! class that is absent from a picture is ruled out by a prior with a fixed probability, independently of all others.
//! One number is drawn for both priors, so that what the geographic one rules out, the checklist does too.

use std::str::FromStr;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Share of a picture's absent classes that each prior rules out, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorRates {
    geo: f64,
    checklist: f64,
}

impl PriorRates {
    /// Rates of the geographic prior and of the checklist.
    ///
    /// # Errors
    /// In words, when a rate is not within 0 and 1, or the checklist would rule out less than the geographic prior.
    pub fn new(geo: f64, checklist: f64) -> Result<Self, String> {
        for (name, rate) in [("geo", geo), ("checklist", checklist)] {
            if !(0.0..=1.0).contains(&rate) {
                return Err(format!("{name}={rate} is not between 0 and 1"));
            }
        }
        if geo > checklist {
            let message = "a checklist rules out at least what its place does";
            return Err(format!("geo={geo} is greater than checklist={checklist}; {message}"));
        }
        Ok(PriorRates { geo, checklist })
    }

    /// Rate of the geographic prior.
    pub fn geo(&self) -> f64 {
        self.geo
    }

    /// Rate of the checklist.
    pub fn checklist(&self) -> f64 {
        self.checklist
    }
}

impl FromStr for PriorRates {
    type Err = String;

    /// Reads `geo=R,checklist=R`, in either order.
    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("expected geo=R,checklist=R, such as geo=0.3,checklist=0.6, got {text:?}");
        let (mut geo, mut checklist) = (None, None);
        for part in text.split(',') {
            let (name, rate) = part.split_once('=').ok_or_else(malformed)?;
            let rate: f64 = rate.trim().parse().map_err(|_| malformed())?;
            let place = match name.trim() {
                "geo" => &mut geo,
                "checklist" => &mut checklist,
                _ => return Err(malformed()),
            };
            if place.replace(rate).is_some() {
                return Err(malformed());
            }
        }
        PriorRates::new(geo.ok_or_else(malformed)?, checklist.ok_or_else(malformed)?)
    }
}

/// The priors of every picture, by its id alone: no order, thread or other picture changes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedPriors {
    /// Shares that are ruled out.
    pub rates: PriorRates,
    /// Seed.
    pub seed: u64,
}

/// Classes that the priors of one picture leave open, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOpen {
    pub(super) geo_possible: Vec<u32>,
    pub(super) checklist_observed: Vec<u32>,
}

impl SimulatedPriors {
    /// What the priors of a picture leave open of `classes` classes; those in `present` always.
    pub(super) fn draw(&self, image_id: i64, present: &[u32], classes: u32) -> LeftOpen {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(image_id.cast_unsigned());
        let mut left = LeftOpen {
            geo_possible: Vec::new(),
            checklist_observed: Vec::new(),
        };
        for class in 0..classes {
            // A number for every class, so that one more object in a picture changes nothing for the others.
            let drawn: f64 = random.random();
            let is_present = present.contains(&class);
            if is_present || drawn >= self.rates.geo {
                left.geo_possible.push(class);
            }
            if is_present || drawn >= self.rates.checklist {
                left.checklist_observed.push(class);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn priors(geo: f64, checklist: f64, seed: u64) -> SimulatedPriors {
        let rates = PriorRates::new(geo, checklist).unwrap();
        SimulatedPriors { rates, seed }
    }

    #[test]
    fn rates_are_read_and_wrong_ones_refused() {
        let rates: PriorRates = " checklist = 0.6, geo=.25".parse().unwrap();
        assert_eq!((rates.geo(), rates.checklist()), (0.25, 0.6));
        for wrong in [
            "",
            "geo=0.5",
            "checklist=0.5",
            "geo=0.5,checklist=x",
            "geo=0.1,geo=0.1,checklist=0.5",
            "geo=0.1,place=0.5",
            "geo=-0.1,checklist=0.5",
            "geo=0.1,checklist=1.01",
            "geo=NaN,checklist=0.5",
            "geo=0.1,checklist=NaN",
            "geo=0.6,checklist=0.5",
        ] {
            assert!(wrong.parse::<PriorRates>().is_err(), "{wrong}");
        }
        let message = "geo=0.6,checklist=0.5".parse::<PriorRates>().unwrap_err();
        assert!(message.contains("geo=0.6 is greater than checklist=0.5"), "{message}");
    }

    #[test]
    fn negatives_are_true_and_the_checklist_has_more_of_them() {
        let (priors, present, classes) = (priors(0.3, 0.7, 1), [2, 50], 80);
        let (mut geo, mut checklist) = (0, 0);
        for image_id in 0..500 {
            let left = priors.draw(image_id, &present, classes);
            assert!(present.iter().all(|class| left.checklist_observed.contains(class)));
            assert!(
                left.checklist_observed
                    .iter()
                    .all(|class| left.geo_possible.contains(class))
            );
            geo += 80 - left.geo_possible.len();
            checklist += 80 - left.checklist_observed.len();
        }
        // 39,000 draws: five standard deviations are 0.012.
        let share = |ruled_out: usize| ruled_out as f64 / (500.0 * 78.0);
        assert!((share(geo) - 0.3).abs() < 0.012, "{geo}");
        assert!((share(checklist) - 0.7).abs() < 0.012, "{checklist}");
    }

    #[test]
    fn the_extremes_rule_out_nothing_and_everything() {
        let left = priors(0.0, 1.0, 1).draw(7, &[3], 5);
        assert_eq!(left.geo_possible, [0, 1, 2, 3, 4]);
        assert_eq!(left.checklist_observed, [3]);
    }

    #[test]
    fn seed_and_picture_decide_and_presence_changes_no_other_class() {
        let reference = priors(0.5, 0.5, 1).draw(7, &[], 80);
        assert_eq!(priors(0.5, 0.5, 1).draw(7, &[], 80), reference);
        assert_ne!(priors(0.5, 0.5, 2).draw(7, &[], 80), reference);
        assert_ne!(priors(0.5, 0.5, 1).draw(8, &[], 80), reference);
        let mut with_one = priors(0.5, 0.5, 1).draw(7, &[4], 80);
        with_one.geo_possible.retain(|&class| class != 4);
        let mut without = reference.geo_possible;
        without.retain(|&class| class != 4);
        assert_eq!(with_one.geo_possible, without);
    }
}
