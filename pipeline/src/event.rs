//! Defines `Event`, what a command reports while it writes a dataset, and `Outcome`, what it reports once that is
//! committed.

use shardfmt::RejectRow;

use crate::tally::Tallies;

/// Something that happened while shards were written; the observer draws progress from it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The headers of this many assets were looked at, for the plan.
    Headers {
        /// Assets done.
        read: usize,
        /// Of this many.
        of: usize,
    },
    /// This many clips are expected, of which some are done already.
    Planned {
        /// Clips in the plan.
        clips: u64,
        /// Clips of shards that are finished already.
        done: u64,
    },
    /// This many clips more were written.
    Clips(u64),
    /// A recording was rejected.
    Rejected(&'a RejectRow),
    /// Worth a warning.
    Warning(&'a str),
}

/// Observer of a command.
pub type Events<'a> = dyn Fn(Event<'_>) + Sync + 'a;

/// What was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Shards.
    pub shards: u64,
    /// Clips.
    pub clips: u64,
    /// Recordings that made it.
    pub assets: u64,
    /// Bytes of all files but `dataset.json`.
    pub bytes: u64,
    /// Clips of digital silence.
    pub silent_clips: u64,
    /// What was left out or changed of what was given.
    pub tallies: Tallies,
    /// Rejected recordings, in plan order.
    pub rejects: Vec<RejectRow>,
}
