//! Makes the geographic prior from a table of scores: how likely a model takes a species to be somewhere, week by week.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use shardfmt::Taxa;

use super::{Asset, GEO, Prior, codes, csv_of, read_assets};
use crate::error::Result;
use crate::tables::{Columns, Problems, Row, Table, decode, numbered_lines, read_bytes};
use crate::tally::{Reason, Tallies};

/// Names that tables give their columns.
const LATITUDE: [&str; 2] = ["latitude", "lat"];
const LONGITUDE: [&str; 3] = ["longitude", "lon", "lng"];
const CODE: [&str; 3] = ["species_code", "code", "ebird_code"];
const SCORE: [&str; 4] = ["score", "probability", "occurrence", "confidence"];
const WEEK: [&str; 1] = ["week"];

const COLUMNS: Columns<'_> = Columns {
    required: &[],
    optional: &[
        "latitude",
        "lat",
        "longitude",
        "lon",
        "lng",
        "species_code",
        "code",
        "ebird_code",
        "score",
        "probability",
        "occurrence",
        "confidence",
        "week",
    ],
};

/// Headings that a list of species may have.
const HEADINGS: [&str; 4] = ["species_code", "code", "ebird_code", "species"];
/// Weeks of a year: four a month.
const WEEKS: i64 = 48;
/// Mean radius of the Earth in kilometres (IUGG).
const EARTH_KM: f64 = 6371.0088;

/// What makes a prior of scores.
#[derive(Clone, Debug)]
pub struct ScoreOptions {
    /// The table of scores.
    pub scores: PathBuf,
    /// A species with this score or a higher one can occur.
    pub threshold: f64,
    /// The codes of all species that the model knows, a line each.
    pub modelled: PathBuf,
    /// Recordings tables.
    pub recordings: Vec<PathBuf>,
    /// The classes; by default `taxa.csv` beside the first recordings table.
    pub taxa: Option<PathBuf>,
    /// How far from a recording its point may be, in kilometres.
    pub within_km: f64,
}

/// Makes the table of what can occur where and when recordings were made.
///
/// # Errors
/// All mistakes in the tables.
pub fn geographic(options: &ScoreOptions) -> Result<Prior> {
    let mut problems = Problems::default();
    let read = read_assets(&options.recordings, options.taxa.as_deref(), &mut problems);
    let listed = read_list(&options.modelled, &mut problems);
    let Some(((assets, taxa), listed)) = read.zip(listed) else {
        return Err(problems.into());
    };
    let modelled: BTreeSet<u32> = listed.iter().filter_map(|code| taxa.index(code)).collect();
    if modelled.is_empty() && problems.is_empty() {
        // An empty cell would say that all classes are modelled.
        problems.file(
            &options.modelled,
            "has none of the classes, so nothing can be ruled out: are its lines eBird codes?",
        );
    }
    let mut tallies = Tallies::default();
    for (class, taxon) in (0..).zip(taxa.iter()) {
        let count = u64::from(!modelled.contains(&class));
        tallies.add_detail(Reason::ClassNotModelled, &taxon.species_code, count);
    }
    let scores = Scores::read(&options.scores, &taxa, &modelled, &mut tallies, &mut problems);
    tallies.add_all(&problems.noticed.tallies);
    let Some(scores) = scores.filter(|_| problems.is_empty()) else {
        return Err(problems.into());
    };
    let list = codes(&taxa, modelled.iter().copied());
    let mut rows = Vec::new();
    for asset in &assets {
        let Some(possible) = scores.possible(asset, options, &mut tallies) else {
            continue;
        };
        rows.push([asset.id.to_string(), codes(&taxa, possible.into_iter()), list.clone()]);
    }
    let facts = vec![
        format!("{} recordings, {} with a geographic prior", assets.len(), rows.len()),
        format!("{} of {} classes are modelled", modelled.len(), taxa.len()),
        format!(
            "{} scores at {} points; species of {} and more can occur, the other modelled ones cannot",
            scores.count,
            scores.points.len(),
            options.threshold
        ),
    ];
    Ok(Prior {
        name: GEO,
        bytes: csv_of(GEO, ["asset_id", "possible_species", "modelled_species"], &rows)?,
        facts,
        tallies,
    })
}

/// The first words of all lines, but for a heading.
fn read_list(file: &Path, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let bytes = read_bytes(file, problems)?;
    let text = decode(file, &bytes, problems)?;
    let first = |line: &str| {
        line.split(['\t', ',', ';'])
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('"')
            .to_owned()
    };
    let words = numbered_lines(&text)
        .map(|(_, line)| first(line))
        .filter(|word| !word.is_empty());
    Some(
        words
            .filter(|word| !HEADINGS.contains(&word.to_lowercase().as_str()))
            .collect(),
    )
}

/// Scores by point and week.
struct Scores {
    points: Vec<(f64, f64)>,
    /// Highest score of each class, by point and week; week 0 is the year.
    of: HashMap<(usize, i64), HashMap<u32, f64>>,
    count: u64,
}

impl Scores {
    fn read(
        file: &Path,
        taxa: &Taxa,
        modelled: &BTreeSet<u32>,
        tallies: &mut Tallies,
        problems: &mut Problems,
    ) -> Option<Self> {
        let table = Table::read(file, COLUMNS, problems)?;
        let before = problems.len();
        let mut scores = Scores {
            points: Vec::new(),
            of: HashMap::new(),
            count: 0,
        };
        let mut points: HashMap<(u64, u64), usize> = HashMap::new();
        for row in table.rows() {
            let latitude = required(&row, &LATITUDE, problems);
            let longitude = required(&row, &LONGITUDE, problems);
            let score = required(&row, &SCORE, problems);
            let column = CODE.iter().find(|column| row.has(column));
            let code = column.and_then(|column| row.word(column));
            if code.is_none() {
                row.problem(problems, column.unwrap_or(&CODE[0]), "must not be empty");
            }
            let week = week(&row, problems);
            let (Some(latitude), Some(longitude), Some(score), Some(code), Some(week)) =
                (latitude, longitude, score, code, week)
            else {
                continue;
            };
            if latitude.1.abs() > 90.0 || longitude.1.abs() > 180.0 {
                row.problem(
                    problems,
                    latitude.0,
                    "expected degrees north, up to 90, and east, up to 180",
                );
            }
            if !(0.0..=1.0).contains(&score.1) {
                row.problem(
                    problems,
                    score.0,
                    "expected a score from 0 to 1; a logit has to be turned into one first",
                );
            }
            scores.count += 1;
            let next = scores.points.len();
            let point = *points
                .entry((latitude.1.to_bits(), longitude.1.to_bits()))
                .or_insert(next);
            if point == next {
                scores.points.push((latitude.1, longitude.1));
            }
            // A point has scores also where none is of a class.
            let of_week = scores.of.entry((point, week)).or_default();
            match taxa.index(code) {
                Some(class) if modelled.contains(&class) => {
                    let highest = of_week.entry(class).or_insert(score.1);
                    *highest = highest.max(score.1);
                }
                Some(_) => tallies.add_detail(Reason::ScoreNotModelled, code, 1),
                None => tallies.add(Reason::ScoreOfOtherCode, 1),
            }
        }
        if scores.count == 0 && problems.len() == before {
            problems.file(file, "has no scores");
        }
        Some(scores)
    }

    /// The classes that can occur where and when a recording was made; `None`, counted, where nothing is known of it.
    fn possible(&self, asset: &Asset, options: &ScoreOptions, tallies: &mut Tallies) -> Option<Vec<u32>> {
        let Some(place) = asset.place else {
            tallies.add(Reason::AssetWithoutPlace, 1);
            return None;
        };
        let distances = self.points.iter().map(|point| distance_km(place, *point));
        let nearest = (0..).zip(distances).min_by(|a: &(usize, f64), b| a.1.total_cmp(&b.1));
        let Some((point, _)) = nearest.filter(|(_, km)| *km <= options.within_km) else {
            tallies.add(Reason::AssetFarFromScores, 1);
            return None;
        };
        let week = asset.date.map(|date| week_of(date.month(), date.day()));
        tallies.add(Reason::AssetWithoutDate, u64::from(week.is_none()));
        let of_year = self.of.get(&(point, 0));
        let mut highest: HashMap<u32, f64> = HashMap::new();
        match week {
            Some(week) => {
                let of_week = self.of.get(&(point, week));
                if of_week.is_none() && of_year.is_none() {
                    tallies.add(Reason::AssetWithoutWeek, 1);
                    return None;
                }
                // The year's score, its highest, stands in where a class has none of the week.
                highest.extend(of_year.into_iter().flatten());
                highest.extend(of_week.into_iter().flatten());
            }
            None => {
                for (class, score) in (0..=WEEKS).filter_map(|week| self.of.get(&(point, week))).flatten() {
                    let known = highest.entry(*class).or_insert(*score);
                    *known = known.max(*score);
                }
            }
        }
        let mut possible: Vec<u32> = highest
            .into_iter()
            .filter(|(_, score)| *score >= options.threshold)
            .map(|(class, _)| class)
            .collect();
        possible.sort_unstable();
        Some(possible)
    }
}

/// The number in the first of several columns that the table has, with that column.
fn required<'c>(row: &Row<'_>, columns: &[&'c str], problems: &mut Problems) -> Option<(&'c str, f64)> {
    let column = columns.iter().find(|column| row.has(column)).or(columns.first())?;
    row.require(column, problems)?;
    Some((*column, row.number(column, problems)?))
}

/// The week of a row, 1 to 48; 0, the year, for -1 and an empty cell.
fn week(row: &Row<'_>, problems: &mut Problems) -> Option<i64> {
    let [column] = WEEK;
    if row.cell(column).is_none() {
        return Some(0);
    }
    match row.number(column, problems)? {
        -1.0 => Some(0),
        week if week.fract() == 0.0 && (1.0..=WEEKS as f64).contains(&week) => Some(week as i64),
        _ => {
            row.problem(
                problems,
                column,
                "expected a week from 1 to 48, four a month, or -1 for the year",
            );
            None
        }
    }
}

/// The week of a day: four a month, of which the last is longer.
fn week_of(month: i8, day: i8) -> i64 {
    i64::from(month - 1) * 4 + i64::from((day - 1) / 7).min(3) + 1
}

/// The distance of two places along a great circle (haversine).
pub(super) fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let ((latitude_a, longitude_a), (latitude_b, longitude_b)) = (a, b);
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let cosines = latitude_a.to_radians().cos() * latitude_b.to_radians().cos();
    let h = half(latitude_b - latitude_a) + cosines * half(longitude_b - longitude_a);
    2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_four_a_month() {
        for (month, day, week) in [
            (1, 1, 1),
            (1, 7, 1),
            (1, 8, 2),
            (1, 22, 4),
            (1, 31, 4),
            (2, 1, 5),
            (12, 31, 48),
        ] {
            assert_eq!(week_of(month, day), week, "{month}-{day}");
        }
    }

    #[test]
    fn distances_follow_great_circles() {
        // A degree of latitude, half of the equator, and across the date line.
        let degree = EARTH_KM * std::f64::consts::PI / 180.0;
        for (a, b, km) in [
            ((0.0, 0.0), (1.0, 0.0), degree),
            ((0.0, 0.0), (0.0, 180.0), 180.0 * degree),
            ((0.0, 179.5), (0.0, -179.5), degree),
            ((60.0, 0.0), (60.0, 0.0), 0.0),
        ] {
            assert!((distance_km(a, b) - km).abs() < 1e-6, "{a:?} {b:?}");
        }
    }
}
