//! Provides batch buffers: host memory that threads fill and the device takes from; the crate's only unsafe code.
#![allow(
    unsafe_code,
    reason = "tch gives no safe way to write into a tensor; see `Buffer::bytes_mut`"
)]

use shardfmt::{ClipSpec, Dtype};
use tch::{Device, Kind, Tensor};

use crate::error::Result;

/// Host memory for the clips of one batch as they are loaded; pinned where the device is a GPU, so that the upload
/// needs no second copy. libtorch aligns it to 64 bytes, which copies from page-aligned records need to be fast.
#[derive(Debug)]
pub struct Buffer {
    /// `[rows, channels, height, width]`, contiguous, on the host; no other handle to it leaves this module.
    tensor: Tensor,
    clip_bytes: usize,
    rows: usize,
}

impl Buffer {
    /// Memory for `rows` clips that are going to `device`.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) if there is no memory for it.
    pub fn new(spec: ClipSpec, rows: usize, device: Device) -> Result<Self> {
        let kind = match spec.dtype {
            Dtype::U8 => Kind::Uint8,
            Dtype::F16 => Kind::Half,
            Dtype::F32 => Kind::Float,
        };
        let channels = spec.channels.unwrap_or(1);
        let shape = [rows as i64, channels.into(), spec.height.into(), spec.width.into()];
        let mut tensor = Tensor::f_zeros(shape, (kind, Device::Cpu))?;
        if device.is_cuda() {
            tensor = tensor.f_pin_memory(device)?;
        }
        let clip_bytes = spec.clip_bytes();
        Ok(Self {
            tensor,
            clip_bytes,
            rows,
        })
    }

    /// Clips there is room for.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of a clip.
    #[must_use]
    pub fn clip_bytes(&self) -> usize {
        self.clip_bytes
    }

    /// The memory, clip after clip.
    ///
    /// A copy to a GPU may still be reading it after [`Buffer::upload`] has returned: fill it again only after
    /// something that waits for the device, such as reading a value computed from that batch.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let bytes = self.rows * self.clip_bytes;
        // SAFETY: `new` allocated `rows` clips of `clip_bytes` bytes, contiguous and initialised, and the tensor lives
        // as long as `self`. Any bit pattern is a value of its kinds. The tensor itself never leaves this module and
        // `upload` hands out copies only, so with `&mut self` nothing on the host reads or writes this memory
        // meanwhile. What the device may still read of it, at worst, is another clip's picture.
        unsafe { std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast::<u8>(), bytes) }
    }

    /// The first `rows` clips on `device` as `f32` stored values, `[rows, channels, height, width]`. They cross the bus
    /// as they are loaded, without waiting; the conversion happens there.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch).
    pub fn upload(&self, rows: usize, device: Device) -> Result<Tensor> {
        let filled = self.tensor.f_narrow(0, 0, rows as i64)?;
        if device.is_cuda() {
            let there = filled.f_to_device_(device, filled.kind(), true, true)?;
            Ok(there.f_to_kind(Kind::Float)?)
        } else {
            // With `copy`, also where the kind is the same: no handle to the buffer gets out.
            Ok(filled.f_to_dtype(Kind::Float, false, true)?)
        }
    }
}
