//! Provides the check of a whole dataset: what is damaged, in which file and where in it.

mod cross_check;
mod report;
mod shard_check;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

pub use report::{Finding, Part, Report};

use self::cross_check::finding;
use crate::dataset::{
    Backing, Held, Listed, assets_unlike, check_size, labels_unlike, priors_unlike, read_dataset_json,
};
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
use crate::table::TableFile;

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
    verify_at(dir, None, depth, progress)
}

/// Checks the dataset of which the folder `dir` is a near copy, as [`verify`] does. What `backing` brings near should
/// not have been compared with checksums: here it is told where in a file damage lies. Of a quick check the shards stay
/// where they are, and only their sizes are asked for.
///
/// # Errors
/// As [`verify`]; [`Error::Backing`].
pub fn verify_backed(
    dir: &Path,
    backing: Arc<dyn Backing>,
    depth: Depth,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report> {
    verify_at(dir, Some(backing), depth, progress)
}

fn verify_at(
    dir: &Path,
    backing: Option<Arc<dyn Backing>>,
    depth: Depth,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report> {
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
    let listed = match backing {
        Some(backing) => Listed::new(dir, info).backed_by(backing),
        None => Listed::new(dir, info),
    };
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
    run.check_contents()?;
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
    /// Looks at some listed files, and hashes them but for the shards of a quick check. Each is read again soon, while
    /// it is in memory, or near.
    fn hash_files(&mut self, names: &[String]) -> Result<()> {
        let listed = self.listed;
        for name in names {
            let entry = listed.entry(name)?;
            self.report.files += 1;
            let outcome = match self.depth {
                Depth::Quick if is_shard(entry) => self.listed_size(entry),
                _ => self.hash_file(entry),
            };
            match outcome {
                Err(error @ Error::Backing { .. }) => return Err(error),
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
        Ok(())
    }

    /// Whether the file has the listed size.
    fn listed_size(&self, entry: &FileEntry) -> Result<bool> {
        let path = self.dir.join(&entry.path);
        let Some(backing) = self.listed.backing() else {
            return check_size(self.dir, entry).map(|()| true);
        };
        match backing.size(&entry.path)? {
            Some(got) if got == entry.bytes => Ok(true),
            Some(got) => Err(Error::FileSize {
                path,
                expected: entry.bytes,
                got,
            }),
            None => Err(Error::FileMissing { path }),
        }
    }

    /// Whether the file has the listed checksum. Reads rather than maps, so that a failing disk is an error.
    fn hash_file(&mut self, entry: &FileEntry) -> Result<bool> {
        let path = self.dir.join(&entry.path);
        let open = |path: &Path, _: Held| File::open(path).map_err(|cause| Error::io(path, Operation::Open, cause));
        let file = self.listed.open_near(entry, open)?;
        let (done, total) = (&mut self.report.bytes, self.total_bytes);
        let hash = hash_reader(file, &path, &mut |bytes| {
            *done += bytes;
            (self.progress)(*done, total);
        })?;
        Ok(hash.xxh3 == entry.xxh3)
    }

    fn check_contents(&mut self) -> Result<()> {
        let full = self.depth == Depth::Full;
        self.hash_files(&[TAXA.to_owned(), REJECTS.to_owned()])?;
        let taxa = self.table(TAXA, read_taxa_from, Taxa::len);
        if full {
            self.table(REJECTS, read_rejects_from, Vec::len);
        }
        let mut asset_ids = HashSet::new();
        for number in 0..self.listed.info().counts.shards {
            self.hash_files(&[shard_path, labels_path, priors_path, assets_path].map(|path| path(number)))?;
            let form = self.listed.info().head.table_form();
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
                cross_check::check_heard(number, labels, assets, findings);
            }
            if let (Some(priors), Some(assets)) = (&priors, &assets) {
                let named = priors.iter().map(|prior| prior.asset_id);
                findings.extend(priors_unlike(number, named, assets).into_iter().map(finding));
            }
            for (asset, row) in assets.iter().flatten().zip(0..) {
                if !asset_ids.insert(asset.asset_id) {
                    let detail = format!("asset {} is in two places", asset.asset_id);
                    findings.push(Finding::new(&assets_path(number), Part::Row(row), detail));
                }
            }
            self.check_shard(number, labels.as_deref(), assets.as_deref());
        }
        Ok(())
    }

    /// Reads a table whose checksum holds; what it cannot be read for is a finding.
    fn table<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(TableFile, &Path) -> Result<T>,
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
        let stays_away = self.depth == Depth::Quick && self.listed.backing().is_some();
        if self.told.contains(&name) || stays_away {
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
                let places = labels.unwrap_or_default().iter().map(LabelRow::place);
                findings.extend(labels_unlike(number, &shard, places).map(finding));
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
        let names = match self.listed.backing() {
            Some(backing) => backing.names("")?.unwrap_or_default(),
            None => all_names(self.dir)?,
        };
        let is_own = |name: &String| name == DATASET_JSON || name.split('/').next() == Some(WORK_FOLDER);
        let names: Vec<_> = names.into_iter().filter(|name| !is_own(name)).collect();
        for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
            let detail = "not listed in dataset.json; delete it if nothing needs it";
            self.report.findings.push(Finding::new(name, Part::Unlisted, detail));
        }
        Ok(())
    }
}

/// Names of the files in a dataset folder, as paths under it.
fn all_names(dir: &Path) -> Result<Vec<String>> {
    let mut names = list(dir, "")?;
    names.retain(|name| !FOLDERS.contains(&name.as_str()));
    for folder in FOLDERS {
        if dir.join(folder).is_dir() {
            names.extend(list(dir, folder)?);
        }
    }
    Ok(names)
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
