//! Provides what makes one committed dataset of another without decoding: new labels, several into one, other
//! shard sizes, a part of the clips.
//!
//! Each of them writes a whole dataset into a folder beside its destination, `dataset.json` last, and then gives that
//! folder its name in one step (`Replacement`). Whatever is cut off, the destination holds what it held before or all
//! that is new.

mod clip_list;
mod copying;
mod destination;
mod input;
mod merge;
mod relabel;
mod reshard;
mod settings;
mod subset;

use shardfmt::{Dataset, RejectRow};

pub use clip_list::ClipList;
pub use merge::merge;
pub use relabel::{durations_s, relabel};
pub use reshard::reshard;
pub use shardfmt::dataset::Linked;
pub use subset::subset;

use crate::event::Events;
use crate::event::Outcome;
use crate::tally::Tallies;

/// What was committed, from the dataset as it was opened after its commit.
fn outcome(dataset: &Dataset, silent_clips: u64, rejects: Vec<RejectRow>) -> Outcome {
    let info = dataset.info();
    Outcome {
        shards: info.counts.shards.into(),
        clips: info.counts.clips,
        assets: info.counts.assets,
        bytes: info.files.iter().map(|file| file.bytes).sum(),
        silent_clips,
        tallies: Tallies::of(info),
        rejects,
    }
}

/// Warns of copies between splits: new splits and merged sets can bring them about.
fn warn_of_copies(dataset: &Dataset, events: &Events<'_>) {
    let assets = dataset.assets().iter();
    crate::leakage::warn_of_copies(
        assets.map(|asset| (asset.asset_id, asset.split, asset.source_xxh3)),
        events,
    );
}
