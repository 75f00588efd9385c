//! Defines `Lists`, the classes that a clip's lists name, with what is implied for the others.

use super::from_recording::FromRecording;
use super::implied::{GeoPrior, Implied, Label};
use crate::table::Fault;
use crate::taxa::Taxa;
use crate::words::{Others, Split};

/// The lists of a row, of whichever struct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists<'a> {
    pub(super) present: &'a [u32],
    pub(super) absent: &'a [u32],
    pub(super) unknown: &'a [u32],
    pub(super) others: Option<Others>,
}

/// Lists in an implied form: present, absent and unknown, and what holds for the classes that none names.
pub(super) type Implying = ([Vec<u32>; 3], Others);

impl<'a> Lists<'a> {
    /// Each list with the label that it stands for.
    pub(super) fn named(self) -> impl Iterator<Item = (Label, &'a [u32])> {
        let lists = [
            (Label::Present, self.present),
            (Label::Absent, self.absent),
            (Label::Unknown, self.unknown),
        ];
        lists.into_iter()
    }

    /// What holds for the classes that no list names; `geo` is the prior of the clip's recording.
    pub(super) fn implied<'g>(self, geo: &'g GeoPrior) -> Implied<'g> {
        let all = |rest| Implied { rest, except: &[] };
        match self.others {
            None | Some(Others::Unknown) => all(Label::Unknown),
            Some(Others::Absent) => all(Label::Absent),
            Some(Others::Prior) => geo.implied(),
        }
    }

    /// Writes the label of every class to `labels`, in class order; `geo` is the prior of the clip's recording.
    ///
    /// # Errors
    /// A class that there is no label for, if a list names one.
    pub(super) fn fill(self, geo: &GeoPrior, labels: &mut [Label]) -> Result<(), u32> {
        let Implied { rest, except } = self.implied(geo);
        let opposite = match rest {
            Label::Absent => Label::Unknown,
            Label::Unknown | Label::Present => Label::Absent,
        };
        labels.fill(rest);
        let lists = [(opposite, except)].into_iter().chain(self.named());
        for (label, list) in lists {
            for &class in list {
                *labels.get_mut(class as usize).ok_or(class)? = label;
            }
        }
        Ok(())
    }

    /// The implied form that names the fewest classes, the first of them if several do; `None` where it has one already,
    /// or names a class beyond `classes`. Such a class has no code either, which is refused where codes are looked up.
    pub(super) fn shortened(self, geo: &GeoPrior, classes: u32) -> Option<Implying> {
        if self.others.is_some() {
            return None;
        }
        let mut labels = vec![Label::Unknown; classes as usize];
        self.fill(geo, &mut labels).ok()?;
        let exceptions = |others: &Others| {
            let classes = labels.iter().zip(0..);
            classes
                .filter(|(label, class)| **label != Label::Present && **label != others.label(*class, geo))
                .count()
        };
        let others = Others::ALL.into_iter().min_by_key(exceptions)?;
        Some((others.exceptions(geo, &labels), others))
    }

    /// Checks the rules of a row: no class is in two lists or twice in one; with `others` each ascends, and the one that
    /// it stands for is empty; and those of what the clip has of its recording.
    ///
    /// # Errors
    /// The first rule broken.
    pub(super) fn check(self, split: Split, from_recording: &[FromRecording], taxa: &Taxa) -> Result<(), Fault> {
        let lists = [
            ("present", self.present),
            ("absent", self.absent),
            ("unknown", self.unknown),
        ];
        if let Some(others) = self.others {
            check_implied(&lists, others)?;
        }
        // A bit for each class that was listed.
        let mut listed = vec![0_u64; taxa.len().div_ceil(64)];
        for (name, list) in lists {
            for &class in list {
                let bit = 1 << (class % 64);
                if let Some(bits) = listed.get_mut(class as usize / 64) {
                    if *bits & bit != 0 {
                        let code = taxa.code(class).unwrap_or_default();
                        return Err(Fault::new(name, format!("{code:?} is already listed in this row")));
                    }
                    *bits |= bit;
                }
            }
        }
        super::from_recording::check(self, split, from_recording)
    }
}

/// The lists of a row with implied labels: each ascends, and the one that `others` stands for is empty.
fn check_implied(lists: &[(&'static str, &[u32]); 3], others: Others) -> Result<(), Fault> {
    for (name, list) in lists {
        if !list.is_sorted() {
            return Err(Fault::new(name, "is not in the order of the classes"));
        }
        if *name == others.as_str() && !list.is_empty() {
            let reason = format!("names classes, but the classes that no list names are {others}");
            return Err(Fault::new(name, reason));
        }
    }
    Ok(())
}

impl Others {
    /// The classes whose label in `labels` is not what it says, by label: present, absent and unknown.
    pub(super) fn exceptions(self, geo: &GeoPrior, labels: &[Label]) -> [Vec<u32>; 3] {
        [Label::Present, Label::Absent, Label::Unknown].map(|wanted| {
            let classes = labels.iter().zip(0..);
            let named = classes.filter(|(label, class)| **label == wanted && wanted != self.label(*class, geo));
            named.map(|(_, class)| class).collect()
        })
    }

    fn label(self, class: u32, geo: &GeoPrior) -> Label {
        match self {
            Self::Absent => Label::Absent,
            Self::Unknown => Label::Unknown,
            Self::Prior => geo.label(class),
        }
    }
}
