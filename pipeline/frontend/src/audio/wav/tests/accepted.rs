//! Files whose bookkeeping is wrong and whose sound is whole: all of it is read, and what is wrong is noted.

use super::build::*;
use super::{OpenLength, Sound, opened, read_bytes};
use crate::audio::ranged::Seekable;
use crate::audio::wav::MetadataKind;

pub(super) const FRAMES: usize = 500;

pub(super) fn sound(file: &[u8]) -> Sound {
    read_bytes(file, OpenLength::Refuse).unwrap_or_else(|error| panic!("{error}"))
}

/// Checks that the file holds the 16-bit samples, and that exactly these kinds of things are noted.
#[track_caller]
pub(super) fn assert_holds(file: &[u8], expected: &[i16], kinds: &[&str]) {
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

pub(super) fn data() -> Vec<u8> {
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
        let file = riff(&[fields.chunk(), chunk(b"data", &bytes)]);
        let source = Seekable::new(std::io::Cursor::new(file.clone())).unwrap();
        let reader = opened(source, OpenLength::Refuse).unwrap();
        assert_eq!(
            (reader.decoded_frames(), reader.frames()),
            (FRAMES as u64, FRAMES as u64)
        );
        let sound = sound(&file);
        let left: Vec<f32> = decoded(&values(2 * FRAMES)).into_iter().step_by(2).collect();
        assert_eq!(
            (sound.channels[0] == left, sound.kinds()),
            (true, vec!["partial frame at the end"])
        );
    }
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
    // One that is too short to have it.
    let mut bare = riff(&[chunk(b"ds64", &[1; 8]), plain(), chunk(b"data", &bytes)]);
    bare[..4].copy_from_slice(b"RF64");
    assert_holds(&bare, &values(FRAMES), &[]);
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
    let past = SeekTo::Timestamp {
        ts: Timestamp::new(FRAMES as i64 + 1),
        track_id: 0,
    };
    assert!(reader.seek(SeekMode::Accurate, past).is_err());
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
