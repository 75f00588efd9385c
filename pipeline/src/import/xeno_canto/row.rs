//! Defines `Entry`, what Xeno-canto says of one recording, in the words of either version of its API: all of them
//! texts.

use std::collections::HashMap;

use serde_json::Value;

use crate::import::listing::{self, Labels, Listed, Located, SoundFiles, json, local, place, python_list, when};
use crate::tables::Row;
use crate::tally::Tallies;
use crate::taxonomy::Label;

/// What is read of a recording beside `id`, `gen` and `sp`.
pub(super) const OPTIONAL: &[&str] = &[
    "ssp",
    "grp",
    "group",
    "en",
    "rec",
    "lat",
    "lon",
    "lng",
    "url",
    "file",
    "file-name",
    "lic",
    "q",
    "length",
    "time",
    "date",
    "also",
];

/// What stands for a genus where no species is meant: a recording of something unknown, or of a place.
const NO_GENUS: [&str; 2] = ["mystery", "sonus"];

/// One recording.
pub(super) struct Entry {
    /// Values that are not empty, by name.
    values: HashMap<&'static str, String>,
    /// Scientific names of species in the background.
    also: Vec<String>,
}

impl Entry {
    /// Of an object of a page.
    pub(super) fn of_object(object: &json::Object) -> Self {
        let names = ["id", "gen", "sp"].iter().chain(OPTIONAL);
        let values = names.filter_map(|&name| Some((name, json::field(object, &[name])?)));
        // A list with one empty text is an empty one.
        let also = match object.get("also") {
            Some(Value::Array(list)) => list.iter().filter_map(json::text_of).collect(),
            Some(Value::String(text)) => listed(text),
            _ => Vec::new(),
        };
        Entry {
            values: values.collect(),
            also,
        }
    }

    /// Of a row of a table.
    pub(super) fn of_row(row: &Row<'_>) -> Self {
        let names = ["id", "gen", "sp"].iter().chain(OPTIONAL);
        let values = names.filter_map(|&name| {
            let cell = if name == "id" { row.id(name) } else { row.cell(name) };
            Some((name, cell?.to_owned()))
        });
        Entry {
            values: values.collect(),
            also: row.cell("also").map(listed).unwrap_or_default(),
        }
    }

    /// A value that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Its number, `123` or `XC123`.
    pub(super) fn number(&self) -> Option<u64> {
        let id = self.get("id")?;
        let digits = id.strip_prefix("XC").or_else(|| id.strip_prefix("xc")).unwrap_or(id);
        digits.parse().ok()
    }

    /// Its file: by the name it has there, else by its number.
    pub(super) fn locate(&self, number: u64, files: &SoundFiles) -> Located {
        let named = self.get("file-name").map_or(Located::Nowhere, |name| files.named(name));
        match named {
            Located::One(path, key) => Located::One(path, key),
            Located::Nowhere | Located::Several(_) => files.numbered(number),
        }
    }

    /// What it says, without its file.
    pub(super) fn recording(&self, labels: &mut Labels<'_>, tallies: &mut Tallies) -> Listed {
        let target = self.target(labels, tallies);
        let mut heard: Vec<String> = target.iter().cloned().collect();
        for name in &self.also {
            let label = Label {
                scientific: Some(name),
                ..Label::default()
            };
            // Nothing says whether these are birds.
            heard.extend(labels.code(label, true, tallies));
        }
        let text = |name| self.get(name).map(str::to_owned);
        Listed {
            target,
            heard,
            place: place(self.get("lat"), self.get("lon").or_else(|| self.get("lng")), tallies),
            local: local(self.get("date"), self.get("time"), tallies),
            license: self.get("lic").map(listing::spdx),
            source_url: self.get("url").map(listing::address),
            recordist: text("rec"),
            quality: text("q").filter(|quality| quality != "no score"),
            duration_s: self.get("length").and_then(when::clock_s),
            ..Listed::default()
        }
    }

    /// The code of its species; subspecies are not told apart.
    fn target(&self, labels: &mut Labels<'_>, tallies: &mut Tallies) -> Option<String> {
        let (genus, species) = (self.get("gen")?, self.get("sp")?);
        if NO_GENUS.contains(&genus.to_lowercase().as_str()) {
            return None;
        }
        let name = format!("{genus} {species}");
        let group = self.get("grp").or_else(|| self.get("group"));
        let is_bird = group.is_none_or(|group| group.eq_ignore_ascii_case("birds"));
        let label = Label {
            scientific: Some(&name),
            common: self.get("en"),
            ..Label::default()
        };
        labels.code(label, is_bird, tallies)
    }
}

/// The names of a cell: a list as Python or JSON shows it, or names with `;`, `|` or commas between them.
fn listed(text: &str) -> Vec<String> {
    python_list::items(text).unwrap_or_else(|_| {
        let names = text
            .split([';', '|', ','])
            .map(str::trim)
            .filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    })
}
