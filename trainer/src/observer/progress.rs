//! Provides the progress bar of a run on standard error; without a terminal, a line of log an epoch.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shardfmt::Split;

use crate::error::Result;
use crate::event::{Event, Observer};

/// Weight of a new loss in the one shown, which would flicker otherwise.
const SMOOTHING: f64 = 0.05;

/// Shows epoch, step, loss, speed, time left and the last val mAP.
#[derive(Debug)]
pub struct RunProgress {
    bar: ProgressBar,
    epochs: u32,
    /// Mean rows of a step.
    rows_per_step: f64,
    loss: Option<f64>,
    val_map: Option<f64>,
}

impl Default for RunProgress {
    fn default() -> Self {
        Self::new()
    }
}

impl RunProgress {
    /// A bar over the steps of the run; it shows nothing when standard error is not a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{wide_bar:.green/black} step {human_pos}/{human_len}  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            epochs: 0,
            rows_per_step: 0.0,
            loss: None,
            val_map: None,
        }
    }

    /// The text beside the bar.
    fn message(&self, epoch: u32) -> String {
        let mut message = format!("epoch {epoch}/{}", self.epochs);
        if let Some(loss) = self.loss {
            message += &format!("  loss {loss:.4}");
        }
        let clips_per_s = self.bar.per_sec() * self.rows_per_step;
        if clips_per_s > 0.0 {
            message += &format!("  {clips_per_s:.0} clips/s");
        }
        if let Some(map) = self.val_map {
            message += &format!("  val mAP {:.1} %", 100.0 * map);
        }
        message
    }

    fn log(&self, text: &str) {
        self.bar.suspend(|| tracing::info!("{text}"));
    }
}

impl Observer for RunProgress {
    fn observe(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started {
                rows,
                steps_per_epoch,
                epochs,
                resumed_at_step,
                ..
            } => {
                self.epochs = *epochs;
                self.rows_per_step = *rows as f64 / (*steps_per_epoch).max(1) as f64;
                self.bar.set_length(steps_per_epoch.saturating_mul(u64::from(*epochs)));
                self.bar.set_position(*resumed_at_step);
                // Earlier steps say nothing about the speed now.
                self.bar.reset_eta();
            }
            Event::Note { text } => self.log(text),
            Event::Step { epoch, step, loss, .. } => {
                self.loss = Some(self.loss.map_or(*loss, |shown| shown + SMOOTHING * (loss - shown)));
                self.bar.set_position(*step);
                self.bar.set_message(self.message(*epoch));
            }
            Event::Scored { split, clips, of } => {
                self.bar.set_message(format!("scoring {} {clips}/{of}", split.as_str()))
            }
            Event::Epoch { epoch, loss, rows, .. } => {
                self.log(&format!(
                    "epoch {epoch}/{}: mean loss {loss:.5} over {rows} rows",
                    self.epochs
                ));
            }
            Event::Evaluated {
                epoch,
                split,
                map,
                chance,
                clips,
                interval,
                ..
            } => {
                if *split == Split::Val {
                    self.val_map = Some(*map);
                    self.bar.set_message(self.message(*epoch));
                }
                let within = interval.map_or_else(String::new, |[low, high]| {
                    format!(" (95 %: {:.2} to {:.2})", 100.0 * low, 100.0 * high)
                });
                self.log(&format!(
                    "epoch {epoch}/{}: {} mAP {:.2} %{within} on {clips} clips, chance {:.2} %",
                    self.epochs,
                    split.as_str(),
                    100.0 * map,
                    100.0 * chance
                ));
            }
            Event::Timing { epoch, clips_per_s, .. } => {
                self.log(&format!("epoch {epoch}/{}: {clips_per_s:.1} clips/s", self.epochs));
            }
            Event::AssetTable(quality) => {
                let auc = quality.auc.map_or_else(|| "none".to_owned(), |auc| format!("{auc:.3}"));
                self.log(&format!(
                    "asset table on {} labels that training was not shown: AUC within classes {auc}, precision of the \
                     highest 5 % {:.2} %, of guessing {:.2} %",
                    quality.entries,
                    100.0 * quality.precision,
                    100.0 * quality.prevalence
                ));
            }
            Event::Checkpoint { .. } => {}
            // The error itself is printed by the program.
            Event::Diverged { .. } | Event::Finished { .. } => self.bar.finish_and_clear(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_bar_shows_the_state_of_the_run() {
        let mut progress = RunProgress::on(ProgressDrawTarget::hidden());
        let evaluated = Event::Evaluated {
            epoch: 1,
            step: 5,
            split: Split::Val,
            map: 0.123,
            map_occurring: 0.2,
            chance: 0.02,
            clips: 9,
            left_out: 0,
            interval: None,
        };
        let started = Event::Started {
            rows: 80,
            assets: 2,
            classes: 3,
            steps_per_epoch: 5,
            epochs: 3,
            resumed_at_step: 5,
        };
        progress.observe(&started).unwrap();
        let scored = Event::Scored {
            split: Split::Val,
            clips: 64,
            of: 100,
        };
        progress.observe(&scored).unwrap();
        assert_eq!(progress.bar.message(), "scoring val 64/100");
        progress.observe(&evaluated).unwrap();
        progress
            .observe(&Event::Step {
                epoch: 2,
                step: 6,
                loss: 0.5,
                asset_reg: None,
            })
            .unwrap();
        progress
            .observe(&Event::Step {
                epoch: 2,
                step: 7,
                loss: 1.5,
                asset_reg: None,
            })
            .unwrap();
        assert_eq!((progress.bar.length(), progress.bar.position()), (Some(15), 7));
        let message = progress.bar.message();
        for part in ["epoch 2/3", "loss 0.5500", "val mAP 12.3 %"] {
            assert!(message.contains(part), "{part:?} in {message:?}");
        }
        let test = Event::Finished {
            best_epoch: 1,
            val_map: 0.1,
            test_map: None,
        };
        progress.observe(&test).unwrap();
        assert!(progress.bar.is_finished());
    }
}
