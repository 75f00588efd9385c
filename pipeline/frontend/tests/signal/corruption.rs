//! Damaged copies of every recording: refused with a reason, or decoded to the right length at the right rate.
//!
//! Time matters more than samples here: a changed sample in a WAV file cannot be noticed, a lost one
//! must be. Formats without a recording are damaged in `formats`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use frontend::audio::probe;

use crate::decode::decode;
use crate::encoded;
use crate::fixtures::{json, recordings, rms};

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

/// A recording that decodes undamaged.
struct Intact {
    name: String,
    bytes: Vec<u8>,
    rate_hz: u32,
    channels: Vec<Vec<f32>>,
}

impl Intact {
    fn read(name: &str, path: &Path) -> Self {
        let (rate_hz, channels) = decode(path).unwrap_or_else(|error| panic!("{name}: {error}"));
        Intact {
            name: name.to_owned(),
            bytes: std::fs::read(path).unwrap(),
            rate_hz,
            channels,
        }
    }

    /// Whether the samples still stand where they stood: four tenths of the recording are as they were, but for noise
    /// that a decoder makes up. Damage in one place reaches no further than a packet or two, which here are up to
    /// half of the shortest recording; of a shifted one nothing is left.
    fn holds_still(&self, damaged: &[Vec<f32>]) -> bool {
        let (original, damaged) = (&self.channels[0], &damaged[0]);
        let tenth = (original.len() / 10).max(1);
        let same = |(a, b): &(&[f32], &[f32])| {
            let differences: Vec<f32> = a.iter().zip(*b).map(|(a, b)| a - b).collect();
            rms(&differences) <= 0.1 * rms(a) + 1e-4
        };
        let tenths = || original.chunks(tenth).zip(damaged.chunks(tenth));
        5 * tenths().filter(same).count() >= 2 * tenths().count()
    }
}

/// Those of the fixture that are there, and the committed files of real encoders.
fn intact(test: &str) -> Vec<Intact> {
    let committed = ["aac.m4a", "alac.m4a"].map(|name| Intact::read(name, &encoded::file(name)));
    let mut intact = Vec::from(committed);
    if let Some(folder) = recordings(test) {
        let truth = json("decode/truth.json");
        let files = truth["files"].as_object().unwrap().iter();
        // AAC here has six channels, which are refused, as is a file without a frame.
        let supported = files.filter(|(_, truth)| truth["codec"] != "aac" && truth["n_samples"].as_u64() > Some(0));
        intact.extend(supported.map(|(name, _)| Intact::read(name, &folder.join(name))));
    }
    intact
}

/// The small files that fuzzing starts from, one of each codec, container and width, refused ones included. What it
/// has found since has no extension.
fn of_every_codec() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/decode_clip");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some()).collect();
    paths.sort();
    paths
}

/// Whether every byte is under a checksum, and a file behind another of its kind is a part of the recording.
fn is_ogg(name: &str) -> bool {
    [".ogg", ".oga", ".opus"].iter().any(|end| name.ends_with(end))
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

/// Decodes damaged bytes: what came of it, after what every outcome has to meet.
pub(crate) fn attempt(scratch: &Path, bytes: &[u8], damage: &str) -> Option<(u32, Vec<Vec<f32>>)> {
    let path = scratch.join("damaged");
    std::fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let (probed, result) = (probe(&path), decode(&path));
    // Far above what the longest recording takes on a busy machine, far below a hang.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{damage}: took {:?}",
        start.elapsed()
    );
    for error in [probed.as_ref().err(), result.as_ref().err()].into_iter().flatten() {
        let reason = error.to_string();
        assert!(reason.len() > 8 && !reason.contains('\n'), "{damage}: {reason:?}");
        assert!(
            ["open", "decode"].contains(&error.stage()),
            "{damage}: {}",
            error.stage()
        );
    }
    result.ok()
}

/// Decodes damaged bytes and returns whether they were refused; if not, no label may have moved.
fn refused(scratch: &Path, bytes: &[u8], intact: &Intact, damage: &str) -> bool {
    let damage = format!("{}, {damage}", intact.name);
    let Some((rate_hz, channels)) = attempt(scratch, bytes, &damage) else {
        return true;
    };
    let lengths: Vec<usize> = channels.iter().map(Vec::len).collect();
    let expected: Vec<usize> = intact.channels.iter().map(Vec::len).collect();
    assert_eq!(
        (rate_hz, lengths),
        (intact.rate_hz, expected),
        "{damage}: labels are shifted"
    );
    assert!(
        bytes.len() < 1000 || intact.holds_still(&channels),
        "{damage}: other samples, or samples in other places"
    );
    false
}

#[test]
fn flipped_bytes_never_shift_a_label() {
    let scratch = tempfile::tempdir().unwrap();
    for intact in intact("flipped_bytes_never_shift_a_label") {
        let mut positions = Positions::new(&intact.name);
        let mut refusals = 0;
        for copy in 0..COPIES {
            let mut bytes = intact.bytes.clone();
            // Every other copy is damaged in its first 256 bytes, where headers are.
            let at = positions.next(if copy % 2 == 0 {
                bytes.len().min(256)
            } else {
                bytes.len()
            });
            if unprotected(&bytes, at) {
                continue;
            }
            bytes[at] ^= 1 << positions.next(8);
            refusals += u64::from(refused(scratch.path(), &bytes, &intact, &format!("byte {at} flipped")));
        }
        println!("{}: {refusals} of {COPIES} refused", intact.name);
        // Every byte of these formats is under a checksum.
        if is_ogg(&intact.name) {
            assert_eq!(refusals, COPIES, "{}", intact.name);
        }
    }
}

#[test]
fn damage_to_a_file_of_any_codec_is_refused_with_a_reason_or_does_not_matter() {
    let scratch = tempfile::tempdir().unwrap();
    let mut decoded = String::new();
    for path in of_every_codec() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let original = std::fs::read(&path).unwrap();
        let intact = attempt(scratch.path(), &original, &name);
        decoded += intact.as_ref().map_or("", |_| name.as_str());
        let mut positions = Positions::new(&name);
        let mut refusals = 0;
        for copy in 0..COPIES {
            let mut bytes = original.clone();
            let at = positions.next(if copy % 2 == 0 {
                bytes.len().min(256)
            } else {
                bytes.len()
            });
            bytes[at] ^= 1 << positions.next(8);
            let flipped = attempt(scratch.path(), &bytes, &format!("{name}, byte {at} flipped"));
            refusals += u64::from(flipped.is_none());

            let at = positions.next(original.len());
            let cut = format!("{name}, cut to {at} bytes");
            let kept = attempt(scratch.path(), &original[..at], &cut);
            // A cut at a frame boundary makes another whole MP3 or AAC file, and any cut a CAF file of open length.
            assert!(
                kept.is_none()
                    || kept == intact
                    || [".mp3", "adts.aac", "caf_open.caf"]
                        .iter()
                        .any(|end| name.ends_with(end)),
                "{cut}: other samples"
            );
        }
        println!("{name}: {refusals} of {COPIES} refused");
        // Every byte of this container is under a checksum.
        assert!(!is_ogg(&name) || refusals == COPIES, "{name}");
    }
    for codec in [
        "mp3",
        "opus",
        "vorbis",
        "flac",
        "ima_adpcm",
        "ms_adpcm",
        "wav_alaw",
        "aiff_ulaw",
        "caf_float",
        "aac",
    ] {
        assert!(decoded.contains(codec), "{codec} was not decoded undamaged");
    }
}

#[test]
fn overwritten_runs_never_shift_a_label() {
    let scratch = tempfile::tempdir().unwrap();
    for intact in intact("overwritten_runs_never_shift_a_label") {
        let mut positions = Positions::new(&intact.name);
        for _ in 0..COPIES / 4 {
            let mut bytes = intact.bytes.clone();
            let at = positions.next(bytes.len());
            let end = bytes.len().min(at + 400);
            if (at..end).any(|at| unprotected(&bytes, at)) {
                continue;
            }
            bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = positions.next(256) as u8);
            refused(
                scratch.path(),
                &bytes,
                &intact,
                &format!("bytes {at}..{end} overwritten"),
            );
        }
    }
}

#[test]
fn truncated_recordings_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    for intact in intact("truncated_recordings_are_refused") {
        let mut positions = Positions::new(&intact.name);
        // Without a tag, a cut at a frame boundary makes another whole MP3 file; any other cut shows.
        let (mut kept, mut refusals) = (0, 0);
        for copy in 0..COPIES {
            let at = if copy == 0 {
                intact.bytes.len() - 1
            } else {
                positions.next(intact.bytes.len())
            };
            if refused(
                scratch.path(),
                &intact.bytes[..at],
                &intact,
                &format!("cut to {at} bytes"),
            ) {
                refusals += 1;
            } else {
                kept += 1;
            }
        }
        println!("{}: {refusals} of {COPIES} cuts refused", intact.name);
        // Only chunks behind the samples of a WAV file can be missing without loss.
        assert!(
            kept == 0 || has_trailing_chunks(&intact.name),
            "{}: {kept} cuts passed",
            intact.name
        );
    }
}

/// Whether something stands behind the samples of a WAV file.
fn has_trailing_chunks(name: &str) -> bool {
    let truth = json("decode/truth.json");
    let chunks = truth["files"][name]["riff_chunks"].as_array();
    chunks.is_some_and(|chunks| chunks.last().is_some_and(|chunk| chunk["id"] != "data"))
}

#[test]
fn bytes_behind_or_missing_from_the_middle_are_noticed() {
    let scratch = tempfile::tempdir().unwrap();
    for intact in intact("bytes_behind_or_missing_from_the_middle_are_noticed") {
        if intact.bytes.len() < 3000 {
            continue;
        }
        // A hole in the middle, as a lost block of a copy leaves.
        let middle = intact.bytes.len() / 2;
        let mut bytes = intact.bytes.clone();
        bytes.drain(middle..middle + 512);
        assert!(
            refused(scratch.path(), &bytes, &intact, "512 bytes lost"),
            "{}: hole",
            intact.name
        );
        // The same file twice: the second must not be added or lost in silence.
        let doubled = intact.bytes.repeat(2);
        if is_ogg(&intact.name) {
            let (_, channels) = attempt(scratch.path(), &doubled, "doubled").unwrap();
            for (channel, once) in channels.iter().zip(&intact.channels) {
                assert_eq!(*channel, once.repeat(2), "{}: doubled", intact.name);
            }
        } else {
            refused(scratch.path(), &doubled, &intact, "doubled");
        }
    }
}

#[test]
fn damage_to_what_is_refused_anyway_ends_in_a_reason() {
    let Some(folder) = recordings("damage_to_what_is_refused_anyway_ends_in_a_reason") else {
        return;
    };
    let (truth, scratch) = (json("decode/truth.json"), tempfile::tempdir().unwrap());
    let files = truth["files"].as_object().unwrap().keys();
    for name in files.filter(|name| decode(&folder.join(name)).is_err()) {
        let original = std::fs::read(folder.join(name)).unwrap();
        let mut positions = Positions::new(name);
        for _ in 0..COPIES {
            let mut bytes = original.clone();
            let at = positions.next(bytes.len());
            bytes[at] ^= 1 << positions.next(8);
            attempt(scratch.path(), &bytes, &format!("{name}, byte {at} flipped"));
            attempt(scratch.path(), &original[..at], &format!("{name}, cut to {at} bytes"));
        }
    }
}
