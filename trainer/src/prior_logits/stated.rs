//! Provides what a prior says of the classes of recordings, as their tables have it.

use std::collections::HashMap;

use loader::Clip;
use shardfmt::{Dataset, PriorRow};

use super::settings::PriorSource;
use crate::error::Result;

/// What a prior says of the classes of each recording that has one.
///
/// It is the prior alone: neither what was heard in a recording nor any label changes it, so that no label of a clip can
/// reach the clip's own score.
#[derive(Clone, Debug)]
pub struct Stated {
    classes: usize,
    of_asset: HashMap<i64, Said>,
}

/// What is said of a recording's classes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    /// Classes named: possible, or reported.
    named: Box<[u32]>,
    /// Classes spoken of, of which those that are not named are absent; `None` for all.
    of: Option<Box<[u32]>>,
}

impl Stated {
    /// Reads what `source` says of the recordings of `clips`.
    ///
    /// # Errors
    /// [`Error::Dataset`](crate::Error::Dataset) for a damaged table.
    pub fn read(dataset: &Dataset, clips: &[Clip], source: PriorSource) -> Result<Self> {
        let mut of_asset = HashMap::new();
        for of_shard in clips.chunk_by(|a, b| a.shard == b.shard) {
            let Some(first) = of_shard.first() else { continue };
            let priors = dataset.priors_by_assets(first.shard)?;
            let priors: HashMap<i64, &PriorRow> = priors.iter().map(|prior| (prior.asset_id, prior)).collect();
            for clip in of_shard {
                if !of_asset.contains_key(&clip.asset_id)
                    && let Some(said) = priors.get(&clip.asset_id).and_then(|row| Said::by(row, source))
                {
                    of_asset.insert(clip.asset_id, said);
                }
            }
        }
        let classes = dataset.taxa().len();
        Ok(Self { classes, of_asset })
    }

    /// What `source` says in the prior rows `rows`, of `classes` classes.
    #[must_use]
    pub fn of_rows(classes: usize, rows: &[PriorRow], source: PriorSource) -> Self {
        let said = rows
            .iter()
            .filter_map(|row| Some((row.asset_id, Said::by(row, source)?)));
        let of_asset = said.collect();
        Self { classes, of_asset }
    }

    /// Number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many of the recordings have the prior.
    #[must_use]
    pub fn recordings(&self) -> usize {
        self.of_asset.len()
    }

    /// Writes `absent` for each class of a recording that the prior says is absent, `present` for each that it names, and
    /// `silent` for the others.
    pub fn write<T: Copy>(&self, asset_id: i64, [absent, silent, present]: [T; 3], into: &mut [T]) {
        let Some(said) = self.of_asset.get(&asset_id) else {
            return into.fill(silent);
        };
        match &said.of {
            None => into.fill(absent),
            Some(of) => {
                into.fill(silent);
                set_all(into, of, absent);
            }
        }
        set_all(into, &said.named, present);
    }
}

fn set_all<T: Copy>(entries: &mut [T], classes: &[u32], value: T) {
    for &class in classes {
        if let Some(entry) = entries.get_mut(class as usize) {
            *entry = value;
        }
    }
}

impl Said {
    /// What `source` says in a row; `None` without that prior.
    fn by(row: &PriorRow, source: PriorSource) -> Option<Self> {
        let (named, of) = match source {
            PriorSource::Geo => (row.geo_possible.as_ref()?, row.geo_modelled.as_deref()),
            // A list that its observer did not complete says nothing of what it does not report.
            PriorSource::Checklist => {
                let none: Option<&[u32]> = (row.checklist_complete != Some(true)).then_some(&[]);
                (row.checklist_observed.as_ref()?, none)
            }
        };
        Some(Self {
            named: named.as_slice().into(),
            of: of.map(Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prior_names_a_class_rules_it_out_or_says_nothing() {
        let row = |asset_id, geo_modelled: Option<&[u32]>, checklist_complete| PriorRow {
            asset_id,
            geo_possible: Some(vec![1, 3]),
            geo_modelled: geo_modelled.map(<[u32]>::to_vec),
            checklist_observed: Some(vec![0]),
            checklist_complete,
            ..PriorRow::default()
        };
        let rows = [row(7, None, Some(true)), row(8, Some(&[0, 1]), None)];
        let said = |source, asset_id| {
            let mut said = [9; 4];
            Stated::of_rows(4, &rows, source).write(asset_id, [-1, 0, 1], &mut said);
            said
        };
        assert_eq!(said(PriorSource::Geo, 7), [-1, 1, -1, 1]);
        assert_eq!(said(PriorSource::Geo, 8), [-1, 1, 0, 1], "2 is not modelled");
        assert_eq!(said(PriorSource::Checklist, 7), [1, -1, -1, -1]);
        assert_eq!(said(PriorSource::Checklist, 8), [1, 0, 0, 0], "the list is incomplete");
        assert_eq!(said(PriorSource::Geo, 9), [0; 4], "there is no such recording");
    }
}
