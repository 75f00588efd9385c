//! Provides the reader of `assets.json`: split, target species and priors of every recording.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use serde::Deserialize;
use shardfmt::checksum::FileHash;
use shardfmt::{Split, Taxa};

use crate::import::json_file::{ItemPlace, read_items};
use crate::tables::Problems;

/// A recording, of which the set has pictures only.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asset {
    pub(super) id: i64,
    pub(super) split: Split,
    /// Its split before the val split was taken out of the others.
    pub(super) given_split: Split,
    pub(super) target: Option<u32>,
    /// Classes that can occur there and then, ascending; every class is modelled.
    pub(super) possible: Option<Vec<u32>>,
    /// Classes on the checklist, ascending; every checklist is complete.
    pub(super) observed: Option<Vec<u32>>,
}

/// The keys that are used. Those of the labels (`present_species_codes`, ...) sum up the clips' and say nothing new.
#[derive(Deserialize)]
struct AssetJson {
    id: i64,
    split: String,
    target_species_code: Option<String>,
    possible_species_codes: Option<Vec<String>>,
    observed_species_codes: Option<Vec<String>>,
}

/// The assets in file order, and the file's hash (`None`: the file could not be read to its end). Ids in `val` make
/// the val split.
pub(super) fn read(
    file: &Path,
    taxa: &Taxa,
    val: &BTreeSet<i64>,
    problems: &mut Problems,
) -> (Vec<Asset>, Option<FileHash>) {
    let mut assets = Vec::new();
    let mut first: HashMap<i64, u64> = HashMap::new();
    let hash = read_items(
        file,
        problems,
        |place: ItemPlace<'_>, json: AssetJson, problems: &mut Problems| {
            let number = *first.entry(json.id).or_insert(place.item.number);
            if number != place.item.number {
                let message = format!("duplicate id (first in [{number}])");
                place.problem(problems, "id", &json.id.to_string(), message);
            }
            let given = json.split.parse::<Split>();
            if given.is_err() {
                place.problem(problems, "split", &json.split, "expected one of train, val, test");
            }
            let given_split = given.unwrap_or(Split::Train);
            let mut list = |key: &str, codes: Option<Vec<String>>| {
                codes.map(|codes| {
                    let known = codes.iter().filter_map(|code| class(&place, taxa, key, code, problems));
                    // Sorted, and each once.
                    known.collect::<BTreeSet<u32>>().into_iter().collect()
                })
            };
            let possible = list("possible_species_codes", json.possible_species_codes);
            let observed = list("observed_species_codes", json.observed_species_codes);
            let target = json
                .target_species_code
                .and_then(|code| class(&place, taxa, "target_species_code", &code, problems));
            assets.push(Asset {
                id: json.id,
                split: if val.contains(&json.id) {
                    Split::Val
                } else {
                    given_split
                },
                given_split,
                target,
                possible,
                observed,
            });
        },
    );
    (assets, hash)
}

/// The class of a species code; an unknown one is a problem.
pub(super) fn class(place: &ItemPlace<'_>, taxa: &Taxa, key: &str, code: &str, problems: &mut Problems) -> Option<u32> {
    let class = taxa.index(code);
    if class.is_none() {
        place.problem(problems, key, code, "unknown species code: it is not in taxa.csv");
    }
    class
}
