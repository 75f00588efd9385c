//! Provides named points at write boundaries, where a test can have the process killed; nothing at all in ordinary builds.
//!
//! With the feature `fail-points`, `L48_FAIL_AT=N` kills the process by SIGKILL at the N-th point it reaches, and
//! `L48_FAIL_LOG=FILE` appends the name of every point to a file, so that a test knows how many there are.
//! `L48_NO_EXCHANGE` stands for a file system that cannot exchange two folders in one step, `L48_NO_LOCKS` for one where
//! every process gets every lock.

/// Marks that a write boundary has been reached.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub fn reach(_name: &str) {}

/// Whether the atomic exchange of folders is to be done without.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[must_use]
pub fn is_without_exchange() -> bool {
    false
}

/// Whether locks keep nobody out.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[must_use]
pub fn is_without_locks() -> bool {
    false
}

/// Marks that a write boundary has been reached.
#[cfg(feature = "fail-points")]
pub fn reach(name: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

    const LOG: &str = "L48_FAIL_LOG";
    const AT: &str = "L48_FAIL_AT";
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let number = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(log) = std::env::var_os(LOG)
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(log)
    {
        // A log that cannot be written shows up as too few points, which the test refuses.
        let _ = writeln!(file, "{name}");
    }
    let at = std::env::var(AT).ok().and_then(|text| text.parse::<u64>().ok());
    if at == Some(number) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Whether the atomic exchange of folders is to be done without.
#[cfg(feature = "fail-points")]
#[must_use]
pub fn is_without_exchange() -> bool {
    std::env::var_os("L48_NO_EXCHANGE").is_some()
}

/// Whether locks keep nobody out.
#[cfg(feature = "fail-points")]
#[must_use]
pub fn is_without_locks() -> bool {
    std::env::var_os("L48_NO_LOCKS").is_some()
}
