//! Damaged copies of every recording: refused with a reason, or decoded to the right length.
//!
//! Time matters more than samples here: a changed sample in a WAV file cannot be noticed, a lost one
//! must be.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::decode::decode;
use crate::fixtures::{json, recordings};

/// Damaged copies of each file, of each kind of damage.
const COPIES: u64 = 40;

/// A linear congruential generator (Knuth, MMIX), seeded by the file's name.
struct Positions(u64);

impl Positions {
    fn new(name: &str) -> Self {
        Self(name.bytes().fold(1, |state: u64, byte| {
            state.wrapping_mul(31).wrapping_add(u64::from(byte))
        }))
    }

    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 11) * below as u128) >> 53) as usize
    }
}

/// The recordings that decode undamaged, with their number of frames.
fn intact(truth: &Value) -> impl Iterator<Item = (&String, u64)> {
    let files = truth["files"].as_object().unwrap().iter();
    let supported = files.filter(|(_, truth)| !matches!(truth["codec"].as_str(), Some("opus" | "aac")));
    supported
        .map(|(name, truth)| (name, truth["n_samples"].as_u64().unwrap()))
        .filter(|&(_, frames)| frames > 0)
}

/// The encoder delay and padding in a tag by FFmpeg: no usable checksum covers them, so a change is
/// not noticed. Layout: "Mp3 Info Tag revision 1".
fn unprotected(file: &[u8], at: usize) -> bool {
    let head = &file[..file.len().min(4096)];
    let tags = head
        .windows(4)
        .enumerate()
        .filter(|(_, name)| name == b"Lavc" || name == b"Lavf");
    tags.map(|(start, _)| start + 21..start + 24)
        .any(|range| range.contains(&at))
}

/// Decodes `bytes` and returns whether they were refused.
fn refused(scratch: &Path, bytes: &[u8], frames: u64, damage: &str) -> bool {
    let path = scratch.join("damaged");
    std::fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let result = decode(&path);
    // Far above what the longest recording takes on a busy machine, far below a hang.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{damage}: took {:?}",
        start.elapsed()
    );
    match result {
        Ok((_, channels)) => {
            assert!(
                channels.iter().all(|channel| channel.len() as u64 == frames),
                "{damage}: {} frames of {frames}",
                channels[0].len()
            );
            false
        }
        Err(error) => {
            let reason = error.to_string();
            assert!(reason.len() > 8 && !reason.contains('\n'), "{damage}: {reason:?}");
            assert!(
                ["open", "decode"].contains(&error.stage()),
                "{damage}: {}",
                error.stage()
            );
            true
        }
    }
}

#[test]
fn flipped_bytes_never_change_the_length() {
    let Some(folder) = recordings("flipped_bytes_never_change_the_length") else {
        return;
    };
    let (truth, scratch) = (json("decode/truth.json"), tempfile::tempdir().unwrap());
    for (name, frames) in intact(&truth) {
        let original = std::fs::read(folder.join(name)).unwrap();
        let mut positions = Positions::new(name);
        let mut refusals = 0;
        for copy in 0..COPIES {
            let mut bytes = original.clone();
            // Every other copy is damaged in its first 256 bytes, where headers are.
            let at = positions.next(if copy % 2 == 0 {
                bytes.len().min(256)
            } else {
                bytes.len()
            });
            if unprotected(&original, at) {
                continue;
            }
            bytes[at] ^= 1 << positions.next(8);
            refusals += u64::from(refused(
                scratch.path(),
                &bytes,
                frames,
                &format!("{name}, byte {at} flipped"),
            ));
        }
        println!("{name}: {refusals} of {COPIES} refused");
        // Every byte of these formats is under a checksum.
        if name.ends_with(".ogg") {
            assert_eq!(refusals, COPIES, "{name}");
        }
    }
}

#[test]
fn overwritten_runs_never_change_the_length() {
    let Some(folder) = recordings("overwritten_runs_never_change_the_length") else {
        return;
    };
    let (truth, scratch) = (json("decode/truth.json"), tempfile::tempdir().unwrap());
    for (name, frames) in intact(&truth) {
        let original = std::fs::read(folder.join(name)).unwrap();
        let mut positions = Positions::new(name);
        for _ in 0..COPIES / 4 {
            let mut bytes = original.clone();
            let at = positions.next(bytes.len());
            let end = bytes.len().min(at + 400);
            if (at..end).any(|at| unprotected(&original, at)) {
                continue;
            }
            bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = positions.next(256) as u8);
            refused(
                scratch.path(),
                &bytes,
                frames,
                &format!("{name}, bytes {at}..{end} overwritten"),
            );
        }
    }
}

#[test]
fn truncated_recordings_are_refused() {
    let Some(folder) = recordings("truncated_recordings_are_refused") else {
        return;
    };
    let (truth, scratch) = (json("decode/truth.json"), tempfile::tempdir().unwrap());
    for (name, frames) in intact(&truth) {
        let original = std::fs::read(folder.join(name)).unwrap();
        let mut positions = Positions::new(name);
        // Without a tag, a cut at a frame boundary makes another whole MP3 file; any other cut shows.
        let (mut kept, mut refusals) = (0, 0);
        for copy in 0..COPIES {
            let at = if copy == 0 {
                original.len() - 1
            } else {
                positions.next(original.len())
            };
            if refused(
                scratch.path(),
                &original[..at],
                frames,
                &format!("{name}, cut to {at} bytes"),
            ) {
                refusals += 1;
            } else {
                kept += 1;
            }
        }
        println!("{name}: {refusals} of {COPIES} cuts refused");
        // Only chunks behind the samples of a WAV file can be missing without loss.
        let trailing_chunks = truth["files"][name]["riff_chunks"]
            .as_array()
            .is_some_and(|chunks| chunks.last().is_some_and(|chunk| chunk["id"] != "data"));
        assert!(kept == 0 || trailing_chunks, "{name}: {kept} cuts passed");
    }
}

#[test]
fn bytes_behind_or_missing_from_the_middle_are_noticed() {
    let Some(folder) = recordings("bytes_behind_or_missing_from_the_middle_are_noticed") else {
        return;
    };
    let (truth, scratch) = (json("decode/truth.json"), tempfile::tempdir().unwrap());
    for (name, frames) in intact(&truth) {
        let original = std::fs::read(folder.join(name)).unwrap();
        if original.len() < 3000 {
            continue;
        }
        // A hole in the middle, as a lost block of a copy leaves.
        let middle = original.len() / 2;
        let mut bytes = original.clone();
        bytes.drain(middle..middle + 512);
        assert!(
            refused(scratch.path(), &bytes, frames, &format!("{name}, 512 bytes lost")),
            "{name}: hole"
        );
        // The same file twice: the second must not be added or lost in silence.
        let mut bytes = original.clone();
        bytes.extend_from_slice(&original);
        refused(scratch.path(), &bytes, frames, &format!("{name}, doubled"));
    }
}
