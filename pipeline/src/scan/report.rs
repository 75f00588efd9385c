//! Defines `Scanned`, what a scan found and wrote, and its report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shardfmt::Split;

use super::annotations::Annotations;
use super::dealing::Dealt;
use super::finding::{Finding, Kind};
use super::recording::Recording;
use super::split::SplitBy;

/// What a scan found, in numbers, and all that is odd.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scanned {
    /// Recordings in the table.
    pub recordings: u64,
    /// Their length, of those whose header says it.
    pub hours: f64,
    /// Recordings that were left out.
    pub left_out: u64,
    /// Files that are no recordings, by extension.
    pub others: BTreeMap<String, u64>,
    /// Recordings in train, val and test.
    pub by_split: [u64; 3],
    /// Groups in train, val and test.
    pub groups: [u64; 3],
    /// What was never parted.
    pub split_by: Option<SplitBy>,
    /// Recordings without a site or a day to be split by.
    pub without_group: u64,
    /// Recordings with time and offset, by where these come from.
    pub times: BTreeMap<&'static str, u64>,
    /// Recordings of which the local time is known, but not its offset.
    pub local_times: u64,
    /// Recordings with a place.
    pub places: u64,
    /// Recordings at each site.
    pub sites: BTreeMap<String, u64>,
    /// Recordings of each recorder.
    pub recorders: BTreeMap<String, u64>,
    /// Recordings with an annotation file that the manifest names.
    pub annotated: u64,
    /// Those of them that a program wrote.
    pub detected: u64,
    /// Recordings with something in the column `heard`; `None` without that column.
    pub heard: Option<u64>,
    /// Classes, each with the labels that were met in how many boxes or recordings.
    pub classes: u64,
    /// All that is odd, in order.
    pub findings: Vec<Finding>,
}

/// Items of a list that a line names.
const NAMED: usize = 6;

impl Scanned {
    /// The numbers of a scan.
    pub(super) fn of(recordings: &[Recording], dealt: &Dealt, annotations: &Annotations) -> Self {
        let mut scanned = Scanned {
            recordings: recordings.len() as u64,
            groups: dealt.groups.map(|groups| groups as u64),
            without_group: dealt.without_group,
            annotated: annotations.files.len() as u64,
            detected: annotations.detected as u64,
            ..Scanned::default()
        };
        for split in &dealt.splits {
            if let Some(count) = scanned.by_split.get_mut(*split as usize) {
                *count += 1;
            }
        }
        for recording in recordings {
            let Recording {
                facts, moment, site, ..
            } = recording;
            scanned.hours += facts.duration_s.unwrap_or_default() / 3600.0;
            if let (Some(source), Some(_)) = (moment.source, &moment.recorded_at) {
                *scanned.times.entry(source.name()).or_default() += 1;
            }
            scanned.local_times += u64::from(moment.local.is_some());
            scanned.places += u64::from(facts.place.is_some());
            for (names, name) in [(&mut scanned.sites, site), (&mut scanned.recorders, &facts.recorder)] {
                if let Some(name) = name {
                    *names.entry(name.clone()).or_default() += 1;
                }
            }
        }
        scanned
    }

    /// What was found, line by line, without what is odd about single files.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}, {:.1} hours{}",
            counted(self.recordings, "recording", "recordings"),
            self.hours,
            match self.left_out {
                0 => String::new(),
                left_out => format!("; {left_out} left out"),
            }
        )];
        if !self.others.is_empty() {
            let named = named(self.others.iter().map(|(extension, count)| match extension.as_str() {
                "" => format!("{count} without extension"),
                extension => format!("{count} .{extension}"),
            }));
            let count = self.others.values().sum();
            lines.push(format!(
                "{} that are no recordings: {named}",
                counted(count, "file", "files")
            ));
        }
        lines.push(self.split_line());
        lines.push(self.time_line());
        let of = |names: &BTreeMap<String, u64>| named(names.iter().map(|(name, count)| format!("{name} ({count})")));
        if !self.sites.is_empty() {
            lines.push(format!(
                "{}: {}",
                counted(self.sites.len() as u64, "site", "sites"),
                of(&self.sites)
            ));
        }
        if !self.recorders.is_empty() {
            let count = counted(self.recorders.len() as u64, "recorder", "recorders");
            lines.push(format!("{count}: {}", of(&self.recorders)));
        }
        lines.push(format!("place: {} of {}", self.places, self.recordings));
        if self.annotated > 0 {
            let detected = match self.detected {
                0 => "",
                _ => "; a program wrote them: correct them before they count as labels",
            };
            lines.push(format!(
                "annotation files: {} of {}{detected}",
                self.annotated, self.recordings
            ));
        }
        if let Some(heard) = self.heard {
            lines.push(format!(
                "labels from folders, of whole recordings: {heard} of {}",
                self.recordings
            ));
        }
        lines.push(match self.classes {
            0 => "classes: none, since no labels were found; list the species you are after in taxa.csv".to_owned(),
            classes => format!("classes: {classes}, from the labels"),
        });
        lines
    }

    fn split_line(&self) -> String {
        let by = match self.split_by {
            Some(SplitBy::Site) => "site",
            Some(SplitBy::Day) => "day",
            Some(SplitBy::Recording) | None => "recording",
        };
        let parts: Vec<String> = Split::ALL
            .into_iter()
            .zip(self.by_split.iter().zip(self.groups))
            .map(|(split, (recordings, groups))| {
                format!("{recordings} {split} ({})", counted(groups, "group", "groups"))
            })
            .collect();
        let unknown = match self.without_group {
            0 => String::new(),
            count => format!("; {count} without a known {by} are all in train (see --split-by)"),
        };
        format!("split by {by}: {}{unknown}", parts.join(", "))
    }

    fn time_line(&self) -> String {
        let known: u64 = self.times.values().sum();
        let sources = named(
            self.times
                .iter()
                .map(|(source, count)| format!("{count} from {source}")),
        );
        let sources = if known == 0 {
            String::new()
        } else {
            format!(" ({sources})")
        };
        let local = match self.local_times {
            0 => String::new(),
            count => format!("; {count} with a local time whose zone is not known: --time-zone says it"),
        };
        format!("time: {known} of {}{sources}{local}", self.recordings)
    }

    /// Kinds of findings with their number and the first of each, in order.
    pub fn by_kind(&self) -> Vec<(Kind, u64, &Finding)> {
        let of = |kind| {
            let mut found = self.findings.iter().filter(move |finding| finding.kind == kind);
            let first = found.next()?;
            Some((kind, 1 + found.count() as u64, first))
        };
        Kind::ALL.into_iter().filter_map(of).collect()
    }

    /// The whole report as text: the summary, then every finding.
    pub fn report(&self) -> String {
        let mut text = self.summary().join("\n");
        for (kind, count, _) in self.by_kind() {
            // Writing to a String does not fail.
            let _ = write!(text, "\n\n{} ({count})\n", kind.title());
            for finding in self.findings.iter().filter(|finding| finding.kind == kind) {
                let _ = write!(text, "\n  {}: {}", shown(&finding.path), shown(&finding.what));
            }
        }
        text.push('\n');
        text
    }
}

/// A text in one line: names of files may hold anything.
pub(super) fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first of a list, and how many more there are.
fn named(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let named: Vec<String> = items.take(NAMED).collect();
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_in_the_list_and_the_report_names_every_file() {
        let finding = |kind, path: &str| Finding {
            kind,
            path: path.into(),
            what: "odd".into(),
        };
        let scanned = Scanned {
            recordings: 3,
            left_out: 1,
            without_group: 2,
            local_times: 3,
            split_by: Some(SplitBy::Day),
            others: BTreeMap::from([(String::new(), 1), ("txt".into(), 2)]),
            findings: vec![
                finding(Kind::LeftOut, "a\nb"),
                finding(Kind::Times, "c"),
                finding(Kind::Times, "d"),
            ],
            ..Scanned::default()
        };
        let report = scanned.report();
        for part in [
            "3 recordings, 0.0 hours; 1 left out",
            "3 files that are no recordings: 1 without extension, 2 .txt",
            "2 without a known day are all in train",
            "3 with a local time whose zone is not known",
            "Left out of recordings.csv (1)\n\n  a\u{fffd}b: odd",
            "Disagreements about the time (2)\n\n  c: odd\n  d: odd\n",
        ] {
            assert!(report.contains(part), "{part}: {report}");
        }
        let kinds: Vec<_> = scanned
            .by_kind()
            .into_iter()
            .map(|(kind, count, _)| (kind, count))
            .collect();
        assert_eq!(kinds, [(Kind::LeftOut, 1), (Kind::Times, 2)]);
    }
}
