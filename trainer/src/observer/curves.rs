//! Provides `curves.svg`: the loss and the mAP of a run against its epochs.

use std::path::{Path, PathBuf};

use shardfmt::Split;
use shardfmt::persist::write_atomic;

use crate::chart::{Across, BLUE, Chart, GREEN, Line, SKY, Stroke, VERMILLION, svg};
use crate::error::Result;
use crate::event::{Event, Observer};

/// Points of the loss within an epoch, each a mean over steps.
const POINTS_PER_EPOCH: u64 = 40;

/// Means of a quantity over some steps each.
#[derive(Default)]
struct Means {
    points: Vec<(f64, f64)>,
    sum: f64,
    count: u64,
}

impl Means {
    fn add(&mut self, value: f64, step: u64, steps_per_epoch: u64) {
        self.sum += value;
        self.count += 1;
        let ended = |step: u64| step * POINTS_PER_EPOCH / steps_per_epoch;
        // Less than one step a point: every step is one.
        if ended(step) > ended(step.saturating_sub(1)) {
            self.points
                .push((step as f64 / steps_per_epoch as f64, self.sum / self.count as f64));
            (self.sum, self.count) = (0.0, 0);
        }
    }
}

/// The curve of a split.
#[derive(Default)]
struct SplitCurve {
    maps: Vec<(f64, f64)>,
    intervals: Vec<(f64, f64, f64)>,
    chance: f64,
}

/// Draws the curves whenever the run is flushed and has something new.
pub struct Curves {
    path: PathBuf,
    steps_per_epoch: u64,
    epochs: u32,
    loss: Means,
    asset_reg: Means,
    epoch_loss: Vec<(f64, f64)>,
    val: SplitCurve,
    test: SplitCurve,
    changed: bool,
}

impl Curves {
    /// Curves in a picture at `path`. A resumed run has them observe its earlier events first, from the log.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            steps_per_epoch: 1,
            epochs: 1,
            loss: Means::default(),
            asset_reg: Means::default(),
            epoch_loss: Vec::new(),
            val: SplitCurve::default(),
            test: SplitCurve::default(),
            changed: false,
        }
    }

    fn svg(&self) -> String {
        let line = |name, colour, stroke, points: &[(f64, f64)]| Line {
            name,
            colour,
            stroke,
            points: points.to_vec(),
            bars: Vec::new(),
        };
        let mut losses = vec![line("steps", SKY, Stroke::Thin, &self.loss.points)];
        if !self.asset_reg.points.is_empty() {
            losses.push(line("asset regulariser", GREEN, Stroke::Thin, &self.asset_reg.points));
        }
        losses.push(line("epoch mean", BLUE, Stroke::Bold, &self.epoch_loss));
        let mut maps = Vec::new();
        for (names, colour, of) in [
            (["test", "chance, test"], VERMILLION, &self.test),
            (["val", "chance, val"], BLUE, &self.val),
        ] {
            if of.maps.is_empty() {
                continue;
            }
            let chance = [0, self.epochs].map(|epoch| (epoch.into(), 100.0 * of.chance));
            maps.push(line(names[1], colour, Stroke::Dashed, &chance));
            maps.push(Line {
                bars: of.intervals.clone(),
                ..line(names[0], colour, Stroke::Bold, &of.maps)
            });
        }
        let chart = |heading, lines| Chart {
            heading,
            across: Across::Epochs(self.epochs),
            lines,
        };
        svg(&[chart("Training loss", losses), chart("Mean average precision, %", maps)])
    }
}

impl Observer for Curves {
    fn observe(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started {
                steps_per_epoch,
                epochs,
                ..
            } => {
                (self.steps_per_epoch, self.epochs) = ((*steps_per_epoch).max(1), (*epochs).max(1));
                return Ok(());
            }
            Event::Step {
                step, loss, asset_reg, ..
            } => {
                self.loss.add(*loss, *step, self.steps_per_epoch);
                if let Some(share) = asset_reg {
                    self.asset_reg.add(*share, *step, self.steps_per_epoch);
                }
            }
            // The mean over an epoch is placed in its middle.
            Event::Epoch { epoch, loss, .. } => self.epoch_loss.push((f64::from(*epoch) - 0.5, *loss)),
            Event::Evaluated {
                epoch,
                split,
                map,
                chance,
                interval,
                ..
            } => {
                let of = match split {
                    Split::Val => &mut self.val,
                    Split::Test => &mut self.test,
                    // Training rows are never evaluated.
                    Split::Train => return Ok(()),
                };
                let epoch = f64::from(*epoch);
                of.maps.push((epoch, 100.0 * map));
                of.intervals
                    .extend(interval.map(|[low, high]| (epoch, 100.0 * low, 100.0 * high)));
                of.chance = *chance;
            }
            Event::Note { .. }
            | Event::Scored { .. }
            | Event::Checkpoint { .. }
            | Event::AssetTable(_)
            | Event::Timing { .. }
            | Event::Diverged { .. }
            | Event::Finished { .. } => {
                return Ok(());
            }
        }
        self.changed = true;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        write_atomic(&self.path, self.svg().as_bytes())?;
        self.changed = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn run() -> Vec<Event> {
        let mut events = vec![Event::Started {
            rows: 999,
            assets: 9,
            classes: 4,
            steps_per_epoch: 90,
            epochs: 10,
            resumed_at_step: 0,
        }];
        for step in 1..=810_u64 {
            let (epoch, at) = (step.div_ceil(90) as u32, step as f64 / 90.0);
            let wave = (step as f64 * 0.7).sin() * 0.03;
            events.push(Event::Step {
                epoch,
                step,
                loss: 0.12 + 0.55 * (-at).exp() + wave,
                asset_reg: Some(0.02 + 0.01 * at.sqrt()),
            });
            if step % 90 == 0 {
                events.push(Event::Epoch {
                    epoch,
                    step,
                    loss: 0.14 + 0.7 * (-at).exp(),
                    rows: 999,
                });
                events.push(evaluated(epoch, Split::Val, 0.45 * (1.0 - (-at / 3.0).exp())));
            }
        }
        events.push(evaluated(8, Split::Test, 0.37));
        events
    }

    fn evaluated(epoch: u32, split: Split, map: f64) -> Event {
        Event::Evaluated {
            epoch,
            step: 0,
            split,
            map,
            map_occurring: map,
            chance: if split == Split::Val { 0.024 } else { 0.031 },
            clips: 1,
            left_out: 0,
            interval: (split == Split::Test).then_some([map - 0.03, map + 0.025]),
        }
    }

    #[test]
    fn the_picture_is_drawn_at_a_flush_and_is_the_same_from_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.svg");
        let mut curves = Curves::new(&path);
        curves.flush().unwrap();
        assert!(!path.exists());
        run().iter().try_for_each(|event| curves.observe(event)).unwrap();
        curves.flush().unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        let count = |part: &str| first.matches(part).count();
        // Epoch means of the loss, val, and test once, with their dots in the legend; the interval of test.
        assert_eq!(count("<circle"), (9 + 1) + (9 + 1) + (1 + 1));
        assert_eq!(count("fill=\"#d55e00"), 2, "test");
        assert_eq!(count("class=\"bar\""), 1);
        for text in [
            "Training loss",
            "epoch mean",
            "asset regulariser",
            "chance, test",
            ">10<",
        ] {
            assert!(first.contains(text), "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        curves.flush().unwrap();
        assert!(!path.exists(), "nothing new");
        let mut again = Curves::new(&path);
        run().iter().try_for_each(|event| again.observe(event)).unwrap();
        again.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
    }

    #[test]
    fn a_value_that_is_not_finite_is_left_out() {
        let mut curves = Curves::new(Path::new("unwritten"));
        for loss in [0.5, f64::NAN, f64::INFINITY] {
            curves
                .observe(&Event::Epoch {
                    epoch: 1,
                    step: 1,
                    loss,
                    rows: 1,
                })
                .unwrap();
        }
        let svg = curves.svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1 + 1);
    }
}
