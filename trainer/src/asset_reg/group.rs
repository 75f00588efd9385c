//! Defines which clips share a row of the table: those of an asset, or those of assets alike in something that the
//! dataset's tables say.

use std::collections::HashMap;
use std::str::FromStr;

use loader::Clip;
use serde::{Deserialize, Serialize};
use shardfmt::{AssetRow, Dataset, PriorRow};

use crate::error::{Error, Result};

/// Word for clips of one asset.
const ASSET: &str = "asset";

/// What an asset has in common with others of its group; `None` where that is not known.
type Read = fn(&AssetRow, &PriorRow) -> Option<String>;

/// What groups may go by, besides the asset.
const COLUMNS: [(&str, Read); 10] = [
    ("checklist", |_, prior| prior.checklist_id.clone()),
    ("site", |_, prior| prior.site()),
    ("month", |_, prior| month(prior)),
    ("folder", |asset, _| Some(asset.path.rsplit_once('/')?.0.to_owned())),
    ("target", |asset, _| asset.target.map(|class| class.to_string())),
    ("source_url", |asset, _| asset.source_url.clone()),
    ("license", |asset, _| asset.license.clone()),
    ("codec", |asset, _| Some(asset.codec.clone())),
    ("native_rate_hz", |asset, _| Some(asset.native_rate_hz.to_string())),
    ("channels", |asset, _| Some(asset.channels.to_string())),
];

/// Which clips share a row of the table: written `asset`, or as what their assets have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Group(
    /// Place in [`COLUMNS`].
    Option<usize>,
);

impl Group {
    /// How it is written.
    fn word(self) -> &'static str {
        self.column().map_or(ASSET, |(word, _)| word)
    }

    fn column(self) -> Option<(&'static str, Read)> {
        COLUMNS.get(self.0?).copied()
    }
}

impl FromStr for Group {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        let known = std::iter::once(None).chain((0..COLUMNS.len()).map(Some)).map(Self);
        let named = known.clone().find(|group| group.word() == word);
        named.ok_or_else(|| {
            let known: Vec<&str> = known.map(Self::word).collect();
            format!("{word:?} is nothing to group by; known: {}", known.join(", "))
        })
    }
}

impl TryFrom<String> for Group {
    type Error = String;

    fn try_from(word: String) -> std::result::Result<Self, String> {
        word.parse()
    }
}

impl From<Group> for String {
    fn from(group: Group) -> Self {
        group.word().to_owned()
    }
}

/// The group of each of `clips`: the lowest asset id in it. An asset of which it is not known what it has in common
/// with others is a group of its own.
///
/// # Errors
/// [`Error::Setting`] if it is known of none; [`Error::Dataset`] for a damaged table.
pub fn groups(dataset: &Dataset, clips: &[Clip], by: Group) -> Result<Vec<i64>> {
    let Some((word, read)) = by.column() else {
        return Ok(clips.iter().map(|clip| clip.asset_id).collect());
    };
    let common = in_common(dataset, clips, read)?;
    if common.is_empty() {
        let reason = format!(
            "is {word:?}, which is not known of any training recording; add it to the tables that the dataset is made \
             of, or group by something else"
        );
        return Err(Error::setting("asset_reg.group", reason));
    }
    let mut first: HashMap<&str, i64> = HashMap::new();
    for (asset_id, value) in &common {
        let lowest = first.entry(value).or_insert(*asset_id);
        *lowest = (*lowest).min(*asset_id);
    }
    let of = |clip: &Clip| {
        let value = common.get(&clip.asset_id);
        let lowest = value.and_then(|value| first.get(value.as_str()));
        lowest.copied().unwrap_or(clip.asset_id)
    };
    Ok(clips.iter().map(of).collect())
}

/// What the assets of `clips` have in common with others, of each that has it.
fn in_common(dataset: &Dataset, clips: &[Clip], read: Read) -> Result<HashMap<i64, String>> {
    let mut common = HashMap::new();
    for of_shard in clips.chunk_by(|a, b| a.shard == b.shard) {
        let Some(first) = of_shard.first() else { continue };
        let priors = dataset.priors_by_assets(first.shard)?;
        let priors: HashMap<i64, &PriorRow> = priors.iter().map(|prior| (prior.asset_id, prior)).collect();
        let assets = dataset.assets_of(first.shard).iter();
        let assets: HashMap<i64, &AssetRow> = assets.map(|asset| (asset.asset_id, asset)).collect();
        for clip in of_shard
            .chunk_by(|a, b| a.asset_id == b.asset_id)
            .filter_map(<[Clip]>::first)
        {
            if let (Some(asset), Some(prior)) = (assets.get(&clip.asset_id), priors.get(&clip.asset_id)) {
                let value = read(asset, prior).filter(|value| !value.is_empty());
                common.extend(value.map(|value| (clip.asset_id, value)));
            }
        }
    }
    Ok(common)
}

/// The month of a recording's start, 1 to 12, in local time; in UTC where the offset is not known.
fn month(prior: &PriorRow) -> Option<String> {
    const US_PER_MIN: i64 = 60_000_000;
    const US_PER_DAY: i64 = 24 * 60 * US_PER_MIN;
    let offset_us = i64::from(prior.utc_offset_min.unwrap_or(0)) * US_PER_MIN;
    let day = prior
        .recorded_at_unix_us?
        .checked_add(offset_us)?
        .div_euclid(US_PER_DAY);
    // Days since 1 March of a year 0, in eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms").
    let in_era = (day + 719_468).rem_euclid(146_097);
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * in_year + 2) / 153;
    Some(
        (if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        })
        .to_string(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn months_are_local() {
        let month = |unix_s: i64, utc_offset_min| {
            month(&PriorRow {
                recorded_at_unix_us: Some(unix_s * 1_000_000),
                utc_offset_min,
                ..PriorRow::default()
            })
        };
        // 1970-01-01, 2000-02-29 23:59:59, 2024-02-29 12:00, 2023-12-31 23:30, 1969-12-31 23:59:59.
        for (unix_s, expected) in [
            (0, "1"),
            (951_868_799, "2"),
            (1_709_208_000, "2"),
            (1_704_065_400, "12"),
            (-1, "12"),
        ] {
            assert_eq!(month(unix_s, None).unwrap(), expected, "{unix_s}");
        }
        assert_eq!(month(1_704_065_400, Some(60)).unwrap(), "1");
        assert_eq!(month(951_868_799, Some(60)).unwrap(), "3");
    }

    #[test]
    fn a_word_that_is_no_group_is_told_the_known_ones() {
        assert_eq!(String::from("site".parse::<Group>().unwrap()), "site");
        let error = "sites".parse::<Group>().unwrap_err();
        assert!(
            error.contains("\"sites\"") && error.contains("asset, checklist, site"),
            "{error}"
        );
    }
}
