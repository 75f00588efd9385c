//! Provides the names of unfinished files, which say who writes them, and removes those whose writer is gone.
//!
//! An unfinished file `NAME` is the sibling `.NAME.MACHINE-PID-START-RANDOM.tmp`. The random part keeps two writers of
//! one file apart even where locks do nothing (NFS without a lock server, Lustre, some FUSE file systems). The others
//! tell whether the writer still runs: `MACHINE` stands for a boot of a machine and a process namespace on it, `START`
//! for the time the process `PID` began, so that a later process of the same number is another one.
//!
//! Only this machine's processes can be asked. A file of a writer elsewhere counts as one of a live writer until its
//! dataset is committed: then every shard is finished, and whoever still writes one comes too late with an error.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::folder_of;
use crate::error::{Error, Result};
use crate::fail_point;
use crate::need::Operation;

/// A process, told apart from all others that can see a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    machine: u64,
    pid: u32,
    start: u64,
}

/// What is known of the writer of a temporary file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// It runs on this machine.
    Live,
    /// It ran on this machine.
    Dead,
    /// It runs or ran on another machine, or the name does not say.
    Elsewhere,
}

/// Creates a sibling of `path` that no other writer has.
///
/// # Errors
/// The system's.
pub(super) fn create(path: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let temp = path.with_file_name(name_for(path));
        let created = OpenOptions::new().read(true).write(true).create_new(true).open(&temp);
        match created {
            Ok(file) => return Ok((file, temp)),
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(cause),
        }
    }
}

fn name_for(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Its keys come from the system's random numbers and differ at each call.
    let random = RandomState::new().hash_one(std::process::id());
    let Process { machine, pid, start } = Process::this();
    format!(".{name}.{machine:016x}-{pid}-{start}-{random:016x}.tmp")
}

/// Whether a file of this name is unfinished, whoever writes or wrote it.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Whether a file of this name is unfinished and its writer runs on this machine.
#[must_use]
pub fn is_being_written(name: &str) -> bool {
    writer_of(name) == Writer::Live
}

/// Removes the unfinished files in `folder` whose writers have died; others, and those of writers elsewhere, stay.
///
/// # Errors
/// [`Error::Io`]. A folder that is missing holds nothing.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    let fail = |cause| Error::io(folder, Operation::ReadFolder, cause);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(fail(cause)),
    };
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if writer_of(&entry.file_name().to_string_lossy()) == Writer::Dead {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes what writers of the file `path` that have died left in its folder.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_leftovers_beside(path: &Path) -> Result<()> {
    remove_leftovers(folder_of(path))
}

/// Removes a file; one that another process removed meanwhile is removed.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(Error::io(path, Operation::Remove, cause)),
        _ => {}
    }
    fail_point::reach("leftover removed");
    Ok(())
}

fn writer_of(name: &str) -> Writer {
    match Process::in_name(name) {
        Some(process) if process.machine != 0 && process.machine == Process::this().machine => {
            if process.is_running() {
                Writer::Live
            } else {
                Writer::Dead
            }
        }
        _ => Writer::Elsewhere,
    }
}

impl Process {
    /// This process. Its machine is 0 where the system does not say: then nobody takes it for dead.
    fn this() -> Self {
        static THIS: OnceLock<Process> = OnceLock::new();
        *THIS.get_or_init(|| {
            let pid = std::process::id();
            let known = machine().zip(facts_of(pid).map(|facts| facts.start));
            let (machine, start) = known.unwrap_or_default();
            Process { machine, pid, start }
        })
    }

    /// The writer that a temporary name names.
    fn in_name(name: &str) -> Option<Self> {
        let (_, writer) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
        let mut parts = writer.split('-');
        let process = Process {
            machine: u64::from_str_radix(parts.next()?, 16).ok()?,
            pid: parts.next()?.parse().ok()?,
            start: parts.next()?.parse().ok()?,
        };
        u64::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(process)
    }

    /// Whether it runs, asked on its own machine. When in doubt it does.
    fn is_running(&self) -> bool {
        match facts_of(self.pid) {
            Some(facts) => facts.start == self.start && !facts.has_ended,
            None => is_there(self.pid),
        }
    }
}

/// A number for this boot of this machine and the namespace that its process numbers count in.
#[cfg(target_os = "linux")]
fn machine() -> Option<u64> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(BuildHasherDefault::<DefaultHasher>::default().hash_one((boot, namespace)))
}

#[cfg(not(target_os = "linux"))]
fn machine() -> Option<u64> {
    None
}

/// What the system says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    /// When it began, in clock ticks since the machine was started.
    start: u64,
    /// Whether all its threads have ended. Its number stays until the parent asks how it ended: a moment later, or
    /// never where the first process of a container leaves orphans as they are.
    has_ended: bool,
}

fn facts_of(pid: u32) -> Option<Facts> {
    Facts::in_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

impl Facts {
    /// Those in the text of `/proc/PID/stat`.
    fn in_stat(text: &str) -> Option<Self> {
        // The second field, the program's name in parentheses, may hold anything. The third is the state of the first
        // thread, the 20th counts threads, the 22nd is the start.
        let (_, from_third) = text.rsplit_once(')')?;
        let mut fields = from_third.split_whitespace();
        let (state, threads, start) = (fields.next()?, fields.nth(16)?, fields.nth(1)?);
        Some(Self {
            start: start.parse().ok()?,
            has_ended: matches!(state, "Z" | "X") && threads.parse::<u64>().ok()? <= 1,
        })
    }
}

/// Whether there is a process of this number, seen or hidden.
#[cfg(unix)]
fn is_there(pid: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_there(_pid: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::process::{Command, Stdio};

    use super::*;

    /// The name of an unfinished file `f` of a process.
    fn name_of(process: Process) -> String {
        let Process { machine, pid, start } = process;
        format!(".f.{machine:016x}-{pid}-{start}-00000000000000ff.tmp")
    }

    #[test]
    fn names_differ_at_each_call_and_name_their_writer() {
        let path = Path::new("folder/a.b-c");
        let (one, other) = (name_for(path), name_for(path));
        assert_ne!(one, other);
        assert!(is_temporary(&one) && one.starts_with(".a.b-c."), "{one}");
        assert_eq!(Process::in_name(&one), Some(Process::this()));
        assert!(is_being_written(&one));
        for other in [
            "f",
            ".f.tmp",
            ".f.1-2-3.tmp",
            ".f.1-2-3-4-5.tmp",
            ".f.x-2-3-4.tmp",
            "f.1-2-3-4.tmp",
        ] {
            assert_eq!(writer_of(other), Writer::Elsewhere, "{other}");
        }
    }

    #[test]
    fn a_process_has_ended_with_the_last_of_its_threads() {
        let facts = |state: &str, threads: u32| {
            let text =
                format!("7 (a) b) {state} 1 7 7 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 4711 0 0 18446744073709551615");
            Facts::in_stat(&text).unwrap()
        };
        assert_eq!(
            facts("R", 1),
            Facts {
                start: 4711,
                has_ended: false
            }
        );
        assert!(facts("Z", 1).has_ended && facts("X", 0).has_ended);
        assert!(!facts("Z", 2).has_ended && !facts("T", 1).has_ended && !facts("D", 1).has_ended);
        assert_eq!(Facts::in_stat("7 (a) Z 1 7"), None);
    }

    #[test]
    fn only_files_of_writers_that_died_here_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let own = create(&path).unwrap();
        let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        let this = Process::this();
        let running = Process {
            pid: child.id(),
            start: facts_of(child.id()).unwrap().start,
            ..this
        };
        let elsewhere = Process {
            machine: this.machine ^ 1,
            ..running
        };
        let earlier = Process {
            start: running.start - 1,
            ..running
        };
        for name in ["f", ".f.tmp", &name_of(running), &name_of(elsewhere), &name_of(earlier)] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let there = |name: &str| folder.path().join(name).exists();
        remove_leftovers_beside(&path).unwrap();
        assert!(there(&name_of(running)) && !there(&name_of(earlier)));
        // It has ended before its parent asks how.
        child.kill().unwrap();
        while !facts_of(child.id()).unwrap().has_ended {
            std::thread::yield_now();
        }
        remove_leftovers(folder.path()).unwrap();
        assert!(!there(&name_of(running)));
        child.wait().unwrap();
        assert!(there("f") && there(".f.tmp") && there(&name_of(elsewhere)) && own.1.exists());
        remove_leftovers(&folder.path().join("none")).unwrap();
    }
}
