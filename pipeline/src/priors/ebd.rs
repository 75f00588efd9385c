//! Makes the table of checklists from eBird's basic dataset, or from an observer's own download.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use shardfmt::Taxa;

use super::checklists::{COLUMNS, Checklists};
use super::entries::{Entries, Layout, is_there};
use super::{Asset, CHECKLISTS, Prior, codes, csv_of, nearest, read_assets};
use crate::error::Result;
use crate::tables::Problems;
use crate::tally::{Reason, Tallies};
use crate::taxonomy::{Label, Members, Naming, Resolution, Taxonomy};

/// Columns of an entry, behind those of its list.
const ENTRY: [(&str, &str); 3] = [
    ("!SCIENTIFIC NAME", "!Scientific Name"),
    ("COMMON NAME", "Common Name"),
    ("TAXON CONCEPT ID", ""),
];
const SCIENTIFIC: usize = 3;
const COMMON: usize = 4;
const CONCEPT: usize = 5;

/// The files that checklists come from.
#[derive(Clone, Debug)]
pub struct EbdFiles {
    /// Observations: the basic dataset (EBD), or `MyEBirdData.csv`.
    pub observations: PathBuf,
    /// The sampling file: every list, those without an observation in the first file among them.
    pub sampling: Option<PathBuf>,
    /// Recordings tables, whose `checklist_id` names the lists.
    pub recordings: Vec<PathBuf>,
    /// The classes; by default `taxa.csv` beside the first recordings table.
    pub taxa: Option<PathBuf>,
    /// How far the nearest complete list of a recording's day may be, in kilometres, where the recording names none; without
    /// it such a recording gets none.
    pub within_km: Option<f64>,
}

/// Columns of the table.
const HEADER: [&str; 4] = [
    "checklist_id",
    "observed_species",
    "unsure_species",
    "all_species_reported",
];

/// What an entry of a list means for the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    /// One class was observed.
    Class(u32),
    /// One of these may have been, or none.
    Unsure(Vec<u32>),
    /// Any may have been.
    Any,
    /// It is no class.
    NoClass,
}

/// Makes the table of the checklists that recordings name, or are near to. Memory is that of these lists, whatever the
/// files' size.
///
/// # Errors
/// All mistakes in the tables; a file that is cut short is one.
pub fn checklists(files: &EbdFiles, taxonomy: &Taxonomy) -> Result<Prior> {
    let mut problems = Problems::default();
    let read = read_assets(&files.recordings, files.taxa.as_deref(), &mut problems);
    let of_lists = files.sampling.as_deref().unwrap_or(&files.observations);
    let are_there = is_there(&files.observations, &mut problems) && is_there(of_lists, &mut problems);
    let Some((mut assets, taxa)) = read.filter(|_| are_there && problems.is_empty()) else {
        return Err(problems.into());
    };
    let mut tallies = Tallies::default();
    let joined = files
        .within_km
        .map(|km| nearest::join(&mut assets, of_lists, km, &mut tallies, &mut problems));
    let named: BTreeSet<&str> = assets.iter().filter_map(|asset| asset.checklist.as_deref()).collect();
    if named.is_empty() && problems.is_empty() {
        let message = match files.within_km {
            None => {
                "names no checklist in a column checklist_id, so no list of eBird belongs to its recordings; --within-km \
                 takes the nearest one of their day"
                    .to_owned()
            }
            Some(km) => format!("has no recording with a complete checklist of its day within {km} km"),
        };
        let table = files.recordings.first();
        problems.file(table.map_or(Path::new(""), PathBuf::as_path), message);
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let mut lists = Checklists::default();
    let rows_of_lists = find(&mut lists, of_lists, &named, &mut problems);
    let mut reading = Reading {
        taxonomy,
        taxa: &taxa,
        meanings: HashMap::new(),
        observed: BTreeSet::new(),
        tallies,
    };
    let entries = reading.read(&files.observations, &mut lists, &mut problems);
    reading.tallies.add_all(&problems.noticed.tallies);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let mut facts = vec![format!(
        "{rows_of_lists} rows of lists and {} observations read, {} of them on these lists",
        entries.0, entries.1
    )];
    facts.push(format!("names were looked up in the {}", taxonomy.name()));
    let rows = reading.rows(&named, &lists, &mut facts);
    let Some((joined, km)) = joined.zip(files.within_km) else {
        return reading.prior(HEADER, &rows.into_values().collect::<Vec<_>>(), facts);
    };
    facts.insert(
        0,
        format!("{joined} recordings without a checklist got the nearest complete one of their day, within {km} km"),
    );
    let [id, observed, unsure, complete] = HEADER;
    reading.prior(
        ["asset_id", id, observed, unsure, complete],
        &by_asset(&assets, &rows),
        facts,
    )
}

/// Rows of lists for each recording that has one.
fn by_asset(assets: &[Asset], rows: &BTreeMap<&str, [String; 4]>) -> Vec<[String; 5]> {
    let row = |asset: &Asset| {
        let [id, observed, unsure, complete] = rows.get(asset.checklist.as_deref()?)?.clone();
        Some([asset.id.to_string(), id, observed, unsure, complete])
    };
    assets.iter().filter_map(row).collect()
}

/// Finds the lists in a file, reading it twice where some are shared.
fn find(lists: &mut Checklists, file: &Path, named: &BTreeSet<&str>, problems: &mut Problems) -> u64 {
    let wanted: HashSet<&str> = named.iter().copied().collect();
    let Some(mut rows) = Entries::open(file, &COLUMNS, problems) else {
        return 0;
    };
    let count = lists.find(&mut rows, &wanted, problems);
    if lists.has_groups()
        && problems.is_empty()
        && let Some(mut again) = Entries::open(file, &COLUMNS, problems)
    {
        lists.complete_groups(&mut again, problems);
    }
    count
}

/// The observations as they are read.
struct Reading<'t> {
    taxonomy: &'t Taxonomy,
    taxa: &'t Taxa,
    /// What entries mean, by their concept and names.
    meanings: HashMap<String, (Meaning, Option<(Reason, String)>)>,
    /// Classes that an entry of any list names.
    observed: BTreeSet<u32>,
    tallies: Tallies,
}

impl Reading<'_> {
    /// Reads all observations; returns how many there are, and how many are of the lists.
    fn read(&mut self, file: &Path, lists: &mut Checklists, problems: &mut Problems) -> (u64, u64) {
        let columns = [&COLUMNS[..], &ENTRY].concat();
        let Some(mut rows) = Entries::open(file, &columns, problems) else {
            return (0, 0);
        };
        let (mut all, mut own) = (0, 0);
        let mut key = String::new();
        while rows.next(problems) {
            all += 1;
            if rows.get(SCIENTIFIC).is_empty() {
                rows.problem("has no scientific name", problems);
                continue;
            }
            key.clear();
            [CONCEPT, SCIENTIFIC, COMMON].iter().for_each(|&column| {
                key.push_str(rows.get(column));
                key.push('\t');
            });
            if !self.meanings.contains_key(key.as_str()) {
                let meaning = self.meaning(&rows);
                self.meanings.insert(key.clone(), meaning);
            }
            let Some((meaning, counted)) = self.meanings.get(key.as_str()) else {
                continue;
            };
            if let Meaning::Class(class) = meaning {
                self.observed.insert(*class);
            }
            let Some(trip) = lists.of_row(&rows).and_then(|at| lists.trips.get_mut(at)) else {
                continue;
            };
            own += 1;
            if let Some((reason, detail)) = counted {
                self.tallies.add_detail(*reason, detail, 1);
            }
            match meaning {
                Meaning::Class(class) => drop(trip.observed.insert(*class)),
                Meaning::Unsure(classes) => trip.unsure.extend(classes),
                Meaning::Any => trip.may_have_any = true,
                Meaning::NoClass => {}
            }
        }
        (all, own)
    }

    /// What the entry of a row means.
    fn meaning(&self, row: &Entries) -> (Meaning, Option<(Reason, String)>) {
        let cell = |column| Some(row.get(column)).filter(|text| !text.is_empty());
        let label = Label {
            code: None,
            concept: cell(CONCEPT),
            scientific: cell(SCIENTIFIC),
            common: cell(COMMON),
        };
        // An observer's own file has English names of their choice.
        let naming = if row.layout == Layout::Basic {
            Naming::Ebird
        } else {
            Naming::Other
        };
        let shown = format!("{} ({})", row.get(SCIENTIFIC), row.get(COMMON));
        let class = |code: &String| self.taxa.index(code);
        match self.taxonomy.resolve(label, naming) {
            Resolution::Species { code, .. } => (class(&code).map_or(Meaning::NoClass, Meaning::Class), None),
            Resolution::NotOne { category, members } => match members {
                Members::Species(codes) => {
                    let classes: Vec<u32> = codes.iter().filter_map(class).collect();
                    let counted = (!classes.is_empty()).then_some((Reason::ChecklistGroup, shown));
                    (
                        if classes.is_empty() {
                            Meaning::NoClass
                        } else {
                            Meaning::Unsure(classes)
                        },
                        counted,
                    )
                }
                Members::Any if ["spuh", "slash", "hybrid"].contains(&category.as_str()) => {
                    (Meaning::Any, Some((Reason::ChecklistAny, shown)))
                }
                // A form that is no species, as of escapes, is none of the classes.
                Members::Any => (Meaning::NoClass, None),
            },
            Resolution::Ambiguous(_) | Resolution::Unknown => (Meaning::Any, Some((Reason::ChecklistUnknown, shown))),
        }
    }

    /// The rows of the named lists by their ids, and a sentence about them at the beginning of `facts`.
    fn rows<'n>(
        &mut self,
        named: &BTreeSet<&'n str>,
        lists: &Checklists,
        facts: &mut Vec<String>,
    ) -> BTreeMap<&'n str, [String; 4]> {
        let taxa = self.taxa;
        let never: BTreeSet<u32> = (0..taxa.len() as u32)
            .filter(|class| !self.observed.contains(class))
            .collect();
        for class in &never {
            self.tallies
                .add_detail(Reason::ClassNeverObserved, taxa.code(*class).unwrap_or_default(), 1);
        }
        let mut rows = BTreeMap::new();
        let mut complete = 0;
        let mut shared: BTreeMap<usize, u64> = BTreeMap::new();
        for &id in named {
            let Some(trip) = lists.get(id) else {
                self.tallies.add_detail(Reason::ChecklistNotFound, id, 1);
                continue;
            };
            self.tallies
                .add(Reason::ChecklistPartlyComplete, u64::from(trip.is_partly_complete));
            self.tallies.add(
                Reason::ChecklistOpened,
                u64::from(trip.is_complete && trip.may_have_any),
            );
            if let Some(at) = lists.position(id).filter(|_| lists.is_shared(id)) {
                *shared.entry(at).or_default() += 1;
            }
            let is_complete = trip.is_complete && !trip.may_have_any;
            complete += u64::from(is_complete);
            let unsure = trip
                .unsure
                .union(&never)
                .filter(|class| is_complete && !trip.observed.contains(class));
            let row = [
                id.to_owned(),
                codes(taxa, trip.observed.iter().copied()),
                codes(taxa, unsure.copied()),
                u8::from(is_complete).to_string(),
            ];
            rows.insert(id, row);
        }
        let twice: u64 = shared.values().map(|count| count.saturating_sub(1)).sum();
        self.tallies.add(Reason::ChecklistSharedTwice, twice);
        let (named, found) = (named.len(), rows.len());
        facts.insert(
            0,
            format!("{named} checklists named by recordings, {found} found, {complete} complete"),
        );
        rows
    }

    /// The table of rows.
    fn prior<const N: usize>(self, header: [&str; N], rows: &[[String; N]], facts: Vec<String>) -> Result<Prior> {
        Ok(Prior {
            name: CHECKLISTS,
            bytes: csv_of(CHECKLISTS, header, rows)?,
            facts,
            tallies: self.tallies,
        })
    }
}
