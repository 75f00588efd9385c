//! Provides visits: groups of recordings made at one site on one morning, with one checklist.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use shardfmt::Split;

use crate::region::{Region, Season};

/// A morning at a site. All its recordings are of one split, so neither a place nor a checklist
/// tells a test recording from its training neighbours.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) region: &'static Region,
    pub(super) season: Season,
    /// Degrees with four decimals, as written in the table; unique to the visit.
    pub(super) place: (String, String),
    pub(super) checklist: Option<VisitChecklist>,
    date: String,
    /// Minute of the day at which the next recording starts.
    next_minute: u32,
}

/// What the observer reported; `observed` starts empty and takes in every bird recorded.
#[derive(Clone, Debug)]
pub(super) struct VisitChecklist {
    pub(super) id: String,
    /// Whether a species not reported was not there.
    pub(super) complete: bool,
    pub(super) observed: BTreeSet<usize>,
    /// What it neither reports nor rules out.
    pub(super) unsure: BTreeSet<usize>,
}

/// Most recordings on one visit.
const LARGEST_VISIT: usize = 4;

/// Which visits have a checklist, and which of these are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChecklistPolicy {
    /// One visit in seven has none, one in six of the others an incomplete one.
    Patchy,
    /// Every visit has a complete one.
    Complete,
}

/// Assigns each recording, given by its split and target, to a visit of one of `regions` where the target is possible.
///
/// Returns the visits and, for each recording, the index of its own.
pub(super) fn plan_visits(
    recordings: &[(Split, usize)],
    regions: &'static [Region],
    checklists: ChecklistPolicy,
    rng: &mut ChaCha8Rng,
) -> (Vec<Visit>, Vec<usize>) {
    let mut groups: BTreeMap<(Split, usize, Season), Vec<usize>> = BTreeMap::new();
    for (index, &(split, target)) in recordings.iter().enumerate() {
        let habitats: Vec<(usize, Season)> = (0..regions.len())
            .flat_map(|region| Season::ALL.map(|season| (region, season)))
            .filter(|&(region, season)| regions[region].possible(season).contains(&target))
            .collect();
        if let Some(&(region, season)) = habitats.choose(rng) {
            groups.entry((split, region, season)).or_default().push(index);
        }
    }
    let mut parties: Vec<(usize, Season, Vec<usize>)> = Vec::new();
    for ((_, region, season), mut members) in groups {
        members.shuffle(rng);
        while !members.is_empty() {
            let size = rng.random_range(1..=LARGEST_VISIT).min(members.len());
            let party = members.split_off(members.len() - size);
            parties.push((region, season, party));
        }
    }
    parties.shuffle(rng);

    let mut places = BTreeSet::new();
    let mut checklist_number = 71_000_000;
    let mut visit_of = vec![0; recordings.len()];
    let mut visits = Vec::new();
    for (region, season, party) in parties {
        let region = &regions[region];
        let place = loop {
            let place = site(region, rng);
            if places.insert(place.clone()) {
                break place;
            }
        };
        checklist_number += rng.random_range(100..90_000);
        let always = checklists == ChecklistPolicy::Complete;
        let checklist = (always || visits.len() % 7 != 3).then(|| VisitChecklist {
            id: format!("S{checklist_number}"),
            complete: always || visits.len() % 6 != 1,
            observed: BTreeSet::new(),
            unsure: BTreeSet::new(),
        });
        let months = region.months(season);
        let month = months[rng.random_range(0..months.len())];
        let (year, day) = (rng.random_range(2021..=2024), rng.random_range(1..=28));
        for index in party {
            visit_of[index] = visits.len();
        }
        visits.push(Visit {
            region,
            season,
            place,
            checklist,
            date: format!("{year}-{month:02}-{day:02}"),
            next_minute: rng.random_range(5 * 60 + 10..8 * 60),
        });
    }
    (visits, visit_of)
}

/// A point within about 60 km of the region's centre.
fn site(region: &Region, rng: &mut ChaCha8Rng) -> (String, String) {
    let mut near = |degrees: f64| format!("{:.4}", degrees + rng.random_range(-0.6..0.6));
    (near(region.latitude), near(region.longitude))
}

impl Visit {
    /// Species possible here at this season.
    pub(super) fn possible(&self) -> BTreeSet<usize> {
        self.region.possible(self.season)
    }

    /// Start of the visit's next recording, ISO 8601 with offset; a few minutes after the last.
    pub(super) fn next_start(&mut self, rng: &mut ChaCha8Rng) -> String {
        let minute = self.next_minute;
        self.next_minute += rng.random_range(2..12);
        let (hours, minutes) = (minute / 60, minute % 60);
        format!("{}T{hours:02}:{minutes:02}:00{}", self.date, self.region.utc_offset)
    }

    /// Fills in the checklist: the birds recorded, and up to two others seen but not recorded.
    pub(super) fn complete_checklist(&mut self, recorded: &BTreeSet<usize>, rng: &mut ChaCha8Rng) {
        let mut others: Vec<usize> = self.possible().difference(recorded).copied().collect();
        others.shuffle(rng);
        others.truncate(rng.random_range(0..=2));
        if let Some(checklist) = &mut self.checklist {
            checklist.observed = recorded.iter().copied().chain(others).collect();
        }
    }
}
