//! Files whose bookkeeping is wrong and whose sound is whole: all of it is read, and what is wrong is noted.

use super::build::*;
use super::{OpenLength, Sound, opened, read_bytes};
use crate::audio::ranged::Seekable;
use crate::audio::wav::MetadataKind;

const FRAMES: usize = 500;

fn sound(file: &[u8]) -> Sound {
    read_bytes(file, OpenLength::Refuse).unwrap_or_else(|error| panic!("{error}"))
}

/// Checks that the file holds the 16-bit samples, and that exactly these kinds of things are noted.
#[track_caller]
fn assert_holds(file: &[u8], expected: &[i16], kinds: &[&str]) {
    let sound = sound(file);
    assert_eq!((sound.rate_hz, sound.channels.len()), (8000, 1));
    assert!(
        sound.channels[0] == decoded(expected),
        "other samples: {:?}",
        sound.notes
    );
    assert_eq!(sound.kinds(), kinds);
    assert!(sound.notes.iter().all(|note| note.to_string().len() > 10));
}

fn data() -> Vec<u8> {
    chunk(b"data", &le16(&values(FRAMES)))
}

fn with_size(mut file: Vec<u8>, size: u32) -> Vec<u8> {
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

#[test]
fn the_size_of_the_whole_may_be_anything() {
    let file = riff(&[plain(), data()]);
    let right = file.len() as u32 - 8;
    assert_holds(&file, &values(FRAMES), &[]);
    for size in [0, 4, 36, right - 8, right + 8, right - 36, 0x7fff_f024, u32::MAX] {
        assert_holds(
            &with_size(file.clone(), size),
            &values(FRAMES),
            &["file size in the header"],
        );
    }
    // Padding may be counted or not.
    for size in [right - 1, right + 1] {
        assert_holds(&with_size(file.clone(), size), &values(FRAMES), &[]);
    }
}

#[test]
fn the_format_chunk_may_have_any_length_from_16() {
    for (extra, kinds) in [
        (2, &[][..]),
        (4, &["length of the format chunk"]),
        (24, &[]),
        (34, &["length of the format chunk"]),
    ] {
        let fields = Fields {
            extension: vec![0; extra],
            ..Fields::new(1, 1, 8000, 16)
        };
        assert_holds(&riff(&[fields.chunk(), data()]), &values(FRAMES), kinds);
    }
    let odd = Fields {
        extension: vec![0; 3],
        ..Fields::new(1, 1, 8000, 16)
    };
    assert_holds(
        &riff(&[odd.chunk(), data()]),
        &values(FRAMES),
        &["length of the format chunk"],
    );
    assert_holds(
        &riff(&[plain(), plain(), data()]),
        &values(FRAMES),
        &["two format chunks"],
    );
}

#[test]
fn chunks_before_the_samples_may_lack_padding() {
    for body in [&b"abc"[..], b"", b"\0\0\0\0\0", b"dat"] {
        let file = riff(&[plain(), unpadded(b"note", body), unpadded(b"Odd1", body), data()]);
        let kinds: &[&str] = if body.is_empty() { &[] } else { &["missing padding"] };
        assert_holds(&file, &values(FRAMES), kinds);
        let file = riff(&[chunk(b"note", body), plain(), chunk(b"Odd1", body), data()]);
        assert_holds(&file, &values(FRAMES), &[]);
    }
}

#[test]
fn the_insides_of_other_chunks_do_not_matter() {
    let list = b"INFOISFT\x09\0\0\0recorder\0ICMT\x0b\0\0\0a bird sang";
    for inside in [
        &list[..],
        &[0; 4000],
        &[0xff; 333],
        b"INFOICMT\xff\xff\xff\xff",
        b"data\x04\0\0\0abcd",
    ] {
        assert_holds(&riff(&[plain(), chunk(b"LIST", inside), data()]), &values(FRAMES), &[]);
        assert_holds(&riff(&[plain(), data(), chunk(b"LIST", inside)]), &values(FRAMES), &[]);
    }
    assert_holds(
        &riff(&[chunk(b"JUNK", &[0; 28]), chunk(b"bext", &[0; 858]), plain(), data()]),
        &values(FRAMES),
        &[],
    );
}

#[test]
fn a_wrong_length_before_the_samples_is_overcome_where_they_are_found_exactly() {
    for declared in [10, 14, 42, 500, 5_000_000, u32::MAX] {
        let list = sized(b"LIST", declared, b"INFOICMT\x04\0\0\0abc\0");
        let file = riff(&[plain(), list.clone(), data()]);
        assert_holds(&file, &values(FRAMES), &["length of a chunk"]);
        let file = riff(&[list.clone(), plain(), data(), chunk(b"LIST", b"INFO")]);
        assert_holds(&file, &values(FRAMES), &["length of a chunk"]);
    }
    let gap = [plain(), vec![0; 100]].concat();
    assert_holds(&riff(&[gap, data()]), &values(FRAMES), &["length of a chunk"]);
}

#[test]
fn chunks_behind_the_samples_are_walked() {
    let list = || chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0");
    assert_holds(
        &riff(&[plain(), data(), list(), unpadded(b"guan", b"GUANO|Version: 1.0")]),
        &values(FRAMES),
        &[],
    );
    assert_holds(
        &riff(&[plain(), data(), unpadded(b"note", b"abc"), list()]),
        &values(FRAMES),
        &["missing padding"],
    );
    // A code that nobody knows, if it leads to the end.
    assert_holds(
        &riff(&[plain(), data(), chunk(b"Zzz9", &[1; 55]), list()]),
        &values(FRAMES),
        &[],
    );
    let behind = [riff(&[plain(), data(), list()]), vec![7; 1000]].concat();
    assert_holds(&behind, &values(FRAMES), &["trailing bytes"]);
    let behind = [riff(&[plain(), data(), list()]), vec![0; 1000]].concat();
    assert_holds(&behind, &values(FRAMES), &["zero fill"]);
    let whole = riff(&[plain(), data(), chunk(b"LIST", &[b'x'; 100])]);
    for cut in [1, 50, 99, 100, 104] {
        assert_holds(
            &whole[..whole.len() - cut],
            &values(FRAMES),
            &["cut chunk behind the sound", "file size in the header"][..if cut == 1 { 1 } else { 2 }],
        );
    }
}

#[test]
fn samples_of_odd_length_need_no_padding() {
    let fields = Fields::new(1, 1, 8000, 24);
    let bytes: Vec<u8> = values(501)
        .into_iter()
        .flat_map(|value| (i32::from(value) << 8).to_le_bytes().into_iter().take(3))
        .collect();
    let list = chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0");
    for (tail, kinds) in [
        (vec![], &[][..]),
        (vec![0], &[]),
        (vec![9], &["padding that is not zero"]),
        (list.clone(), &["missing padding"]),
        ([vec![0], list].concat(), &[]),
    ] {
        let file = riff(&[fields.chunk(), [unpadded(b"data", &bytes), tail].concat()]);
        assert_holds(&file, &values(501), kinds);
    }
}

#[test]
fn what_follows_without_being_sound_is_noted() {
    let file = riff(&[plain(), data()]);
    let id3 = [b"TAG".as_slice(), &[b'x'; 125]].concat();
    for (tail, kind) in [
        (vec![0; 3], "zero fill"),
        (vec![0; 100_000], "zero fill"),
        (b"\r\n".to_vec(), "trailing bytes"),
        (vec![b'a'; 511], "trailing bytes"),
        (id3, "trailing tag"),
        (b"APETAGEX\xd0\x07\0\0 and more".to_vec(), "trailing tag"),
        (b"ID3\x04\0\0\0\0\0\x03abc".to_vec(), "trailing tag"),
    ] {
        assert_holds(&[file.clone(), tail].concat(), &values(FRAMES), &[kind]);
    }
}

#[test]
fn chunks_that_the_length_of_the_samples_takes_in_are_no_sound() {
    let list = chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0");
    let body = [le16(&values(FRAMES)), list, chunk(b"guan", b"GUANO|Version: 1.0")].concat();
    assert_holds(
        &riff(&[plain(), chunk(b"data", &body)]),
        &values(FRAMES),
        &["chunks within the declared sound"],
    );
}

#[test]
fn part_of_a_frame_is_left_out() {
    for extra in 1..4 {
        let mut bytes = le16(&values(2 * FRAMES));
        bytes.extend(vec![0x55; extra]);
        let fields = Fields::new(1, 2, 8000, 16);
        let sound = sound(&riff(&[fields.chunk(), chunk(b"data", &bytes)]));
        let left: Vec<f32> = decoded(&values(2 * FRAMES)).into_iter().step_by(2).collect();
        assert_eq!(
            (sound.channels[0] == left, sound.kinds()),
            (true, vec!["partial frame at the end"])
        );
    }
}

#[test]
fn every_width_is_exact() {
    let expected = decoded(&values(FRAMES));
    let truth = values(FRAMES).into_iter().map(i32::from);
    // Bits, bytes a sample, shift of a 16-bit value, at the high end.
    for (bits, bytes, shift) in [
        (16, 2, 0),
        (24, 3, 8),
        (32, 4, 16),
        (20, 3, 8),
        (20, 4, 16),
        (24, 4, 16),
        (17, 4, 16),
        (16, 3, 8),
    ] {
        let data: Vec<u8> = truth
            .clone()
            .flat_map(|value| (value << shift).to_le_bytes().into_iter().take(bytes))
            .collect();
        let fields = Fields {
            block: bytes as u16,
            byte_rate: 8000 * bytes as u32,
            ..Fields::new(1, 1, 8000, bits)
        };
        let sound = sound(&riff(&[fields.chunk(), chunk(b"data", &data)]));
        assert!(sound.channels[0] == expected, "{bits} bits in {bytes} bytes");
        let wide = usize::from(bits) < 8 * bytes;
        assert_eq!(
            sound.kinds().contains(&"wide container"),
            wide,
            "{bits} bits in {bytes} bytes"
        );
    }
}

#[test]
fn samples_at_the_low_end_have_the_same_level() {
    for (bits, bytes) in [(12u16, 2), (12, 4), (16, 3), (16, 4), (20, 3), (20, 4), (24, 4)] {
        let cut = |value: i16| {
            if bits < 16 {
                i32::from(value) >> (16 - bits)
            } else {
                i32::from(value) << (bits - 16)
            }
        };
        let low: Vec<i32> = values(FRAMES).into_iter().map(|value| cut(value) | 1).collect();
        let expected: Vec<f32> = low
            .iter()
            .map(|&value| value as f32 / (1 << (bits - 1)) as f32)
            .collect();
        for (shift, low_end) in [(0, true), (8 * bytes as u16 - bits, false)] {
            let data: Vec<u8> = low
                .iter()
                .flat_map(|value| (value << shift).to_le_bytes().into_iter().take(bytes))
                .collect();
            let fields = Fields {
                block: bytes as u16,
                byte_rate: 8000 * bytes as u32,
                ..Fields::new(1, 1, 8000, bits)
            };
            let sound = sound(&riff(&[fields.chunk(), chunk(b"data", &data)]));
            assert!(
                sound.channels[0] == expected,
                "{bits} bits in {bytes} bytes, low end: {low_end}"
            );
            let note = sound.notes.iter().map(ToString::to_string).collect::<String>();
            assert_eq!(note.contains("low end"), low_end, "{note}");
        }
    }
}

#[test]
fn extensible_formats_are_read_by_their_codec() {
    let whole = |valid| Fields::extensible(1, 1, 8000, 16, valid);
    for (valid, kinds) in [(16, &[][..]), (12, &[]), (0, &["valid bits"]), (24, &["valid bits"])] {
        assert_holds(&riff(&[whole(valid).chunk(), data()]), &values(FRAMES), kinds);
    }
    let float: Vec<u8> = decoded(&values(FRAMES))
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    for valid in [32, 0] {
        let fields = Fields::extensible(3, 1, 8000, 32, valid);
        assert!(sound(&riff(&[fields.chunk(), chunk(b"data", &float)])).channels[0] == decoded(&values(FRAMES)));
    }
    // The size of the extension says nothing.
    let mut fields = whole(16);
    fields.extension[0] = 0;
    assert_holds(&riff(&[fields.chunk(), data()]), &values(FRAMES), &[]);
}

#[test]
fn up_to_256_channels() {
    for channels in [2, 9, 27, 64, 256] {
        for tag in [1, 3, 0xfffe] {
            let mut fields = Fields::new(tag, channels, 8000, if tag == 3 { 32 } else { 16 });
            if tag == 0xfffe {
                fields = Fields::extensible(1, channels, 8000, 16, 16);
            }
            let truth = values(usize::from(channels) * 7);
            let bytes = match tag {
                3 => decoded(&truth).iter().flat_map(|value| value.to_le_bytes()).collect(),
                _ => le16(&truth),
            };
            let sound = sound(&riff(&[fields.chunk(), chunk(b"data", &bytes)]));
            let truth = decoded(&truth);
            for (index, channel) in sound.channels.iter().enumerate() {
                let expected: Vec<f32> = truth
                    .iter()
                    .skip(index)
                    .step_by(usize::from(channels))
                    .copied()
                    .collect();
                assert!(*channel == expected, "channel {index} of {channels}, tag {tag}");
            }
            assert_eq!((sound.channels.len(), sound.kinds()), (usize::from(channels), vec![]));
        }
    }
}

#[test]
fn one_wrong_field_among_right_ones_is_noted() {
    let right = Fields::new(1, 1, 8000, 16);
    for (fields, kinds) in [
        (
            Fields {
                block: 0,
                ..right.clone()
            },
            ["bytes of a frame"],
        ),
        (
            Fields {
                block: 7,
                ..right.clone()
            },
            ["bytes of a frame"],
        ),
        (
            Fields {
                byte_rate: 0,
                ..right.clone()
            },
            ["bytes of a second"],
        ),
    ] {
        assert_holds(&riff(&[fields.chunk(), data()]), &values(FRAMES), &kinds);
    }
    // Bits of A-law as of what it decodes to, and bytes a second of packed bits.
    let law = Fields {
        bits: 16,
        block: 1,
        byte_rate: 8000,
        ..Fields::new(6, 1, 8000, 8)
    };
    assert_eq!(
        sound(&riff(&[law.chunk(), chunk(b"data", &[0xd5; 40])])).channels[0].len(),
        40
    );
    let packed = Fields {
        byte_rate: 8000 * 12 / 8,
        ..Fields::new(1, 1, 8000, 12)
    };
    let bytes: Vec<u8> = le16(&values(9).into_iter().map(|value| value & !15).collect::<Vec<_>>());
    assert_eq!(
        sound(&riff(&[packed.chunk(), chunk(b"data", &bytes)])).channels[0].len(),
        9
    );
}

#[test]
fn rf64_and_wave64_are_read() {
    let bytes = le16(&values(FRAMES));
    let file = |magic: &[u8; 4], ds64: Vec<u8>, data: u32| {
        let mut file = riff(&[chunk(b"ds64", &ds64), plain(), sized(b"data", data, &bytes)]);
        file[..4].copy_from_slice(magic);
        with_size(file, u32::MAX)
    };
    let (riff_size, data_size) = (36 + 24 + 12 + 1000, 1000);
    for magic in [b"RF64", b"BW64"] {
        let right = sizes64(riff_size, data_size, 500);
        assert_holds(&file(magic, right.clone(), u32::MAX), &values(FRAMES), &[]);
        assert_holds(&file(magic, right.clone(), data_size as u32), &values(FRAMES), &[]);
        assert_holds(&file(magic, right.clone(), 0), &values(FRAMES), &["two lengths"]);
        let short = sizes64(riff_size - 12, data_size, 0)[..16].to_vec();
        assert_holds(&file(magic, short, u32::MAX), &values(FRAMES), &[]);
        assert_holds(
            &file(magic, sizes64(1, data_size, 0), u32::MAX),
            &values(FRAMES),
            &["file size in the header"],
        );
        // The 64-bit size was never written.
        assert_holds(
            &file(magic, sizes64(riff_size, 0, 0), data_size as u32),
            &values(FRAMES),
            &["two lengths"],
        );
        assert_holds(
            &file(magic, sizes64(riff_size, 77, 0), data_size as u32),
            &values(FRAMES),
            &["two lengths"],
        );
    }
    assert_holds(
        &file(b"RIFF", sizes64(riff_size, data_size, 0), u32::MAX),
        &values(FRAMES),
        &["file size in the header"],
    );
    let format = chunk64(b"fmt ", &Fields::new(1, 1, 8000, 16).bytes());
    let odd = le16(&values(501));
    let list = || chunk64(b"list", b"INFOICMT\x04\0\0\0abc\0");
    for (chunks, kinds) in [
        (vec![format.clone(), chunk64(b"data", &odd)], &[][..]),
        (vec![list(), format.clone(), sized64(b"data", 24 + 1002, &odd)], &[]),
        (vec![format.clone(), chunk64(b"data", &odd), list()], &[]),
        (
            vec![format.clone(), sized64(b"data", 24 + 1002, &odd), list()],
            &["missing padding"],
        ),
    ] {
        assert_holds(&wave64(&chunks), &values(501), kinds);
    }
}

#[test]
fn a_chunk_above_4_gib_may_have_its_size_in_the_table() {
    let ds64 = [
        &sizes64(0, 1000, 500)[..24],
        &1u32.to_le_bytes(),
        b"Big1",
        &16u64.to_le_bytes(),
    ]
    .concat();
    let big = sized(b"Big1", u32::MAX, &[5; 16]);
    let mut file = riff(&[
        chunk(b"ds64", &ds64),
        big,
        plain(),
        sized(b"data", u32::MAX, &le16(&values(FRAMES))),
    ]);
    file[..4].copy_from_slice(b"RF64");
    assert_holds(&file, &values(FRAMES), &[]);
}

#[test]
fn an_open_length_is_taken_to_the_end_if_asked_for() {
    for declared in [0, 0x7fff_f000, 0x7fff_ffff, u32::MAX] {
        for tail in [
            vec![],
            chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0"),
            chunk(b"guan", b"GUANO|Version: 1.0 "),
        ] {
            let file = riff(&[plain(), sized(b"data", declared, &le16(&values(FRAMES))), tail]);
            let sound = read_bytes(&file, OpenLength::ToEnd).unwrap();
            assert!(sound.channels[0] == decoded(&values(FRAMES)), "{declared:#x}");
            assert_eq!(sound.kinds(), ["open length"]);
        }
    }
    let format = chunk64(b"fmt ", &Fields::new(1, 1, 8000, 16).bytes());
    for size in [0, 24] {
        let file = wave64(&[format.clone(), sized64(b"data", size, &le16(&values(FRAMES)))]);
        assert!(read_bytes(&file, OpenLength::ToEnd).unwrap().channels[0] == decoded(&values(FRAMES)));
    }
    // Nothing is open about an empty recording.
    for tail in [vec![], chunk(b"LIST", b"INFO")] {
        let sound = sound(&riff(&[plain(), chunk(b"data", &[]), tail]));
        assert_eq!((sound.channels[0].len(), sound.kinds()), (0, vec![]));
    }
}

#[test]
fn adpcm_is_read_to_its_last_frame() {
    // Mono; MS: 7 bytes of 2 frames; IMA: 4 bytes of 1.
    let extensions = [(2u16, 500u16, 32usize), (0x11, 505, 2)];
    for (tag, block_frames, extension_bytes) in extensions {
        let block = 256u16;
        let mut extension = [(extension_bytes as u16).to_le_bytes(), block_frames.to_le_bytes()].concat();
        if tag == 2 {
            extension.extend([7, 0]);
            let predictors = [256i16, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232];
            extension.extend(predictors.iter().flat_map(|value| value.to_le_bytes()));
        }
        let fields = Fields {
            block,
            bits: 4,
            byte_rate: 4096,
            extension,
            ..Fields::new(tag, 1, 8000, 4)
        };
        let bytes: Vec<u8> = (0..2 * 256)
            .map(|at| if at % 256 < 7 { 0 } else { at as u8 & 0x11 })
            .collect();
        let whole = sound(&riff(&[fields.chunk(), chunk(b"data", &bytes)]));
        assert_eq!(
            (whole.channels[0].len(), whole.kinds()),
            (2 * usize::from(block_frames), vec![])
        );
        let short = sound(&riff(&[fields.chunk(), chunk(b"data", &bytes[..256 + 57])]));
        let frames = usize::from(block_frames) + if tag == 2 { 2 + 100 } else { 1 + 106 };
        assert_eq!(short.channels[0], whole.channels[0][..frames]);
        assert_eq!(short.kinds(), ["short last block"]);
        let part = sound(&riff(&[fields.chunk(), chunk(b"data", &bytes[..256 + 3])]));
        assert_eq!(
            (part.channels[0].len(), part.kinds()),
            (usize::from(block_frames), vec!["partial frame at the end"])
        );
        let bare = Fields {
            extension: vec![],
            ..fields
        };
        assert_eq!(
            sound(&riff(&[bare.chunk(), chunk(b"data", &bytes)])).channels,
            whole.channels
        );
    }
}

#[test]
fn metadata_is_handed_on_as_it_is() {
    let guano = b"GUANO|Version: 1.0\nLoc Position: 1.0 2.0";
    let info = b"INFOISFT\x03\0\0\0abcICMT\x04\0\0\0bird";
    let file = riff(&[
        chunk(b"bext", &[7; 602]),
        plain(),
        chunk(b"LIST", info),
        data(),
        chunk(b"cue ", &[0; 4]),
        chunk(b"LIST", b"adtllabl\x06\0\0\0\x01\0\0\0a\0"),
        chunk(b"wamd", &[1; 10]),
        unpadded(b"guan", guano),
    ]);
    let mut reader = opened(Seekable::new(std::io::Cursor::new(file)).unwrap(), OpenLength::Refuse).unwrap();
    let metadata = reader.recorder_metadata().unwrap();
    let kinds: Vec<MetadataKind> = metadata.iter().map(|metadata| metadata.kind).collect();
    use MetadataKind::{Associated, Broadcast, Cue, Guano, Info, Wamd};
    assert_eq!(kinds, [Broadcast, Info, Cue, Associated, Wamd, Guano]);
    assert_eq!(metadata[0].bytes, [7; 602]);
    assert_eq!(metadata[5].bytes, guano);
    let items: Vec<(String, &[u8])> = metadata[1]
        .items()
        .into_iter()
        .map(|(id, text)| (id.to_string(), text))
        .collect();
    assert_eq!(
        items,
        [("ISFT".to_owned(), b"abc".as_slice()), ("ICMT".to_owned(), b"bird")]
    );
}

#[test]
fn a_file_may_start_behind_a_tag() {
    let file = [vec![1; 33], riff(&[plain(), data()])].concat();
    let source = Seekable::new(std::io::Cursor::new(file)).unwrap();
    let reader = crate::audio::wav::open(Box::new(source), 33, OpenLength::Refuse).unwrap();
    assert_eq!((reader.frames(), reader.notes()), (FRAMES as u64, &[][..]));
}

#[test]
fn seeking_goes_to_the_frame() {
    use symphonia::core::formats::{FormatReader, SeekMode, SeekTo};
    use symphonia::core::units::Timestamp;
    let source = Seekable::new(std::io::Cursor::new(riff(&[plain(), data()]))).unwrap();
    let mut reader = opened(source, OpenLength::Refuse).unwrap();
    let mut go = |frame| {
        let to = SeekTo::Timestamp {
            ts: Timestamp::new(frame),
            track_id: 0,
        };
        reader.seek(SeekMode::Accurate, to).ok()?;
        Some(reader.next_packet().unwrap()?.data.to_vec())
    };
    let all = le16(&values(FRAMES));
    assert_eq!(go(100).unwrap(), all[200..]);
    assert_eq!(go(0).unwrap(), all);
    assert_eq!((go(FRAMES as i64), go(FRAMES as i64 + 1), go(-1)), (None, None, None));
}
