//! Defines the one error type of the crate.

use std::path::{Path, PathBuf};

use shardfmt::Split;

/// What can go wrong in training and evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the dataset could not be read or is damaged; the message says which and where.
    #[error(transparent)]
    Dataset(#[from] shardfmt::Error),
    /// libtorch refused an operation. Without memory, take a smaller batch; anything else is a fault of this program.
    #[error("libtorch: {}", of_libtorch(&.0.to_string()))]
    Torch(tch::TchError),
    /// A file could not be read or written; see that its folder exists, is writable and has room.
    #[error("cannot {what} {path}: {cause}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb.
        what: &'static str,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// A checkpoint is damaged or incomplete; resume from another one, or start the run anew.
    #[error("checkpoint {path}: {reason}", path = path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The loss is no longer a finite number: a lower learning rate or another method may help.
    #[error(
        "the loss of step {step} in epoch {epoch} is {loss}; recordings of the batch: {assets:?}; the state was saved in {saved}{further}; \
         try a lower learning rate",
        saved = saved.display(), further = further(*ahead)
    )]
    NotFinite {
        /// Steps since the start of the run.
        step: u64,
        /// Epoch, from 1.
        epoch: u32,
        /// What the loss was.
        loss: f64,
        /// Asset ids of the clips in the batch, in order.
        assets: Vec<i64>,
        /// Steps that a GPU had been given beyond that one before it was known: as many the saved weights may be further than the rest of
        /// the state.
        ahead: usize,
        /// Where the state after that step lies.
        saved: PathBuf,
    },
    /// A run of a benchmark failed in the process that trained it; its log has more.
    #[error("{run}: {reason}; see {log}", run = run.display(), log = log.display())]
    Worker {
        /// Folder of the run.
        run: PathBuf,
        /// What went wrong.
        reason: String,
        /// Log of the process.
        log: PathBuf,
    },
    /// A run cannot be resumed with what was asked: leave out the settings named, so that they stay as they are in the run, or begin another
    /// run in another folder.
    #[error(
        "{run} cannot go on with other settings than it began with; each is given as in the run -> as asked for: {differences}. Leave them out, \
         or begin another run with another --out",
        run = run.display(), differences = differences.join("; ")
    )]
    OtherRun {
        /// The run's folder.
        run: PathBuf,
        /// What differs: name, recorded and asked value.
        differences: Vec<String>,
    },
    /// A setting of a run makes no sense; correct it on the command line or in the configuration file.
    #[error("{setting}: {reason}")]
    Setting {
        /// Name of the setting as in the configuration file.
        setting: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// Saved tensors do not fit what they are loaded into; take a file of the same architecture, classes and settings.
    #[error(
        "{of}: saved tensors do not fit{}; take a file of the same architecture, classes and settings",
        misfit(missing, unexpected, other_shape)
    )]
    State {
        /// What they were loaded into.
        of: String,
        /// Names that are needed and not there.
        missing: Vec<String>,
        /// Names that are there and not needed.
        unexpected: Vec<String>,
        /// Names with the shape found and the shape needed.
        other_shape: Vec<String>,
    },
    /// Tensors of one batch do not belong together: a fault of the code that made the batch.
    #[error("{what}: shape {got:?} instead of {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape it must have.
        expected: Vec<i64>,
        /// The shape it has.
        got: Vec<i64>,
    },
    /// The dataset cannot be used as asked, as it is.
    #[error("{dataset}: {reason}", dataset = dataset.display())]
    Unsuitable {
        /// The dataset's folder.
        dataset: PathBuf,
        /// What is missing and what to do.
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
    /// The model has diverged: lower the learning rate, or start from an earlier checkpoint.
    #[error(
        "the score of row {row}, class {class} is not a number: the model has diverged; lower the learning rate, or take an earlier checkpoint"
    )]
    ScoreNotANumber {
        /// Row of the scores, from 0.
        row: usize,
        /// Class index.
        class: usize,
    },
    /// No clip of the split has all its classes known. Annotate some completely, or evaluate another split.
    #[error(
        "no clip{} has every class known ({left_out} have not), so there is nothing to measure on; annotate some recordings of it completely{}",
        of_split(*split),
        unless(*split)
    )]
    NothingToMeasure {
        /// The split, where it is known.
        split: Option<Split>,
        /// Clips left out.
        left_out: u64,
    },
    /// A file of a run's folder is damaged, or not of this version. Restore it, or start a new run.
    #[error("{path}: {reason}", path = path.display())]
    RunFile {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The images or classes of a dataset are not those a run was trained on. Use a dataset built with the same settings and
    /// classes, or train anew.
    #[error(
        "{dataset} does not fit the run in {run}: {differences}; give a dataset built with the run's settings and classes, or train anew with \
         another --out",
        dataset = dataset.display(), run = run.display()
    )]
    OtherDataset {
        /// The run's folder.
        run: PathBuf,
        /// The dataset's folder.
        dataset: PathBuf,
        /// What differs, one after another.
        differences: String,
    },
}

// Not as its source, which would be printed once more, with libtorch's call stack.
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
    pub(crate) fn io(path: &Path, what: &'static str, cause: std::io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Io { path, what, cause }
    }

    /// An [`Error::Setting`].
    pub(crate) fn setting(setting: impl Into<String>, reason: impl Into<String>) -> Self {
        let (setting, reason) = (setting.into(), reason.into());
        Self::Setting { setting, reason }
    }
}

/// What libtorch says, without its own call stack, and what to do where that is known.
pub(crate) fn of_libtorch(text: &str) -> String {
    let first = text.lines().next().unwrap_or("no reason given");
    let first = first.trim_start_matches("Internal torch error: ").trim_end_matches('.');
    let full = ["out of memory", "can't allocate memory"]
        .iter()
        .any(|words| text.contains(words));
    format!("{first}{}", if full { "; take a smaller --batch" } else { "" })
}

/// How much further saved weights may be.
fn further(ahead: usize) -> String {
    if ahead == 0 {
        String::new()
    } else {
        format!(", its weights up to {ahead} step further, which the GPU had been given already")
    }
}

/// The way out where a split cannot be measured.
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
