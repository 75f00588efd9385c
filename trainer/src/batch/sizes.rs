//! Defines how many threads load, how many buffers they share, and how many steps a device is given ahead.

use tch::Device;

/// Threads that copy rows; one keeps a GPU fed, since a row is copied in microseconds and images are made on the
/// device.
pub const THREADS: usize = 2;

/// Steps that a GPU is given before their outcomes are read. Reading one waits until everything queued is done
/// (libtorch gives us no events to wait for less), so the device runs dry once in so many steps, and otherwise has the
/// next step while it works.
const UNREAD_STEPS_ON_GPU: usize = 2;

/// Batch buffers of training: one for each loader thread, those whose step is not read yet, one full.
pub const TRAINING_BUFFERS: usize = THREADS + UNREAD_STEPS_ON_GPU + 1;

/// Batch buffers of scoring: one for each loader thread, one in use on the device, one full.
pub const SCORING_BUFFERS: usize = THREADS + 2;

/// Steps taken before their outcomes are read. On the CPU a step is done when it returns, so there is nothing to gain.
#[must_use]
pub fn unread_steps(device: Device) -> usize {
    if device.is_cuda() { UNREAD_STEPS_ON_GPU } else { 1 }
}
