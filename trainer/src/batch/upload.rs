//! Uploads small tensors to the device.

use tch::kind::Element;
use tch::{Device, Tensor};

use crate::error::Result;

/// `values` on `device`, one dimension.
///
/// To a GPU they go through pinned memory and without waiting for what is queued there, so that a step can be queued
/// while the one before is computed; libtorch keeps that memory until the copy is done.
///
/// # Errors
/// Errors of libtorch.
pub(crate) fn upload<T: Element>(values: &[T], device: Device) -> Result<Tensor> {
    let here = Tensor::f_from_slice(values)?;
    if !device.is_cuda() {
        return Ok(here);
    }
    let pinned = here.f_pin_memory(device)?;
    Ok(pinned.f_to_device_(device, pinned.f_kind()?, true, false)?)
}
