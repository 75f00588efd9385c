//! Defines `Survey`, what a report counts in one walk over a dataset's tables.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use shardfmt::{AssetRow, Checks, Dataset, GeoPrior, LabelForm, PriorRow, RejectRow, Split};

use super::chart::Column;
use super::gallery::Gallery;
use crate::leakage::{AcrossSplits, copies};
use crate::stats::{Counter, Stats};
use crate::tally::Tallies;

/// Names of the splits, in the order of every column of counts.
pub(super) const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Recordings and clips of one site.
#[derive(Default)]
pub(super) struct Site {
    /// Recordings by split.
    pub(super) assets: Column,
    /// Clips.
    pub(super) clips: u64,
}

/// Everything counted.
pub(super) struct Survey {
    /// Clips and labels by split and class.
    pub(super) stats: Stats,
    /// By place or, of recordings without one, by folder; the largest first.
    pub(super) sites: Vec<(String, Site)>,
    /// Recordings by month, January first, in local time.
    pub(super) months: [Column; 12],
    /// Recordings by hour of the day, in local time.
    pub(super) hours: [Column; 24],
    /// Recordings without a time.
    pub(super) without_time: u64,
    /// What is in two splits, a sentence each.
    pub(super) leaks: Vec<String>,
    /// Recordings left out.
    pub(super) rejects: Vec<RejectRow>,
    /// Clips worth a picture.
    pub(super) gallery: Gallery,
}

/// Counts of recordings by place and time.
struct Whereabouts {
    sites: HashMap<String, Site>,
    months: [Column; 12],
    hours: [Column; 24],
    without_time: u64,
    /// Splits in which each checklist has recordings.
    checklists: AcrossSplits,
    /// Splits in which each pair of coordinates has recordings.
    places: AcrossSplits,
}

impl Survey {
    /// Walks over `dataset`, shard by shard.
    ///
    /// # Errors
    /// A damaged shard header or sidecar.
    pub(super) fn of(dataset: &Dataset) -> shardfmt::Result<Self> {
        let classes = u32::try_from(dataset.taxa().len()).unwrap_or(u32::MAX);
        let is_implied = dataset.head().label_form() == LabelForm::Implied;
        let (mut counter, mut gallery) = (Counter::new(dataset.taxa()), Gallery::new(dataset.taxa()));
        let mut whereabouts = Whereabouts::new();
        for number in 0..dataset.shard_count() {
            let shard = dataset.open_shard(number, Checks::Off)?;
            let priors: HashMap<i64, PriorRow> = dataset
                .priors(&shard)?
                .into_iter()
                .map(|row| (row.asset_id, row))
                .collect();
            for asset in dataset.assets_of(number) {
                whereabouts.add(asset, priors.get(&asset.asset_id));
                counter.add_heard(asset);
            }
            let no_prior = GeoPrior::default();
            let geo: HashMap<i64, GeoPrior> = match is_implied {
                true => priors
                    .iter()
                    .map(|(id, row)| (*id, GeoPrior::new(row, classes)))
                    .collect(),
                false => HashMap::new(),
            };
            for row in dataset.labels(&shard)? {
                counter.add(&row, geo.get(&row.asset_id).unwrap_or(&no_prior));
                gallery.consider(&row, dataset.taxa());
            }
        }
        let stats = Stats {
            tallies: Tallies::of(dataset.info()),
            ..counter.finish()
        };
        let leaks = whereabouts.leaks(dataset.assets());
        let mut sites: Vec<(String, Site)> = whereabouts.sites.into_iter().collect();
        sites.sort_by(|(a, of_a), (b, of_b)| of_b.clips.cmp(&of_a.clips).then_with(|| a.cmp(b)));
        Ok(Self {
            stats,
            sites,
            months: whereabouts.months,
            hours: whereabouts.hours,
            without_time: whereabouts.without_time,
            leaks,
            rejects: dataset.rejects()?,
            gallery,
        })
    }
}

impl Whereabouts {
    fn new() -> Self {
        Self {
            sites: HashMap::new(),
            months: Default::default(),
            hours: Default::default(),
            without_time: 0,
            checklists: AcrossSplits::of_checklists(),
            places: AcrossSplits::of_places(),
        }
    }

    fn add(&mut self, asset: &AssetRow, prior: Option<&PriorRow>) {
        let split = position(asset.split);
        let count = |column: &mut Column| column.get_mut(split).into_iter().for_each(|count| *count += 1);
        let site = self.sites.entry(site_of(asset, prior)).or_default();
        site.clips += u64::from(asset.clips);
        count(&mut site.assets);
        match prior.and_then(month_and_hour) {
            Some((month, hour)) => {
                self.months.get_mut(month).into_iter().for_each(count);
                self.hours.get_mut(hour).into_iter().for_each(count);
            }
            None => self.without_time += 1,
        }
        if let Some(checklist) = prior.and_then(|prior| prior.checklist_id.as_ref()) {
            self.checklists.add(checklist, checklist, asset.split);
        }
        if let Some(place) = prior.and_then(|prior| prior.latitude.zip(prior.longitude)) {
            self.places.add_place(place, asset.split);
        }
    }

    /// What is in two splits: recordings byte for byte, checklists, and pairs of coordinates.
    fn leaks(&self, assets: &[AssetRow]) -> Vec<String> {
        let assets = assets.iter();
        let copies = copies(assets.map(|asset| (asset.asset_id, asset.split, asset.source_xxh3)));
        let shared = [&self.checklists, &self.places].map(AcrossSplits::sentence);
        copies.into_iter().chain(shared.into_iter().flatten()).collect()
    }
}

/// Where a split stands in [`SPLITS`].
pub(super) fn position(split: Split) -> usize {
    SPLITS
        .iter()
        .position(|name| *name == split.as_str())
        .unwrap_or(SPLITS.len())
}

/// Its coordinates, else the folder of its file.
fn site_of(asset: &AssetRow, prior: Option<&PriorRow>) -> String {
    match prior.and_then(PriorRow::site) {
        Some(site) => site,
        None => match asset.path.rsplit_once('/') {
            Some((folder, _)) => folder.to_owned(),
            None => "(no place, no folder)".to_owned(),
        },
    }
}

/// The month from 0 and the hour of a recording's start, in local time; in UTC where the offset is not known.
fn month_and_hour(prior: &PriorRow) -> Option<(usize, usize)> {
    const US_PER_MIN: i64 = 60_000_000;
    let offset_us = i64::from(prior.utc_offset_min.unwrap_or(0)) * US_PER_MIN;
    let local = Timestamp::from_microsecond(prior.recorded_at_unix_us?.checked_add(offset_us)?).ok()?;
    let local = TimeZone::UTC.to_datetime(local);
    Some((
        usize::try_from(local.month() - 1).ok()?,
        usize::try_from(local.hour()).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prior(recorded_at: i64, utc_offset_min: Option<i32>) -> PriorRow {
        PriorRow {
            recorded_at_unix_us: Some(recorded_at),
            utc_offset_min,
            ..PriorRow::default()
        }
    }

    #[test]
    fn months_and_hours_are_local() {
        let new_year = 1_704_067_200_000_000; // 2024-01-01 00:00 UTC
        assert_eq!(month_and_hour(&prior(new_year, None)), Some((0, 0)));
        assert_eq!(month_and_hour(&prior(new_year, Some(-300))), Some((11, 19)));
        assert_eq!(month_and_hour(&prior(i64::MAX, Some(600))), None);
        assert_eq!(month_and_hour(&PriorRow::default()), None);
    }
}
