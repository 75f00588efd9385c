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
mod dealing;
mod facts;
mod files;
mod finding;
mod folder_labels;
mod guano;
mod ids;
mod labels;
mod moment;
mod place;
mod recording;
mod report;
mod site;
mod split;
mod walk;
mod wamd;
mod zone;

use std::collections::BTreeMap;
use std::path::PathBuf;

use shardfmt::Operation;
use shardfmt::persist::create_dirs;

use crate::error::{self, Error, Result};
use crate::event::Events;
use annotations::Annotations;
use files::{Columns, Row};
pub use files::{MANIFEST, RECORDINGS, REPORT, TAXA};
pub(crate) use files::{refuse_taken, write};
pub use finding::{Finding, Kind};
pub use folder_labels::FolderLabels;
use ids::OldTable;
pub(crate) use ids::of_keys as ids;
pub(crate) use labels::code_of;
use labels::{Classes, Labels, Names};
use recording::Recording;
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
    let recordings = recording::look_at(recordings, options, &mut findings, events);
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
    let dealt = dealing::deal(&recordings, before, options, &mut findings);
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
    let mut scanned = Scanned::of(&recordings, &dealt, &annotations);
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
