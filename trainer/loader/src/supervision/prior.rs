//! Defines what a recording's priors rule out.

use shardfmt::{GeoPrior, PriorRow};

/// Classes that the priors of one recording rule out, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prior {
    /// Modelled and not possible; `None` without a geographic prior.
    geo: Option<Vec<u32>>,
    /// The checklist.
    checklist: Checklist,
}

/// The meaning of a species missing from a checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Checklist {
    /// There is none.
    #[default]
    Missing,
    /// Nothing: its observer did not report every species.
    Incomplete,
    /// These classes were not observed.
    Complete(Vec<u32>),
}

impl Prior {
    /// The classes, of `classes`, that `row` rules out. Without a list of modelled classes every class is modelled.
    pub(super) fn new(row: &PriorRow, classes: u32) -> Self {
        let without = |listed: &[u32]| -> Vec<u32> {
            let mut listed = listed.to_vec();
            listed.sort_unstable();
            (0..classes)
                .filter(|class| listed.binary_search(class).is_err())
                .collect()
        };
        let geo = row.geo_possible.is_some().then(|| {
            let geo = GeoPrior::new(row, classes);
            (0..classes).filter(|class| geo.rules_out(*class)).collect()
        });
        let checklist = match (&row.checklist_observed, row.checklist_complete) {
            (None, _) => Checklist::Missing,
            (Some(observed), Some(true)) => Checklist::Complete(without(observed)),
            (Some(_), _) => Checklist::Incomplete,
        };
        Self { geo, checklist }
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

    /// Classes the geographic prior rules out.
    pub(super) fn geo_negatives(&self) -> &[u32] {
        self.geo.as_deref().unwrap_or_default()
    }

    /// Classes the checklist rules out.
    pub(super) fn checklist_negatives(&self) -> &[u32] {
        match &self.checklist {
            Checklist::Complete(unobserved) => unobserved,
            Checklist::Missing | Checklist::Incomplete => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmodelled_class_and_an_incomplete_checklist_rule_nothing_out() {
        let mut row = PriorRow {
            geo_possible: Some(vec![3, 1]),
            geo_modelled: Some(vec![0, 1, 3]),
            checklist_observed: Some(vec![2]),
            checklist_complete: Some(true),
            ..PriorRow::default()
        };
        let prior = Prior::new(&row, 5);
        assert_eq!(
            (prior.geo_negatives(), prior.checklist_negatives()),
            (&[0][..], &[0, 1, 3, 4][..])
        );
        row.geo_modelled = None;
        for complete in [None, Some(false)] {
            row.checklist_complete = complete;
            let prior = Prior::new(&row, 5);
            assert_eq!(
                (prior.geo_negatives(), prior.checklist_negatives()),
                (&[0, 2, 4][..], &[][..])
            );
            assert!(prior.has_checklist() && !prior.has_complete_checklist());
        }
        row.geo_possible = Some(Vec::new());
        row.checklist_observed = None;
        let prior = Prior::new(&row, 2);
        assert_eq!(prior.geo_negatives(), [0, 1], "an empty list is a list");
        assert!(!prior.has_checklist());
        assert!(!Prior::new(&PriorRow::default(), 2).has_geo());
    }
}
