//! Reads the tables of iNatSounds: one JSON file a split, laid out as those of COCO, with one species a recording.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use jiff::fmt::temporal::Pieces;
use serde_json::Value;
use shardfmt::Split;

use super::listing::{self, Choices, Labels, Listed, Listing, Located, SoundFiles, json, local, place};
use crate::error::Result;
use crate::tables::Problems;
use crate::tally::{Reason, Tallies};
use crate::taxonomy::{Label, Naming, Taxonomy};

/// What its users agree to.
const TERMS: &str = "iNatSounds is for research and education that are not commercial, and its recordings must not be \
                     handed on; each has a licence of its own besides";

/// Reads `train.json`, `val.json` and `test.json` in a folder, or one such file, whose recordings are in its folder.
/// Splits are those of the set.
///
/// # Errors
/// A folder that cannot be read, and all mistakes in its tables.
pub fn read(source: &Path, taxonomy: Option<&Taxonomy>, choices: &Choices) -> Result<Listing> {
    let mut problems = Problems::default();
    let files = SoundFiles::beside(source)?;
    let mut listing = Listing {
        name: "inatsounds".into(),
        facts: vec![TERMS.into()],
        ..Listing::default()
    };
    let tables: Vec<(PathBuf, Split)> = if source.is_file() {
        let of_name = |split: &Split| {
            source.file_name().is_some_and(|name| {
                let name = name.to_string_lossy();
                name.strip_prefix(split.as_str())
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
            })
        };
        vec![(
            source.into(),
            Split::ALL.into_iter().find(of_name).unwrap_or(Split::Train),
        )]
    } else {
        let named =
            |split: Split| ["json", "json.gz"].map(|end| (source.join(format!("{}.{end}", split.as_str())), split));
        Split::ALL
            .into_iter()
            .flat_map(named)
            .filter(|(file, _)| file.is_file())
            .collect()
    };
    if tables.is_empty() {
        problems.file(source, "has none of train.json, val.json and test.json");
    }
    let mut labels = Labels::new(taxonomy, Naming::Other, choices);
    let mut seen = HashMap::new();
    for (file, split) in tables {
        if let Some(set) = Set::read(&file, &mut problems) {
            set.take(split, &files, &mut labels, &mut seen, &mut listing);
        }
    }
    listing.tallies.add_all(&problems.noticed.tallies);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    listing.class_targets(&labels.names);
    listing.count_unknown();
    Ok(listing)
}

/// One file.
struct Set {
    audio: Vec<json::Object>,
    categories: HashMap<i64, json::Object>,
    /// Categories of each recording.
    species: BTreeMap<i64, Vec<i64>>,
    licenses: HashMap<i64, String>,
}

impl Set {
    fn read(file: &Path, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let Some(Value::Object(mut root)) = json::read(file, problems) else {
            if problems.len() == before {
                problems.file(file, "is no object with audio, annotations and categories");
            }
            return None;
        };
        let mut list = |name: &str, is_needed: bool| -> Vec<json::Object> {
            let Some(Value::Array(items)) = root.remove(name) else {
                if is_needed {
                    problems.file(file, format!("has no list `{name}`, as the tables of iNatSounds have"));
                }
                return Vec::new();
            };
            let objects: Vec<json::Object> = items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Object(object) => Some(object),
                    other => {
                        problems.value(file, name, &other.to_string(), "expected an object");
                        None
                    }
                })
                .collect();
            objects
        };
        let (audio, annotations, categories) =
            (list("audio", true), list("annotations", true), list("categories", true));
        let licenses = list("licenses", false);
        let by_id = |objects: Vec<json::Object>| -> HashMap<i64, json::Object> {
            objects
                .into_iter()
                .filter_map(|object| Some((json::whole(&object, "id")?, object)))
                .collect()
        };
        let mut species: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for annotation in &annotations {
            match (
                json::whole(annotation, "audio_id"),
                json::whole(annotation, "category_id"),
            ) {
                (Some(audio), Some(category)) => species.entry(audio).or_default().push(category),
                _ => {
                    let shown = Value::Object(annotation.clone()).to_string();
                    problems.value(
                        file,
                        "annotations",
                        &shown,
                        "expected audio_id and category_id, both whole numbers",
                    );
                }
            }
        }
        let license = |object: json::Object| {
            let text = json::field(&object, &["url", "name"])?;
            Some((json::whole(&object, "id")?, listing::spdx(&text)))
        };
        let set = Set {
            audio,
            categories: by_id(categories),
            species,
            licenses: licenses.into_iter().filter_map(license).collect(),
        };
        (problems.len() == before).then_some(set)
    }

    /// Makes recordings of the file's rows.
    fn take(
        mut self,
        split: Split,
        files: &SoundFiles,
        labels: &mut Labels<'_>,
        seen: &mut HashMap<String, Split>,
        listing: &mut Listing,
    ) {
        for audio in &self.audio {
            listing.rows += 1;
            let (Some(id), Some(name)) = (json::whole(audio, "id"), json::field(audio, &["file_name"])) else {
                listing
                    .tallies
                    .add_detail(Reason::ListedUnread, "no id, or no file_name", 1);
                continue;
            };
            if !listing::stays_below(&name) {
                listing
                    .tallies
                    .add_detail(Reason::ListedUnread, "file_name leads out of the folder", 1);
                continue;
            }
            let species = self.species.remove(&id).unwrap_or_default();
            let categories: Vec<&json::Object> = species.iter().filter_map(|id| self.categories.get(id)).collect();
            for id in species.iter().filter(|id| !self.categories.contains_key(id)) {
                listing
                    .tallies
                    .add_detail(Reason::LabelUnknown, &format!("category {id}"), 1);
            }
            let Located::One(path, key) = files.at(&candidates(&name, split, &categories)) else {
                listing.tallies.add_detail(Reason::ListedFileMissing, &name, 1);
                continue;
            };
            if seen.insert(key.clone(), split).is_some() {
                listing.tallies.add_detail(Reason::ListedAgain, &key, 1);
                continue;
            }
            listing.taken += 1;
            let mut heard: Vec<String> = categories
                .iter()
                .filter_map(|category| code(category, labels, &mut listing.tallies))
                .collect();
            heard.sort();
            heard.dedup();
            // One species is the recording's; of several, none is said to be.
            let target = heard.first().filter(|_| heard.len() == 1).cloned();
            let license = json::whole(audio, "license").and_then(|id| self.licenses.get(&id));
            let (recorded_at, local) = when(audio, &mut listing.tallies);
            listing.recordings.push(Listed {
                file: path,
                key,
                source_id: Some(id.to_string()),
                target,
                heard,
                place: degrees(audio, &mut listing.tallies),
                recorded_at,
                local,
                license: license.cloned(),
                recordist: json::field(audio, &["rights_holder"]),
                duration_s: audio.get("duration").and_then(Value::as_f64),
                split: Some(split),
                ..Listed::default()
            });
        }
        let of_none: usize = self.species.values().map(Vec::len).sum();
        listing.tallies.add(Reason::AnnotationOfNoRow, of_none as u64);
    }
}

/// Where a file may be: as it is named, in the folder of its split, or in that of its species there.
fn candidates(name: &str, split: Split, categories: &[&json::Object]) -> Vec<String> {
    let split = split.as_str();
    let folders = categories
        .iter()
        .filter_map(|category| json::field(category, &["audio_dir_name"]));
    let inner = folders.map(|folder| format!("{split}/{folder}/{name}"));
    [name.to_owned(), format!("{split}/{name}")]
        .into_iter()
        .chain(inner)
        .collect()
}

fn code(category: &json::Object, labels: &mut Labels<'_>, tallies: &mut Tallies) -> Option<String> {
    let (name, common) = (
        json::field(category, &["name"]),
        json::field(category, &["common_name"]),
    );
    let group = json::field(category, &["supercategory", "class"]);
    let label = Label {
        scientific: name.as_deref(),
        common: common.as_deref(),
        ..Label::default()
    };
    labels.code(label, group.is_none_or(|group| group == "Aves"), tallies)
}

fn degrees(audio: &json::Object, tallies: &mut Tallies) -> Option<(f64, f64)> {
    let text = |name| json::field(audio, &[name]);
    place(text("latitude").as_deref(), text("longitude").as_deref(), tallies)
}

/// The time with its offset where there is one, else the local one.
fn when(
    audio: &json::Object,
    tallies: &mut Tallies,
) -> (Option<String>, Option<(jiff::civil::Date, Option<jiff::civil::Time>)>) {
    let Some(text) = json::field(audio, &["date"]) else {
        return (None, None);
    };
    let with_t = text.replacen(' ', "T", 1);
    let pieces = Pieces::parse(&with_t).ok();
    let offset = pieces.as_ref().and_then(Pieces::to_numeric_offset);
    if let Some(pieces) = pieces.filter(|pieces| pieces.time().is_some())
        && offset.is_some()
    {
        return (Some(pieces.to_string()), None);
    }
    let (date, time) = with_t
        .split_once('T')
        .map_or((with_t.as_str(), None), |(date, time)| (date, Some(time)));
    (None, local(Some(date), time, tallies))
}
