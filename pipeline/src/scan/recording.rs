//! Defines `Recording`, a file that was looked at and can be used.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use shardfmt::Split;

use super::ScanOptions;
use super::facts::{self, Facts};
use super::files::Row;
use super::finding::{Finding, Kind};
use super::folder_labels::{self, FolderLabels, Heard};
use super::moment::{self, Moment};
use super::walk::{Found, relative};
use crate::event::{Event, Events};

/// A recording that can be used.
pub(super) struct Recording {
    pub(super) found: Found,
    pub(super) bytes: u64,
    pub(super) facts: Facts,
    pub(super) moment: Moment,
    pub(super) site: Option<String>,
    pub(super) labels: Option<Heard>,
}

/// Looks at every recording, on all threads, and finds its time, site and labels. Those that cannot be used are told.
pub(super) fn look_at(
    found: Vec<Found>,
    options: &ScanOptions,
    findings: &mut Vec<Finding>,
    events: &Events<'_>,
) -> Vec<Recording> {
    let (done, of) = (AtomicUsize::new(0), found.len());
    let looked = found.into_par_iter().map(|found| {
        let bytes = std::fs::metadata(&found.path).map_err(|error| format!("cannot be read: {error}"));
        let facts = bytes.and_then(|facts| Ok((facts.len(), facts::of(&found.path, found.name())?)));
        let read = done.fetch_add(1, Ordering::Relaxed) + 1;
        if read.is_multiple_of(100) || read == of {
            events(Event::Headers { read, of });
        }
        (found, facts)
    });
    let looked: Vec<_> = looked.collect();
    let mut recordings = Vec::with_capacity(looked.len());
    for (found, facts) in looked {
        let mut tell = |kind, what| {
            findings.push(Finding {
                kind,
                path: found.key.clone(),
                what,
            });
        };
        let (bytes, mut facts) = match facts {
            Ok(facts) => facts,
            Err(what) => {
                tell(Kind::LeftOut, what);
                continue;
            }
        };
        let mut odd = std::mem::take(&mut facts.findings);
        let moment = moment::decide(&facts.sightings, options.zone.as_ref(), &mut odd);
        odd.into_iter().for_each(|(kind, what)| tell(kind, what));
        let site = options.site.as_ref().and_then(|pattern| pattern.site_of(found.below()));
        if let (Some(pattern), None) = (&options.site, &site) {
            tell(Kind::NoSite, format!("does not fit {pattern}"));
        }
        let labels = match options.labels {
            FolderLabels::None => None,
            FolderLabels::Folders => folder_labels::of_path(found.below()),
        };
        recordings.push(Recording {
            found,
            bytes,
            facts,
            moment,
            site,
            labels,
        });
    }
    recordings
}

impl Recording {
    /// Its row in the recordings table, which lies in `folder`; labels and annotations are not in it.
    pub(super) fn row(&self, asset_id: i64, split: Split, folder: &Path) -> Row {
        Row {
            asset_id,
            path: relative(folder, &self.found.path),
            split,
            recorded_at: self.moment.recorded_at.clone(),
            place: self.facts.place,
            site: self.site.clone(),
            recorder: self.facts.recorder.clone(),
            local_time: self.moment.local.map(|local| local.to_string()),
            time_from: self.moment.source.map(moment::Source::name),
            duration_s: self.facts.duration_s,
            sample_rate_hz: self.facts.rate_hz,
            heard: Vec::new(),
            annotation: None,
        }
    }
}
