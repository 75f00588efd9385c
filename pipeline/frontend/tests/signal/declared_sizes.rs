//! Recordings whose headers declare far more than there is: the memory that is asked for stays small.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::corruption::attempt;
use crate::encoded;
use crate::fixtures::{json, recordings};

/// More than any test here asks for: stacks, arenas, the longest recording decoded at once.
const LIMIT_BYTES: u64 = 1 << 30;

/// The largest address space the process has had; `None` where the system does not tell (proc_pid_status(5)).
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The smallest recording of each codec, those that are refused anyway included.
fn subjects() -> Vec<PathBuf> {
    let mut subjects = Vec::from(["aac.m4a", "alac.m4a"].map(encoded::file));
    if let Some(folder) = recordings("declared_sizes_do_not_decide_memory") {
        let truth = json("decode/truth.json");
        let mut smallest: BTreeMap<String, (u64, PathBuf)> = BTreeMap::new();
        for (name, truth) in truth["files"].as_object().unwrap() {
            let (bytes, path) = (truth["bytes"].as_u64().unwrap(), folder.join(name));
            let known = smallest
                .entry(truth["codec"].to_string())
                .or_insert((bytes, path.clone()));
            if bytes < known.0 {
                *known = (bytes, path);
            }
        }
        subjects.extend(smallest.into_values().map(|(_, path)| path));
    }
    subjects
}

#[test]
fn declared_sizes_do_not_decide_memory() {
    let scratch = tempfile::tempdir().unwrap();
    for path in subjects() {
        let original = std::fs::read(&path).unwrap();
        // Headers stand in front; MP4 files have theirs at the end.
        let end = original.len().saturating_sub(4);
        let places = (0..end.min(256))
            .step_by(2)
            .chain((end.saturating_sub(768)..end).step_by(4));
        for (number, at) in places.enumerate() {
            // Huge in either byte order, with and without a sign.
            let huge = [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]][number % 3];
            let mut bytes = original.clone();
            bytes[at..at + 4].copy_from_slice(&huge);
            let damage = format!("{}, {huge:x?} at byte {at}", path.display());
            attempt(scratch.path(), &bytes, &damage);
            let peak = peak_bytes().unwrap_or_default();
            assert!(peak < LIMIT_BYTES, "{damage}: {peak} bytes asked for");
        }
    }
}
