//! Small Ogg files of reference encoders, against what reference decoders make of them.
//!
//! The files, what is expected and the script that makes both are in `fixtures/ogg` of this crate.

use std::path::{Path, PathBuf};

use frontend::audio::{Channel, Decoder, Note, probe};
use serde_json::Value;

use crate::decode::decode;

/// Every how manieth sample is expected.
const STRIDE: usize = 211;

/// The largest difference of two decoders that round differently: each sample is a sum of about a thousand terms of at
/// most 1, each of which may be off by 2^-24, half of them up: `2^-24 * sqrt(1000)`. The expected numbers add 5e-7.
const TOLERANCE: f32 = 2.4e-6;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ogg")
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn expected() -> serde_json::Map<String, Value> {
    let text = std::fs::read(folder().join("expected.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Decodes bytes: the samples of each channel and the notes.
fn read(bytes: &[u8]) -> Result<(Vec<Vec<f32>>, Vec<Note>), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recording");
    std::fs::write(&path, bytes).unwrap();
    let notes = Decoder::open(&path, Channel::Mean)
        .map_err(|reject| reject.to_string())?
        .notes()
        .to_vec();
    let (_, planes) = decode(&path).map_err(|reject| reject.to_string())?;
    Ok((planes, notes))
}

/// The pages of a file.
fn pages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut pages) = (bytes, Vec::new());
    while !rest.is_empty() {
        let lacing = &rest[27..][..usize::from(rest[26])];
        let body: usize = lacing.iter().map(|&bytes| usize::from(bytes)).sum();
        let (page, after) = rest.split_at(27 + lacing.len() + body);
        pages.push(page.to_vec());
        rest = after;
    }
    pages
}

/// Pages as a file, with right checksums (RFC 3533 section 6).
fn join(mut pages: Vec<Vec<u8>>) -> Vec<u8> {
    for page in &mut pages {
        page[22..26].fill(0);
        let crc = page.iter().fold(0u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
            })
        });
        page[22..26].copy_from_slice(&crc.to_le_bytes());
    }
    pages.concat()
}

/// Adds to the positions of all pages of sound.
fn moved(bytes: &[u8], headers: usize, by: i64) -> Vec<u8> {
    let mut pages = pages(bytes);
    for page in &mut pages[headers..] {
        let position = i64::from_le_bytes(page[6..14].try_into().unwrap());
        page[6..14].copy_from_slice(&(position + by).to_le_bytes());
    }
    join(pages)
}

#[test]
fn files_of_every_mode_are_what_reference_decoders_make_of_them() {
    for (name, expected) in expected() {
        let path = folder().join(&name);
        let (rate_hz, planes) = decode(&path).unwrap_or_else(|reject| panic!("{name}: {reject}"));
        let frames = expected["frames"].as_u64().unwrap();
        let strided = expected["strided"].as_array().unwrap();
        assert_eq!(rate_hz, if name.ends_with(".opus") { 48_000 } else { 44_100 }, "{name}");
        assert_eq!(planes.len(), strided.len(), "{name}: channels");
        assert_eq!(probe(&path).unwrap().declared_frames, Some(frames), "{name}");
        let mut worst = 0f32;
        for (plane, strided) in planes.iter().zip(strided) {
            assert_eq!(plane.len() as u64, frames, "{name}: frames");
            let strided: Vec<f32> = strided
                .as_array()
                .unwrap()
                .iter()
                .map(|value| value.as_f64().unwrap() as f32)
                .collect();
            // What stands for packets that were not sent is noise that each decoder makes up.
            let given = if name == "dtx.opus" { 18_000 } else { plane.len() };
            let pairs = plane.iter().step_by(STRIDE).zip(&strided).take(given / STRIDE);
            worst = pairs.fold(worst, |worst, (got, expected)| worst.max((got - expected).abs()));
        }
        println!("{name}: {frames} frames, off by {worst:e}");
        assert!(worst <= TOLERANCE, "{name}: off by {worst}");
    }
}

#[test]
fn pre_skip_and_late_positions_move_nothing_else() {
    let late = read(&bytes("late.opus")).unwrap();
    assert_eq!(late.1, [Note::LateStart { frames: 1_000_000 }]);
    let skipped = read(&bytes("pre_skip.opus")).unwrap();
    assert_eq!(skipped.0[0], late.0[0][3000 - 312..]);
    assert_eq!(skipped.1, []);
    // The gain is -6 dB.
    let quiet = read(&bytes("gain.opus")).unwrap();
    for (quiet, loud) in quiet.0[0].iter().zip(&late.0[0]) {
        assert!((quiet - loud * 0.501_187_2).abs() < 1e-7, "{quiet} of {loud}");
    }
}

#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    for (name, _) in expected() {
        let bytes = bytes(&name);
        for at in (0..bytes.len()).step_by(97) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(read(&flipped).is_err(), "{name}: byte {at} flipped");
            assert!(read(&bytes[..at]).is_err(), "{name}: cut to {at} bytes");
        }
        for at in 0..pages(&bytes).len() {
            let mut missing = pages(&bytes);
            missing.remove(at);
            assert!(read(&missing.concat()).is_err(), "{name}: page {at} is missing");
        }
    }
}

#[test]
fn files_joined_are_one_recording() {
    for (first, second) in [
        ("celt_mono_5ms.opus", "silk_mono_20ms.opus"),
        ("hybrid_stereo_10ms.opus", "celt_stereo_2.5ms.opus"),
        ("vorbis.ogg", "vorbis.ogg"),
        ("flac.oga", "flac.oga"),
    ] {
        let (planes, notes) = read(&[bytes(first), bytes(second)].concat()).unwrap();
        let parts = [read(&bytes(first)).unwrap().0, read(&bytes(second)).unwrap().0];
        for (channel, plane) in planes.iter().enumerate() {
            assert_eq!(
                *plane,
                [&parts[0][channel][..], &parts[1][channel]].concat(),
                "{first}, {second}"
            );
        }
        assert_eq!(notes, [Note::ChainedStreams { streams: 2 }], "{first}, {second}");
    }
    for (first, second) in [
        ("celt_mono_5ms.opus", "celt_stereo_2.5ms.opus"),
        ("flac.oga", "celt_mono_5ms.opus"),
    ] {
        assert_eq!(
            read(&[bytes(first), bytes(second)].concat()).unwrap_err(),
            "a file of chained Ogg streams that differ in codec, rate or channels is not supported"
        );
    }
}

#[test]
fn each_of_joined_files_has_its_own_checksum() {
    let mut second = pages(&bytes("flac.oga"));
    // The MD5 is the end of the first packet, which is the end of the first page.
    *second[0].last_mut().unwrap() ^= 1;
    let second = join(second);
    for joined in [[bytes("flac.oga"), second.clone()], [second, bytes("flac.oga")]] {
        assert_eq!(
            read(&joined.concat()).unwrap_err(),
            "decoded samples fail the checksum stored in the file"
        );
    }
}

#[test]
fn flac_has_the_frames_that_it_declares_and_may_end_in_an_empty_packet() {
    let mut pages = pages(&bytes("flac.oga"));
    let last = pages.len() - 1;
    // The last byte of the number of frames in STREAMINFO, then a position within the last packet.
    for (page, at, reason) in [
        (0, 28 + 34, "declares 4999 frames, 5000 were decoded"),
        (last, 6, "the packets of an Ogg page end at frame 5000, it says 4999"),
    ] {
        let mut changed = pages.clone();
        changed[page][at] -= 1;
        let got = read(&join(changed)).unwrap_err();
        assert!(got.ends_with(reason), "{got}");
    }
    // ffmpeg ends a stream so.
    let mut end = pages[last][..27].to_vec();
    end[18] += 1;
    end[26] = 1;
    end.push(0);
    pages[last][5] = 0;
    pages.push(end);
    assert_eq!(read(&join(pages)).unwrap(), read(&bytes("flac.oga")).unwrap());
}

#[test]
fn vorbis_starts_before_zero_or_late() {
    let (whole, _) = read(&bytes("vorbis.ogg")).unwrap();
    let (late, notes) = read(&moved(&bytes("vorbis.ogg"), 2, 1_000_000)).unwrap();
    assert_eq!(
        (late, notes),
        (whole.clone(), vec![Note::LateStart { frames: 1_000_000 }])
    );
    // The same that libvorbis leaves out.
    let (cut, notes) = read(&moved(&bytes("vorbis.ogg"), 2, -100)).unwrap();
    assert_eq!((&cut[0][..], &cut[1][..]), (&whole[0][100..], &whole[1][100..]));
    assert_eq!(notes, []);
    assert!(read(&moved(&bytes("celt_mono_5ms.opus"), 2, -100)).is_err());
    assert!(read(&moved(&bytes("flac.oga"), 2, -100)).is_err());
}

#[test]
fn hostile_packets_are_refused_or_decoded_in_time() {
    // Bytes of every kind behind every first byte of a packet, with right checksums.
    let (head, tags) = (&pages(&bytes("modes.opus"))[0], &pages(&bytes("modes.opus"))[1]);
    let mut state = 1u64;
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut decoded = 0;
    for toc in (0..=255u8).cycle().take(512) {
        let packets: Vec<Vec<u8>> = (0..4).map(|_| (0..byte()).map(|_| byte()).collect()).collect();
        let mut page = b"OggS\0\x04".to_vec();
        page.extend([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4]);
        // Two packets of one kind, then others.
        page.extend(packets.iter().map(|packet| packet.len() as u8));
        for (number, packet) in packets.iter().enumerate() {
            let mut packet = packet.clone();
            if let (Some(first), 0 | 1) = (packet.first_mut(), number) {
                *first = toc;
            }
            page.extend(packet);
        }
        match read(&join(vec![head.clone(), tags.clone(), page])) {
            Ok(_) => decoded += 1,
            Err(reason) => assert!(!reason.contains("panicked"), "{toc:x}: {reason}"),
        }
    }
    println!("{decoded} of 512 decoded");
    assert!(decoded > 25);
}
