//! Selects the clips to train or evaluate on, and derives their labels and masks.

use std::collections::HashSet;

use shardfmt::{Label, Split};

use super::Supervision;
use super::catalogue::{Catalogue, Clip};
use super::choice::{Filters, FullUnknown, Mode, Rows};
use super::prior::Prior;
use super::report::{Lacking, Report};
use crate::error::{Error, Result};

impl Catalogue {
    /// The training clips as `mode` shows them.
    ///
    /// # Errors
    /// [`Error::Setting`] for `full_unknown = masked` in another mode than `full`; [`Error::Unsuitable`] if the split
    /// has no clips, if no recording of it has the prior that the mode is about, or if the filters leave nothing.
    pub fn training(
        &self,
        mode: Mode,
        rows: Rows,
        full_unknown: FullUnknown,
        filters: &Filters,
    ) -> Result<Supervision> {
        let unknown_left_out = full_unknown == FullUnknown::Masked;
        if unknown_left_out && mode != Mode::Full {
            let reason = format!("masked requires mode full; in mode {mode} the loss decides about unknown labels");
            return Err(Error::setting("full_unknown", reason));
        }
        let selected = self.select(Split::Train, mode, rows, filters)?;
        Ok(Supervision {
            unknown_left_out,
            ..selected
        })
    }

    /// All clips of `split` with everything that is known; masks show where a class is unknown.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] if the split has no clips.
    pub fn evaluation(&self, split: Split) -> Result<Supervision> {
        let all = Filters {
            remove_unannotated: false,
            remove_empty: false,
            keep_silent: true,
        };
        self.select(split, Mode::Full, Rows::Own, &all)
    }

    /// The clips of any split as `mode` and `filters` show them; [`Catalogue::training`] and [`Catalogue::evaluation`]
    /// are what a run uses of it.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] as [`Catalogue::training`].
    pub fn select(&self, split: Split, mode: Mode, rows: Rows, filters: &Filters) -> Result<Supervision> {
        self.check_priors(split, mode)?;
        let (mut clips, mut labels, mut mask) = (Vec::new(), Vec::new(), Vec::new());
        let mut tally = Tally::default();
        let (mut known, mut deciding) = (vec![0; self.classes], vec![0; self.classes]);
        for (clip, knowledge) in self.split(split) {
            tally.report.split_clips += 1;
            tally.count_whole(clip, knowledge, filters);
            let prior = self.prior(clip.asset_id);
            fill_mask(mode, clip, knowledge, prior, &mut known);
            let filter_mode = if rows == Rows::Common { Mode::Target } else { mode };
            fill_mask(filter_mode, clip, knowledge, prior, &mut deciding);
            if tally.is_left_out(clip, knowledge, &deciding, filters) {
                continue;
            }
            tally.keep(mode, clip, knowledge, prior);
            labels.extend(
                knowledge
                    .iter()
                    .zip(&known)
                    .map(|(entry, known)| known * u8::from(entry.is_present())),
            );
            mask.extend_from_slice(&known);
            clips.push(clip.clone());
        }
        let report = tally.finish(&labels, &mask);
        if clips.is_empty() {
            let reason = format!(
                "no clip of split {} is left to use in mode {mode}: {}; annotate some, use another mode, or keep \
                 them by the settings in \
                 `filters`",
                split.as_str(),
                report.notes().join("; ")
            );
            return Err(self.unsuitable(reason));
        }
        let classes = self.classes;
        Ok(Supervision {
            classes,
            clips,
            labels,
            mask,
            unknown_left_out: false,
            report,
        })
    }

    /// Refuses an empty split, and a mode whose prior no recording has.
    fn check_priors(&self, split: Split, mode: Mode) -> Result<()> {
        let name = split.as_str();
        if self.classes == 0 || self.split(split).next().is_none() {
            let counts = Split::ALL
                .iter()
                .map(|split| format!("{} {}", self.split(*split).count(), split.as_str()));
            let counts = counts.collect::<Vec<_>>().join(", ");
            let or = match split {
                Split::Test => ", or train with --no-test",
                _ => "",
            };
            return Err(self.unsuitable(format!(
                "split {name} is empty ({} classes; clips: {counts}); assign recordings to it with `l48 relabel`{or}",
                self.classes
            )));
        }
        let any = |has: fn(&Prior) -> bool| {
            self.split(split)
                .any(|(clip, _)| self.prior(clip.asset_id).is_some_and(has))
        };
        let missing = match mode {
            Mode::Geo if !any(Prior::has_geo) => "geographic prior",
            Mode::Checklist if !any(Prior::has_checklist) => "checklist",
            _ => return Ok(()),
        };
        Err(self.unsuitable(format!(
            "mode {mode} needs a {missing}, and no recording of split {name} has one; add its table with `l48 \
             relabel`, or \
             use another mode"
        )))
    }
}

/// Writes which labels of a clip `mode` shows: 1 where known.
fn fill_mask(mode: Mode, clip: &Clip, knowledge: &[Label], prior: Option<&Prior>, mask: &mut [u8]) {
    if mode == Mode::Full {
        let known = knowledge.iter().map(|entry| u8::from(entry.is_known()));
        mask.iter_mut().zip(known).for_each(|(mask, known)| *mask = known);
        return;
    }
    mask.fill(0);
    for negatives in negatives(mode, prior) {
        set(mask, negatives, 1);
    }
    // The target itself is never a prior negative.
    if let Some(target) = clip.target {
        let present = knowledge.get(target as usize).is_some_and(|entry| entry.is_present());
        set(mask, &[target], present.into());
    }
}

/// Lists of classes that the priors `mode` uses rule out.
fn negatives(mode: Mode, prior: Option<&Prior>) -> [&[u32]; 2] {
    match (mode, prior) {
        (Mode::Geo, Some(prior)) => [prior.geo_negatives(), &[]],
        (Mode::Checklist, Some(prior)) => [prior.geo_negatives(), prior.checklist_negatives()],
        _ => [&[], &[]],
    }
}

fn set(mask: &mut [u8], classes: &[u32], value: u8) {
    for &class in classes {
        if let Some(entry) = mask.get_mut(class as usize) {
            *entry = value;
        }
    }
}

/// Clips counted once each, recordings once each.
#[derive(Default)]
struct Count {
    clips: u64,
    assets: HashSet<i64>,
}

impl Count {
    fn add(&mut self, clip: &Clip) {
        self.clips += 1;
        self.assets.insert(clip.asset_id);
    }

    fn finish(&self) -> Lacking {
        Lacking {
            clips: self.clips,
            assets: self.assets.len() as u64,
        }
    }
}

/// A report in the making.
#[derive(Default)]
struct Tally {
    report: Report,
    kept: Count,
    without_geo: Count,
    without_checklist: Count,
    incomplete_checklist: Count,
}

impl Tally {
    fn is_left_out(&mut self, clip: &Clip, knowledge: &[Label], mask: &[u8], filters: &Filters) -> bool {
        let positive = || {
            knowledge
                .iter()
                .zip(mask)
                .any(|(entry, &known)| known == 1 && entry.is_present())
        };
        let count = if clip.silent && !filters.keep_silent {
            &mut self.report.silent
        } else if filters.remove_unannotated && !mask.contains(&1) {
            &mut self.report.unannotated
        } else if filters.remove_empty && !positive() {
            &mut self.report.empty
        } else {
            return false;
        };
        *count += 1;
        true
    }

    /// Counts what a fully annotated clip has, whether or not the mode shows it.
    fn count_whole(&mut self, clip: &Clip, knowledge: &[Label], filters: &Filters) {
        if clip.fully_annotated && (filters.keep_silent || !clip.silent) {
            self.report.fully_annotated += 1;
            self.report.present_in_those += knowledge.iter().filter(|entry| entry.is_present()).count() as u64;
        }
    }

    fn keep(&mut self, mode: Mode, clip: &Clip, knowledge: &[Label], prior: Option<&Prior>) {
        self.kept.add(clip);
        if matches!(mode, Mode::Geo | Mode::Checklist) && !prior.is_some_and(Prior::has_geo) {
            self.without_geo.add(clip);
        }
        if mode == Mode::Checklist {
            if !prior.is_some_and(Prior::has_checklist) {
                self.without_checklist.add(clip);
            } else if !prior.is_some_and(Prior::has_complete_checklist) {
                self.incomplete_checklist.add(clip);
            }
        }
        let [geo, checklist] = negatives(mode, prior);
        let beyond_geo = checklist.iter().filter(|class| geo.binary_search(class).is_err());
        let present = |class: &&u32| knowledge.get(**class as usize).is_some_and(|entry| entry.is_present());
        self.report.prior_conflicts += geo.iter().chain(beyond_geo).filter(present).count() as u64;
    }

    fn finish(self, labels: &[u8], mask: &[u8]) -> Report {
        let ones = |entries: &[u8]| entries.iter().map(|&entry| u64::from(entry)).sum::<u64>();
        let (known, known_positives) = (ones(mask), ones(labels));
        Report {
            kept: self.kept.finish(),
            known_positives,
            known_negatives: known - known_positives,
            without_geo: self.without_geo.finish(),
            without_checklist: self.without_checklist.finish(),
            incomplete_checklist: self.incomplete_checklist.finish(),
            ..self.report
        }
    }
}
