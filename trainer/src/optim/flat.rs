//! Defines one buffer for the tensors of a group, and one for their gradients, so that a step is a handful of kernels.

use tch::Tensor;

use crate::error::{Error, Result};
use crate::state::Named;

/// Tensors that live in one buffer, gradients in another; the tensors keep their shapes and strides as views.
pub(super) struct Flat {
    /// All values, one after another.
    pub values: Tensor,
    /// All gradients, in the same places.
    pub gradients: Tensor,
    tensors: Vec<Named>,
}

impl Flat {
    /// Moves dense leaf tensors that require a gradient into one buffer. Whoever holds them holds views of it from now
    /// on.
    pub(super) fn new(tensors: Vec<Named>) -> Result<Self> {
        let Some((_, first)) = tensors.first() else {
            let empty = || Tensor::f_zeros(0, (tch::Kind::Float, tch::Device::Cpu));
            return Ok(Self {
                values: empty()?,
                gradients: empty()?,
                tensors,
            });
        };
        let options = (first.f_kind()?, first.device());
        if let Some((name, other)) = tensors
            .iter()
            .find(|(_, other)| (other.kind(), other.device()) != options)
        {
            let (kind, device) = (other.kind(), other.device());
            return Err(Error::setting(
                name,
                format!("{kind:?} on {device:?}, in a group of {options:?}"),
            ));
        }
        let numel: i64 = tensors.iter().map(|(_, tensor)| count(tensor)).sum();
        let flat = Self {
            values: Tensor::f_zeros(numel, options)?,
            gradients: Tensor::f_zeros(numel, options)?,
            tensors,
        };
        let values = flat.views(&flat.values)?;
        for ((_, view), (_, tensor)) in values.iter().zip(&flat.tensors) {
            tch::no_grad(|| view.shallow_clone().f_copy_(tensor))?;
            tensor.shallow_clone().f_set_data(view)?;
        }
        flat.place_gradients()?;
        Ok(flat)
    }

    /// Makes every tensor's gradient a view of the buffer: libtorch adds to a gradient in place once there is one, and
    /// a backward pass is the only way to have one.
    fn place_gradients(&self) -> Result<()> {
        let sums = self
            .tensors
            .iter()
            .map(|(_, tensor)| Ok(tensor.f_sum(None)?))
            .collect::<Result<Vec<_>>>()?;
        Tensor::f_stack(&sums, 0)?.f_sum(None)?.f_backward()?;
        for ((_, tensor), (_, view)) in self.tensors.iter().zip(self.views(&self.gradients)?) {
            tensor.f_grad()?.f_set_data(&view)?;
        }
        Ok(())
    }

    /// A buffer of zeros with a place for every value.
    pub(super) fn zeros(&self) -> Result<Tensor> {
        Ok(self.values.f_zeros_like()?)
    }

    /// Views of `buffer` in the places, names and shapes of the tensors.
    pub(super) fn views(&self, buffer: &Tensor) -> Result<Vec<Named>> {
        let mut offset = 0;
        let view = |(name, tensor): &Named| -> Result<Named> {
            let view = buffer.f_as_strided(tensor.size(), tensor.stride(), offset)?;
            offset += count(tensor);
            Ok((name.clone(), view))
        };
        self.tensors.iter().map(view).collect()
    }
}

fn count(tensor: &Tensor) -> i64 {
    tensor.size().iter().product()
}
