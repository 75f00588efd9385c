//! Trains several runs at a time, each in a process of its own: libtorch's number of threads, and what it keeps, are a
//! process's.
//!
//! A worker is this same program: it reads tasks from its standard input, a line each, answers each with a line, and
//! logs to a file.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::run_folder::device_name;
use shardfmt::Operation;

/// Settings of glibc's allocator (mallopt(3)) for a worker: blocks of up to 32 MiB, the maximum, come from the heap,
/// which is trimmed only beyond 256 MiB. Otherwise every step maps its activations again, and a small network spends
/// its time on page faults.
const ALLOCATOR: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "33554432"),
    ("MALLOC_TRIM_THRESHOLD_", "268435456"),
];

/// One run to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Folder of the dataset.
    pub dataset: PathBuf,
    /// Folder of the run; a run in it is resumed.
    pub out: PathBuf,
    /// Its settings.
    pub config: Config,
}

/// The end of a task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The error, if any.
    pub error: Option<String>,
}

/// Trains `tasks` in `jobs` processes, and calls `done` with the index of each finished one at once. After an error no
/// further task is begun; those under way are finished.
///
/// # Errors
/// [`Error::Worker`] for the first run that failed; that of `done`.
pub(super) fn train(
    tasks: &[&Task],
    jobs: usize,
    device: Device,
    logs: &Path,
    mut done: impl FnMut(usize) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, finished) = channel();
    std::thread::scope(|scope| {
        for number in 1..=jobs.min(tasks.len()) {
            let (sender, next, log) = (sender.clone(), &next, logs.join(format!("worker-{number}.log")));
            scope.spawn(move || {
                let mut worker = None;
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(place) else { break };
                    let ended = work(&mut worker, task, device, &log);
                    let failed = ended.is_err();
                    if sender.send(ended.map(|()| place)).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut outcome = Ok(());
        for ended in finished {
            let ended = ended.and_then(&mut done);
            if ended.is_err() && outcome.is_ok() {
                outcome = ended;
                next.store(tasks.len(), Ordering::Relaxed);
            }
        }
        outcome
    })
}

/// Gives a task to the worker, which is started if there is none yet.
fn work(worker: &mut Option<Worker>, task: &Task, device: Device, log: &Path) -> Result<()> {
    let worker = match worker {
        Some(worker) => worker,
        None => worker.insert(Worker::begin(device, log)?),
    };
    worker.train(task).map_err(|reason| Error::Worker {
        run: task.out.clone(),
        reason,
        log: log.to_path_buf(),
    })
}

/// A process that trains; dropping it ends it and waits.
struct Worker {
    child: Child,
    tasks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    fn begin(device: Device, log: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.map_err(|cause| Error::io(log, Operation::Open, cause))?;
        let program =
            std::env::current_exe().map_err(|cause| Error::io(Path::new("l48-train"), Operation::Find, cause))?;
        let unset = ALLOCATOR
            .into_iter()
            .filter(|(name, _)| std::env::var_os(name).is_none());
        let mut child = Command::new(&program)
            .args(["worker", "--device", device_name(device)])
            .envs(unset)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|cause| Error::io(&program, Operation::Start, cause))?;
        let (tasks, answers) = (child.stdin.take(), child.stdout.take());
        let Some(answers) = answers else {
            return Err(Error::io(
                &program,
                Operation::ReadOutput,
                std::io::ErrorKind::BrokenPipe.into(),
            ));
        };
        Ok(Self {
            child,
            tasks,
            answers: BufReader::new(answers),
        })
    }

    /// Runs a task.
    fn train(&mut self, task: &Task) -> std::result::Result<(), String> {
        let mut line = serde_json::to_string(task).map_err(|cause| cause.to_string())?;
        line.push('\n');
        let sent = self.tasks.as_mut().map(|tasks| tasks.write_all(line.as_bytes()));
        let mut answer = String::new();
        let heard = self.answers.read_line(&mut answer);
        if !(matches!(sent, Some(Ok(()))) && matches!(heard, Ok(1..))) {
            return Err("the process that trained it has ended".to_owned());
        }
        let answer: Answer = serde_json::from_str(&answer).map_err(|cause| format!("answer {answer:?}: {cause}"))?;
        answer.error.map_or(Ok(()), Err)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // At the end of its input it exits by itself.
        self.tasks = None;
        let _ = self.child.wait();
    }
}
