//! Defines the latest predictions of training clips, and the mean of those of a group's other clips.

use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::memory;
use crate::state::Named;

/// The latest predictions of N training clips in G groups, for C classes.
///
/// Sums of a group are kept beside them, in f64 so that they stay what their parts add up to: a mean costs as much for
/// a group of a thousand clips as for one of two.
pub(crate) struct Latest {
    /// \[N, C\], 0 where there is none.
    predictions: Tensor,
    /// \[N, C\] or \[N, 1\], 1 where there is one.
    predicted: Tensor,
    /// Sums of the predictions, f64 \[G, C\].
    sums: Tensor,
    /// Their number, \[G, C\] or \[G, 1\].
    counts: Tensor,
}

/// How many clips, groups and classes there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) clips: i64,
    pub(crate) groups: i64,
    pub(crate) classes: i64,
    /// Whether some entries of a clip may be predicted and others not.
    pub(crate) by_entry: bool,
}

impl Latest {
    /// None yet; `setting` is what asks for them.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) with the numbers if they would not fit into memory; errors of
    /// libtorch, also below.
    pub(crate) fn new(setting: &str, extent: Extent, (kind, device): (Kind, Device)) -> Result<Self> {
        let Extent {
            clips, groups, classes, ..
        } = extent;
        let (width, entry_bytes) = if extent.by_entry { (classes, 8) } else { (1, 4) };
        let entries = [clips, classes].map(|n| usize::try_from(n).unwrap_or_default());
        memory::check(
            setting,
            "the latest predictions of the training clips",
            entries,
            entry_bytes,
        )?;
        Ok(Self {
            predictions: Tensor::f_zeros([clips, classes], (kind, device))?,
            predicted: Tensor::f_zeros([clips, width], (kind, device))?,
            sums: Tensor::f_zeros([groups, classes], (Kind::Double, device))?,
            counts: Tensor::f_zeros([groups, width], (kind, device))?,
        })
    }

    /// For each of `clips`, i64 \[B\], whose groups are `groups`, the mean of the latest predictions of the group's
    /// other clips, \[B, C\], and where there is any, a boolean \[B, C\] or \[B, 1\].
    pub(crate) fn of_others(&self, clips: &Tensor, groups: &Tensor) -> Result<[Tensor; 2]> {
        let of = |tensor: &Tensor, places: &Tensor| tensor.f_index_select(0, places);
        let own = of(&self.predictions, clips)?;
        let others = of(&self.counts, groups)?.f_sub(&of(&self.predicted, clips)?)?;
        let sum = of(&self.sums, groups)?.f_sub(&own.f_to_kind(Kind::Double)?)?;
        let mean = sum.f_div(&others.f_clamp_min(1.0)?)?.f_to_kind(own.f_kind()?)?;
        Ok([mean, others.f_gt(0.0)?])
    }

    /// Takes `probabilities`, \[B, C\], of `clips` where `counted`, \[B, C\] or \[B, 1\], is 1. No two clips may be of
    /// one group.
    pub(crate) fn take(
        &mut self,
        [clips, groups]: [&Tensor; 2],
        probabilities: &Tensor,
        counted: &Tensor,
    ) -> Result<()> {
        let of = |tensor: &Tensor, places: &Tensor| tensor.f_index_select(0, places);
        let (before, was) = (of(&self.predictions, clips)?, of(&self.predicted, clips)?);
        let now = probabilities.f_where_self(&counted.f_gt(0.0)?, &before)?;
        let is = was.f_maximum(counted)?;
        let double = |tensor: &Tensor| tensor.f_to_kind(Kind::Double);
        let sums = of(&self.sums, groups)?.f_add(&double(&now)?.f_sub(&double(&before)?)?)?;
        let counts = of(&self.counts, groups)?.f_add(&is.f_sub(&was)?)?;
        let _ = self.predictions.f_index_copy_(0, clips, &now)?;
        let _ = self.predicted.f_index_copy_(0, clips, &is)?;
        let _ = self.sums.f_index_copy_(0, groups, &sums)?;
        let _ = self.counts.f_index_copy_(0, groups, &counts)?;
        Ok(())
    }

    /// The state that a resumed run needs; later predictions change it.
    pub(crate) fn state(&self) -> Vec<Named> {
        let named = |name: &str, tensor: &Tensor| (name.to_owned(), tensor.shallow_clone());
        vec![
            named("predictions", &self.predictions),
            named("predicted", &self.predicted),
            named("sums", &self.sums),
            named("counts", &self.counts),
        ]
    }
}
