//! Defines the observers of a run: a progress bar, a log of events, TensorBoard files and a picture of the curves.
//!
//! An observer sees [`Event`]s and nothing else, so whatever it shows can be reproduced from the log of events.

mod curves;
mod event_log;
mod progress;
mod tensorboard;

pub use curves::Curves;
pub use event_log::{EventLog, cut_back, read_events};
pub use progress::RunProgress;
pub use tensorboard::TensorBoard;

use crate::error::Result;
use crate::event::{Event, Observer};

/// Several observers as one.
#[derive(Default)]
pub struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    /// The given observers, notified in this order.
    #[must_use]
    pub fn new(observers: Vec<Box<dyn Observer>>) -> Self {
        Self(observers)
    }
}

impl Observer for Observers {
    fn observe(&mut self, event: &Event) -> Result<()> {
        self.0.iter_mut().try_for_each(|observer| observer.observe(event))
    }

    fn flush(&mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(|observer| observer.flush())
    }
}
