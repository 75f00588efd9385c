//! Provides the check of a whole dataset: what is damaged, in which file and where in it.

mod cross_check;
mod report;
mod shard_check;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;

pub use report::{Finding, Part, Report};

use self::cross_check::finding;
use crate::dataset::{Listed, assets_unlike, check_size, labels_unlike, priors_unlike, read_dataset_json};
use crate::entry::{
    DATASET_JSON, FOLDERS, FileEntry, REJECTS, TAXA, WORK_FOLDER, assets_path, labels_path, priors_path, shard_path,
};
use crate::error::{Error, Result};
use crate::file_hash::hash_reader;
use crate::need::Operation;
use crate::shard::{Checks, Shard};
use crate::sidecar::labels::read_labels_from;
use crate::sidecar::priors::read_priors_from;
use crate::sidecar::rejects::read_rejects_from;
use crate::sidecar::taxa::read_taxa_from;
use crate::sidecar::{AssetRow, LabelRow, Taxa};

/// How much of a dataset to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// `dataset.json`, existence and size of every file, all tables' checksums, headers and tails of the shards, and
    /// these against the tables of labels and assets.
    Quick,
    /// Every byte of every file, every value of every table, and all files against each other.
    Full,
}

/// Checks the dataset in the folder `dir`. One bad file does not keep the others from being checked. `progress` is told
/// the bytes hashed so far and in all.
///
/// # Errors
/// [`Error::NoDataset`] if there is no `dataset.json`, [`Error::Io`] if a folder cannot be listed. Everything wrong
/// with the dataset itself is a [`Finding`].
pub fn verify(dir: &Path, depth: Depth, progress: &mut dyn FnMut(u64, u64)) -> Result<Report> {
    let mut report = Report {
        files: 1,
        ..Report::default()
    };
    let info = match read_dataset_json(&dir.join(DATASET_JSON)) {
        Ok(info) => info,
        Err(error @ (Error::NoDataset { .. } | Error::Io { .. })) => return Err(error),
        Err(error) => {
            report.findings.push(Finding {
                part: Part::File,
                ..Finding::from_error(dir, DATASET_JSON, &error)
            });
            check_unlisted_shards(dir, depth, &mut report)?;
            return Ok(report);
        }
    };
    let hashed = |entry: &&FileEntry| depth == Depth::Full || !is_shard(entry);
    let listed = Listed::new(dir, info);
    let listed_bytes = listed.info().files.iter().filter(hashed).map(|entry| entry.bytes);
    let total_bytes = listed_bytes.fold(0, u64::saturating_add);
    let mut run = Run {
        dir,
        listed: &listed,
        depth,
        report,
        total_bytes,
        progress,
        sound: HashSet::new(),
        told: HashSet::new(),
    };
    run.hash_files(hashed);
    run.check_contents();
    if depth == Depth::Full {
        run.find_unlisted()?;
    }
    let mut report = run.report;
    report.findings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

fn is_shard(entry: &FileEntry) -> bool {
    entry.path.ends_with(".safetensors")
}

/// One check under way.
struct Run<'a> {
    dir: &'a Path,
    listed: &'a Listed,
    depth: Depth,
    report: Report,
    total_bytes: u64,
    progress: &'a mut dyn FnMut(u64, u64),
    /// Files whose bytes are those listed; of a quick check, files whose size is.
    sound: HashSet<String>,
    /// Files of which a finding was told when they were hashed.
    told: HashSet<String>,
}

impl Run<'_> {
    /// Looks at each listed file and hashes those that `hashed` selects.
    fn hash_files(&mut self, hashed: impl Fn(&&FileEntry) -> bool) {
        let listed = self.listed;
        for entry in &listed.info().files {
            self.report.files += 1;
            let outcome = check_size(self.dir, entry).and_then(|()| match hashed(&entry) {
                true => self.hash_file(entry),
                false => Ok(true),
            });
            match outcome {
                Ok(true) => {
                    self.sound.insert(entry.path.clone());
                }
                // Told by `check_shard`, which can say where in the file.
                Ok(false) if is_shard(entry) => {}
                Ok(false) => {
                    let detail = format!("not the bytes listed (checksum {})", entry.xxh3);
                    self.report
                        .findings
                        .push(Finding::new(&entry.path, Part::Table, detail));
                }
                Err(error) => {
                    let finding = Finding::from_error(self.dir, &entry.path, &error);
                    self.report.findings.push(finding);
                    self.told.insert(entry.path.clone());
                }
            }
        }
    }

    /// Whether the file has the listed checksum. Reads rather than maps, so that a failing disk is an error.
    fn hash_file(&mut self, entry: &FileEntry) -> Result<bool> {
        let path = self.dir.join(&entry.path);
        let file = File::open(&path).map_err(|cause| Error::io(&path, Operation::Open, cause))?;
        let (done, total) = (&mut self.report.bytes, self.total_bytes);
        let hash = hash_reader(file, &path, &mut |bytes| {
            *done += bytes;
            (self.progress)(*done, total);
        })?;
        Ok(hash.xxh3 == entry.xxh3)
    }

    fn check_contents(&mut self) {
        let full = self.depth == Depth::Full;
        let taxa = self.table(TAXA, read_taxa_from, Taxa::len);
        if full {
            self.table(REJECTS, read_rejects_from, Vec::len);
        }
        let mut asset_ids = HashSet::new();
        for number in 0..self.listed.info().counts.shards {
            let form = self.listed.info().head.label_form();
            let labels = taxa.as_ref().and_then(|taxa| {
                self.table(
                    &labels_path(number),
                    |file, path| read_labels_from(file, path, taxa, form),
                    Vec::len,
                )
            });
            let priors = taxa.as_ref().filter(|_| full).and_then(|taxa| {
                self.table(
                    &priors_path(number),
                    |file, path| read_priors_from(file, path, taxa),
                    Vec::len,
                )
            });
            let assets = taxa.as_ref().and_then(|taxa| self.assets(number, taxa));
            let findings = &mut self.report.findings;
            if let (Some(labels), Some(assets)) = (&labels, &assets) {
                cross_check::check_splits(number, labels, assets, findings);
            }
            if let (Some(priors), Some(assets)) = (&priors, &assets) {
                findings.extend(priors_unlike(number, priors, assets).into_iter().map(finding));
            }
            for (asset, row) in assets.iter().flatten().zip(0..) {
                if !asset_ids.insert(asset.asset_id) {
                    let detail = format!("asset {} is in two places", asset.asset_id);
                    findings.push(Finding::new(&assets_path(number), Part::Row(row), detail));
                }
            }
            self.check_shard(number, labels.as_deref(), assets.as_deref());
        }
    }

    /// Reads a table whose checksum holds; what it cannot be read for is a finding.
    fn table<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(File, &Path) -> Result<T>,
        rows: impl FnOnce(&T) -> usize,
    ) -> Option<T> {
        if !self.sound.contains(name) {
            return None;
        }
        let outcome = self.listed.open_verified(name).and_then(|(file, path)| {
            let table = read(file, &path)?;
            self.listed.check_rows(name, &path, rows(&table))?;
            Ok(table)
        });
        self.keep(name, outcome)
    }

    fn assets(&mut self, number: u32, taxa: &Taxa) -> Option<Vec<AssetRow>> {
        let name = assets_path(number);
        if !self.sound.contains(&name) {
            return None;
        }
        let outcome = self.listed.read_assets(taxa, number);
        self.keep(&name, outcome)
    }

    fn keep<T>(&mut self, name: &str, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                self.report.findings.push(Finding::from_error(self.dir, name, &error));
                None
            }
        }
    }

    fn check_shard(&mut self, number: u32, labels: Option<&[LabelRow]>, assets: Option<&[AssetRow]>) {
        let name = shard_path(number);
        let sound = self.sound.contains(&name);
        if self.told.contains(&name) {
            return;
        }
        let mut findings = Vec::new();
        match self.listed.open_shard(number, Checks::Always) {
            Ok(shard) => {
                self.report.clips += u64::from(shard.rows());
                if self.depth == Depth::Full {
                    shard_check::check_records(&shard, self.dir, &name, &mut findings);
                }
                if let Err(error) = self.listed.check_header(number, &shard) {
                    findings.push(Finding::from_error(self.dir, &name, &error));
                }
                findings.extend(labels_unlike(number, &shard, labels.unwrap_or_default()).map(finding));
                findings.extend(assets_unlike(number, &shard, assets.unwrap_or_default()).map(finding));
            }
            Err(error) => findings = shard_check::locate(&error, self.dir, &name, labels),
        }
        if !sound && findings.is_empty() {
            let detail = "sound in itself, but not the file that dataset.json lists";
            findings.push(Finding::new(&name, Part::File, detail));
        }
        self.report.findings.append(&mut findings);
    }

    /// Reports what lies in the dataset folder without being listed.
    fn find_unlisted(&mut self) -> Result<()> {
        let listed: HashSet<&str> = self
            .listed
            .info()
            .files
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        let mut names: Vec<_> = list(self.dir, "")?
            .into_iter()
            .filter(|name| name != DATASET_JSON && name != WORK_FOLDER)
            .collect();
        names.retain(|name| !FOLDERS.contains(&name.as_str()));
        for folder in FOLDERS {
            if self.dir.join(folder).is_dir() {
                names.extend(list(self.dir, folder)?);
            }
        }
        for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
            let detail = "not listed in dataset.json; delete it if nothing needs it";
            self.report.findings.push(Finding::new(name, Part::Unlisted, detail));
        }
        Ok(())
    }
}

/// Names in a folder of the dataset, as paths under the dataset folder, in order.
fn list(dir: &Path, folder: &str) -> Result<Vec<String>> {
    let path = dir.join(folder);
    let fail = |cause| Error::io(&path, Operation::ReadFolder, cause);
    let mut names = Vec::new();
    for entry in fs::read_dir(&path).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
        names.push(if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        });
    }
    names.sort();
    Ok(names)
}

/// Without a file list, shards can still be checked against themselves.
fn check_unlisted_shards(dir: &Path, depth: Depth, report: &mut Report) -> Result<()> {
    let [folder, ..] = FOLDERS;
    if !dir.join(folder).is_dir() {
        return Ok(());
    }
    for name in list(dir, folder)?.iter().filter(|name| name.ends_with(".safetensors")) {
        report.files += 1;
        match Shard::open(&dir.join(name), Checks::Always) {
            Ok(shard) => {
                report.clips += u64::from(shard.rows());
                if depth == Depth::Full {
                    shard_check::check_records(&shard, dir, name, &mut report.findings);
                }
            }
            Err(error) => report
                .findings
                .append(&mut shard_check::locate(&error, dir, name, None)),
        }
    }
    Ok(())
}
