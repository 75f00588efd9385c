//! Defines `Event`, what a command reports while it writes a dataset.

use shardfmt::RejectRow;

/// Something that happened while shards were written; the observer draws progress from it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
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
