//! Provides `die_with_parent`: a process that the system kills when its parent ends.

use anyhow::Result;

/// Has the system kill this process when its parent ends. `expected` is the parent's number, if the caller knows it: a
/// parent that has ended before this call is noticed by it.
///
/// The system watches the thread that started this process: it has to live as long as its process.
///
/// # Errors
/// When the parent is gone already, or on systems that do not have it.
#[cfg(target_os = "linux")]
pub(super) fn die_with_parent(expected: Option<i32>) -> Result<()> {
    use anyhow::bail;
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    // A parent outside this process namespace has no number, and cannot be compared.
    let parent = || Pid::as_raw(getppid());
    let before = expected.unwrap_or_else(parent);
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Ended before the signal was set: another process is the parent now.
    if parent() != before {
        bail!("the parent process {before} has ended, so nothing was done (--die-with-parent)");
    }
    Ok(())
}

/// Says that this system has no such thing.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub(super) fn die_with_parent(_expected: Option<i32>) -> Result<()> {
    anyhow::bail!("--die-with-parent works on Linux only")
}
