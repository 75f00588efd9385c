//! The checksum that is taken while a recording is decoded, against that of the file's bytes; and how many bytes are
//! read for both.

use std::path::{Path, PathBuf};

use flacenc::component::BitRepr;
use flacenc::error::Verify;
use frontend::audio::{Channel, Decoder};
use shardfmt::Xxh3;
use shardfmt::checksum::FileHash;

use crate::encoded;

fn hash_of(bytes: &[u8]) -> FileHash {
    FileHash {
        bytes: bytes.len() as u64,
        xxh3: Xxh3::of(bytes),
    }
}

/// Small files of every codec and container, refused ones included, and what fuzzing has found.
fn small_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/decode_clip");
    let entries = std::fs::read_dir(folder).unwrap();
    let corpus = entries.map(|entry| entry.unwrap().path());
    corpus.chain(["aac.m4a", "alac.m4a"].map(encoded::file)).collect()
}

/// Opens and decodes a file, and asks for its checksum after each step; `false` if it is refused at once.
fn check(path: &Path, bytes: &[u8], what: &str) -> bool {
    let expected = hash_of(bytes);
    let Ok(mut decoder) = Decoder::open(path, Channel::Mean) else {
        return false;
    };
    let mut samples = Vec::new();
    while decoder.read(&mut samples).is_ok_and(|frames| frames > 0) {}
    assert_eq!(decoder.file_hash().unwrap(), expected, "{what}, read to its end");
    let mut decoder = Decoder::open(path, Channel::Mean).unwrap();
    assert_eq!(decoder.file_hash().unwrap(), expected, "{what}, only opened");
    while decoder.read(&mut samples).is_ok_and(|frames| frames > 0) {}
    assert_eq!(
        decoder.file_hash().unwrap(),
        expected,
        "{what}, hashed before it was read"
    );
    true
}

#[test]
fn every_format_whole_damaged_or_cut_has_the_checksum_of_its_bytes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("recording");
    let (mut opened, mut files) = (0, 0);
    for file in small_files() {
        let bytes = std::fs::read(&file).unwrap();
        let what = file.display().to_string();
        files += 1;
        for cut in [8, 7, 5, 2].map(|eighths| bytes.len() * eighths / 8) {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            opened += u32::from(check(&path, &bytes[..cut], &format!("{what}, {cut} bytes")));
        }
        let mut damaged = bytes.clone();
        let at = damaged.len() / 2;
        damaged[at..].iter_mut().take(3).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&path, &damaged).unwrap();
        opened += u32::from(check(&path, &damaged, &format!("{what}, damaged")));
    }
    println!("{opened} of {files} files, whole, cut or damaged, were opened");
    assert!(opened > files / 4);
}

/// Twenty seconds of noise that does not compress.
fn noise() -> Vec<i16> {
    let mut state = 1u32;
    (0..20 * 48_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        })
        .collect()
}

fn wav(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

fn flac(path: &Path, samples: &[i16]) {
    let samples: Vec<i32> = samples.iter().map(|&sample| i32::from(sample)).collect();
    let config = flacenc::config::Encoder::default().into_verified().unwrap();
    let source = flacenc::source::MemSource::from_samples(&samples, 1, 16, 48_000);
    let mut stream = flacenc::encode_with_fixed_block_size(&config, source, 4096).unwrap();
    // The encoder counts the short last block as the smallest, which makes the stream one of varying block sizes.
    stream.stream_info_mut().set_block_sizes(4096, 4096).unwrap();
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).unwrap();
    std::fs::write(path, sink.as_slice()).unwrap();
}

/// Bytes that this thread has read from files.
fn bytes_read() -> u64 {
    let counters = std::fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn wav_and_flac_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, write) in [("a.wav", wav as fn(&Path, &[i16])), ("a.flac", flac)] {
        let path = folder.path().join(name);
        write(&path, &noise());
        let bytes = std::fs::read(&path).unwrap();
        let before = bytes_read();
        let mut decoder = Decoder::open(&path, Channel::Mean).unwrap();
        let mut samples = Vec::new();
        while decoder.read(&mut samples).unwrap() > 0 {}
        assert_eq!(decoder.file_hash().unwrap(), hash_of(&bytes), "{name}");
        // Headers and the end are looked at beside; at the end of FLAC, 64 KiB are searched for the last frame.
        let beside = (bytes_read() - before).checked_sub(bytes.len() as u64).unwrap();
        let expected = if name == "a.wav" { 30_000 } else { 250_000 };
        assert!(beside < expected, "{name}: {beside} bytes read beside {}", bytes.len());
    }
}
