//! Defines the labels of a clip without a list of every class: what its lists name, and what is implied for the others.

use super::label_form::LabelForm;
use super::labels::LabelRow;
use super::lists::Lists;
use super::priors::PriorRow;
use crate::words::Others;

impl LabelForm {
    /// Brings what is known of a recording and of its clips into this form; rows that are in it stay as they are.
    pub fn apply(self, prior: &mut PriorRow, labels: &mut [LabelRow], classes: u32) {
        let geo = GeoPrior::new(prior, classes);
        labels.iter_mut().for_each(|row| self.apply_to(row, &geo, classes));
        // Where every class is modelled, null says so.
        let is_everything = |modelled: &Vec<u32>| modelled.len() == classes as usize;
        let is_all_modelled = prior.geo_possible.is_some() && prior.geo_modelled.as_ref().is_some_and(is_everything);
        if self == Self::Implied && is_all_modelled {
            prior.geo_modelled = None;
        }
    }

    /// [`LabelForm::apply`] of one clip; `geo` is the prior of its recording.
    pub fn apply_to(self, row: &mut LabelRow, geo: &GeoPrior, classes: u32) {
        if self == Self::Listed {
            return;
        }
        if let Some((lists, others)) = row.lists().shortened(geo, classes) {
            row.set_lists(lists, others);
        }
    }
}

/// What is known of a class in a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// It is neither known to be heard nor known not to be.
    #[default]
    Unknown,
    /// Known not to be heard.
    Absent,
    /// Heard.
    Present,
}

impl Label {
    /// Whether it is present or absent.
    #[must_use]
    pub fn is_known(self) -> bool {
        self != Self::Unknown
    }

    /// Whether it is present.
    #[must_use]
    pub fn is_present(self) -> bool {
        self == Self::Present
    }
}

/// What the geographic prior of a recording rules out: the classes that it models and does not list as possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeoPrior {
    /// Whether a class is ruled out that is not one of `except`.
    rest: bool,
    /// The classes of which the opposite holds, ascending.
    except: Vec<u32>,
}

impl GeoPrior {
    /// What `row` rules out of `classes` classes: nothing without a list of possible classes. Without a list of
    /// modelled classes every class is modelled.
    #[must_use]
    pub fn new(row: &PriorRow, classes: u32) -> Self {
        Self::of(row.geo_possible.as_deref(), row.geo_modelled.as_deref(), classes)
    }

    /// [`GeoPrior::new`] of the lists themselves.
    #[must_use]
    pub fn of(possible: Option<&[u32]>, modelled: Option<&[u32]>, classes: u32) -> Self {
        let Some(possible) = possible else {
            return Self::default();
        };
        let possible = ascending(possible);
        match modelled {
            Some(modelled) if modelled.len() < classes as usize => {
                let mut except = ascending(modelled);
                except.retain(|class| possible.binary_search(class).is_err());
                Self { rest: false, except }
            }
            _ => Self {
                rest: true,
                except: possible,
            },
        }
    }

    /// Whether the class is ruled out.
    #[must_use]
    pub fn rules_out(&self, class: u32) -> bool {
        self.rest != self.except.binary_search(&class).is_ok()
    }

    /// What it says of every class: ruled out is absent, the others are unknown.
    #[must_use]
    pub fn implied(&self) -> Implied<'_> {
        let rest = if self.rest { Label::Absent } else { Label::Unknown };
        let except = &self.except;
        Implied { rest, except }
    }

    pub(super) fn label(&self, class: u32) -> Label {
        match self.rules_out(class) {
            true => Label::Absent,
            false => Label::Unknown,
        }
    }
}

fn ascending(classes: &[u32]) -> Vec<u32> {
    let mut classes = classes.to_vec();
    if !classes.is_sorted_by(|a, b| a < b) {
        classes.sort_unstable();
        classes.dedup();
    }
    classes
}

/// What holds for the classes that no list of a row names: a label, and those for which the opposite of unknown and
/// absent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Implied<'a> {
    /// The label of a class that is not one of `except`: absent or unknown.
    pub rest: Label,
    /// Classes that are unknown where `rest` is absent, and absent where it is unknown; ascending. A list may name
    /// some.
    pub except: &'a [u32],
}

impl LabelRow {
    /// What holds for the classes that no list names; `geo` is the prior of the clip's recording.
    #[must_use]
    pub fn implied<'a>(&self, geo: &'a GeoPrior) -> Implied<'a> {
        self.lists().implied(geo)
    }

    /// The label of a class; `geo` is the prior of the clip's recording.
    #[must_use]
    pub fn label(&self, class: u32, geo: &GeoPrior) -> Label {
        let named = self.lists().named().find(|(_, list)| list.contains(&class));
        match (named, self.others) {
            (Some((label, _)), _) => label,
            (None, None | Some(Others::Unknown)) => Label::Unknown,
            (None, Some(Others::Absent)) => Label::Absent,
            (None, Some(Others::Prior)) => geo.label(class),
        }
    }

    /// Writes the label of every class to `labels`, in class order; `geo` is the prior of the clip's recording.
    ///
    /// # Errors
    /// A class that there is no label for, if a list names one.
    pub fn fill(&self, geo: &GeoPrior, labels: &mut [Label]) -> Result<(), u32> {
        self.lists().fill(geo, labels)
    }

    /// How many of `classes` classes are present, absent and unknown. Classes that rows without implied labels do not
    /// name count as none of them.
    #[must_use]
    pub fn counts(&self, geo: &GeoPrior, classes: u32) -> [u64; 3] {
        let mut counts = [&self.present, &self.absent, &self.unknown].map(|list| list.len() as u64);
        let Some(others) = self.others else {
            return counts;
        };
        let unnamed = u64::from(classes).saturating_sub(counts.iter().sum());
        let of_except = match others {
            Others::Prior => {
                let named = self.lists().named().flat_map(|(_, list)| list);
                let named = named.filter(|class| geo.except.binary_search(class).is_ok()).count();
                (geo.except.len() - named) as u64
            }
            Others::Absent | Others::Unknown => 0,
        };
        let [_, absent, unknown] = &mut counts;
        let (rest, opposite) = match self.implied(geo).rest {
            Label::Absent => (absent, unknown),
            Label::Unknown | Label::Present => (unknown, absent),
        };
        *opposite += of_except;
        *rest += unnamed.saturating_sub(of_except);
        counts
    }

    /// Whether a list names the class.
    #[must_use]
    pub fn names(&self, class: u32) -> bool {
        let is_sorted = self.others.is_some();
        self.lists().named().any(|(_, list)| match is_sorted {
            true => list.binary_search(&class).is_ok(),
            false => list.contains(&class),
        })
    }

    /// The lists, with what is implied for the classes that they do not name.
    pub(super) fn lists(&self) -> Lists<'_> {
        Lists {
            present: &self.present,
            absent: &self.absent,
            unknown: &self.unknown,
            others: self.others,
        }
    }

    fn set_lists(&mut self, [present, absent, unknown]: [Vec<u32>; 3], others: Others) {
        (self.present, self.absent, self.unknown) = (present, absent, unknown);
        self.others = Some(others);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;
    use crate::words::{LabelSource, Split};

    const CLASSES: u32 = 9;

    fn row() -> LabelRow {
        LabelRow {
            asset_id: 1,
            clip_index: 0,
            shard: 0,
            row: 0,
            start_s: 0.0,
            end_s: 3.0,
            valid_s: 3.0,
            split: Split::Train,
            target: None,
            present: vec![],
            absent: vec![],
            unknown: vec![],
            fully_annotated: false,
            label_source: LabelSource::Incomplete,
            silent: false,
            rms_dbfs: None,
            boxes: vec![],
            source_index: None,
            source_id: None,
            others: None,
            from_recording: Vec::new(),
        }
    }

    fn prior(possible: Option<Vec<u32>>, modelled: Option<Vec<u32>>) -> PriorRow {
        PriorRow {
            geo_possible: possible,
            geo_modelled: modelled,
            ..PriorRow::default()
        }
    }

    fn listed(labels: &[Label]) -> LabelRow {
        let list = |wanted| {
            let classes = labels.iter().zip(0..).filter(|(label, _)| **label == wanted);
            classes.map(|(_, class)| class).collect()
        };
        LabelRow {
            present: list(Label::Present),
            absent: list(Label::Absent),
            unknown: list(Label::Unknown),
            ..row()
        }
    }

    fn filled(row: &LabelRow, geo: &GeoPrior) -> Vec<Label> {
        let mut labels = vec![Label::Present; CLASSES as usize];
        row.fill(geo, &mut labels).unwrap();
        labels
    }

    fn any_label() -> impl Strategy<Value = Label> {
        prop::sample::select(vec![Label::Present, Label::Absent, Label::Unknown])
    }

    fn any_classes() -> impl Strategy<Value = Option<Vec<u32>>> {
        let classes: Vec<u32> = (0..CLASSES).collect();
        let some = prop::sample::subsequence(classes, 0..=CLASSES as usize).prop_shuffle();
        proptest::option::of(some)
    }

    proptest! {
        #[test]
        fn any_assignment_comes_back_from_each_form(
            labels in proptest::collection::vec(any_label(), CLASSES as usize),
            possible in any_classes(),
            modelled in any_classes(),
        ) {
            let mut prior = prior(possible.clone(), modelled.clone());
            let geo = GeoPrior::new(&prior, CLASSES);
            // The rule in its own words.
            for class in 0..CLASSES {
                let in_list = |list: &Option<Vec<u32>>| list.as_ref().map(|list| list.contains(&class));
                let out = in_list(&possible) == Some(false) && in_list(&modelled) != Some(false);
                prop_assert_eq!(geo.rules_out(class), out, "class {}", class);
            }
            let mut rows = vec![listed(&labels)];
            for others in Others::ALL {
                let mut row = row();
                row.set_lists(others.exceptions(&geo, &labels), others);
                rows.push(row);
            }
            let expected = [Label::Present, Label::Absent, Label::Unknown]
                .map(|wanted| labels.iter().filter(|label| **label == wanted).count() as u64);
            let named = |row: &LabelRow| row.lists().named().map(|(_, list)| list.len()).sum::<usize>();
            let fewest = rows.iter().skip(1).map(named).min();
            let mut shortest = vec![listed(&labels)];
            LabelForm::Implied.apply(&mut prior, &mut shortest, CLASSES);
            prop_assert_eq!(Some(named(&shortest[0])), fewest);
            prop_assert_eq!(&GeoPrior::new(&prior, CLASSES), &geo, "the prior still says the same");
            rows.extend(shortest);
            for row in rows {
                prop_assert_eq!(filled(&row, &geo), labels.clone(), "{:?}", row);
                prop_assert_eq!(row.counts(&geo, CLASSES), expected, "{:?}", row);
                for class in 0..CLASSES {
                    prop_assert_eq!(row.label(class, &geo), labels[class as usize]);
                }
            }
        }
    }

    #[test]
    fn the_form_follows_the_number_of_classes_and_is_kept_once_made() {
        assert_eq!(LabelForm::of_classes(1000), LabelForm::Listed);
        assert_eq!(LabelForm::of_classes(1001), LabelForm::Implied);
        let mut prior = prior(Some(vec![2]), Some((0..CLASSES).collect()));
        let mut rows = [LabelRow {
            present: vec![7],
            unknown: vec![2],
            absent: vec![0, 1, 3, 4, 5, 6, 8],
            ..row()
        }];
        LabelForm::Listed.apply(&mut prior, &mut rows, CLASSES);
        assert_eq!((rows[0].others, rows[0].absent.len()), (None, 7));
        LabelForm::Implied.apply(&mut prior, &mut rows, CLASSES);
        let implied = rows.clone();
        assert_eq!(prior.geo_modelled, None);
        assert_eq!(
            (rows[0].others, rows[0].absent.len(), rows[0].unknown.len()),
            (Some(Others::Prior), 0, 0)
        );
        LabelForm::Implied.apply(&mut prior, &mut rows, CLASSES);
        assert_eq!(rows, implied);
        assert_eq!(rows[0].fill(&GeoPrior::default(), &mut [Label::Unknown; 5]), Err(7));
    }
}
