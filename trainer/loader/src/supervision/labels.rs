//! Defines labels and masks of rows: kept as short lists, written out row by row.

use std::sync::Arc;

use shardfmt::Others;

use super::catalogue::Clip;
use super::choice::Mode;
use super::knowledge::{Knowledge, Known, Listed, set_all};
use super::prior::{ClassSet, Prior};
use crate::error::{Error, Result};
use crate::random::{Purpose, below, keyed};

/// Labels and masks of rows, as a mode shows them.
///
/// A label is 1 where the class is present and the mask says known, else 0; a mask is 1 where the label is known, else
/// 0. Cheap to clone: what is known of the clips is shared.
#[derive(Clone, Debug)]
pub struct Labels {
    knowledge: Arc<Knowledge>,
    view: View,
    /// The clip that each row has its labels of.
    clips: Arc<[u32]>,
}

/// What of the labels is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) mode: Mode,
    /// Whether weak labels count as known positives.
    pub(super) weak: bool,
    /// Seed by which the single positive of each clip is drawn, in place of its recording's target.
    pub(super) drawn: Option<u64>,
}

impl Labels {
    /// Labels of `clips`, places in `knowledge`, as `view` shows them.
    pub(super) fn new(knowledge: Arc<Knowledge>, view: View, clips: Vec<u32>) -> Self {
        let clips = clips.into();
        Self { knowledge, view, clips }
    }

    /// The labels that `labels` and `mask` give, both `[N, classes]` row-major: 1 for present and for known, else 0.
    ///
    /// # Errors
    /// [`Error::Setting`] for sizes that are not rows of `classes`.
    pub fn from_matrices(classes: usize, labels: &[u8], mask: &[u8]) -> Result<Self> {
        if classes == 0 || !labels.len().is_multiple_of(classes) || labels.len() != mask.len() {
            let (labels, mask) = (labels.len(), mask.len());
            let reason = format!("{labels} labels and {mask} masks of {classes} classes");
            return Err(Error::setting("training labels", reason));
        }
        let all: Vec<u32> = (0..u32::try_from(classes).unwrap_or(u32::MAX)).collect();
        let (mut lists, mut listed) = (Vec::new(), Vec::new());
        for (labels, mask) in labels.chunks_exact(classes).zip(mask.chunks_exact(classes)) {
            let list = |present: bool| {
                let entries = all.iter().zip(labels.iter().zip(mask));
                let named = entries.filter(|(_, (label, known))| **known != 0 && (**label != 0) == present);
                named.map(|(class, _)| *class).collect::<Vec<u32>>()
            };
            let (present, absent) = (list(true), list(false));
            listed.push(Listed::new([&present, &absent, &[], &[]], Others::Unknown, &mut lists));
        }
        let clips = (0..).zip(&listed).map(|(clip, _)| clip).collect();
        let knowledge = Knowledge {
            classes,
            clips: Vec::new(),
            listed,
            lists: vec![lists.into()],
            priors: vec![Prior::NONE],
        };
        Ok(Self::new(Arc::new(knowledge), View::EVERYTHING, clips))
    }

    /// Number of classes C; a class index is a row of `taxa.parquet`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.knowledge.classes
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.clips.len()
    }

    /// Writes labels and mask of a row, a byte for each class. All are 0 for a row that does not exist.
    pub fn write(&self, row: usize, labels: &mut [u8], mask: &mut [u8]) {
        labels.fill(0);
        match self.shown(row) {
            Some(shown) => {
                shown.write_mask(mask);
                shown.positives().for_each(|class| set_all(labels, &[class], 1));
            }
            None => mask.fill(0),
        }
    }

    /// The known positives of a row, ascending.
    #[must_use]
    pub fn positives(&self, row: usize) -> Vec<u32> {
        let shown = self.shown(row);
        shown.map_or_else(Vec::new, |shown| shown.positives().collect())
    }

    /// Classes heard anywhere in the recording of a row, ascending; `None` where nobody said.
    #[must_use]
    pub fn heard(&self, row: usize) -> Option<&[u32]> {
        let clip = self.clips.get(row)?;
        self.knowledge.prior(*clip as usize).heard()
    }

    /// Number of known positives of all rows together.
    #[must_use]
    pub fn positive_count(&self) -> u64 {
        let shown = (0..self.rows()).filter_map(|row| self.shown(row));
        shown.map(|shown| shown.positives().count() as u64).sum()
    }

    /// Whether every class of a row is known.
    #[must_use]
    pub fn is_whole(&self, row: usize) -> bool {
        self.shown(row).is_some_and(|shown| shown.count() == self.classes())
    }

    /// Labels and masks of all rows, `[N, C]` row-major each: for sets that are small enough.
    #[must_use]
    pub fn matrices(&self) -> [Vec<u8>; 2] {
        let classes = self.classes();
        let [mut labels, mut mask] = [(); 2].map(|()| vec![0; self.rows() * classes]);
        let rows = labels
            .chunks_exact_mut(classes.max(1))
            .zip(mask.chunks_exact_mut(classes.max(1)));
        for (row, (labels, mask)) in rows.enumerate() {
            self.write(row, labels, mask);
        }
        [labels, mask]
    }

    /// Everything that is known of the same rows, weak labels aside.
    #[must_use]
    pub fn everything(&self) -> Self {
        Self {
            view: View::EVERYTHING,
            ..self.clone()
        }
    }

    /// The rows numbered `order`, in that order.
    pub(super) fn reordered(&self, order: &[usize]) -> Self {
        let clips = order.iter().filter_map(|&row| self.clips.get(row).copied());
        Self {
            knowledge: Arc::clone(&self.knowledge),
            view: self.view,
            clips: clips.collect(),
        }
    }

    fn shown(&self, row: usize) -> Option<Shown<'_>> {
        let clip = self.clips.get(row)?;
        Some(Shown::new(&self.knowledge, *clip as usize, self.view))
    }
}

impl View {
    const EVERYTHING: Self = Self {
        mode: Mode::Full,
        weak: false,
        drawn: None,
    };

    /// The class that may be the single positive of a clip: its recording's target, or one that is drawn of those that
    /// are `present`.
    fn single(self, clip: &Clip, present: &[u32]) -> Option<u32> {
        let Some(seed) = self.drawn else {
            return clip.target;
        };
        let places = [clip.asset_id.cast_unsigned(), clip.clip_index.into()];
        let mut random = keyed(seed, Purpose::SinglePositive, &places);
        let place = below(&mut random, u32::try_from(present.len()).unwrap_or(u32::MAX));
        present.get(place as usize).copied()
    }
}

/// What a mode shows of the classes of a clip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    known: Known<'a>,
    /// Classes that count as present, ascending.
    present: &'a [u32],
    seen: Seen<'a>,
    classes: usize,
}

/// What of a clip's classes is shown.
#[derive(Clone, Copy, Debug)]
enum Seen<'a> {
    /// Everything that is known.
    Everything,
    /// What the recording's priors rule out, and the single positive: the recording's target where that is present, or
    /// what was drawn. It is never a negative.
    TargetAndPrior {
        target: Option<u32>,
        ruled_out: Option<&'a ClassSet>,
    },
}

impl<'a> Shown<'a> {
    /// What `view` shows of a clip.
    pub(super) fn new(knowledge: &'a Knowledge, clip: usize, view: View) -> Self {
        let known = knowledge.of(clip);
        let present = known.positives(view.weak);
        let single = |clip: &Clip| view.single(clip, present);
        let seen = match view.mode {
            Mode::Full => Seen::Everything,
            Mode::Target | Mode::Geo | Mode::Checklist => Seen::TargetAndPrior {
                target: knowledge.clips.get(clip).and_then(single),
                ruled_out: knowledge.prior(clip).ruled_out(view.mode),
            },
        };
        Self {
            known,
            present,
            seen,
            classes: knowledge.classes,
        }
    }

    /// How many classes are known.
    pub(super) fn count(&self) -> usize {
        match self.seen {
            Seen::Everything => self.known.count(self.classes) + self.present.len() - self.known.present.len(),
            Seen::TargetAndPrior { target, ruled_out } => {
                let negatives = ruled_out.map_or(0, |set| set.count(self.classes));
                let target_is = |is: &dyn Fn(u32) -> bool| usize::from(target.is_some_and(is));
                let is_negative = |class| ruled_out.is_some_and(|set| set.contains(class));
                negatives - target_is(&is_negative) + target_is(&|class| self.is_present(class))
            }
        }
    }

    fn is_present(&self, class: u32) -> bool {
        self.present.binary_search(&class).is_ok()
    }

    /// How many of the known positives are weak.
    pub(super) fn weak(&self) -> usize {
        self.positives()
            .filter(|class| self.known.present.binary_search(class).is_err())
            .count()
    }

    /// The known positives, ascending.
    pub(super) fn positives(&self) -> impl Iterator<Item = u32> {
        let seen = self.seen;
        let present = self.present.iter().copied();
        present.filter(move |class| match seen {
            Seen::Everything => true,
            Seen::TargetAndPrior { target, ruled_out } => {
                target == Some(*class) || ruled_out.is_some_and(|set| set.contains(*class))
            }
        })
    }

    /// Writes 1 for each class that is known, and 0 for the others.
    fn write_mask(&self, mask: &mut [u8]) {
        match self.seen {
            Seen::Everything => {
                self.known.write_mask(mask);
                set_all(mask, self.present, 1);
            }
            Seen::TargetAndPrior { target, ruled_out } => {
                match ruled_out {
                    Some(set) => set.write(mask),
                    None => mask.fill(0),
                }
                if let Some(target) = target {
                    set_all(mask, &[target], self.is_present(target).into());
                }
            }
        }
    }
}
