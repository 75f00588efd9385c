//! Provides `metrics.jsonl`: an event a line, and the cut back to a checkpoint that a resume begins with.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use shardfmt::Operation;

/// Appends events to a file as JSON, one a line.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventLog {
    /// Appends to the log at `path`, or begins it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = BufWriter::new(file.map_err(|cause| Error::io(path, Operation::Open, cause))?);
        Ok(Self {
            path: path.to_path_buf(),
            file,
        })
    }
}

impl Observer for EventLog {
    fn observe(&mut self, event: &Event) -> Result<()> {
        // The log of a resumed run already has its start.
        if matches!(
            event,
            Event::Scored { .. }
                | Event::Started {
                    resumed_at_step: 1..,
                    ..
                }
        ) {
            return Ok(());
        }
        let fail = |cause: std::io::Error| Error::io(&self.path, Operation::Write, cause);
        let mut line = serde_json::to_vec(event).map_err(|error| fail(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(fail)
    }

    fn flush(&mut self) -> Result<()> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(|cause| Error::io(&self.path, Operation::Sync, cause))
    }
}

/// The events in the log at `path`; none if the file is missing. A torn last line is left out.
///
/// # Errors
/// [`Error::Io`]; [`Error::RunFile`] naming the line for one that is not a valid event.
pub fn read_events(path: &Path) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    scan(path, |event, _| {
        events.push(event?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(events)
}

/// Cuts the log at `path` after the checkpoint of `step`: after the line that reports it, or, without such a line,
/// after the last event up to that step. A torn last line goes too. A missing file is left so.
///
/// # Errors
/// [`Error::Io`]; [`Error::RunFile`] naming a line that is not a valid event, unless it is cut off anyway.
pub fn cut_back(path: &Path, step: u64) -> Result<()> {
    // Ends of the line that reports the checkpoint, and of the last line that is not after its step.
    let (mut of_checkpoint, mut of_step, mut passed) = (None, 0, false);
    scan(path, |event, end| {
        let event = match event {
            Ok(event) => event,
            Err(_) if of_checkpoint.is_some() => return Ok(ControlFlow::Break(())),
            Err(error) => return Err(error),
        };
        passed |= step_of(&event).is_some_and(|at| at > step);
        if !passed {
            of_step = end;
        }
        if matches!(event, Event::Checkpoint { step: at, .. } if at == step) {
            of_checkpoint = Some(end);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if !path.exists() {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path);
    let cut = file.and_then(|file| {
        file.set_len(of_checkpoint.unwrap_or(of_step))?;
        file.sync_all()
    });
    cut.map_err(|cause| Error::io(path, Operation::Cut, cause))
}

/// Steps done when an event happened, if it has them.
fn step_of(event: &Event) -> Option<u64> {
    match event {
        Event::Step { step, .. }
        | Event::Epoch { step, .. }
        | Event::Evaluated { step, .. }
        | Event::Checkpoint { step, .. } => Some(*step),
        // A resumed run diverges again.
        Event::Diverged { .. } => Some(u64::MAX),
        Event::Started { resumed_at_step, .. } => Some(*resumed_at_step),
        Event::Note { .. }
        | Event::Scored { .. }
        | Event::AssetTable(_)
        | Event::Timing { .. }
        | Event::Finished { .. } => None,
    }
}

/// Passes `visit` each event, or the error of its line, with the offset of the line's end.
fn scan(path: &Path, mut visit: impl FnMut(Result<Event>, u64) -> Result<ControlFlow<()>>) -> Result<()> {
    let fail = |cause| Error::io(path, Operation::Read, cause);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(Error::io(path, Operation::Open, cause)),
    };
    let (mut reader, mut line, mut end) = (BufReader::new(file), Vec::new(), 0);
    for number in 1_u64.. {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line).map_err(fail)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        end += bytes as u64;
        let event = match serde_json::from_slice(&line) {
            Ok(event) => Ok(event),
            // A crash of the system may leave a last line of the right length with nothing in it.
            Err(_) if reader.fill_buf().map_err(fail)?.is_empty() => break,
            Err(error) => {
                let reason =
                    format!("line {number} is not a valid event: {error}; remove the line, or start a new run");
                let path = path.to_path_buf();
                Err(Error::RunFile { path, reason })
            }
        };
        if visit(event, end)?.is_break() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn step(step: u64) -> Event {
        Event::Step {
            epoch: 1,
            step,
            loss: 0.1 + step as f64,
            asset_reg: None,
        }
    }

    fn checkpoint(step: u64) -> Event {
        Event::Checkpoint {
            epoch: 1,
            step,
            best: false,
        }
    }

    fn timing() -> Event {
        Event::Timing {
            epoch: 1,
            train_s: 1.0,
            clips_per_s: 2.0,
        }
    }

    fn log(path: &Path, events: &[Event]) {
        let mut log = EventLog::open(path).unwrap();
        events.iter().try_for_each(|event| log.observe(event)).unwrap();
        log.flush().unwrap();
    }

    #[test]
    fn a_resumed_log_equals_an_uninterrupted_one_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let evaluated = Event::Epoch {
            epoch: 1,
            step: 2,
            loss: 1.0 / 3.0,
            rows: 5,
        };
        // Within an epoch's last step, what ends the epoch comes after the checkpoint and has its step.
        let before = [step(1), step(2), timing(), checkpoint(2)];
        let after = [evaluated, timing(), step(3), step(4), checkpoint(4), timing()];
        log(&path, &before);
        let kept = std::fs::read(&path).unwrap();
        log(&path, &after);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read_events(&path).unwrap(), [&before[..], &after[..]].concat());
        for length in kept.len()..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            cut_back(&path, 2).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), kept, "torn at {length}");
            log(&path, &after);
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
        cut_back(&path, 0).unwrap();
        assert!(read_events(&path).unwrap().is_empty());
    }

    #[test]
    fn without_its_line_a_checkpoint_is_cut_to_by_steps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        log(&path, &[step(1), timing(), step(2), checkpoint(1), step(3)]);
        cut_back(&path, 2).unwrap();
        assert_eq!(read_events(&path).unwrap(), [step(1), timing(), step(2), checkpoint(1)]);
        cut_back(&path, 9).unwrap();
        assert_eq!(read_events(&path).unwrap().len(), 4);
    }

    #[test]
    fn a_missing_log_is_empty_and_a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        cut_back(&path, 1).unwrap();
        assert!(!path.exists() && read_events(&path).unwrap().is_empty());
        log(&path, &[step(1), step(2), step(3)]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"step\":2", "\"step\":x", 1)).unwrap();
        let error = read_events(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 2 is not a valid event"), "{error}");
        assert!(matches!(cut_back(&path, 1), Err(Error::RunFile { .. })));
        let reported = format!(
            "{}\n{}",
            serde_json::to_string(&checkpoint(1)).unwrap(),
            std::fs::read_to_string(&path).unwrap()
        );
        std::fs::write(&path, reported).unwrap();
        cut_back(&path, 1).unwrap();
        assert_eq!(
            read_events(&path).unwrap(),
            [checkpoint(1)],
            "the damaged line goes anyway"
        );
        std::fs::write(&path, text.replacen("\"step\":3", "\"step\":x", 1)).unwrap();
        assert_eq!(read_events(&path).unwrap(), [step(1), step(2)], "the last line is torn");
    }
}
