//! Defines `Verified`, which of a shard's records have been compared with their checksums.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shard::Checks;

/// One bit a record, set once it has been verified, by any thread.
#[derive(Debug)]
pub(crate) struct Verified {
    checks: Checks,
    /// Empty unless records are verified at first touch.
    rows: Vec<AtomicU64>,
}

impl Verified {
    /// None of `rows` records yet.
    pub(crate) fn none(rows: u64, checks: Checks) -> Self {
        let words = match checks {
            Checks::FirstTouch => rows.div_ceil(64),
            Checks::Off | Checks::Always => 0,
        };
        let rows = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { checks, rows }
    }

    /// Whether the record at `row` has to be verified before it is given away.
    pub(crate) fn lacks(&self, row: u32) -> bool {
        match self.checks {
            Checks::Off => false,
            Checks::Always => true,
            // Relaxed: the bit guards no other memory; at worst two threads verify one record.
            Checks::FirstTouch => {
                let word = self.rows.get(row as usize / 64);
                word.is_none_or(|word| word.load(Ordering::Relaxed) & bit(row) == 0)
            }
        }
    }

    /// Notes that the record at `row` has been verified.
    pub(crate) fn add(&self, row: u32) {
        if let Some(word) = self.rows.get(row as usize / 64) {
            word.fetch_or(bit(row), Ordering::Relaxed);
        }
    }
}

fn bit(row: u32) -> u64 {
    1 << (row % 64)
}
