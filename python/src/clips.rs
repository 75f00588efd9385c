//! Defines `NativeClips`, the windows of a recording as a run of `l48-train` sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use frontend::recordings::{RecordingReader, Waveform};
use frontend::source::{AssetReader, Rejected};
use frontend::spectrogram::Scratch;
use frontend::window::Decimal;
use frontend::{Frontend, RecordedImages};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use serde::Deserialize;
use serde_json::Value;
use shardfmt::sealed::unseal;
use shardfmt::{Axes, ClipSpec, ValueScale};

use crate::error::{raised, unreadable};

/// What `run.json` says of the images that a run was trained on.
#[derive(Deserialize)]
struct Run {
    dataset: RunImages,
}

#[derive(Deserialize)]
struct RunImages {
    clips: ClipSpec,
    axes: Axes,
    values: ValueScale,
    #[serde(alias = "settings")]
    image: BTreeMap<String, Value>,
}

/// The recording being read.
struct Reading {
    reader: RecordingReader,
    clip: Waveform,
    scratch: Scratch,
    image: Vec<u8>,
    windows: u64,
}

/// The windows of a recording, one after the other.
#[pyclass(frozen, module = "l48._native")]
pub(crate) struct NativeClips {
    path: PathBuf,
    frontend: Frontend,
    reading: Mutex<Reading>,
}

#[pymethods]
impl NativeClips {
    /// Opens a recording to be cut and rendered as the record of a run says; windows lie end to end, or start `hop_s`
    /// after one another.
    #[new]
    #[pyo3(signature = (path, record, hop_s = None))]
    fn open(py: Python<'_>, path: PathBuf, record: PathBuf, hop_s: Option<f64>) -> PyResult<Self> {
        let hop_s = hop_s.map(Decimal::try_from).transpose();
        let hop_s = hop_s.map_err(|error| PyValueError::new_err(format!("hop_s: {error}")))?;
        let frontend = frontend(py, &record, hop_s)?;
        let reader = py
            .detach(|| frontend.open(&path))
            .map_err(|rejected| refused(py, &path, &rejected))?;
        let reading = Mutex::new(Reading {
            reader,
            clip: Waveform::default(),
            scratch: frontend.scratch(),
            image: vec![0; frontend.log_mel().bytes()],
            windows: 0,
        });
        Ok(NativeClips {
            path,
            frontend,
            reading,
        })
    }

    /// Number type, height and width of an image.
    #[getter]
    fn shape(&self) -> (&'static str, u32, u32) {
        let spec = self.frontend.clip_spec();
        (spec.dtype.name(), spec.height, spec.width)
    }

    /// The next image with its start and the end of its sound in seconds; `None` at the end of the recording.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyBytes>, f64, f64)>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = &mut *reading;
        let more = py.detach(|| {
            let more = reading.reader.next(&mut reading.clip)?;
            if more {
                self.frontend
                    .render(&reading.clip, &mut reading.scratch, &mut reading.image);
            }
            Ok(more)
        });
        if !more.map_err(|rejected: Rejected| refused(py, &self.path, &rejected))? {
            return Ok(None);
        }
        let start = self.frontend.windowing().start(reading.windows);
        let end = start.saturating_add(reading.clip.valid_samples as u64);
        reading.windows += 1;
        let [start_s, end_s] = [start, end].map(|sample| sample as f64 / self.frontend.rate_hz());
        Ok(Some((PyBytes::new(py, &reading.image), start_s, end_s)))
    }
}

fn frontend(py: Python<'_>, record: &Path, hop_s: Option<Decimal>) -> PyResult<Frontend> {
    let bytes = std::fs::read(record)?;
    let json = unseal(&bytes, record).map_err(|error| raised(py, &error))?;
    let run: Run = serde_json::from_str(json).map_err(|error| unreadable(py, record, &error.to_string()))?;
    let images = RecordedImages {
        sections: &run.dataset.image,
        clips: run.dataset.clips,
        axes: &run.dataset.axes,
        values: &run.dataset.values,
    };
    images
        .frontend(hop_s)
        .map_err(|error| unreadable(py, record, &error.to_string()))
}

/// The exception for a recording that is refused.
fn refused(py: Python<'_>, path: &Path, rejected: &Rejected) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let place = PyDict::new(py);
        place.set_item("path", path.to_path_buf())?;
        place.set_item("stage", &rejected.stage)?;
        let message = format!("{}: {}", path.display(), rejected.reason);
        let raised = py
            .import("l48.errors")?
            .getattr("RecordingError")?
            .call((message,), Some(&place))?;
        Ok(PyErr::from_value(raised))
    };
    raise().unwrap_or_else(|failed| failed)
}
