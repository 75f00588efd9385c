//! Says how much memory is free, and before training what would not fit into it, with the numbers.

use crate::error::{Error, Result};

/// Megabytes that may be used, for machines where a container or a scheduler allows less than the system says is free.
const LIMIT: &str = "L48_MEMORY_MB";

/// Refuses `what`, matrices over `rows` and `classes` that take `entry_bytes` an entry together, if they need more than
/// the memory that is free. Where the system does not say how much that is, nothing is refused.
///
/// # Errors
/// [`Error::Setting`] for `setting`, with the numbers.
pub(crate) fn check(setting: &str, what: &str, [rows, classes]: [usize; 2], entry_bytes: usize) -> Result<()> {
    match free() {
        Some(free) => fits(setting, what, [rows, classes], entry_bytes, free),
        None => Ok(()),
    }
}

/// The bytes that are free, or fewer if the environment says so; `None` where nobody says.
pub(crate) fn free() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok();
    let limit = std::env::var(LIMIT).ok();
    lower(meminfo.as_deref().and_then(available), limit.as_deref())
}

/// The lower of what is available and a limit in megabytes. What is no number is no limit.
fn lower(available: Option<u64>, limit: Option<&str>) -> Option<u64> {
    let limit = limit.and_then(|limit| limit.trim().parse::<u64>().ok());
    let limit = limit.and_then(|megabytes| megabytes.checked_mul(1_000_000));
    available.into_iter().chain(limit).min()
}

/// The bytes that Linux could give to a program without swapping (proc_meminfo(5)).
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn fits(setting: &str, what: &str, [rows, classes]: [usize; 2], entry_bytes: usize, free: u64) -> Result<()> {
    let needed = rows as f64 * classes as f64 * entry_bytes as f64;
    if needed <= free as f64 {
        return Ok(());
    }
    let gb = |bytes: f64| bytes / 1e9;
    let reason = format!(
        "{what} are {rows} x {classes} entries of {entry_bytes} bytes, {:.1} GB, and {:.1} GB of memory are free; use a \
         machine with more, or fewer clips or classes",
        gb(needed),
        gb(free as f64)
    );
    Err(Error::setting(setting, reason))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_the_numbers() {
        let free = available("MemTotal:       24684028 kB\nMemAvailable:   1000000 kB\nBuffers: 1 kB\n").unwrap();
        assert_eq!(free, 1_024_000_000);
        fits("loss.name", "ROLE's logits", [1_000_000, 100], 10, free).unwrap();
        let error = fits("loss.name", "ROLE's logits", [10_000_000, 10_000], 20, free)
            .unwrap_err()
            .to_string();
        for part in [
            "loss.name",
            "10000000 x 10000",
            "2000.0 GB",
            "1.0 GB of memory are free",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn a_limit_lowers_what_is_free() {
        assert_eq!(lower(Some(5_000_000), Some("3")), Some(3_000_000));
        assert_eq!(lower(Some(5_000_000), Some("30")), Some(5_000_000));
        assert_eq!(lower(None, Some("0")), Some(0));
        assert_eq!(lower(Some(5), Some("many")), Some(5));
        assert_eq!(lower(None, None), None);
    }
}
