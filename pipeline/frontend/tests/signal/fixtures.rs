//! Finds fixtures and recordings, and reads their tensors.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// The folder of fixtures: `L48_FIXTURES`, or the committed copy.
pub(crate) fn fixture(name: &str) -> PathBuf {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    std::env::var_os("L48_FIXTURES")
        .map_or_else(committed, PathBuf::from)
        .join(name)
}

/// The folder of recordings, or `None` with a line that says what is not tested.
#[allow(clippy::print_stderr, reason = "a skipped test must be visible")]
pub(crate) fn recordings(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("L48_DATA").map(|data| Path::new(&data).join("audio"));
    if folder.is_none() {
        eprintln!("SKIPPED: set L48_DATA to the folder that holds audio/ to run {test}");
    }
    folder
}

/// Reads a JSON file.
pub(crate) fn json(name: &str) -> Value {
    let path = fixture(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// A tensor converted to `f32`, with its shape.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Tensor {
    /// Row `index` of the first axis.
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        let size = self.shape[1..].iter().product::<usize>();
        &self.values[index * size..(index + 1) * size]
    }

    /// Length of the first axis.
    pub(crate) fn rows(&self) -> usize {
        self.shape[0]
    }
}

/// A file of tensors.
pub(crate) struct Tensors {
    bytes: Vec<u8>,
    name: String,
}

impl Tensors {
    pub(crate) fn open(name: &str) -> Self {
        let path = fixture(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self {
            bytes,
            name: name.to_owned(),
        }
    }

    /// The tensor, or `None` where a reduced copy of the fixture leaves it out.
    pub(crate) fn find(&self, tensor: &str) -> Option<Tensor> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(tensor).ok()?;
        let data = view.data();
        let values = match view.dtype() {
            Dtype::F32 => data
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::I16 => data
                .chunks_exact(2)
                .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])))
                .collect(),
            Dtype::U8 => data.iter().map(|&byte| f32::from(byte)).collect(),
            dtype => panic!("{}: {tensor} has dtype {dtype:?}", self.name),
        };
        Some(Tensor {
            shape: view.shape().to_vec(),
            values,
        })
    }

    /// The tensor; a fixture without it is an error.
    pub(crate) fn get(&self, tensor: &str) -> Tensor {
        self.find(tensor)
            .unwrap_or_else(|| panic!("{} has no tensor {tensor}", self.name))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        file.names().into_iter().map(|name| name.to_string()).collect()
    }
}

/// Root of the mean square.
pub(crate) fn rms(samples: &[f32]) -> f64 {
    let sum = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    (sum / samples.len().max(1) as f64).sqrt()
}
