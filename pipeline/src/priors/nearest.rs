//! Finds a checklist for recordings that name none: the nearest complete one of their day.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;

use super::Asset;
use super::entries::Entries;
use super::scores::distance_km;
use crate::tables::Problems;
use crate::tally::{Reason, Tallies};

/// Columns of a list, in either file: its id, whether it is complete, its place and its day.
const COLUMNS: [(&str, &str); 5] = [
    ("!SAMPLING EVENT IDENTIFIER", "!Submission ID"),
    ("!ALL SPECIES REPORTED", "!All Obs Reported"),
    ("!LATITUDE", "!Latitude"),
    ("!LONGITUDE", "!Longitude"),
    ("!OBSERVATION DATE", "!Date"),
];
const ID: usize = 0;
const COMPLETE: usize = 1;
const LATITUDE: usize = 2;
const LONGITUDE: usize = 3;
const DATE: usize = 4;

/// Latitude and longitude in degrees.
type Place = (f64, f64);

/// Gives each of `assets` that names no checklist the nearest complete one in `file` of the day it was recorded on, if
/// that is within so many kilometres; of two at the same place the one with the lower id. Returns how many got one, and
/// counts those that did not.
///
/// Days are those of clocks where the recording and the list were made. A list that is not complete rules nothing out, so
/// it takes nobody's place.
pub(super) fn join(
    assets: &mut [Asset],
    file: &Path,
    within_km: f64,
    tallies: &mut Tallies,
    problems: &mut Problems,
) -> u64 {
    let mut of_day: HashMap<Date, Vec<(usize, Place)>> = HashMap::new();
    for (asset, at) in assets.iter().zip(0..) {
        match (&asset.checklist, asset.date, asset.place) {
            (Some(_), ..) => {}
            (None, Some(date), Some(place)) => of_day.entry(date).or_default().push((at, place)),
            _ => tallies.add(Reason::ChecklistNotSought, 1),
        }
    }
    let Some(mut rows) = Entries::open(file, &COLUMNS, problems) else {
        return 0;
    };
    let mut nearest: HashMap<usize, (f64, String)> = HashMap::new();
    while rows.next(problems) {
        if !matches!(rows.get(COMPLETE), "1" | "true" | "TRUE") {
            continue;
        }
        let Ok(date) = rows.get(DATE).parse::<Date>() else {
            rows.problem("expected a date such as 2024-05-31", problems);
            continue;
        };
        let Some(wanting) = of_day.get(&date) else { continue };
        let degrees = |column, most: f64| {
            rows.get(column)
                .parse()
                .ok()
                .filter(|number: &f64| number.abs() <= most)
        };
        let Some(place) = degrees(LATITUDE, 90.0).zip(degrees(LONGITUDE, 180.0)) else {
            rows.problem("expected latitude and longitude in degrees", problems);
            continue;
        };
        for (asset, wanted) in wanting {
            let found = (distance_km(*wanted, place), rows.get(ID));
            let is_nearer = |(km, id): &(f64, String)| found.0.total_cmp(km).then(found.1.cmp(id)).is_lt();
            if found.0 <= within_km && nearest.get(asset).is_none_or(is_nearer) {
                nearest.insert(*asset, (found.0, found.1.to_owned()));
            }
        }
    }
    let sought: usize = of_day.values().map(Vec::len).sum();
    tallies.add(Reason::ChecklistNotNear, (sought - nearest.len()) as u64);
    let joined = nearest.len() as u64;
    for (asset, (_, id)) in nearest {
        if let Some(asset) = assets.get_mut(asset) {
            asset.checklist = Some(id);
        }
    }
    joined
}
