//! Provides the description of a dataset for catalogues and loaders: MLCommons Croissant 1.0, JSON-LD.
//!
//! It lists every file with its SHA-256, the tables as record sets with their columns as fields, and what is known of
//! licence and origin. Loaders read the tables through it; the images are in the shards, for which Croissant has no
//! reader, so a record of `labels` names shard and row. Files are named relative to the description, which is
//! therefore in a folder above the dataset, whose own folder holds nothing but its files.

mod context;
mod files;
mod tables;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};
use shardfmt::Dataset;
use shardfmt::Operation;
use shardfmt::persist::{remove_leftovers_beside, write_atomic};

use crate::error::{Error, Result, io};

/// What catalogues ask for and a dataset does not know of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What the dataset is, for people; one is made of its numbers where there is none.
    pub description: Option<String>,
    /// Licences, best as addresses or SPDX names; those of the recordings where there is none.
    pub licenses: Vec<String>,
    /// Organisations or people who made it.
    pub creators: Vec<String>,
    /// Its page.
    pub url: Option<String>,
    /// How it is to be cited, best as BibTeX.
    pub citation: Option<String>,
    /// Day of publication, ISO 8601.
    pub published: Option<String>,
    /// Version, MAJOR.MINOR.PATCH.
    pub version: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The description.
    pub path: PathBuf,
    /// Files it lists.
    pub files: usize,
    /// Properties that Croissant 1.0 requires and that nothing is known of.
    pub missing: Vec<&'static str>,
}

/// Describes a dataset in the file `out`, or beside its folder in `NAME.croissant.json`, telling `hashed` of bytes
/// read.
///
/// # Errors
/// A damaged file of the dataset; [`Error::DescriptionPlace`] if `out` is not in a folder above it; a file that cannot
/// be written.
pub fn croissant(
    dataset: &Dataset,
    about: &About,
    out: Option<&Path>,
    hashed: &(dyn Fn(u64) + Sync),
) -> Result<Described> {
    let folder = whole_path(dataset.dir())?;
    // As the caller writes it, where that has a name.
    let named = Some(dataset.dir()).filter(|dir| dir.file_name().is_some());
    let path = out.map_or_else(|| beside(named.unwrap_or(&folder)), Path::to_path_buf);
    let place = place(&folder, &path)?;
    let distribution = files::distribution(dataset, &place, hashed)?;
    let record_sets = tables::record_sets(dataset)?;
    let files = dataset.info().files.len() + 1;
    let mut description = json!({
        "@context": context::context(),
        "@type": "sc:Dataset",
        "conformsTo": context::CONFORMS_TO,
        "name": dataset.head().name,
        "description": about.description.clone().unwrap_or_else(|| summary(dataset)),
        "isLiveDataset": false,
    });
    let known = known(dataset, about);
    let required = ["license", "creator", "url", "datePublished"];
    let missing = required.into_iter().filter(|name| !known.contains_key(*name)).collect();
    for (name, value) in known {
        description[name] = value;
    }
    description["distribution"] = distribution.into();
    description["recordSet"] = record_sets.into();
    remove_leftovers_beside(&path)?;
    write_atomic(&path, format!("{description:#}\n").as_bytes())?;
    Ok(Described { path, files, missing })
}

/// The properties of which something is known.
fn known(dataset: &Dataset, about: &About) -> Map<String, Value> {
    let licenses: Vec<&str> = if about.licenses.is_empty() {
        let recordings = dataset.assets().iter().filter_map(|asset| asset.license.as_deref());
        recordings.collect::<BTreeSet<_>>().into_iter().collect()
    } else {
        about.licenses.iter().map(String::as_str).collect()
    };
    let creators: Vec<Value> = about
        .creators
        .iter()
        .map(|name| json!({"@type": "sc:Organization", "name": name}))
        .collect();
    let properties = [
        ("license", json!(licenses)),
        ("creator", json!(creators)),
        ("url", json!(about.url)),
        ("citeAs", json!(about.citation)),
        ("datePublished", json!(about.published)),
        ("version", json!(about.version)),
    ];
    let has_some = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let known = properties.into_iter().filter(|(_, value)| has_some(value));
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What the dataset is, by its numbers.
fn summary(dataset: &Dataset) -> String {
    let (info, head) = (dataset.info(), dataset.head());
    let (clips, assets, classes) = (info.counts.clips, info.counts.assets, dataset.taxa().len());
    let image = format!(
        "{} x {} {}",
        head.clips.height,
        head.clips.width,
        head.clips.dtype.name()
    );
    let what = if head.axes.is_photograph() {
        format!("{clips} photographs, {image}")
    } else {
        format!("{clips} clips of {assets} recordings as spectrogram images, {image}")
    };
    format!("{what}, with boxes, and labels (present, absent or unknown) of {classes} classes.")
}

/// The path of a folder with every link but its own name's followed.
fn whole_path(folder: &Path) -> Result<PathBuf> {
    let real = |path: &Path| path.canonicalize().map_err(io(Operation::LookAt, path));
    match folder.file_name() {
        Some(name) => Ok(real(parent(folder))?.join(name)),
        None => real(folder),
    }
}

/// The folder that holds `path`.
fn parent(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// The default path of a folder's description.
fn beside(folder: &Path) -> PathBuf {
    let mut name = OsString::from(folder.file_name().unwrap_or_default());
    name.push(".croissant.json");
    folder.with_file_name(name)
}

/// The way from the description to the dataset, with forward slashes.
fn place(folder: &Path, description: &Path) -> Result<String> {
    let above = parent(description).canonicalize();
    let above = above.map_err(io(Operation::LookAtFolderOf, description))?;
    let steps = folder.strip_prefix(above).ok().and_then(|way| {
        let step = |step: Component<'_>| step.as_os_str().to_str().map(str::to_owned);
        way.components().map(step).collect::<Option<Vec<String>>>()
    });
    match steps {
        Some(steps) if !steps.is_empty() => Ok(steps.join("/")),
        _ => Err(Error::DescriptionPlace {
            path: description.to_path_buf(),
            dataset: folder.to_path_buf(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_way_to_the_dataset_leads_downwards() {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("sets/birds");
        std::fs::create_dir_all(data.join("labels")).unwrap();
        let folder = whole_path(&data).unwrap();
        assert_eq!(whole_path(&data.join("labels/..")).unwrap(), folder);
        assert!(beside(&folder).ends_with("sets/birds.croissant.json"));
        assert_eq!(place(&folder, &beside(&folder)).unwrap(), "birds");
        assert_eq!(place(&folder, &root.path().join("c.json")).unwrap(), "sets/birds");
        for inside in ["sets/birds/c.json", "sets/birds/labels/c.json"] {
            let error = place(&folder, &root.path().join(inside)).unwrap_err();
            assert!(matches!(error, Error::DescriptionPlace { .. }), "{error}");
        }
        std::fs::create_dir(root.path().join("other")).unwrap();
        assert!(place(&folder, &root.path().join("other/c.json")).is_err());
        assert!(matches!(
            place(&folder, &root.path().join("no/c.json")),
            Err(Error::Io { .. })
        ));
    }
}
