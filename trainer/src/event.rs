//! Defines the events of a run, which its observers print, log and draw: the loop itself does none of it.

use serde::{Deserialize, Serialize};
use shardfmt::Split;

use crate::asset_reg::TableQuality;
use crate::error::Result;

/// An event. As JSON, its kind is under `event`, in snake case.
///
/// All but [`Event::Timing`] are the same, bit for bit, for a run that was killed and resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins or is resumed.
    Started {
        /// Training rows left by mode and filters.
        rows: u64,
        /// Recordings they come from.
        assets: u64,
        /// Classes.
        classes: u64,
        /// Optimiser steps in an epoch.
        steps_per_epoch: u64,
        /// Epochs in all.
        epochs: u32,
        /// Steps done before, of the checkpoint resumed from; 0 at the start of a run.
        resumed_at_step: u64,
    },
    /// A note to the user, given once: a prior that is inert, rows that were left out.
    Note {
        /// A sentence.
        text: String,
    },
    /// An optimiser step was taken.
    Step {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps since the start of the run, this one included.
        step: u64,
        /// Value that was minimised: loss and regulariser together.
        loss: f64,
        /// Share of the asset regulariser in it, alpha included; absent without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asset_reg: Option<f64>,
    },
    /// An epoch of training is over.
    Epoch {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps since the start of the run.
        step: u64,
        /// Mean loss over the rows of the epoch.
        loss: f64,
        /// Rows trained on in this epoch.
        rows: u64,
    },
    /// Clips of a split were scored for its evaluation. Shown, never logged.
    Scored {
        /// Which one.
        split: Split,
        /// Clips scored so far.
        clips: u64,
        /// Clips to score.
        of: u64,
    },
    /// A split was evaluated.
    Evaluated {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps since the start of the run.
        step: u64,
        /// Which one.
        split: Split,
        /// Mean average precision over all classes, 0 to 1.
        map: f64,
        /// The same over classes that occur.
        map_occurring: f64,
        /// mAP of a constant score: the mean prevalence of the classes.
        chance: f64,
        /// Clips evaluated.
        clips: u64,
        /// Clips left out, because not every class is known.
        left_out: u64,
        /// 95 % interval of `map` over resampled assets, where computed: the 2.5 % and 97.5 % quantiles.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interval: Option<[f64; 2]>,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Epoch, from 1.
        epoch: u32,
        /// Steps since the start of the run.
        step: u64,
        /// Whether it is the best so far on val.
        best: bool,
    },
    /// What the asset regulariser's table says, after the last epoch, of positives that training was not shown. Only
    /// where the dataset has labels that the mode hides.
    AssetTable(TableQuality),
    /// How fast an epoch went; depends on the machine.
    Timing {
        /// Epoch, from 1.
        epoch: u32,
        /// Seconds of training.
        train_s: f64,
        /// Clips trained on per second.
        clips_per_s: f64,
    },
    /// The run has diverged: the loss or a score is not finite.
    Diverged {
        /// Steps since the start of the run.
        step: u64,
        /// The reason, in a sentence.
        reason: String,
    },
    /// The run is complete.
    Finished {
        /// Epoch with the best val mAP.
        best_epoch: u32,
        /// Its val mAP.
        val_map: f64,
        /// Test mAP of the weights of that epoch; absent if test was not to be measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_map: Option<f64>,
    },
}

/// Something that watches a run: a progress bar, a log, a chart.
pub trait Observer {
    /// Observes an event.
    ///
    /// # Errors
    /// Any failure to record it; the run then stops.
    fn observe(&mut self, event: &Event) -> Result<()>;

    /// Makes everything observed so far durable; called before a checkpoint is written and at the end of a run.
    ///
    /// # Errors
    /// As [`Observer::observe`].
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_split_is_its_word_and_another_word_is_an_error() {
        let text = r#"{"event":"scored","split":"val","clips":1,"of":2}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), text);
        let error = serde_json::from_str::<Event>(&text.replace("val", "vla")).unwrap_err();
        assert!(error.to_string().contains("\"vla\" is not a"), "{error}");
    }
}
