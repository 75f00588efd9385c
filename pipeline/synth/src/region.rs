//! Defines regions, and the small demo's three invented ones: where they lie and which species live there when.

use std::collections::BTreeSet;

/// Half of the year, as birds see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Season {
    Breeding,
    Winter,
}

impl Season {
    pub(super) const ALL: [Self; 2] = [Self::Breeding, Self::Winter];
}

/// A region; species are class indices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// Centre, at sea on purpose: no real locality is meant.
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    /// Offset from UTC as ISO 8601 writes it.
    pub(super) utc_offset: &'static str,
    pub(super) residents: &'static [usize],
    pub(super) breeding_visitors: &'static [usize],
    pub(super) winter_visitors: &'static [usize],
    /// Species that the range model does not cover here; they do not occur here either.
    pub(super) unmodelled: &'static [usize],
}

/// Eight or nine of the fourteen species are possible in each region and season, so the
/// geographic prior excludes about two classes in five. Each confusable pair shares a region and
/// is split by another.
pub(super) const REGIONS: [Region; 3] = [
    Region {
        latitude: 45.2,
        longitude: -32.6,
        utc_offset: "-02:00",
        residents: &[0, 1, 3, 5, 8, 10],
        breeding_visitors: &[2, 7, 12],
        winter_visitors: &[4, 13],
        unmodelled: &[],
    },
    Region {
        latitude: -38.4,
        longitude: -118.3,
        utc_offset: "-08:00",
        residents: &[1, 4, 6, 9, 11, 13],
        breeding_visitors: &[2, 5, 7],
        winter_visitors: &[3, 12],
        unmodelled: &[],
    },
    Region {
        latitude: -29.3,
        longitude: 82.5,
        utc_offset: "+05:30",
        residents: &[0, 5, 6, 7, 8, 9],
        breeding_visitors: &[10, 11],
        winter_visitors: &[2, 12, 13],
        unmodelled: &[4],
    },
];

impl Region {
    /// The species that occur here in `season`.
    pub(super) fn possible(&self, season: Season) -> BTreeSet<usize> {
        let visitors = match season {
            Season::Breeding => self.breeding_visitors,
            Season::Winter => self.winter_visitors,
        };
        self.residents.iter().chain(visitors).copied().collect()
    }

    /// Months of `season`: the hemispheres are half a year apart.
    pub(super) fn months(&self, season: Season) -> [u8; 3] {
        if (self.latitude > 0.0) == (season == Season::Breeding) {
            [5, 6, 7]
        } else {
            [11, 12, 1]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{REGIONS, Season};

    #[test]
    fn two_classes_in_five_are_excluded_and_none_everywhere() {
        let mut slots = [0; 14];
        for region in REGIONS {
            for season in Season::ALL {
                let possible = region.possible(season);
                assert!((8..=9).contains(&possible.len()));
                assert!(region.unmodelled.iter().all(|species| !possible.contains(species)));
                for species in possible {
                    slots[species] += 1;
                }
            }
        }
        assert!(slots.iter().all(|&count| count >= 3), "{slots:?}");
    }
}
