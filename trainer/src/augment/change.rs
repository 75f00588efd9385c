//! Defines the changes as operations on a batch of images f32 \[B, C, H, W\].

use std::f64::consts::LN_10;

use tch::{Device, Kind, Tensor};

use super::draw::{Band, Draw};
use super::mixed::Mixed;
use crate::batch::upload;
use crate::error::Result;

/// The meaning of stored values: dB (or another unit) = offset + step x value, values from floor to ceiling; and
/// whether 0 dB is each clip's own maximum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    pub offset: f64,
    pub step: f64,
    pub floor: f64,
    pub ceiling: f64,
    pub own_maximum: bool,
}

/// Which clips of a batch are mixed, with which, and how.
pub(super) struct Mix {
    /// Partner of each clip, i64 \[B\].
    partner: Tensor,
    /// Shares of power of a clip and of its partner, dB by which the partner is louder; \[B, 1, 1, 1\] each.
    own: Tensor,
    other: Tensor,
    louder_db: Tensor,
    /// Whether a clip is mixed, 0 or 1, \[B\].
    mixed: Tensor,
    /// Places of the clips that were to be mixed with none.
    alone: Vec<i64>,
}

/// A number for each clip, \[B, 1, 1, 1\].
fn per_clip(values: &[f64], device: Device) -> Result<Tensor> {
    Ok(upload(values, device)?
        .f_to_kind(Kind::Float)?
        .f_reshape([-1, 1, 1, 1])?)
}

fn each(draws: &[Draw], of: impl Fn(&Draw) -> f64, device: Device) -> Result<Tensor> {
    per_clip(&draws.iter().map(of).collect::<Vec<_>>(), device)
}

/// The images shifted around their ends.
pub(super) fn shifted(images: &Tensor, draws: &[Draw]) -> Result<Tensor> {
    let (size, device) = (images.size(), images.device());
    let (_, _, _, width) = images.size4()?;
    let shift: Vec<i64> = draws.iter().map(|draw| draw.shift).collect();
    let shift = upload(&shift, device)?.f_reshape([-1, 1, 1, 1])?;
    let column = Tensor::f_arange(width, (Kind::Int64, device))?.f_reshape([1, 1, 1, -1])?;
    let taken = column.f_sub(&shift)?.f_remainder(width)?;
    Ok(images.f_gather(3, &taken.f_expand(size, false)?, false)?)
}

/// The images, some of them mirrored from left to right.
pub(super) fn mirrored(images: &Tensor, draws: &[Draw]) -> Result<Tensor> {
    let flip = each(draws, |draw| f64::from(u8::from(draw.flip)), images.device())?.f_gt(0.0)?;
    Ok(images.f_flip([3])?.f_where_self(&flip, images)?)
}

impl Levels {
    /// The images louder or quieter, but for what is at the floor.
    pub(super) fn gain(&self, images: &Tensor, draws: &[Draw]) -> Result<Tensor> {
        let gain = each(draws, |draw| draw.gain_db / self.step, images.device())?;
        let louder = images.f_add(&gain)?.f_clamp(self.floor, self.ceiling)?;
        Ok(louder.f_where_self(&images.f_gt(self.floor)?, images)?)
    }

    /// The mixed images: powers added, and the sum relative to what stored clips are relative to: its own maximum, or a
    /// fixed level.
    pub(super) fn mix(&self, images: &Tensor, mix: &Mix) -> Result<Tensor> {
        // dB to nepers of power
        let scale = LN_10 / 10.0;
        let level = |images: &Tensor, louder: Option<&Tensor>| -> Result<Tensor> {
            let db = images.f_mul_scalar(self.step)?.f_add_scalar(self.offset)?;
            let db = if let Some(louder) = louder {
                db.f_add(louder)?
            } else {
                db
            };
            Ok(db.f_mul_scalar(scale)?)
        };
        let (own, other) = (
            level(images, None)?,
            level(&images.f_index_select(0, &mix.partner)?, Some(&mix.louder_db))?,
        );
        let sum = own
            .f_add(&mix.own.f_log()?)?
            .f_logaddexp(&other.f_add(&mix.other.f_log()?)?)?
            .f_mul_scalar(1.0 / scale)?;
        let relative = if self.own_maximum {
            sum.f_sub(&sum.f_amax([1, 2, 3], true)?)?
        } else {
            sum
        };
        let values = relative
            .f_sub_scalar(self.offset)?
            .f_mul_scalar(1.0 / self.step)?
            .f_clamp(self.floor, self.ceiling)?;
        let mixed = mix.mixed.f_reshape([-1, 1, 1, 1])?.f_gt(0.0)?;
        Ok(values.f_where_self(&mixed, images)?)
    }

    /// The images with bands along `dim` at the floor.
    pub(super) fn silence(
        &self,
        images: Tensor,
        dim: usize,
        draws: &[Draw],
        bands: fn(&Draw) -> &Vec<Band>,
    ) -> Result<Tensor> {
        let count = draws.first().map_or(0, |draw| bands(draw).len());
        if count == 0 {
            return Ok(images);
        }
        let device = images.device();
        let size = images.size().get(dim).copied().unwrap_or_default();
        let mut shape = [1; 4];
        if let Some(length) = shape.get_mut(dim) {
            *length = size;
        }
        let place = Tensor::f_arange(size, (Kind::Float, device))?.f_reshape(shape)?;
        let mut silent = place.f_lt(0.0)?;
        for number in 0..count {
            let at = |part: fn(&Band) -> i64| {
                each(
                    draws,
                    |draw| bands(draw).get(number).map_or(0.0, |band| part(band) as f64),
                    device,
                )
            };
            let (first, end) = (at(|[first, _]| *first)?, at(|[first, length]| first + length)?);
            let inside = place.f_ge_tensor(&first)?.f_logical_and(&place.f_lt_tensor(&end)?)?;
            silent = silent.f_logical_or(&inside)?;
        }
        Ok(images.f_masked_fill(&silent, self.floor)?)
    }
}

impl Mix {
    pub(super) fn new(levels: &Levels, images: &Tensor, draws: &[Draw], ref_db: &[f32]) -> Result<Self> {
        let device = images.device();
        let count = draws.len();
        let (mut partners, mut own, mut louder, mut mixed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut alone = Vec::new();
        for (number, (draw, level)) in draws.iter().zip(ref_db).enumerate() {
            // From 1 to count - 1 clips further on, so never the clip itself.
            let further = draw
                .mix
                .map_or(0, |share| 1 + (share * count.saturating_sub(1) as f64) as usize);
            let partner = if count > 1 { (number + further) % count } else { 0 };
            let difference = ref_db.get(partner).map_or(f32::NAN, |other| other - level);
            let mixing = partner != number && difference.is_finite();
            partners.push(i64::try_from(if mixing { partner } else { number }).unwrap_or_default());
            own.push(if mixing { draw.own } else { 0.5 });
            louder.push(if mixing { f64::from(difference) } else { 0.0 });
            mixed.push(if mixing { 1.0_f32 } else { 0.0 });
            if !mixing {
                alone.push(i64::try_from(number).unwrap_or_default());
            }
        }
        let other: Vec<f64> = own.iter().map(|own| 1.0 - own).collect();
        let partner = upload(&partners, device)?;
        let mixed = upload(&mixed, device)?;
        // A clip of digital silence has no level that a sum could be relative to.
        let sounds = images
            .f_amax([1, 2, 3], false)?
            .f_gt(levels.floor)?
            .f_to_kind(Kind::Float)?;
        let mixed = mixed.f_mul(&sounds)?.f_mul(&sounds.f_index_select(0, &partner)?)?;
        let itself = Tensor::f_arange(partner.size1()?, (Kind::Int64, device))?;
        let partner = partner.f_where_self(&mixed.f_gt(0.0)?, &itself)?;
        Ok(Self {
            partner,
            own: per_clip(&own, device)?,
            other: per_clip(&other, device)?,
            louder_db: per_clip(&louder, device)?,
            mixed,
            alone,
        })
    }

    /// The mixes as those see them who keep something of each clip.
    pub(super) fn mixed(self) -> Result<Mixed> {
        let unmixed = self.mixed.f_le(0.0)?;
        let share = self.own.f_flatten(0, -1)?.f_masked_fill(&unmixed, 1.0)?;
        Mixed::new(self.partner, &share, self.alone)
    }
}
