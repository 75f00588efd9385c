//! Defines the one error type of the crate.

use std::path::{Path, PathBuf};

use shardfmt::{Operation, Split};

/// The errors of training and evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the dataset could not be read or is damaged; the message says which and where.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
    /// A dataset at an address could not be read; the message says what to do.
    #[error(transparent)]
    Store(#[from] storage::Error),
    /// Clips could not be selected, ordered or loaded; the message says what to do.
    #[error(transparent)]
    Loader(#[from] loader::Error),
    /// libtorch failed. If memory is short, use a smaller batch; anything else is a bug of this program.
    #[error("libtorch: {}", of_libtorch(&.0.to_string()))]
    Torch(tch::TchError),
    /// A file operation failed: check the path, its permissions and the free space.
    #[error("cannot {operation} {path}: {cause}{need}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as an infinitive ("write", "rename to").
        operation: Operation,
        /// The system's reason.
        cause: std::io::Error,
        /// What is needed instead: see [`need`](shardfmt::need::need).
        need: String,
    },
    /// A checkpoint is damaged or incomplete; resume from another one, or start a new run.
    #[error("checkpoint {path}: {reason}", path = path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The loss is no longer a finite number: a lower learning rate or another method may help.
    #[error(
        "the loss of step {step} in epoch {epoch} is {loss}; recordings of the batch: {assets:?}; the state was \
         saved in {saved}{further}; try a lower learning rate",
        saved = saved.display(), further = further(*ahead)
    )]
    NotFinite {
        /// Steps since the start of the run.
        step: u64,
        /// Epoch, from 1.
        epoch: u32,
        /// The loss: NaN or infinite.
        loss: f64,
        /// Asset ids of the clips in the batch, in order.
        assets: Vec<i64>,
        /// Steps that a GPU had been given beyond that one before its loss was read; the saved weights may include
        /// them.
        ahead: usize,
        /// Folder of the saved state.
        saved: PathBuf,
    },
    /// A run of a benchmark failed in its worker process; see its log.
    #[error("{run}: {reason}; see {log}", run = run.display(), log = log.display())]
    Worker {
        /// Folder of the run.
        run: PathBuf,
        /// The failure.
        reason: String,
        /// Log of the process.
        log: PathBuf,
    },
    /// A run cannot be resumed with other settings. Leave out those named, so that the run keeps its own, or start
    /// another run in another folder.
    #[error(
        "{run} cannot be resumed with other settings (in the run -> requested): {differences}; leave them out, or \
         start another run with another --out",
        run = run.display(), differences = differences.join("; ")
    )]
    OtherRun {
        /// The run's folder.
        run: PathBuf,
        /// The differences: name, value in the run, value requested.
        differences: Vec<String>,
    },
    /// A setting is invalid; correct it on the command line or in the configuration file.
    #[error("{setting}: {reason}")]
    Setting {
        /// Name of the setting as in the configuration file.
        setting: String,
        /// The fault, and what is allowed.
        reason: String,
    },
    /// Saved tensors do not fit what they are loaded into; use a file of the same architecture, classes and settings.
    #[error(
        "{of}: saved tensors do not fit{}; use a file of the same architecture, classes and settings",
        misfit(missing, unexpected, other_shape)
    )]
    State {
        /// Whose state it is.
        of: String,
        /// Names that are missing.
        missing: Vec<String>,
        /// Names that are not expected.
        unexpected: Vec<String>,
        /// Names with the shape found and the shape needed.
        other_shape: Vec<String>,
    },
    /// Recordings cannot be cut or rendered as a setting says; the message names it.
    #[error(transparent)]
    Frontend(#[from] frontend::Error),
    /// A table given on the command line cannot be used. Correct the file at the place named.
    #[error("{path}{}: {reason}", at_line(*line), path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<u64>,
        /// The fault.
        reason: String,
    },
    /// A folder of detections cannot be continued with other settings. Give the same ones, or another folder.
    #[error(
        "{folder} cannot be continued with other settings (there -> requested): {differences}; give the same ones, or \
         another --out",
        folder = folder.display(), differences = differences.join("; ")
    )]
    OtherDetections {
        /// The folder.
        folder: PathBuf,
        /// The differences: name, value there, value requested.
        differences: Vec<String>,
    },
    /// Too little is known of the clips of val to calibrate scores, or the scores say nothing. Annotate more of its
    /// recordings completely.
    #[error(
        "nothing can be calibrated: val has {positives} known positives and {negatives} known negatives of all classes \
         together, of which {} of each are needed, with scores that tell them apart; annotate more of its recordings",
        crate::calibration::LEAST_OF_EACH
    )]
    Calibration {
        /// Pairs of clip and class known to be present.
        positives: u64,
        /// Pairs known to be absent.
        negatives: u64,
    },
    /// Tensors of one batch do not fit each other: a bug of the code that made the batch.
    #[error("{what}: shape {got:?} instead of {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape it must have.
        expected: Vec<i64>,
        /// The shape it has.
        got: Vec<i64>,
    },
    /// The dataset lacks something that the run needs.
    #[error("{dataset}: {reason}", dataset = dataset.display())]
    Unsuitable {
        /// The dataset's folder.
        dataset: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
    /// Scores, labels and mask do not fit each other. Fix the caller: all are rows times classes.
    #[error(
        "scores, labels and mask have {sizes:?} entries, which is not the same number of rows of {classes} classes each"
    )]
    ScoreShape {
        /// Entries of the three.
        sizes: [usize; 3],
        /// Classes.
        classes: usize,
    },
    /// The model has diverged: lower the learning rate, or use an earlier checkpoint.
    #[error(
        "the score of row {row}, class {class} is NaN: the model has diverged; lower the learning rate, or use an \
         earlier checkpoint"
    )]
    ScoreNotANumber {
        /// Row of the scores, from 0.
        row: usize,
        /// Class index.
        class: usize,
    },
    /// No clip of the split has all its classes known. Annotate some completely, or evaluate another split.
    #[error(
        "no clip{} has every class known ({left_out} were left out), so there is nothing to measure; annotate some \
         of its recordings completely{}",
        of_split(*split),
        unless(*split)
    )]
    NothingToMeasure {
        /// The split, where it is known.
        split: Option<Split>,
        /// Clips left out.
        left_out: u64,
    },
    /// A file of a run's folder is missing, damaged or of another version. Restore it, or start a new run.
    #[error("{path}: {reason}", path = path.display())]
    RunFile {
        /// The file.
        path: PathBuf,
        /// The fault, and where it is.
        reason: String,
    },
    /// The images or classes of a dataset are not those a run was trained on. Use a dataset built with the same
    /// settings and classes, or start a new run.
    #[error(
        "{dataset} does not fit the run in {run}: {differences}; use a dataset built with the run's settings and \
         classes, or start a new run with another --out",
        dataset = dataset.display(), run = run.display()
    )]
    OtherDataset {
        /// The run's folder.
        run: PathBuf,
        /// The dataset's folder.
        dataset: PathBuf,
        /// The differences.
        differences: String,
    },
}

// Not as a source, which would be printed a second time with libtorch's call stack.
impl From<tch::TchError> for Error {
    fn from(cause: tch::TchError) -> Self {
        Self::Torch(cause)
    }
}

impl Error {
    /// Whether a run diverged: its loss or a score of its model is no longer a number.
    #[must_use]
    pub fn is_divergence(&self) -> bool {
        matches!(self, Self::NotFinite { .. } | Self::ScoreNotANumber { .. })
    }

    /// An [`Error::Io`] for `path`.
    pub(crate) fn io(path: &Path, operation: Operation, cause: std::io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            operation,
            need: shardfmt::need::need(operation, path, &cause),
            cause,
        }
    }

    /// An [`Error::Setting`].
    pub(crate) fn setting(setting: impl Into<String>, reason: impl Into<String>) -> Self {
        let (setting, reason) = (setting.into(), reason.into());
        Self::Setting { setting, reason }
    }
}

/// The message of libtorch without its call stack, with a remedy where one is known.
pub(crate) fn of_libtorch(text: &str) -> String {
    let first = text.lines().next().unwrap_or("no reason given");
    let first = first.trim_start_matches("Internal torch error: ").trim_end_matches('.');
    let full = ["out of memory", "can't allocate memory"]
        .iter()
        .any(|words| text.contains(words));
    format!("{first}{}", if full { "; use a smaller --batch" } else { "" })
}

/// The line in [`Error::Table`], if it is one.
fn at_line(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

/// Says how far saved weights may be ahead of the rest of the state.
fn further(ahead: usize) -> String {
    if ahead == 0 {
        String::new()
    } else {
        format!(" (its weights up to {ahead} steps further, which the GPU had already been given)")
    }
}

/// The alternative to measuring a split, if there is one.
fn unless(split: Option<Split>) -> &'static str {
    match split {
        Some(Split::Test) => ", or train with --no-test",
        _ => "",
    }
}

/// Names the split in [`Error::NothingToMeasure`].
fn of_split(split: Option<Split>) -> String {
    split.map_or_else(String::new, |split| format!(" of split {}", split.as_str()))
}

/// The lists of [`Error::State`] that are not empty.
fn misfit(missing: &[String], unexpected: &[String], other_shape: &[String]) -> String {
    [
        ("missing", missing),
        ("unexpected", unexpected),
        ("of another shape", other_shape),
    ]
    .iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| format!("; {what}: {}", names.join(", ")))
    .collect()
}

/// Result of the crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
