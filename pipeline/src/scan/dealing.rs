//! Puts recordings that belong together into groups, and has them dealt to train, val and test.

use shardfmt::Split;

use super::ScanOptions;
use super::annotations::stem;
use super::copies::{self, Candidate};
use super::finding::{Finding, Kind};
use super::recording::Recording;
use super::split::{self, Groups, SplitBy};
use super::walk::Found;

/// Which recording is in which split.
pub(super) struct Dealt {
    pub(super) splits: Vec<Split>,
    pub(super) groups: [usize; 3],
    /// Recordings without a site or day to be split by.
    pub(super) without_group: u64,
}

/// Deals recordings to train, val and test: copies, recordings of one name beside each other, and those of one site or
/// day stay together.
pub(super) fn deal(
    recordings: &[Recording],
    mut before: Vec<Option<Split>>,
    options: &ScanOptions,
    findings: &mut Vec<Finding>,
) -> Dealt {
    let mut groups = Groups::new(recordings.len());
    let candidates: Vec<Candidate<'_>> = (0..)
        .zip(recordings)
        .map(|(number, recording)| Candidate {
            recording: number,
            path: &recording.found.path,
            key: &recording.found.key,
            bytes: recording.bytes,
        })
        .collect();
    let key = |number: usize| {
        recordings
            .get(number)
            .map_or("", |recording| recording.found.key.as_str())
    };
    for copies in copies::find(&candidates, findings) {
        let Some((&first, others)) = copies.split_first() else {
            continue;
        };
        others.iter().for_each(|&other| groups.join(first, other));
        let others: Vec<&str> = others.iter().map(|&other| key(other)).collect();
        findings.push(Finding {
            kind: Kind::Copies,
            path: key(first).to_owned(),
            what: format!("the same bytes as {}", others.join(", ")),
        });
    }
    groups.join_keys(recordings.iter().map(|recording| {
        let Found { key, .. } = &recording.found;
        Some(stem(key).to_owned())
    }));
    let group = |recording: &Recording| match options.split.by {
        SplitBy::Site => recording.site.clone(),
        SplitBy::Day => {
            let day = recording.moment.day?;
            Some(format!("{}\n{day}", recording.site.as_deref().unwrap_or_default()))
        }
        SplitBy::Recording => Some(recording.found.key.clone()),
    };
    // Nobody knows what these belong to: they are one group, and not in a split that measures anything.
    const UNKNOWN: &str = "\n";
    groups.join_keys(
        recordings
            .iter()
            .map(|recording| group(recording).or(Some(UNKNOWN.into()))),
    );
    let mut without_group = 0;
    for (recording, before) in recordings.iter().zip(&mut before) {
        if group(recording).is_none() {
            without_group += 1;
            *before = before.or(Some(Split::Train));
        }
    }
    let names: Vec<&str> = recordings
        .iter()
        .map(|recording| recording.found.key.as_str())
        .collect();
    let dealt = split::deal(&names, groups, &before, &options.split);
    let split = |number: usize| dealt.splits.get(number).map_or("", |split| split.as_str());
    findings.extend(dealt.moved.iter().map(|&number| Finding {
        kind: Kind::Splits,
        path: key(number).to_owned(),
        what: format!("belongs to recordings in {0}, and is in {0} now", split(number)),
    }));
    Dealt {
        without_group,
        splits: dealt.splits,
        groups: dealt.groups,
    }
}
