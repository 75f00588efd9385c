//! Chooses where to compute, and says so.

use tch::{Cuda, Device};

use crate::cli::DeviceChoice;

/// The device to use; a GPU that was asked for and is not there is replaced by the CPU, with a warning.
pub(super) fn choose(choice: DeviceChoice) -> Device {
    let gpu = choice != DeviceChoice::Cpu && Cuda::is_available();
    match (choice, gpu) {
        (_, true) => {
            // Images of one shape all along: the fastest convolution is worth a search.
            Cuda::cudnn_set_benchmark(true);
            tracing::info!(
                "computing on a GPU ({} visible, the first is used)",
                Cuda::device_count()
            );
            Device::Cuda(0)
        }
        (DeviceChoice::Cuda, false) => {
            tracing::warn!("no CUDA device was found; computing on the CPU instead");
            Device::Cpu
        }
        (DeviceChoice::Auto, false) => {
            tracing::info!("no CUDA device was found; computing on the CPU");
            Device::Cpu
        }
        (DeviceChoice::Cpu, false) => Device::Cpu,
    }
}
