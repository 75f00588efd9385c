//! Defines the changes made to training clips: masks, shifts, gain, mixing and mirroring, on the device, keyed by seed,
//! epoch and row.
//!
//! They work on stored levels before normalisation. Nothing depends on what was drawn before, so a resumed run repeats
//! them.

mod change;
mod draw;
mod mixed;

use serde::{Deserialize, Serialize};
use shardfmt::{DatasetHead, Dtype, ValueReference, ValueUnit};
use tch::Tensor;

use self::change::Levels;
use self::draw::Draw;
pub use self::mixed::{Mixed, Mixing};
use crate::error::{Error, Result};

/// The changes as configured; by default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Bands of time that are silenced in each clip.
    pub time_masks: u32,
    /// Largest width of such a band, as a share of the clip.
    pub time_mask_share: f64,
    /// Bands of frequency that are silenced in each clip.
    pub frequency_masks: u32,
    /// Largest height of such a band, as a share of the image.
    pub frequency_mask_share: f64,
    /// Largest shift in time, as a share of the clip; what leaves at one end comes in at the other, so labels stay
    /// true.
    pub time_shift_share: f64,
    /// Largest gain or loss in dB; what is at the floor of the scale stays there.
    pub gain_db: f64,
    /// Probability that a clip is mixed with another of its batch.
    pub mixup: f64,
    /// Probability that an image is mirrored; photographs only. Absent: .5 for them, 0 for spectrograms.
    pub horizontal_flip: Option<f64>,
}

/// Default probability that a photograph is mirrored: as in the published program, for COCO only (L48 paper's code).
const PHOTOGRAPH_FLIP: f64 = 0.5;

/// The changes, ready for the clips of one dataset.
#[derive(Clone, Copy, Debug)]
pub struct Augmentation {
    config: AugmentConfig,
    levels: Levels,
    seed: u64,
}

/// Clips of a batch with their labels, before changes.
#[derive(Debug)]
pub struct ClipBatch {
    /// Stored values \[B, C, H, W\].
    pub images: Tensor,
    /// Labels \[B, classes\], 0 where the mask is.
    pub labels: Tensor,
    /// Mask, \[B, classes\].
    pub mask: Tensor,
}

/// Clips of a batch after changes.
#[derive(Debug)]
pub struct Changed {
    /// Values \[B, C, H, W\] on the scale of stored ones, f32.
    pub images: Tensor,
    /// Labels \[B, classes\], 0 where the mask is.
    pub labels: Tensor,
    /// Mask, \[B, classes\].
    pub mask: Tensor,
    /// How clips were mixed, if the settings have any mixed.
    pub mixed: Option<Mixed>,
}

impl AugmentConfig {
    /// Checks that every value is within its range.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first that is not.
    pub fn validate(&self) -> Result<()> {
        for (name, value, max) in [
            ("time_mask_share", self.time_mask_share, 1.0),
            ("frequency_mask_share", self.frequency_mask_share, 1.0),
            ("time_shift_share", self.time_shift_share, 1.0),
            ("gain_db", self.gain_db, 200.0),
            ("mixup", self.mixup, 1.0),
            ("horizontal_flip", self.horizontal_flip.unwrap_or(0.0), 1.0),
        ] {
            if !(0.0..=max).contains(&value) {
                return Err(Error::setting(
                    format!("augment.{name}"),
                    format!("must be from 0 to {max}, not {value}"),
                ));
            }
        }
        for (name, masks, share) in [
            ("time_masks", self.time_masks, self.time_mask_share),
            ("frequency_masks", self.frequency_masks, self.frequency_mask_share),
        ] {
            if masks > 100 || (masks > 0 && share == 0.0) {
                let reason =
                    format!("{masks} masks of at most {share} of an image: 0 to 100, each with a share above 0");
                return Err(Error::setting(format!("augment.{name}"), reason));
            }
        }
        Ok(())
    }

    /// The changes with defaults filled in that depend on the dataset.
    #[must_use]
    pub fn resolved(self, head: &DatasetHead) -> Self {
        let usual = if head.axes.is_photograph() {
            PHOTOGRAPH_FLIP
        } else {
            0.0
        };
        Self {
            horizontal_flip: Some(self.horizontal_flip.unwrap_or(usual)),
            ..self
        }
    }

    /// Whether images are mirrored.
    fn flips(&self) -> bool {
        self.horizontal_flip.is_some_and(|probability| probability > 0.0)
    }
}

impl Augmentation {
    /// The changes for the clips of a dataset, `None` if there are none.
    ///
    /// `keeping` names the parts of the run that may keep something of each clip from one epoch to the next, such as a
    /// method's learned labels, and what they make of clips that are mixed.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value out of range, or a change that is meaningless for such clips.
    pub fn new(
        config: &AugmentConfig,
        head: &DatasetHead,
        seed: u64,
        keeping: &[(&str, Mixing)],
    ) -> Result<Option<Self>> {
        config.validate()?;
        let config = config.resolved(head);
        let none = AugmentConfig {
            horizontal_flip: Some(0.0),
            ..AugmentConfig::default()
        };
        if config == none {
            return Ok(None);
        }
        let refuse = |name: &str, reason: &str| Err(Error::setting(format!("augment.{name}"), reason));
        let picture = head.axes.is_photograph();
        let time = config.time_masks > 0 || config.time_shift_share > 0.0 || config.frequency_masks > 0;
        if picture && time {
            return refuse(
                "time_masks, time_shift_share, frequency_masks",
                "the dataset's images have no time and frequency axes",
            );
        }
        if !picture && config.flips() {
            return refuse("horizontal_flip", "a mirrored spectrogram is a song played backwards");
        }
        let decibels = head.values.unit == ValueUnit::Decibel;
        if !decibels && config.gain_db > 0.0 {
            return refuse("gain_db", "the dataset's values are not decibels");
        }
        if config.mixup > 0.0 {
            if !decibels || head.values.reference == ValueReference::None {
                return refuse(
                    "mixup",
                    "sounds add as powers, and the dataset's values have no known level",
                );
            }
            for (part, mixing) in keeping {
                let reason = match mixing {
                    Mixing::Refused => format!("{part} keeps state of each clip, which mixing would corrupt"),
                    Mixing::SomeAlone if config.mixup >= 1.0 => format!(
                        "is {}, so that no clip is heard alone, and {part} learns from such clips only; use less",
                        config.mixup
                    ),
                    Mixing::SomeAlone | Mixing::Any => continue,
                };
                return refuse("mixup", &reason);
            }
        }
        Ok(Some(Self {
            config,
            levels: Levels::of(head),
            seed,
        }))
    }

    /// Whether mirroring is the only change.
    #[must_use]
    pub fn only_mirrors(&self) -> bool {
        let mirrors = AugmentConfig {
            horizontal_flip: self.config.horizontal_flip,
            ..AugmentConfig::default()
        };
        self.config == mirrors
    }

    /// Changes the clips of `rows`, training row numbers, in `epoch`; `ref_db` is what each clip's values are relative
    /// to.
    ///
    /// A mix is present where either clip is known to be, absent where both are known to be, unknown elsewhere. A clip
    /// without a level (NaN, or nothing but the floor) is not mixed.
    ///
    /// # Errors
    /// [`Error::Shape`] if the parts of the batch do not fit each other; errors of libtorch.
    pub fn apply(&self, clips: ClipBatch, rows: &[u32], ref_db: &[f32], epoch: u32) -> Result<Changed> {
        let (batch, _, height, width) = clips.images.size4()?;
        for (what, got) in [("rows of a batch", rows.len()), ("ref_db of a batch", ref_db.len())] {
            let got = i64::try_from(got).unwrap_or(i64::MAX);
            if got != batch {
                return Err(Error::Shape {
                    what,
                    expected: vec![batch],
                    got: vec![got],
                });
            }
        }
        let draws: Vec<Draw> = rows
            .iter()
            .map(|row| Draw::new(&self.config, self.seed, epoch, *row, [height, width]))
            .collect();
        let ClipBatch {
            images,
            mut labels,
            mut mask,
        } = clips;
        let mut images = images.f_to_kind(tch::Kind::Float)?;
        if self.config.time_shift_share > 0.0 {
            images = change::shifted(&images, &draws)?;
        }
        if self.config.flips() {
            images = change::mirrored(&images, &draws)?;
        }
        if self.config.gain_db > 0.0 {
            images = self.levels.gain(&images, &draws)?;
        }
        let mut mixed = None;
        if self.config.mixup > 0.0 {
            let mix = change::Mix::new(&self.levels, &images, &draws, ref_db)?;
            images = self.levels.mix(&images, &mix)?;
            let mix = mix.mixed()?;
            (labels, mask) = mix.known(&labels, &mask)?;
            mixed = Some(mix);
        }
        images = self.levels.silence(images, 3, &draws, |draw| &draw.time_masks)?;
        images = self.levels.silence(images, 2, &draws, |draw| &draw.frequency_masks)?;
        Ok(Changed {
            images,
            labels,
            mask,
            mixed,
        })
    }
}

impl Levels {
    /// The scale of a dataset's values, as its description defines it.
    fn of(head: &DatasetHead) -> Self {
        let (offset, step) = (head.values.offset, head.values.step);
        let decibels = head.values.unit == ValueUnit::Decibel;
        let own_maximum = head.values.reference == ValueReference::Clip;
        let value = |db: f64| (db - offset) / step;
        let [floor, ceiling] = match head.clips.dtype {
            Dtype::U8 => [0.0, 255.0],
            // As many decibels as bytes span below the clip's maximum. A fixed level and other units have no known end.
            Dtype::F16 | Dtype::F32 if decibels && own_maximum => [value(-80.0), value(0.0)],
            Dtype::F16 | Dtype::F32 if decibels => [value(-80.0), f64::INFINITY],
            Dtype::F16 | Dtype::F32 => [0.0, f64::INFINITY],
        };
        Self {
            offset,
            step,
            floor,
            ceiling,
            own_maximum,
        }
    }
}
