//! Defines the extension module `l48._native`: what the Python package calls.

mod batch;
mod buffer;
mod clips;
mod dataset;
mod error;
mod memory;
mod order;
mod selection;
mod stream;
mod trained;

use std::ffi::OsString;

use pyo3::prelude::*;

/// The extension module of the package `l48`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::buffer::NativeBuffer;
    #[pymodule_export]
    use super::clips::NativeClips;
    #[pymodule_export]
    use super::dataset::NativeDataset;
    #[pymodule_export]
    use super::memory::Memory;
    #[pymodule_export]
    use super::order::NativeOrder;
    #[pymodule_export]
    use super::program;
    #[pymodule_export]
    use super::selection::NativeSelection;
    #[pymodule_export]
    use super::stream::NativeStream;
    #[pymodule_export]
    use super::trained::{asset_start, shuffled_assets, unseal};
}

/// Runs the program `l48` with its command line, the program's name first, and returns its exit code. Other Python
/// threads go on meanwhile.
#[pyfunction]
fn program(py: Python<'_>, args: Vec<OsString>) -> u8 {
    py.detach(|| l48::cmd::main(args).code())
}
