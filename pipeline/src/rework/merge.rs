//! Provides `merge`: several datasets of the same settings become one, their shards taken over as they are.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use shardfmt::dataset::{Linked, Replacement};
use shardfmt::{Dataset, DatasetHead, DatasetWriter, RejectRow, ShardFiles, ShardTables, Taxa};

use super::destination::{PURPOSE, free_folder};
use super::input::Input;
use super::settings::image_difference;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::event::{Event, Events};
use crate::provenance::{IMAGE_KEYS, PARTS_KEY, PROGRAM, set_config};
use crate::tally::Tallies;

/// Merges committed datasets, wherever they are kept, into a new one at `out`: the shards of each, in order. Every record
/// is read and verified on the way.
///
/// # Errors
/// [`Error::PartsDiffer`] when images, classes or instruction sets differ or an asset stands in two of them;
/// [`Error::NothingToMerge`] without any; [`Error::OutputTaken`]; [`Error::Dataset`] naming shard, asset and row of a
/// damaged record. Nothing is then left at `out`.
pub fn merge(datasets: Vec<Dataset>, out: &Path, events: &Events<'_>) -> Result<Outcome> {
    let destination = free_folder(out)?;
    let parts: Vec<Part> = datasets.into_iter().map(Part::of).collect::<Result<_>>()?;
    let parts: Vec<&Part> = parts.iter().collect();
    let Some((first, others)) = parts.split_first() else {
        return Err(Error::NothingToMerge);
    };
    for part in others {
        if let Some(difference) = difference(&first.dataset, &part.dataset) {
            return Err(part.differs_from(first, difference));
        }
    }
    check_disjoint(&parts)?;
    let clips = parts.iter().map(|part| part.dataset.info().counts.clips).sum();
    events(Event::Planned { clips, done: 0 });
    let output = Replacement::beside(&destination, PURPOSE)?;
    let taxa = first.dataset.taxa().clone();
    let writer = DatasetWriter::new(output.folder(), description(&parts, first), taxa);
    let taken: Result<Vec<_>> = parts
        .iter()
        .flat_map(|part| (0..part.dataset.shard_count()).map(|shard| (&part.dataset, shard)))
        .zip(0..)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|((dataset, shard), number)| take_shard(dataset, shard, &writer, number, events))
        .collect();
    let (files, silent): (Vec<ShardFiles>, Vec<u64>) = taken?.into_iter().unzip();
    let rejects: Vec<RejectRow> = parts.iter().flat_map(|part| part.rejects.iter().cloned()).collect();
    let mut tallies = Tallies::default();
    let of_parts = parts.iter().map(|part| Tallies::of(part.dataset.info()));
    of_parts.for_each(|of_part| tallies.add_all(&of_part));
    let committed = writer.commit(&files, &rejects, tallies.into_counts())?;
    super::warn_of_copies(&committed, events);
    let outcome = super::outcome(&committed, silent.iter().sum(), rejects);
    output.place(&destination)?;
    Ok(outcome)
}

/// One of the datasets to be merged.
struct Part {
    dataset: Dataset,
    rejects: Vec<RejectRow>,
}

impl Part {
    fn of(dataset: Dataset) -> Result<Self> {
        let rejects = dataset.rejects()?;
        Ok(Part { dataset, rejects })
    }

    fn differs_from(&self, first: &Part, difference: String) -> Error {
        Error::PartsDiffer {
            path: self.dataset.dir().into(),
            first: first.dataset.dir().into(),
            difference,
        }
    }
}

fn difference(was: &Dataset, is: &Dataset) -> Option<String> {
    let sets = (&was.head().instruction_set, &is.head().instruction_set);
    image_difference(was.head(), is.head())
        .or_else(|| (sets.0 != sets.1).then(|| format!("instruction_set was {:?} and is {:?}", sets.0, sets.1)))
        .or_else(|| {
            let (was, is) = (&was.head().features_required, &is.head().features_required);
            (was != is).then(|| format!("features_required was {was:?} and is {is:?}"))
        })
        .or_else(|| taxa_difference(was.taxa(), is.taxa()))
}

fn taxa_difference(was: &Taxa, is: &Taxa) -> Option<String> {
    let differing = was.iter().zip(is.iter()).zip(0..).find(|((was, is), _)| was != is);
    if let Some(((was, is), class)) = differing {
        return Some(format!("class {class} was {was:?} and is {is:?}"));
    }
    (was.len() != is.len()).then(|| format!("the number of classes was {} and is {}", was.len(), is.len()))
}

/// No recording, kept or rejected, may stand in two parts: nobody could say which of them is meant.
fn check_disjoint(parts: &[&Part]) -> Result<()> {
    let mut seen: HashMap<i64, &Part> = HashMap::new();
    for &part in parts {
        let kept = part.dataset.assets().iter().map(|asset| asset.asset_id);
        for id in kept.chain(part.rejects.iter().map(|reject| reject.asset_id)) {
            if let Some(other) = seen.insert(id, part) {
                return Err(part.differs_from(other, format!("asset {id} stands in both")));
            }
        }
    }
    Ok(())
}

/// Takes one shard over as number `number`; its tables name the new number and are else the same.
fn take_shard(
    dataset: &Dataset,
    shard: u32,
    writer: &DatasetWriter<'_>,
    number: u32,
    events: &Events<'_>,
) -> Result<(ShardFiles, u64)> {
    let input = Input::open(dataset, shard)?;
    let mut tables = ShardTables {
        priors: input
            .assets
            .iter()
            .map(|asset| input.prior_of(asset))
            .collect::<Result<_>>()?,
        assets: input.assets.to_vec(),
        labels: input.labels,
    };
    tables.labels.iter_mut().for_each(|label| label.shard = number);
    tables.assets.iter_mut().for_each(|asset| asset.shard = number);
    let files = writer.take_shard((dataset, &input.shard), number, Linked::Verify, &tables)?;
    events(Event::Clips(tables.labels.len() as u64));
    Ok((files, tables.silent_clips()))
}

/// `dataset.json` of the merged set: what the parts share, and under `parts` what is each one's own.
fn description(parts: &[&Part], first: &Part) -> DatasetHead {
    let mut head = first.dataset.head().clone();
    for part in parts {
        let features = part.dataset.head().features_optional.iter();
        let new: Vec<String> = features
            .filter(|name| !head.features_optional.contains(name))
            .cloned()
            .collect();
        head.features_optional.extend(new);
    }
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        let name = part.dataset.head().name.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    head.name = names.join("+");
    head.program = PROGRAM.into();
    let mut config = Map::new();
    for key in IMAGE_KEYS {
        if let Some(value) = head.config.get(key) {
            config.insert(key.into(), value.clone());
        }
    }
    let own: Vec<Value> = parts.iter().map(|part| own_config(part.dataset.head())).collect();
    config.insert(PARTS_KEY.into(), own.into());
    set_config(&mut head, config.into());
    head
}

/// What of a part's configuration the merged set does not share; the shards name the part by its hash.
fn own_config(part: &DatasetHead) -> Value {
    let mut own = Map::new();
    own.insert("name".into(), json!(part.name));
    own.insert("program".into(), json!(part.program));
    own.insert("config_xxh3".into(), json!(part.config_xxh3));
    let config = part.config.as_object().into_iter().flatten();
    for (key, value) in config.filter(|(key, _)| !IMAGE_KEYS.contains(&key.as_str())) {
        own.insert(key.clone(), value.clone());
    }
    own.into()
}
