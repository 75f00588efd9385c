//! Says before training what would not fit into memory, with the numbers.

use crate::error::{Error, Result};

/// Refuses `what`, matrices over `rows` and `classes` that take `entry_bytes` an entry together, if they need more than
/// the memory that is free. Where the system does not say how much that is, nothing is refused.
///
/// # Errors
/// [`Error::Setting`] for `setting`, with the numbers.
pub(crate) fn check(setting: &str, what: &str, [rows, classes]: [usize; 2], entry_bytes: usize) -> Result<()> {
    let free = std::fs::read_to_string("/proc/meminfo").ok();
    match free.as_deref().and_then(available) {
        Some(free) => fits(setting, what, [rows, classes], entry_bytes, free),
        None => Ok(()),
    }
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
}
