//! Provides named points at write boundaries, where a test can have the process killed; release builds have none.
//!
//! In builds with debug assertions, which is what tests run, `L48_FAIL_AT=N` kills the process by SIGKILL at the N-th
//! point it reaches, `L48_FAIL_LOG=FILE` appends the name of every point to a file, so that a test knows how many there
//! are. `L48_NO_EXCHANGE` stands for a file system that cannot exchange two folders in one step, and `L48_NO_LOCKS` for
//! one where every process gets every lock. Without debug assertions every function here is empty and reads no
//! variable.
//!
//! The points hang on debug assertions, not on a feature of the crates, because a feature has every crate from this one
//! to the programs compiled a second time. Tests of a release build therefore cannot kill it, and say so.

#[cfg(debug_assertions)]
const LOG: &str = "L48_FAIL_LOG";
#[cfg(debug_assertions)]
const AT: &str = "L48_FAIL_AT";
#[cfg(debug_assertions)]
const NO_EXCHANGE: &str = "L48_NO_EXCHANGE";
#[cfg(debug_assertions)]
const NO_LOCKS: &str = "L48_NO_LOCKS";

/// Marks that a write boundary has been reached.
#[cfg(debug_assertions)]
pub fn reach(name: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

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

/// Marks that a write boundary has been reached.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reach(_name: &str) {}

/// Whether two folders are to be exchanged without the atomic call.
#[cfg(debug_assertions)]
#[must_use]
pub fn is_without_exchange() -> bool {
    std::env::var_os(NO_EXCHANGE).is_some()
}

/// Whether two folders are to be exchanged without the atomic call: never.
#[cfg(not(debug_assertions))]
#[inline(always)]
#[must_use]
pub fn is_without_exchange() -> bool {
    false
}

/// Whether locks keep nobody out.
#[cfg(debug_assertions)]
#[must_use]
pub fn is_without_locks() -> bool {
    std::env::var_os(NO_LOCKS).is_some()
}

/// Whether locks keep nobody out: never.
#[cfg(not(debug_assertions))]
#[inline(always)]
#[must_use]
pub fn is_without_locks() -> bool {
    false
}
