//! Tests of published tables of recordings, in the layouts in which they are published and with what goes wrong in
//! them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod birdclef;
mod inatsounds;
mod rows;
mod soundscapes;
mod xeno_canto;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::listing::{Choices, Listing};
use crate::scan::{SplitBy, SplitRule};
use crate::taxonomy::Taxonomy;

/// A folder of a set.
struct Place(TempDir);

/// A table as it was written: a map of column to cell for each row.
type Written = Vec<BTreeMap<String, String>>;

/// How the tests deal recordings.
const RULE: SplitRule = SplitRule {
    by: SplitBy::Site,
    seed: 48,
    shares: [0.8, 0.1, 0.1],
};

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file and the folders it lies in.
    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Makes files that stand for recordings: nobody decodes them here.
    fn sounds(&self, names: &[&str]) {
        names.iter().for_each(|name| drop(self.write(name, "sound")));
    }
}

/// The tables that a listing writes, by name, and its report.
fn written(listing: &Listing) -> (BTreeMap<String, Written>, String) {
    let out = tempfile::tempdir().unwrap();
    listing.write(out.path(), false, &RULE, Some("taxonomy")).unwrap();
    let mut tables = BTreeMap::new();
    for entry in std::fs::read_dir(out.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let mut reader = csv::Reader::from_path(&path).unwrap();
            let rows = reader.deserialize().map(Result::unwrap).collect();
            tables.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), rows);
        }
    }
    (tables, std::fs::read_to_string(out.path().join("import.txt")).unwrap())
}

/// One column of the recordings, by the stem of the file.
fn column(listing: &Listing, name: &str) -> BTreeMap<String, String> {
    let rows = &written(listing).0["recordings.csv"];
    let stem = |row: &BTreeMap<String, String>| {
        Path::new(&row["path"])
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    rows.iter().map(|row| (stem(row), row[name].clone())).collect()
}

/// Codes of the classes, in class order.
fn classes(listing: &Listing) -> Vec<&str> {
    listing.taxa.iter().map(|taxon| taxon.species_code.as_str()).collect()
}

/// The counts of a reason's key, by detail.
fn counts(listing: &Listing, key: &str) -> Vec<(String, u64)> {
    let counts = listing.tallies.clone().into_counts();
    let of = |(name, count): (&String, &u64)| {
        let (reason, detail) = name.split_once(':').unwrap_or((name, ""));
        (reason == key).then(|| (detail.to_owned(), *count))
    };
    counts.iter().filter_map(of).collect()
}

/// No row is lost: each was taken, or left out for a reason.
fn check_rows(listing: &Listing) {
    assert_eq!(
        listing.rows(),
        listing.taken() + listing.left_out(),
        "{:?}",
        listing.tallies
    );
}

fn none() -> Choices {
    Choices::new()
}

/// A taxonomy in the layout of the download, with a byte order mark.
fn taxonomy(place: &Place, name: &str, rows: &str) -> Taxonomy {
    let header = "\u{feff}TAXON_ORDER,CATEGORY,SPECIES_CODE,TAXON_CONCEPT_ID,PRIMARY_COM_NAME,SCI_NAME,ORDER,FAMILY,\
                  SPECIES_GROUP,REPORT_AS\n";
    let file = place.write(name, format!("{header}{rows}"));
    Taxonomy::read(&[file]).unwrap()
}
