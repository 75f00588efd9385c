//! Provides `curves.png`: the loss and the mAP of a run against its epochs.

use std::path::{Path, PathBuf};

use embedded_graphics::pixelcolor::Rgb888;
use shardfmt::Split;
use shardfmt::persist::write_atomic;

use super::chart::{Chart, Line};
use super::picture::Picture;
use crate::error::{Error, Result};
use crate::event::{Event, Observer};

const WIDTH_PX: u32 = 1200;
const HEIGHT_PX: u32 = 800;
/// Points of the loss within an epoch, each a mean over steps.
const POINTS_PER_EPOCH: u64 = 40;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008, "Color universal design").
const BLUE: Rgb888 = Rgb888::new(0, 114, 178);
const VERMILLION: Rgb888 = Rgb888::new(213, 94, 0);
const GREEN: Rgb888 = Rgb888::new(0, 158, 115);
/// Sky blue of the same palette, for what stands behind a blue line.
const SKY: Rgb888 = Rgb888::new(86, 180, 233);

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

/// What was measured on a split.
#[derive(Default)]
struct Measured {
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
    val: Measured,
    test: Measured,
    changed: bool,
}

impl Curves {
    /// Curves in a picture at `path`. A run that goes on tells them its earlier events first, from the log.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            steps_per_epoch: 1,
            epochs: 1,
            loss: Means::default(),
            asset_reg: Means::default(),
            epoch_loss: Vec::new(),
            val: Measured::default(),
            test: Measured::default(),
            changed: false,
        }
    }

    fn draw(&self) -> Picture {
        let mut picture = Picture::new(WIDTH_PX, HEIGHT_PX);
        let line = |name: &str, colour, points: &[(f64, f64)]| Line {
            name: name.to_owned(),
            colour,
            points: points.to_vec(),
            bars: Vec::new(),
            dashed: false,
            thin: false,
        };
        let mut losses = vec![
            line("epoch mean", BLUE, &self.epoch_loss),
            Line {
                thin: true,
                ..line("steps", SKY, &self.loss.points)
            },
        ];
        if !self.asset_reg.points.is_empty() {
            losses.push(Line {
                thin: true,
                ..line("asset reg. share", GREEN, &self.asset_reg.points)
            });
        }
        let mut maps = Vec::new();
        for (name, colour, of) in [("val", BLUE, &self.val), ("test", VERMILLION, &self.test)] {
            if of.maps.is_empty() {
                continue;
            }
            maps.push(Line {
                bars: of.intervals.clone(),
                ..line(name, colour, &of.maps)
            });
            let chance = [(0.0, 100.0 * of.chance), (f64::from(self.epochs), 100.0 * of.chance)];
            maps.push(Line {
                dashed: true,
                ..line(&format!("chance, {name}"), colour, &chance)
            });
        }
        let (width, height) = (WIDTH_PX.cast_signed(), HEIGHT_PX.cast_signed());
        let x_end = f64::from(self.epochs);
        let loss = Chart {
            heading: "Training loss",
            x_label: "epoch",
            x_end,
            lines: &losses,
        };
        loss.draw(&mut picture, width, 0, height / 2);
        let map = Chart {
            heading: "Mean average precision, %",
            x_label: "epoch",
            x_end,
            lines: &maps,
        };
        map.draw(&mut picture, width, height / 2, height);
        picture
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
            // A mean over an epoch stands in its middle, where the steps it is of are.
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
        let png = self.draw().png();
        let png = png.map_err(|cause| Error::io(&self.path, "draw", std::io::Error::other(cause)))?;
        write_atomic(&self.path, &png)?;
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
    fn the_picture_is_drawn_when_flushed_and_told_again_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.png");
        let mut curves = Curves::new(&path);
        curves.flush().unwrap();
        assert!(!path.exists());
        run().iter().try_for_each(|event| curves.observe(event)).unwrap();
        curves.flush().unwrap();
        let first = image::open(&path).unwrap().into_rgb8();
        assert_eq!(first.dimensions(), (WIDTH_PX, HEIGHT_PX));
        for colour in [[0, 114, 178], [213, 94, 0]] {
            assert!(
                first.pixels().filter(|pixel| pixel.0 == colour).count() > 30,
                "{colour:?}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        curves.flush().unwrap();
        assert!(!path.exists(), "nothing new");
        let mut again = Curves::new(&path);
        run().iter().try_for_each(|event| again.observe(event)).unwrap();
        again.flush().unwrap();
        assert_eq!(image::open(&path).unwrap().into_rgb8(), first);
    }
}
