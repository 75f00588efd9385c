//! Makes tables and a manifest of folders of recordings: what is there, when and where it was recorded, and what people
//! have written beside it.
//!
//! Data walks forward: `walk` (files) -> `facts` (what each says of itself: `guano`, `wamd`, `audiomoth`, `clock`, `place`) ->
//! `moment` (when), `ids`, `site`, `copies`, `folder_labels`, `annotations`, `labels` -> `split` -> `files`. Nothing is
//! guessed: what is not known stays empty, and what is odd is a [`Finding`].

mod annotations;
mod audiomoth;
mod clock;
mod copies;
mod facts;
mod files;
mod finding;
mod folder_labels;
mod guano;
mod ids;
mod labels;
mod moment;
mod place;
mod report;
mod site;
mod split;
mod walk;
mod wamd;
mod zone;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use shardfmt::persist::create_dirs;
use shardfmt::{Operation, Split};

use crate::error::{self, Error, Result};
use crate::event::{Event, Events};
use annotations::Annotations;
use copies::Candidate;
use facts::Facts;
use files::{Columns, Row};
pub use files::{MANIFEST, RECORDINGS, REPORT, TAXA};
pub(crate) use files::{refuse_taken, write};
pub use finding::{Finding, Kind};
pub use folder_labels::FolderLabels;
use folder_labels::Heard;
use ids::OldTable;
pub(crate) use ids::of_keys as ids;
pub(crate) use labels::code_of;
use labels::{Classes, Labels, Names};
use moment::Moment;
pub use report::Scanned;
pub use site::{InvalidSitePattern, SitePattern};
pub(crate) use split::{Groups, deal as deal_groups};
pub use split::{SplitBy, SplitRule};
pub(crate) use walk::relative;
use walk::{Found, Walked};
pub use zone::{InvalidZone, Zone};

/// What to scan, and what to make of it.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Folders of recordings.
    pub folders: Vec<PathBuf>,
    /// Folder for the tables, the manifest and the report.
    pub out: PathBuf,
    /// Whether files there are replaced.
    pub overwrite: bool,
    /// Name of the dataset.
    pub name: String,
    /// An older recordings table to be continued.
    pub ids: Option<PathBuf>,
    /// Zone of times that do not say theirs.
    pub zone: Option<Zone>,
    /// Where paths have the site.
    pub site: Option<SitePattern>,
    /// Whether folders are labels.
    pub labels: FolderLabels,
    /// How recordings are dealt to train, val and test.
    pub split: SplitRule,
}

/// A recording that can be used.
struct Recording {
    found: Found,
    bytes: u64,
    facts: Facts,
    moment: Moment,
    site: Option<String>,
    labels: Option<Heard>,
}

/// Scans folders and writes the four files. Runs on the pool it is called from; `events` hears of headers that were
/// looked at.
///
/// # Errors
/// [`Error::ScanTaken`], [`Error::FoldersAlike`], [`Error::NoRecordings`], mistakes in an older table, and any of the system
/// on folders to scan and files to write. What is wrong with a single recording is a finding.
pub fn scan(options: &ScanOptions, events: &Events<'_>) -> Result<Scanned> {
    let out = &options.out;
    files::check(out, options.overwrite)?;
    let old = options.ids.as_deref().map(OldTable::read).transpose()?;
    let Walked {
        recordings,
        texts,
        others,
        mut findings,
    } = walk::walk(&options.folders, out)?;
    let count = recordings.len() as u64;
    let recordings = look_at(recordings, options, &mut findings, events);
    if recordings.is_empty() {
        return Err(nothing(options, count, &findings));
    }
    let found: Vec<&Found> = recordings.iter().map(|recording| &recording.found).collect();
    let annotations = annotations::find(&found, &texts, &mut findings);
    let (classes, heard) = label(&recordings, &annotations, &mut findings);
    let owned: Vec<Found> = found.into_iter().cloned().collect();
    let (ids, before) = match old {
        Some(old) => old.continued(&owned, &mut findings),
        None => (ids::of_paths(&owned, &mut findings), vec![None; owned.len()]),
    };
    let dealt = deal(&recordings, before, options, &mut findings);
    create_dirs(out)?;
    let folder = std::fs::canonicalize(out).map_err(error::io(Operation::Read, out))?;
    let columns = Columns {
        heard: options.labels == FolderLabels::Folders,
        annotation: annotations.form.is_some(),
    };
    let rows: Vec<Row> = (0..)
        .zip(&recordings)
        .zip(ids.iter().zip(&dealt.splits).zip(heard))
        .map(|((number, recording), ((id, split), heard))| Row {
            heard,
            annotation: annotations
                .files
                .get(&number)
                .map(|file| walk::relative(&folder, &file.path)),
            ..recording.row(*id, *split, &folder)
        })
        .collect();
    findings.sort();
    let mut scanned = summary(&recordings, &dealt, &annotations);
    scanned.split_by = Some(options.split.by);
    scanned.left_out = findings.iter().filter(|finding| finding.kind == Kind::LeftOut).count() as u64;
    scanned.heard = columns
        .heard
        .then(|| rows.iter().filter(|row| !row.heard.is_empty()).count() as u64);
    scanned.classes = classes.taxa.len() as u64;
    scanned.others = others;
    scanned.findings = findings;
    let written = [
        (RECORDINGS, files::recordings(out, &rows, columns)?),
        (TAXA, files::taxa(out, &classes)?),
        (
            MANIFEST,
            files::manifest(&options.name, &classes, annotations.form.as_ref())?,
        ),
        (REPORT, scanned.report().into_bytes()),
    ];
    files::write(out, &written)?;
    Ok(scanned)
}

/// Why there is nothing to write.
fn nothing(options: &ScanOptions, count: u64, findings: &[Finding]) -> Error {
    let folders: Vec<String> = options
        .folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let first = findings.iter().find(|finding| finding.kind == Kind::LeftOut);
    let first = first
        .or(findings.first())
        .map(|finding| format!("; {}: {}", finding.path, finding.what));
    Error::NoRecordings {
        folders: folders.join(", "),
        files: count,
        first: first.unwrap_or_default(),
    }
}

/// Looks at every recording, on all threads, and finds its time, site and labels. Those that cannot be used are told.
fn look_at(
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

/// The classes of all labels, and the codes of what is heard in each recording.
fn label(
    recordings: &[Recording],
    annotations: &Annotations,
    findings: &mut Vec<Finding>,
) -> (Classes, Vec<Vec<String>>) {
    let mut labels = Labels::default();
    labels.add_all(&annotations.labels);
    let mut not_heard: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for recording in recordings {
        let Some(of_folder) = &recording.labels else { continue };
        of_folder
            .heard
            .iter()
            .for_each(|label| labels.add(label, Names::default()));
        let folder = recording.found.below().split('/').next().unwrap_or_default();
        for label in &of_folder.not_heard {
            *not_heard.entry((folder, label)).or_default() += 1;
        }
    }
    findings.extend(not_heard.into_iter().map(|((folder, label), count)| Finding {
        kind: Kind::Labels,
        path: folder.to_owned(),
        what: format!("says that {label} is not heard in {count} recordings, for which the table has no column"),
    }));
    let classes = Classes::of(&labels);
    let codes = |recording: &Recording| {
        let heard = recording.labels.as_ref().map_or(&[][..], |labels| &labels.heard);
        heard
            .iter()
            .filter_map(|label| classes.code(label))
            .map(str::to_owned)
            .collect()
    };
    let heard = recordings.iter().map(codes).collect();
    (classes, heard)
}

/// Deals recordings to train, val and test: copies, recordings of one name beside each other, and those of one site or
/// day stay together.
fn deal(
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
        Some(annotations::stem(key).to_owned())
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

/// Which recording is in which split.
struct Dealt {
    splits: Vec<Split>,
    groups: [usize; 3],
    /// Recordings without a site or day to be split by.
    without_group: u64,
}

impl Recording {
    fn row(&self, asset_id: i64, split: Split, folder: &Path) -> Row {
        Row {
            asset_id,
            path: walk::relative(folder, &self.found.path),
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

/// The numbers of a scan.
fn summary(recordings: &[Recording], dealt: &Dealt, annotations: &Annotations) -> Scanned {
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
