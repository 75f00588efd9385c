//! Defines where the benchmark's species live, so that place and season tell look-alikes apart more often than not.
//!
//! Twelve of 24 species are possible in each region and season, each species in three of the six. A region has one
//! member of each triple all year and a second one in one season: the geographic prior rules out at least one
//! look-alike always, and both half of the time.

use crate::region::Region;

/// The three regions; species are class indices, those of triple `t` are `3t` to `3t + 2`.
pub(super) const REGIONS: [Region; 3] = [
    Region {
        latitude: 41.7,
        longitude: -38.2,
        utc_offset: "-03:00",
        residents: &[0, 4, 8, 9, 13, 17, 18, 22],
        breeding_visitors: &[1, 6, 14, 19],
        winter_visitors: &[5, 10, 15, 23],
        unmodelled: &[],
    },
    Region {
        latitude: -35.9,
        longitude: -109.6,
        utc_offset: "-07:00",
        residents: &[1, 5, 6, 10, 14, 15, 19, 23],
        breeding_visitors: &[3, 11, 16, 21],
        winter_visitors: &[2, 7, 12, 20],
        unmodelled: &[],
    },
    Region {
        latitude: -26.3,
        longitude: 77.4,
        utc_offset: "+05:00",
        residents: &[2, 3, 7, 11, 12, 16, 20, 21],
        breeding_visitors: &[0, 8, 13, 18],
        winter_visitors: &[4, 9, 17, 22],
        unmodelled: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::REGIONS;
    use crate::region::Season;

    #[test]
    fn place_and_season_part_the_look_alikes() {
        let (mut homes, mut alone) = ([0; 24], 0);
        for region in REGIONS {
            for season in Season::ALL {
                let possible = region.possible(season);
                assert_eq!(possible.len(), 12);
                for triple in 0..8 {
                    let members = possible.iter().filter(|&&class| class / 3 == triple).count();
                    assert!((1..=2).contains(&members), "triple {triple}");
                    alone += usize::from(members == 1);
                }
                possible.iter().for_each(|&class| homes[class] += 1);
            }
        }
        assert_eq!(homes, [3; 24]);
        assert_eq!(alone, 6 * 8 / 2);
    }
}
