//! Defines the conditions of a benchmark: how large it is, and in what it is as recordings from the field are.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use shardfmt::Split;

use crate::clip_range::ClipRange;
use crate::error::Error;
use crate::layout::SetLayout;

/// Species of a benchmark.
pub(crate) const SPECIES: usize = 24;

/// Fewest and most recordings with one species as their target.
const PER_SPECIES: RangeInclusive<usize> = 4..=1000;

/// Largest share of a recording without its target.
const MOST_TARGET_FREE: f64 = 0.8;

/// How large a benchmark is, and in what it is as recordings from the field are. By default small, and fair in nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// Number of recordings, a multiple of 24: each species is the target of equally many, 9 in 16 of them in train, 3
    /// in val, 4 in test.
    pub recordings: usize,
    /// Clips of a recording.
    pub clips: ClipRange,
    /// Share of each recording that is one stretch without the target, 0 to 0.8. Elsewhere the target sings in 0.6 of
    /// the clips, as it does without a stretch.
    pub target_free: f64,
    /// Makes songs vary towards look-alikes, up to midway: the share of birds, 0 to 1, that sing one variant throughout
    /// their recording, while the others sing another one in every song. None: songs do not vary so.
    pub same_confusion: Option<f64>,
    /// Share, 0 to 1, of the species recorded on a visit that its checklist does not report, targets aside.
    pub false_absences: f64,
    /// Share, 0 to 1, of the species not reported that a checklist leaves open instead of ruling them out.
    pub unsure_species: f64,
    /// Draws other species, none of them one of the usual 24. None: the usual ones.
    pub species_seed: Option<u64>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            recordings: 16 * SPECIES,
            clips: ClipRange { fewest: 4, most: 6 },
            target_free: 0.0,
            same_confusion: None,
            false_absences: 0.0,
            unsure_species: 0.0,
            species_seed: None,
        }
    }
}

impl Conditions {
    /// Whether all are the default ones.
    pub(crate) fn are_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every value, and that the layout has a place for what it asks.
    ///
    /// # Errors
    /// [`Error::Condition`], [`Error::ConditionInLayout`].
    pub(crate) fn validate(&self, layout: SetLayout) -> Result<(), Error> {
        let refused = |name, expected, got: &dyn fmt::Display| Error::Condition {
            name,
            expected,
            got: got.to_string(),
        };
        if !self.recordings.is_multiple_of(SPECIES) || !PER_SPECIES.contains(&(self.recordings / SPECIES)) {
            let expected = "a multiple of 24, the number of species, from 96 to 24000";
            return Err(refused("number of recordings", expected, &self.recordings));
        }
        self.clips.validate()?;
        if !(0.0..=MOST_TARGET_FREE).contains(&self.target_free) {
            return Err(refused(
                "share of stretches without the target",
                "from 0 to 0.8",
                &self.target_free,
            ));
        }
        for (name, share) in [
            (
                "share of birds of the same confusion",
                self.same_confusion.unwrap_or(0.0),
            ),
            ("share of false absences", self.false_absences),
            ("share of unsure species", self.unsure_species),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(refused(name, "from 0 to 1", &share));
            }
        }
        let is_coco = layout == SetLayout::Coco;
        for (name, is_asked, is_lost) in [
            ("same confusion", self.same_confusion.is_some(), is_coco),
            ("other species", self.species_seed.is_some(), is_coco),
            ("false absences", self.false_absences > 0.0, is_coco),
            ("unsure species", self.unsure_species > 0.0, layout != SetLayout::Audio),
        ] {
            if is_asked && is_lost {
                return Err(Error::ConditionInLayout { name, layout });
            }
        }
        Ok(())
    }

    /// Recordings of each species as a target, by split.
    pub(crate) fn per_species(&self) -> [(Split, usize); 3] {
        let all = self.recordings / SPECIES;
        let (val, test) = ((3 * all / 16).max(1), all / 4);
        [(Split::Train, all - val - test), (Split::Val, val), (Split::Test, test)]
    }
}

impl fmt::Display for Conditions {
    /// What is not as by default, each behind a comma.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        if self.clips != usual.clips {
            write!(f, ", {} clips a recording", self.clips)?;
        }
        for (name, share) in [
            ("target-free", self.target_free),
            ("false absences", self.false_absences),
            ("unsure species", self.unsure_species),
        ] {
            if share > 0.0 {
                write!(f, ", {name} {share}")?;
            }
        }
        if let Some(share) = self.same_confusion {
            write!(f, ", same confusion {share}")?;
        }
        self.species_seed.map_or(Ok(()), |seed| write!(f, ", species {seed}"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{ClipRange, Conditions};
    use crate::layout::SetLayout;

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let usual = Conditions::default;
        let clips = |fewest, most| Conditions {
            clips: ClipRange { fewest, most },
            ..usual()
        };
        for (conditions, part) in [
            (
                Conditions {
                    recordings: 100,
                    ..usual()
                },
                "multiple of 24",
            ),
            (
                Conditions {
                    recordings: 72,
                    ..usual()
                },
                "from 96 to 24000, got 72",
            ),
            (
                Conditions {
                    recordings: 24_024,
                    ..usual()
                },
                "got 24024",
            ),
            (clips(1, 5), "got 1-5"),
            (clips(9, 8), "got 9-8"),
            (clips(10, 201), "from 2 to 200"),
            (
                Conditions {
                    target_free: 0.81,
                    ..usual()
                },
                "without the target must be from 0 to 0.8",
            ),
            (
                Conditions {
                    target_free: f64::NAN,
                    ..usual()
                },
                "got NaN",
            ),
            (
                Conditions {
                    same_confusion: Some(1.1),
                    ..usual()
                },
                "same confusion",
            ),
            (
                Conditions {
                    false_absences: -0.1,
                    ..usual()
                },
                "false absences",
            ),
            (
                Conditions {
                    unsure_species: 2.0,
                    ..usual()
                },
                "unsure species",
            ),
        ] {
            let reason = conditions.validate(SetLayout::Audio).unwrap_err().to_string();
            assert!(reason.contains(part), "{reason}");
        }
        assert!(
            Conditions {
                recordings: 96,
                ..clips(2, 200)
            }
            .validate(SetLayout::Coco)
            .is_ok()
        );
    }

    #[test]
    fn what_a_layout_has_no_place_for_is_refused() {
        let usual = Conditions::default;
        let of_sound = [
            Conditions {
                same_confusion: Some(0.0),
                ..usual()
            },
            Conditions {
                species_seed: Some(1),
                ..usual()
            },
            Conditions {
                false_absences: 0.1,
                ..usual()
            },
        ];
        let unsure = Conditions {
            unsure_species: 0.1,
            ..usual()
        };
        for conditions in &of_sound {
            assert!(conditions.validate(SetLayout::Audio).is_ok() && conditions.validate(SetLayout::Ml48s).is_ok());
            let reason = conditions.validate(SetLayout::Coco).unwrap_err().to_string();
            assert!(reason.contains("layout coco"), "{reason}");
        }
        assert!(unsure.validate(SetLayout::Audio).is_ok());
        assert!(unsure.validate(SetLayout::Ml48s).is_err() && unsure.validate(SetLayout::Coco).is_err());
    }
}
