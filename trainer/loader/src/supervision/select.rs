//! Selects the clips to train or evaluate on, and derives their labels and masks.

use std::collections::HashSet;
use std::sync::Arc;

use shardfmt::Split;

use super::Supervision;
use super::catalogue::{Catalogue, Clip};
use super::choice::{Filters, FullUnknown, Mode, Rows};
use super::knowledge::Known;
use super::labels::{Labels, Shown, View};
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
        self.select_with(split, Mode::Full, Rows::Own, &all, false)
    }

    /// The clips of any split as `mode` and `filters` show them; [`Catalogue::training`] and [`Catalogue::evaluation`]
    /// are what a run uses of it. Weak labels, which only clips for training have, count as known positives.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] as [`Catalogue::training`].
    pub fn select(&self, split: Split, mode: Mode, rows: Rows, filters: &Filters) -> Result<Supervision> {
        self.select_with(split, mode, rows, filters, true)
    }

    fn select_with(&self, split: Split, mode: Mode, rows: Rows, filters: &Filters, weak: bool) -> Result<Supervision> {
        self.check_priors(split, mode)?;
        let view = View {
            mode,
            weak,
            drawn: self.drawn,
        };
        let filter_mode = if rows == Rows::Common { Mode::Target } else { mode };
        let deciding_view = View {
            mode: filter_mode,
            ..view
        };
        let (mut clips, mut places) = (Vec::new(), Vec::new());
        let mut tally = Tally::default();
        for (place, clip) in self.split(split) {
            let (known, prior) = (self.knowledge.of(place), self.knowledge.prior(place));
            tally.report.split_clips += 1;
            tally.count_whole(clip, &known, filters);
            let deciding = Shown::new(&self.knowledge, place, deciding_view);
            if tally.is_left_out(clip, &deciding, filters) {
                continue;
            }
            let shown = Shown::new(&self.knowledge, place, view);
            tally.keep(mode, clip, &known, &shown, prior);
            clips.push(clip.clone());
            places.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
        let report = tally.finish();
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
        Ok(Supervision {
            clips,
            labels: Labels::new(Arc::clone(&self.knowledge), view, places),
            unknown_left_out: false,
            report,
        })
    }

    /// Refuses an empty split, and a mode whose prior no recording has.
    fn check_priors(&self, split: Split, mode: Mode) -> Result<()> {
        let name = split.as_str();
        if self.classes() == 0 || self.split(split).next().is_none() {
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
                self.classes()
            )));
        }
        let any = |has: fn(&Prior) -> bool| self.split(split).any(|(place, _)| has(self.knowledge.prior(place)));
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

/// Clips counted once each, recordings once each.
#[derive(Default)]
struct Count {
    clips: u64,
    assets: HashSet<i64>,
    /// The recording of the clip counted last: most clips follow another one of theirs.
    last: Option<i64>,
}

impl Count {
    fn add(&mut self, clip: &Clip) {
        self.clips += 1;
        if self.last.replace(clip.asset_id) != Some(clip.asset_id) {
            self.assets.insert(clip.asset_id);
        }
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
    fn is_left_out(&mut self, clip: &Clip, shown: &Shown<'_>, filters: &Filters) -> bool {
        let count = if clip.silent && !filters.keep_silent {
            &mut self.report.silent
        } else if filters.remove_unannotated && shown.count() == 0 {
            &mut self.report.unannotated
        } else if filters.remove_empty && shown.positives().next().is_none() {
            &mut self.report.empty
        } else {
            return false;
        };
        *count += 1;
        true
    }

    /// Counts what a fully annotated clip has, whether or not the mode shows it.
    fn count_whole(&mut self, clip: &Clip, known: &Known<'_>, filters: &Filters) {
        if clip.fully_annotated && (filters.keep_silent || !clip.silent) {
            self.report.fully_annotated += 1;
            self.report.present_in_those += known.present.len() as u64;
        }
    }

    fn keep(&mut self, mode: Mode, clip: &Clip, known: &Known<'_>, shown: &Shown<'_>, prior: &Prior) {
        self.kept.add(clip);
        if matches!(mode, Mode::Geo | Mode::Checklist) && !prior.has_geo() {
            self.without_geo.add(clip);
        }
        if mode == Mode::Checklist {
            if !prior.has_checklist() {
                self.without_checklist.add(clip);
            } else if !prior.has_complete_checklist() {
                self.incomplete_checklist.add(clip);
            }
        }
        let positives = shown.positives().count() as u64;
        self.report.known_positives += positives;
        self.report.weak_positives += shown.weak() as u64;
        self.report.known_negatives += shown.count() as u64 - positives;
        if let Some(ruled_out) = prior.ruled_out(mode) {
            let conflicts = known.present.iter().filter(|class| ruled_out.contains(**class));
            self.report.prior_conflicts += conflicts.count() as u64;
        }
    }

    fn finish(self) -> Report {
        Report {
            kept: self.kept.finish(),
            without_geo: self.without_geo.finish(),
            without_checklist: self.without_checklist.finish(),
            incomplete_checklist: self.incomplete_checklist.finish(),
            ..self.report
        }
    }
}
