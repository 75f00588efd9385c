//! Provides lines in the program's log: notes, and an epoch a line, for those who read a file instead of watching a bar.

use crate::error::Result;
use crate::event::{Event, Observer};

/// Logs what a person would want to have read of a run.
#[derive(Debug, Default)]
pub struct Narration {
    epochs: u32,
    clips_per_s: f64,
    loss: f64,
}

impl Narration {
    /// A narration that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Observer for Narration {
    fn observe(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started {
                rows,
                assets,
                classes,
                steps_per_epoch,
                epochs,
                resumed_at_step,
            } => {
                self.epochs = *epochs;
                let from = if *resumed_at_step > 0 {
                    format!(", from step {resumed_at_step} on")
                } else {
                    String::new()
                };
                tracing::info!(
                    "{rows} rows of {assets} recordings, {classes} classes; {epochs} epochs of {steps_per_epoch} steps{from}"
                );
            }
            Event::Note { text } => tracing::warn!("{text}"),
            Event::Timing { clips_per_s, .. } => self.clips_per_s = *clips_per_s,
            Event::Epoch { loss, .. } => self.loss = *loss,
            Event::Evaluated {
                epoch,
                split,
                map,
                chance,
                ..
            } if split == "val" => {
                let (epochs, loss, clips_per_s) = (self.epochs, self.loss, self.clips_per_s);
                tracing::info!(
                    "epoch {epoch} of {epochs}: loss {loss:.4}, val mAP {map:.4} (chance {chance:.4}), {clips_per_s:.0} clips/s"
                );
            }
            _ => {}
        }
        Ok(())
    }
}
