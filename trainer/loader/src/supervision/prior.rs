//! Defines what a recording's priors rule out.

use shardfmt::{ClassPriors, GeoPrior, Implied, Label};

use super::choice::Mode;

/// A set of classes: all of them, or none, with the exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClassSet {
    /// Whether a class belongs to it that is not an exception.
    rest: bool,
    /// The exceptions, ascending.
    except: Box<[u32]>,
}

impl ClassSet {
    /// All of `classes` classes but those of `except`, which ascend, if `rest`, otherwise only those of `except`; by
    /// whichever of the two has fewer exceptions.
    fn new(rest: bool, except: Vec<u32>, classes: u32) -> Self {
        if except.len() <= classes as usize / 2 {
            return Self {
                rest,
                except: except.into(),
            };
        }
        let others = (0..classes).filter(|class| except.binary_search(class).is_err());
        Self {
            rest: !rest,
            except: others.collect(),
        }
    }

    /// Whether the class belongs to it.
    pub(super) fn contains(&self, class: u32) -> bool {
        self.rest != self.except.binary_search(&class).is_ok()
    }

    /// How many of `classes` classes belong to it.
    pub(super) fn count(&self, classes: usize) -> usize {
        if self.rest {
            classes.saturating_sub(self.except.len())
        } else {
            self.except.len()
        }
    }

    /// Writes 1 for each class that belongs to it, and 0 for the others.
    pub(super) fn write(&self, into: &mut [u8]) {
        into.fill(self.rest.into());
        for &class in &self.except {
            if let Some(entry) = into.get_mut(class as usize) {
                *entry = (!self.rest).into();
            }
        }
    }

    /// The set without the classes of `others`, which ascend.
    fn without(&self, others: &[u32], classes: u32) -> Self {
        let except = if self.rest {
            let mut either = [&*self.except, others].concat();
            either.sort_unstable();
            either.dedup();
            either
        } else {
            let kept = self.except.iter().filter(|class| others.binary_search(class).is_err());
            kept.copied().collect()
        };
        Self::new(self.rest, except, classes)
    }

    /// The classes, of `classes`, that belong to either.
    fn union(&self, other: &Self, classes: u32) -> Self {
        let (all, some) = match (self.rest, other.rest) {
            // What is in neither: the shorter list says which few to look up.
            (true, true) if other.except.len() < self.except.len() => (other, self),
            (true, _) => (self, other),
            (false, _) => (other, self),
        };
        let except: Vec<u32> = if all.rest {
            all.except
                .iter()
                .filter(|class| !some.contains(**class))
                .copied()
                .collect()
        } else {
            let mut both = [&*all.except, &*some.except].concat();
            both.sort_unstable();
            both.dedup();
            both
        };
        Self::new(all.rest, except, classes)
    }
}

/// What the priors of one recording rule out, and what was heard in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prior {
    /// Modelled and not possible; `None` without a geographic prior.
    geo: Option<ClassSet>,
    /// The same without what was heard, where that makes a difference.
    geo_unheard: Option<ClassSet>,
    checklist: Checklist,
    /// Classes heard anywhere in the recording, ascending; `None` where nobody said.
    heard: Option<Box<[u32]>>,
}

/// The meaning of a species missing from a checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Checklist {
    /// There is none.
    #[default]
    Missing,
    /// Nothing: its observer did not report every species.
    Incomplete,
    /// It was not there. These are the classes that the checklist or the geographic prior rules out, without those
    /// heard.
    Complete(ClassSet),
}

impl Prior {
    /// That of a recording of which nothing is known.
    pub(super) const NONE: Self = Self {
        geo: None,
        geo_unheard: None,
        checklist: Checklist::Missing,
        heard: None,
    };

    /// That of a recording of which nothing is known but what was heard in it.
    pub(super) fn only_heard(heard: &[u32]) -> Self {
        let heard = Some(heard.into());
        Self { heard, ..Self::NONE }
    }

    /// What `row`, whose geographic prior is `geo`, rules out of `classes` classes. What was `heard` in the recording,
    /// ascending, no mode takes for ruled out.
    pub(super) fn new(row: &ClassPriors, geo: &GeoPrior, classes: u32, heard: Option<&[u32]>) -> Self {
        let geo = row.geo_possible.is_some().then(|| {
            let Implied { rest, except } = geo.implied();
            ClassSet::new(rest == Label::Absent, except.to_vec(), classes)
        });
        let checklist = match (&row.checklist_observed, row.checklist_complete) {
            (None, _) => Checklist::Missing,
            (Some(observed), Some(true)) => {
                let mut observed = observed.clone();
                observed.sort_unstable();
                observed.dedup();
                let unobserved = ClassSet::new(true, observed, classes);
                let either = match &geo {
                    Some(geo) => geo.union(&unobserved, classes),
                    None => unobserved,
                };
                Checklist::Complete(either.without(heard.unwrap_or_default(), classes))
            }
            (Some(_), _) => Checklist::Incomplete,
        };
        let is_out = |class: &u32| geo.as_ref().is_some_and(|geo| geo.contains(*class));
        let geo_unheard = heard
            .filter(|heard| heard.iter().any(is_out))
            .and_then(|heard| Some(geo.as_ref()?.without(heard, classes)));
        Self {
            geo,
            geo_unheard,
            checklist,
            heard: heard.map(Into::into),
        }
    }

    /// Classes heard anywhere in the recording, ascending; `None` where nobody said.
    pub(super) fn heard(&self) -> Option<&[u32]> {
        self.heard.as_deref()
    }

    /// Whether there is a geographic prior.
    pub(super) fn has_geo(&self) -> bool {
        self.geo.is_some()
    }

    /// Whether there is a checklist, complete or not.
    pub(super) fn has_checklist(&self) -> bool {
        self.checklist != Checklist::Missing
    }

    /// Whether there is a checklist that reports every species its observer identified.
    pub(super) fn has_complete_checklist(&self) -> bool {
        matches!(self.checklist, Checklist::Complete(_))
    }

    /// Classes that the geographic prior rules out.
    pub(super) fn geo(&self) -> Option<&ClassSet> {
        self.geo.as_ref()
    }

    /// Classes that the priors rule out which `mode` uses.
    pub(super) fn ruled_out(&self, mode: Mode) -> Option<&ClassSet> {
        match (mode, &self.checklist) {
            (Mode::Checklist, Checklist::Complete(either)) => Some(either),
            (Mode::Geo | Mode::Checklist, _) => self.geo_unheard.as_ref().or(self.geo()),
            (Mode::Target | Mode::Full, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn prior(row: &ClassPriors, classes: u32) -> Prior {
        Prior::new(row, &geo(row, classes), classes, None)
    }

    fn geo(row: &ClassPriors, classes: u32) -> GeoPrior {
        GeoPrior::of(row.geo_possible.as_deref(), row.geo_modelled.as_deref(), classes)
    }

    /// The classes below `classes` that a prior rules out in a mode.
    fn negatives(prior: &Prior, mode: Mode, classes: u32) -> Vec<u32> {
        let ruled_out = prior.ruled_out(mode);
        (0..classes)
            .filter(|class| ruled_out.is_some_and(|set| set.contains(*class)))
            .collect()
    }

    #[test]
    fn an_unmodelled_class_and_an_incomplete_checklist_rule_nothing_out() {
        let mut row = ClassPriors {
            geo_possible: Some(vec![3, 1]),
            geo_modelled: Some(vec![0, 1, 3]),
            checklist_observed: Some(vec![2, 0]),
            checklist_complete: Some(true),
            ..ClassPriors::default()
        };
        let prior = self::prior(&row, 5);
        assert_eq!(negatives(&prior, Mode::Geo, 5), [0]);
        assert_eq!(negatives(&prior, Mode::Checklist, 5), [0, 1, 3, 4]);
        for mode in [Mode::Target, Mode::Full] {
            assert_eq!(prior.ruled_out(mode), None);
        }
        row.geo_modelled = None;
        for complete in [None, Some(false)] {
            row.checklist_complete = complete;
            let prior = self::prior(&row, 5);
            for mode in [Mode::Geo, Mode::Checklist] {
                assert_eq!(negatives(&prior, mode, 5), [0, 2, 4]);
            }
            assert!(prior.has_checklist() && !prior.has_complete_checklist());
        }
        row.geo_possible = Some(Vec::new());
        row.checklist_observed = None;
        let prior = self::prior(&row, 2);
        assert_eq!(negatives(&prior, Mode::Geo, 2), [0, 1], "an empty list is a list");
        assert!(!prior.has_checklist());
        assert!(!self::prior(&ClassPriors::default(), 2).has_geo());
    }

    #[test]
    fn what_was_heard_is_not_ruled_out() {
        let row = ClassPriors {
            geo_possible: Some(vec![3]),
            checklist_observed: Some(vec![2]),
            checklist_complete: Some(true),
            ..ClassPriors::default()
        };
        let prior = Prior::new(&row, &geo(&row, 5), 5, Some(&[1, 3]));
        assert_eq!(negatives(&prior, Mode::Geo, 5), [0, 2, 4]);
        assert_eq!(negatives(&prior, Mode::Checklist, 5), [0, 2, 4]);
        assert!(
            prior.geo().is_some_and(|geo| geo.contains(1)),
            "the table's own prior stays"
        );
        assert_eq!(prior.heard(), Some(&[1, 3][..]));
    }

    fn any_set() -> impl Strategy<Value = (bool, Vec<u32>)> {
        let except = prop::sample::subsequence((0..9).collect::<Vec<u32>>(), 0..=9);
        (any::<bool>(), except)
    }

    proptest! {
        #[test]
        fn sets_are_what_their_members_say((rest, except) in any_set(), (other_rest, other_except) in any_set()) {
            let (set, other) = (ClassSet::new(rest, except.clone(), 9), ClassSet::new(other_rest, other_except, 9));
            prop_assert!(set.except.len() <= 4);
            let either = set.union(&other, 9);
            let without = set.without(&[2, 5], 9);
            for class in 0..9 {
                prop_assert_eq!(without.contains(class), set.contains(class) && class != 2 && class != 5);
            }
            let (mut written, mut members) = ([7; 9], Vec::new());
            either.write(&mut written);
            for class in 0..9 {
                prop_assert_eq!(set.contains(class), rest != except.contains(&class));
                prop_assert_eq!(either.contains(class), set.contains(class) || other.contains(class));
                prop_assert_eq!(written[class as usize], u8::from(either.contains(class)));
                members.extend(either.contains(class).then_some(class));
            }
            prop_assert_eq!(either.count(9), members.len());
        }
    }
}
