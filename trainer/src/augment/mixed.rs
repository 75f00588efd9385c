//! Defines how the clips of a batch were mixed, for those who keep something of each clip.

use tch::{Kind, Tensor};

use crate::batch::upload;
use crate::error::Result;

/// What a part of the run that may keep something of each clip makes of clips that are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixing {
    /// It takes any.
    Any,
    /// It is moved only by clips that are heard alone, so there must be some.
    SomeAlone,
    /// What it keeps of a clip would also be about its partner.
    Refused,
}

/// Which clips of a batch are mixed, with which and in which shares of power.
#[derive(Debug)]
pub struct Mixed {
    /// Place in the batch of each clip's partner, i64 \[B\]; its own place where it is not mixed.
    partner: Tensor,
    /// A clip's own share, f32 \[B, 1\]; 1 where it is not mixed.
    share: Tensor,
    /// Places of the clips that were to be mixed with none.
    alone: Vec<i64>,
}

impl Mixed {
    /// Partners i64 \[B\], own shares of power f32 \[B\], and the places of the clips that were to be mixed with none.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn new(partner: Tensor, share: &Tensor, alone: Vec<i64>) -> Result<Self> {
        let share = share.f_reshape([-1, 1])?;
        Ok(Self { partner, share, alone })
    }

    /// What is kept of each clip, `values` \[B, C\], mixed in the shares of power: s v + (1 - s) v of the partner.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn in_shares(&self, values: &Tensor) -> Result<Tensor> {
        let own = values.f_mul(&self.share)?;
        let other = self.share.f_neg()?.f_add_scalar(1.0)?;
        Ok(own.f_add(&self.partners(values)?.f_mul(&other)?)?)
    }

    /// The larger of each clip's `values` \[B, C\] and its partner's.
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn either(&self, values: &Tensor) -> Result<Tensor> {
        Ok(values.f_maximum(&self.partners(values)?)?)
    }

    /// Labels and mask of the mixes: present if either clip is known to be, absent if both are, else unknown.
    pub(super) fn known(&self, labels: &Tensor, mask: &Tensor) -> Result<(Tensor, Tensor)> {
        let present = self.either(labels)?;
        let known = present.f_maximum(&mask.f_mul(&self.partners(mask)?)?)?;
        Ok((present, known))
    }

    /// The partners' `values` \[B, C\]; a clip's own where it is not mixed.
    fn partners(&self, values: &Tensor) -> Result<Tensor> {
        Ok(values.f_index_select(0, &self.partner)?)
    }

    /// Places in the batch of the clips that are heard alone.
    #[must_use]
    pub fn alone(&self) -> &[i64] {
        &self.alone
    }

    /// 1 for clips that are heard alone and else 0, f32 \[B, 1\].
    ///
    /// # Errors
    /// Errors of libtorch.
    pub fn is_alone(&self) -> Result<Tensor> {
        let none = Tensor::f_zeros(self.share.size(), (Kind::Float, self.share.device()))?;
        Ok(none.f_index_fill(0, &upload(&self.alone, self.share.device())?, 1.0)?)
    }
}
