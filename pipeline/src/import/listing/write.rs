//! Writes a listing: the recordings and taxa tables, those of its windows, the manifest, and a report of all counts.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use shardfmt::Split;
use shardfmt::persist::create_dirs;

use super::tables;
use super::{Listed, Listing};
use crate::error::{self, Error, Result};
use crate::scan::{self, Groups, MANIFEST, RECORDINGS, SplitBy, SplitRule, TAXA};

/// The boxes of windows.
pub(super) const BOXES: &str = "boxes.csv";
/// The windows in which every class was looked for.
pub(super) const SPANS: &str = "annotated_spans.csv";
/// What became of every row and label.
pub const REPORT: &str = "import.txt";

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Recordings in train, val and test.
    pub by_split: [u64; 3],
    /// Recordings whose split is that of the set.
    pub given_splits: u64,
}

impl Listing {
    /// Writes the files into `out`, each whole or not at all; `taxonomy` is what messages call the taxonomy that labels
    /// were looked up in.
    ///
    /// # Errors
    /// [`Error::ScanTaken`] where one of them is there and not to be overwritten, [`Error::NothingListed`] without
    /// recordings, and any of the system.
    pub fn write(&self, out: &Path, overwrite: bool, rule: &SplitRule, taxonomy: Option<&str>) -> Result<Written> {
        scan::refuse_taken(out, &[RECORDINGS, TAXA, MANIFEST, REPORT, BOXES, SPANS], overwrite)?;
        if self.recordings.is_empty() {
            return Err(Error::NothingListed {
                rows: self.rows,
                reasons: self.tallies.sentences().join("; "),
            });
        }
        create_dirs(out)?;
        let folder = std::fs::canonicalize(out).map_err(error::io(shardfmt::Operation::Read, out))?;
        let keys: Vec<&str> = self.recordings.iter().map(|recording| recording.key.as_str()).collect();
        let ids = ids(&keys);
        let splits = self.splits(&keys, rule);
        let mut written = Written {
            given_splits: self
                .recordings
                .iter()
                .filter(|recording| recording.split.is_some())
                .count() as u64,
            ..Written::default()
        };
        for split in &splits {
            if let Some(count) = written.by_split.get_mut(*split as usize) {
                *count += 1;
            }
        }
        let mut files = vec![
            (RECORDINGS, tables::recordings(self, &folder, &ids, &splits)?),
            (TAXA, tables::taxa(self)?),
        ];
        if !self.windows.is_empty() {
            files.push((BOXES, tables::boxes(self, &ids)?));
            files.push((SPANS, tables::spans(self, &ids)?));
        }
        files.push((MANIFEST, self.manifest().into_bytes()));
        files.push((REPORT, self.report(&written, taxonomy).into_bytes()));
        scan::write(out, &files)?;
        Ok(written)
    }

    /// The split of each recording: the set's own, or dealt so that nothing is parted that belongs together.
    fn splits(&self, keys: &[&str], rule: &SplitRule) -> Vec<Split> {
        if self.recordings.iter().any(|recording| recording.split.is_some()) {
            return self
                .recordings
                .iter()
                .map(|recording| recording.split.unwrap_or(Split::Train))
                .collect();
        }
        let mut groups = Groups::new(keys.len());
        // One recording may be listed under several species.
        groups.join_keys(self.recordings.iter().map(|recording| recording.source_id.clone()));
        groups.join_keys(self.recordings.iter().map(|recording| group(recording, rule.by)));
        // Nobody knows what these belong to: not in a split that measures anything.
        let is_known = |recording: &Listed| group(recording, rule.by).is_some();
        let before: Vec<Option<Split>> = self
            .recordings
            .iter()
            .map(|recording| (!is_known(recording)).then_some(Split::Train))
            .collect();
        scan::deal_groups(keys, groups, &before, rule).splits
    }

    fn manifest(&self) -> String {
        let mut text = format!(
            "# Made by `l48 import`, to be edited; docs/manifest.md describes every key. Paths are relative to this file.\n\n\
             [dataset]\nname = \"{}\"\n\n[tables]\nrecordings = \"{RECORDINGS}\"\ntaxa = \"{TAXA}\"\n",
            self.name
        );
        if !self.windows.is_empty() {
            let _ = write!(text, "boxes = \"{BOXES}\"\nannotated_spans = \"{SPANS}\"\n");
        }
        text += "# geo_prior = \"geo_prior.csv\"              # of `l48 priors scores`\n\
                 # checklist_prior = \"checklist_prior.csv\"  # of `l48 priors ebd`\n";
        if let Some(window_s) = self.window_s {
            let _ = write!(
                text,
                "\n[clips]\n# The windows that were labelled: a species is somewhere in its window, and in no known part of it.\n\
                 duration_s = {window_s:?}\nhop_s = {window_s:?}\n\n\
                 [labels]\n# Windows are complete as {SPANS} says.\ncompleteness = \"span\"\n"
            );
        }
        for fact in &self.facts {
            let _ = write!(text, "\n# {fact}.\n");
        }
        text
    }

    fn report(&self, written: &Written, taxonomy: Option<&str>) -> String {
        let mut lines = self.summary(written);
        lines.extend(taxonomy.map(|name| format!("labels were looked up in the {name}")));
        lines.extend(self.facts.iter().cloned());
        let mut text = lines.join("\n") + "\n";
        for (sentence, details) in self.tallies.in_full() {
            let _ = write!(text, "\n{sentence}\n");
            for (detail, count) in details {
                let _ = writeln!(text, "  {count:>8}  {}", detail.escape_debug());
            }
        }
        text
    }

    /// What was read and written, line by line.
    pub fn summary(&self, written: &Written) -> Vec<String> {
        let [train, val, test] = written.by_split;
        let given = if written.given_splits > 0 {
            ", as the set gives them"
        } else {
            ""
        };
        let heard = self
            .recordings
            .iter()
            .filter(|recording| !recording.heard.is_empty())
            .count();
        let mut lines = vec![
            format!(
                "{} rows read, {} taken, {} left out",
                self.rows,
                self.taken,
                self.left_out()
            ),
            format!(
                "{} recordings: train {train}, val {val}, test {test}{given}",
                self.recordings.len()
            ),
            format!("{} classes; {heard} recordings with species heard", self.taxa.len()),
        ];
        if let Some(window_s) = self.window_s {
            let complete = self.windows.iter().filter(|window| window.is_complete).count();
            lines.push(format!(
                "{} labelled windows of {window_s} s, of which {complete} name all species",
                self.windows.len()
            ));
        }
        lines
    }
}

/// Ids of paths, as a scan gives them.
fn ids(keys: &[&str]) -> Vec<i64> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| keys.get(at).copied().unwrap_or_default());
    let sorted = order.iter().map(|&at| keys.get(at).copied().unwrap_or_default());
    let of: HashMap<usize, i64> = order.iter().copied().zip(scan::ids(sorted)).collect();
    (0..keys.len())
        .map(|at| of.get(&at).copied().unwrap_or_default())
        .collect()
}

/// What a recording must not be parted from; `None` where that is not known.
fn group(recording: &Listed, by: SplitBy) -> Option<String> {
    let place = || {
        recording
            .place
            .map(|(latitude, longitude)| format!("{latitude}\n{longitude}"))
    };
    match by {
        SplitBy::Recording => Some(recording.key.clone()),
        SplitBy::Site => recording.site.clone().or_else(place),
        SplitBy::Day => {
            let day = match (&recording.recorded_at, recording.local) {
                (Some(time), _) => time.split('T').next()?.to_owned(),
                (None, local) => local?.0.to_string(),
            };
            Some(format!(
                "{}\n{day}",
                recording.site.clone().or_else(place).unwrap_or_default()
            ))
        }
    }
}
