//! Provides the opening, checking and making of a dataset wherever it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shardfmt::dataset::Backing;
use shardfmt::entry::DATASET_JSON;
use shardfmt::persist::{create_dirs, write_atomic};
use shardfmt::verify::{Depth, Report, verify, verify_backed};
use shardfmt::{Dataset, OutputFolder, Xxh3};

use crate::cache::{Arrivals, CacheSettings, NearCopy};
use crate::error::{Error, Result};
use crate::files::Files;
use crate::location::Location;

/// Bytes that a `dataset.json` may have: one of a million shards has fewer.
pub(crate) const DESCRIPTION_BYTES: u64 = 1 << 30;
/// Characters of an address in the name of its folder.
const NAME_CHARS: usize = 60;

/// Opens the dataset at `location`. One that is elsewhere is read through a cache: files come whole when they are
/// touched, verified; no clip is read now.
///
/// # Errors
/// As [`Dataset::open`]; as [`Files::facts`].
pub fn open_dataset(location: &Location, cache: &CacheSettings) -> Result<Dataset> {
    match location {
        Location::Path(path) => Ok(Dataset::open(path)?),
        Location::Address(_) => {
            let (dir, copy) = near_copy(location, cache, Arrivals::Checked)?;
            Ok(Dataset::open_backed(&dir, copy)?)
        }
    }
}

/// As [`open_dataset`], of a folder or an address, with the cache that is asked for as by [`CacheSettings::asked`]: a
/// folder needs none.
///
/// # Errors
/// As [`open_dataset`] and [`CacheSettings::asked`].
pub fn open_dataset_at(place: &Path, cache: Option<PathBuf>, cache_bytes: Option<u64>) -> Result<Dataset> {
    match Location::of(place) {
        Location::Path(path) => Ok(Dataset::open(&path)?),
        address => open_dataset(&address, &CacheSettings::asked(cache, cache_bytes)?),
    }
}

/// Checks the dataset at `location` as [`verify`] does. Of one that is elsewhere every byte is read there, whatever a
/// cache holds; its files pass through a scratch folder of `cache`, which is empty before and afterwards.
///
/// # Errors
/// As [`verify`]; as [`Files::facts`].
pub fn verify_dataset(
    location: &Location,
    cache: &CacheSettings,
    depth: Depth,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report> {
    if let Location::Path(path) = location {
        return Ok(verify(path, depth, progress)?);
    }
    let scratch = Scratch::within(cache)?;
    let settings = CacheSettings {
        dir: scratch.dir.clone(),
        ..*cache
    };
    let (dir, copy) = near_copy(location, &settings, Arrivals::AsTheyAre)?;
    Ok(verify_backed(&dir, copy, depth, progress)?)
}

/// The bytes of `dataset.json` of the dataset at `files`.
///
/// # Errors
/// [`shardfmt::Error::NoDataset`] if there is none; as [`Files::whole`].
pub(crate) fn description_of(files: &Files) -> Result<Vec<u8>> {
    match files.whole(DATASET_JSON, DESCRIPTION_BYTES) {
        Err(Error::Missing { url }) => Err(shardfmt::Error::NoDataset { path: url.into() }.into()),
        description => description,
    }
}

/// The folder that the dataset at `location` is made in: its own; or, if it is to be kept in a store, scratch for it in
/// `scratch`, which is named after the address, so that a run that was cut off is taken up.
///
/// # Errors
/// [`Error::Setting`] for a web server; as [`Files::under`] and [`OutputFolder::at`].
pub fn output_at(location: &Location, scratch: Option<&Path>) -> Result<OutputFolder> {
    let address = match location {
        Location::Path(path) => return Ok(OutputFolder::at(path)?),
        Location::Address(address) => address,
    };
    let files = Files::under(location)?;
    address.expect_store()?;
    let above = scratch.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let dir = above.join(format!("l48-build-{}", name_of(location)));
    // What is made there is published and removed by its writers, who know what they still need.
    let settings = CacheSettings {
        dir: dir.clone(),
        bytes: u64::MAX,
    };
    let copy = NearCopy::new(dir.clone(), files, &settings, Arrivals::Checked);
    Ok(OutputFolder::scratch(&dir, copy)?)
}

/// A name for folders here, of what is at `location` alone.
fn name_of(location: &Location) -> String {
    let url = location.to_string();
    let name = url
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' });
    let name: String = name.take(NAME_CHARS).collect();
    format!("{name}-{}", Xxh3::of(url.as_bytes()))
}

/// The folder of a cache for the dataset at `location`, with its `dataset.json`.
fn near_copy(location: &Location, cache: &CacheSettings, arrivals: Arrivals) -> Result<(PathBuf, Arc<dyn Backing>)> {
    let files = Files::under(location)?;
    let description = description_of(&files)?;
    // Another dataset that takes its place has a folder of its own.
    let identity = format!("{}-{}", name_of(location), Xxh3::of(&description));
    let dir = cache.dir.join("datasets").join(identity);
    create_dirs(&dir)?;
    let path = dir.join(DATASET_JSON);
    if std::fs::read(&path).ok().as_ref() != Some(&description) {
        write_atomic(&path, &description)?;
    }
    let copy = NearCopy::new(dir.clone(), files, cache, arrivals);
    copy.keep(&path);
    Ok((dir, copy))
}

/// A folder that is gone when it is dropped.
struct Scratch {
    dir: PathBuf,
}

impl Scratch {
    fn within(cache: &CacheSettings) -> Result<Self> {
        let above = cache.dir.join("verify");
        create_dirs(&above)?;
        remove_dead(&above);
        let dir = above.join(format!("{}-{:p}", std::process::id(), &raw const *cache));
        create_dirs(&dir)?;
        Ok(Self { dir })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next check.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Removes what checks that were killed left.
fn remove_dead(above: &Path) {
    let Ok(entries) = std::fs::read_dir(above) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
#[path = "dataset_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "making_tests.rs"]
mod making_tests;
