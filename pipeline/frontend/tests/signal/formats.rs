//! Small files written by the test, for formats without a recording.

use std::path::Path;

use flacenc::component::BitRepr;
use flacenc::error::Verify;

use crate::decode::decode;

const RATE_HZ: u32 = 24_000;
const FRAMES: usize = 5000;

/// Two channels of 16-bit samples.
pub(crate) fn samples() -> Vec<[i16; 2]> {
    (0..FRAMES as i32)
        .map(|i| [(i * 37 % 30_011 - 15_000) as i16, (i * i % 29_989 - 15_000) as i16])
        .collect()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Checks that the file holds `expected` exactly, at `scale` per full scale.
fn assert_holds(path: &Path, expected: &[[i16; 2]]) {
    let (rate_hz, channels) = decode(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!((rate_hz, channels.len()), (RATE_HZ, 2), "{}", path.display());
    for (index, channel) in channels.iter().enumerate() {
        let expected = expected.iter().map(|frame| f32::from(frame[index]) / 32_768.0);
        assert!(
            channel.iter().copied().eq(expected),
            "{}: channel {index}",
            path.display()
        );
    }
}

/// Checks that no cut of the file passes, and that flipped bytes never change its length.
fn assert_damage_shows(folder: &Path, intact: &[u8], header_bytes: usize) {
    for cut in (1..60).map(|step| intact.len() * step / 60) {
        let path = write(folder, "cut", &intact[..cut]);
        assert!(decode(&path).is_err(), "cut to {cut} of {} bytes", intact.len());
    }
    for at in 0..header_bytes {
        for bit in 0..8 {
            let mut bytes = intact.to_vec();
            bytes[at] ^= 1 << bit;
            if let Ok((_, channels)) = decode(&write(folder, "flipped", &bytes)) {
                assert!(
                    channels.iter().all(|channel| channel.len() == FRAMES),
                    "byte {at}, bit {bit}"
                );
            }
        }
    }
}

#[test]
fn wav_of_every_width_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    for (bits, format) in [
        (16, hound::SampleFormat::Int),
        (24, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Float),
    ] {
        let path = folder.path().join(format!("{bits}_{format:?}.wav"));
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: RATE_HZ,
            bits_per_sample: bits,
            sample_format: format,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for sample in samples().into_iter().flatten() {
            match format {
                hound::SampleFormat::Int => writer.write_sample(i32::from(sample) << (bits - 16)).unwrap(),
                hound::SampleFormat::Float => writer.write_sample(f32::from(sample) / 32_768.0).unwrap(),
            }
        }
        writer.finalize().unwrap();
        assert_holds(&path, &samples());
        let header_bytes = if bits == 16 { 44 } else { 68 };
        assert_damage_shows(folder.path(), &std::fs::read(&path).unwrap(), header_bytes);
    }
}

#[test]
fn samples_that_are_not_audio_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for value in [f32::NAN, f32::INFINITY, 1e30] {
        let path = folder.path().join("bad.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: RATE_HZ,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for frame in 0..3000 {
            writer.write_sample(if frame == 2345 { value } else { 0.5 }).unwrap();
        }
        writer.finalize().unwrap();
        let error = decode(&path).unwrap_err();
        assert!(error.to_string().ends_with("at frame 2345 is not audio"), "{error}");
        assert_eq!(error.stage(), "decode");
    }
}

#[test]
fn flac_is_exact_and_its_checksum_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let interleaved: Vec<i32> = samples().into_iter().flatten().map(i32::from).collect();
    let config = flacenc::config::Encoder::default().into_verified().unwrap();
    let source = flacenc::source::MemSource::from_samples(&interleaved, 2, 16, RATE_HZ as usize);
    // The encoder counts the short last block as the smallest, which RFC 9639 section 8.2 excludes.
    let stream = flacenc::encode_with_fixed_block_size(&config, source, 1024).unwrap();
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).unwrap();
    let intact = sink.as_slice().to_vec();
    assert_holds(&write(folder.path(), "intact.flac", &intact), &samples());
    assert_damage_shows(folder.path(), &intact, 60);
    // The MD5 is the last 16 bytes of STREAMINFO: 4 bytes of marker, 4 of block header, 34 of body.
    let mut bytes = intact.clone();
    bytes[41] ^= 1;
    let error = decode(&write(folder.path(), "md5.flac", &bytes)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "decoded samples fail the checksum stored in the file"
    );
    // One frame cut out at its sync word: the frames around it are whole.
    let starts: Vec<usize> = (42..intact.len() - 1)
        .filter(|&at| intact[at] == 0xff && intact[at + 1] & 0xfe == 0xf8)
        .collect();
    let mut bytes = intact.clone();
    bytes.drain(starts[1]..starts[2]);
    assert!(decode(&write(folder.path(), "lost.flac", &bytes)).is_err());
}

/// 80-bit extended precision, for integers (IEEE 754; Apple's AIFF specification, appendix).
pub(crate) fn extended(value: u32) -> [u8; 10] {
    let shift = value.leading_zeros();
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&(16_383 + 31 - shift as u16).to_be_bytes());
    bytes[2..6].copy_from_slice(&(value << shift).to_be_bytes());
    bytes
}

pub(crate) fn aiff(declared_frames: u32) -> Vec<u8> {
    let data: Vec<u8> = samples().into_iter().flatten().flat_map(i16::to_be_bytes).collect();
    let mut body = b"AIFFCOMM\0\0\0\x12\0\x02".to_vec();
    body.extend(declared_frames.to_be_bytes());
    body.extend(16u16.to_be_bytes());
    body.extend(extended(RATE_HZ));
    body.extend(b"SSND");
    body.extend((data.len() as u32 + 8).to_be_bytes());
    body.extend([0; 8]);
    body.extend(data);
    let mut file = b"FORM".to_vec();
    file.extend((body.len() as u32).to_be_bytes());
    file.extend(body);
    file
}

#[test]
fn aiff_is_exact_and_must_agree_with_itself() {
    let folder = tempfile::tempdir().unwrap();
    let intact = aiff(FRAMES as u32);
    assert_holds(&write(folder.path(), "intact.aiff", &intact), &samples());
    assert_damage_shows(folder.path(), &intact, 54);
    let error = decode(&write(folder.path(), "lying.aiff", &aiff(4999))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "AIFF header is invalid: it declares 4999 frames of 4 bytes, but its sound chunk holds 20000 bytes"
    );
}

#[test]
fn caf_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<u8> = samples().into_iter().flatten().flat_map(i16::to_be_bytes).collect();
    let mut intact = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    intact.extend(f64::from(RATE_HZ).to_be_bytes());
    intact.extend(b"lpcm");
    // Flags; then bytes and frames a packet, channels, bits.
    for field in [0u32, 4, 1, 2, 16] {
        intact.extend(field.to_be_bytes());
    }
    intact.extend(b"data");
    intact.extend((data.len() as u64 + 4).to_be_bytes());
    intact.extend([0; 4]);
    intact.extend(data);
    assert_holds(&write(folder.path(), "intact.caf", &intact), &samples());
    assert_damage_shows(folder.path(), &intact, 68);
}

pub(crate) fn atom(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(body);
    bytes
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A track with one chunk of samples of one size.
struct Mp4Track<'a> {
    id: u32,
    handler: &'a [u8; 4],
    sample_entry: Vec<u8>,
    samples: u32,
    sample_bytes: u32,
    /// (duration in movie units, first sample)
    edits: &'a [(u32, u32)],
}

impl Mp4Track<'_> {
    fn bytes(&self, chunk_offset: u32) -> Vec<u8> {
        let matrix = words(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]);
        let tkhd = atom(
            b"tkhd",
            &[
                &words(&[7, 0, 0, self.id, 0, self.samples, 0, 0, 0, 0]),
                &matrix,
                &words(&[0, 0]),
            ],
        );
        let mdhd = atom(b"mdhd", &[&words(&[0, 0, 0, RATE_HZ, self.samples, 0x55c4_0000])]);
        let hdlr = atom(b"hdlr", &[&words(&[0, 0]), self.handler, &words(&[0, 0, 0]), b"\0"]);
        let table = [
            atom(b"stsd", &[&words(&[0, 1]), &self.sample_entry]),
            atom(b"stts", &[&words(&[0, 1, self.samples, 1])]),
            atom(b"stsc", &[&words(&[0, 1, 1, self.samples, 1])]),
            atom(b"stsz", &[&words(&[0, self.sample_bytes, self.samples])]),
            atom(b"stco", &[&words(&[0, 1, chunk_offset])]),
        ];
        let media_header = atom(b"smhd", &[&words(&[0, 0])]);
        let dref = atom(b"dref", &[&words(&[0, 1]), &atom(b"url ", &[&words(&[1])])]);
        let minf = atom(
            b"minf",
            &[
                &media_header,
                &atom(b"dinf", &[&dref]),
                &atom(b"stbl", &[&table.concat()]),
            ],
        );
        let edits: Vec<u8> = self
            .edits
            .iter()
            .flat_map(|&(duration, start)| words(&[duration, start, 0x1_0000]))
            .collect();
        let elst = atom(b"elst", &[&words(&[0, self.edits.len() as u32]), &edits]);
        let edts = if self.edits.is_empty() {
            Vec::new()
        } else {
            atom(b"edts", &[&elst])
        };
        atom(b"trak", &[&tkhd, &edts, &atom(b"mdia", &[&mdhd, &hdlr, &minf])])
    }
}

/// An MP4 file with a video track before its audio track of 16-bit samples.
pub(crate) fn mp4(edits: &[(u32, u32)]) -> Vec<u8> {
    let data: Vec<u8> = samples().into_iter().flatten().flat_map(i16::to_le_bytes).collect();
    // Reserved; data reference; 16 bytes reserved; width, height; resolutions; the rest.
    let mut video = words(&[0, 1, 0, 0, 0, 0, 0x0010_0010, 0x48_0000, 0x48_0000, 0, 0x1_0000]);
    video.extend([0; 30]);
    video.extend([0, 24, 0xff, 0xff]);
    let audio = words(&[0, 1, 0, 0, 0x0002_0010, 0, RATE_HZ << 16]);
    let ftyp = atom(b"ftyp", &[b"qt  ", &words(&[0]), b"qt  "]);
    let movie = |offset: u32| {
        let mvhd = [
            words(&[0, 0, 0, RATE_HZ, FRAMES as u32, 0x1_0000, 0x100_0000, 0, 0]),
            words(&[0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000]),
            words(&[0, 0, 0, 0, 0, 0, 3]),
        ];
        let video = Mp4Track {
            id: 1,
            handler: b"vide",
            sample_entry: atom(b"mp4v", &[&video]),
            samples: 1,
            sample_bytes: 4,
            edits: &[],
        };
        let audio = Mp4Track {
            id: 2,
            handler: b"soun",
            sample_entry: atom(b"sowt", &[&audio]),
            samples: FRAMES as u32,
            sample_bytes: 4,
            edits,
        };
        atom(
            b"moov",
            &[
                &atom(b"mvhd", &[&mvhd.concat()]),
                &video.bytes(offset),
                &audio.bytes(offset),
            ],
        )
    };
    let offset = ftyp.len() + movie(0).len() + 8;
    [ftyp, movie(offset as u32), atom(b"mdat", &[&data])].concat()
}

#[test]
fn mp4_chooses_the_audio_track_and_applies_one_edit() {
    let folder = tempfile::tempdir().unwrap();
    let intact = mp4(&[]);
    assert_holds(&write(folder.path(), "plain.mp4", &intact), &samples());
    for cut in (1..60).map(|step| intact.len() * step / 60) {
        assert!(
            decode(&write(folder.path(), "cut.mp4", &intact[..cut])).is_err(),
            "cut to {cut} bytes"
        );
    }
    // 2,112 samples of encoder delay are skipped, and 2,000 kept.
    assert_holds(
        &write(folder.path(), "edit.mp4", &mp4(&[(2000, 2112)])),
        &samples()[2112..4112],
    );
    assert_holds(
        &write(folder.path(), "delay.mp4", &mp4(&[(0, 2112)])),
        &samples()[2112..],
    );
    // A pause before the sound is no part of it.
    assert_holds(
        &write(folder.path(), "pause.mp4", &mp4(&[(10, u32::MAX), (2000, 2112)])),
        &samples()[2112..4112],
    );
    let error = decode(&write(folder.path(), "edits.mp4", &mp4(&[(10, 0), (2000, 0)]))).unwrap_err();
    assert_eq!(error.to_string(), "MP4 with an edit list of 2 edits is not supported");
}

#[test]
fn deeply_nested_boxes_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut nested = Vec::new();
    for depth in 0..2000 {
        nested = atom(if depth % 2 == 0 { b"mdia" } else { b"minf" }, &[&nested]);
    }
    let file = [atom(b"ftyp", &[b"qt  "]), atom(b"moov", &[&atom(b"trak", &[&nested])])].concat();
    assert!(decode(&write(folder.path(), "nested.mp4", &file)).is_err());
}
