//! Files whose sound may not be whole, or of another speed: each is refused by the name of what is wrong.

use super::build::*;
use super::{OpenLength, read_bytes};

#[track_caller]
fn assert_refused(file: &[u8], expected: &str) {
    for open_length in [OpenLength::Refuse, OpenLength::ToEnd] {
        match read_bytes(file, open_length) {
            Ok(sound) => panic!("read: {} frames, {:?}", sound.channels[0].len(), sound.notes),
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
        }
    }
}

fn body() -> Vec<u8> {
    le16(&values(500))
}

fn declaring(bytes: u32) -> Vec<u8> {
    riff(&[plain(), sized(b"data", bytes, &body())])
}

#[test]
fn samples_that_are_missing_are_counted() {
    assert_refused(
        &declaring(1044),
        "truncated: the data chunk needs 1044 bytes, 1000 are present",
    );
    assert_refused(
        &declaring(0x7000_0000),
        "truncated: the data chunk needs 1879048192 bytes, 1000 are present",
    );
    let whole = declaring(1000);
    assert_refused(
        &whole[..900],
        "truncated: the data chunk needs 1000 bytes, 856 are present",
    );
    assert_refused(&whole[..8], "truncated: the WAV header needs 12 bytes, 8 are present");
    assert_refused(
        &whole[..24],
        "truncated: the 'fmt ' chunk needs 16 bytes, 4 are present",
    );
    assert_refused(&whole[..40], "it has no data chunk");
}

#[test]
fn samples_that_are_not_declared_are_counted() {
    assert_refused(&declaring(900), "100 bytes that are not a chunk follow its data chunk");
    // Also a few, whether or not the size of the whole is right, which an update may have missed with that of the
    // samples.
    assert_refused(&declaring(996), "4 bytes that are not a chunk follow");
    assert_refused(
        &declaring(999),
        "its data chunk of 999 bytes is not a whole number of frames of 2 bytes",
    );
    let mut stale = declaring(400);
    stale[4..8].copy_from_slice(&436u32.to_le_bytes());
    assert_refused(&stale, "600 bytes that are not a chunk follow");
    // Padding that may be sound; part of a chunk that the file's header does not count.
    let format = chunk64(b"fmt ", &Fields::new(1, 1, 8000, 16).bytes());
    let file = wave64(&[format, sized64(b"data", 24 + 996, &body())]);
    assert_refused(&file, "4 bytes that are not a chunk");
    let cut = [body(), sized(b"LIST", 77, b"INFO")].concat();
    let mut file = riff(&[plain(), sized(b"data", 1000, &cut)]);
    file[4..8].copy_from_slice(&5000u32.to_le_bytes());
    assert_refused(&file, "12 bytes that are not a chunk");
    // What looks like a code, if its length does not fit or leads nowhere.
    let mut text = body();
    text[600..700].copy_from_slice(&[b'a'; 100]);
    assert_refused(
        &riff(&[plain(), sized(b"data", 600, &text)]),
        "400 bytes that are not a chunk",
    );
    text[600..608].copy_from_slice(b"LIST\xff\xff\0\0");
    assert_refused(
        &riff(&[plain(), sized(b"data", 600, &text)]),
        "400 bytes that are not a chunk",
    );
    text[600..608].copy_from_slice(b"LISt\x10\0\0\0");
    assert_refused(
        &riff(&[plain(), sized(b"data", 600, &text)]),
        "400 bytes that are not a chunk",
    );
}

#[test]
fn lost_bytes_are_noticed_though_chunks_make_up_for_them() {
    let list = chunk(b"LIST", &[b'x'; 92]);
    let mut file = riff(&[plain(), chunk(b"data", &body()), list]);
    file.drain(500..600);
    assert_refused(
        &file,
        "truncated: the data chunk, behind which other chunks are, needs 1000 bytes, 900 are present",
    );
}

#[test]
fn an_open_length_is_refused_by_that_name() {
    for declared in [0, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let error = read_bytes(&declaring(declared), OpenLength::Refuse)
            .unwrap_err()
            .to_string();
        let expected =
            format!("its data chunk does not declare its length (it has {declared}, as a pipe or a crash leaves it)");
        assert!(error.contains(&expected), "{error}");
    }
    // Space that was laid out, of a recorder that crashed.
    let file = riff(&[plain(), chunk(b"data", &[])]);
    let error = read_bytes(&[file, vec![0; 1000]].concat(), OpenLength::Refuse)
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not declare its length"), "{error}");
    let format = chunk64(b"fmt ", &Fields::new(1, 1, 8000, 16).bytes());
    for size in [0, 24] {
        let file = wave64(&[format.clone(), sized64(b"data", size, &body())]);
        let error = read_bytes(&file, OpenLength::Refuse).unwrap_err().to_string();
        assert!(error.contains("does not declare its length"), "{error}");
    }
}

#[test]
fn rf64_whose_sizes_both_do_not_fit_is_refused() {
    let file = |long: u64, short: u32| {
        let mut file = riff(&[
            chunk(b"ds64", &sizes64(1072, long, 500)),
            plain(),
            sized(b"data", short, &body()),
        ]);
        file[..4].copy_from_slice(b"RF64");
        file
    };
    assert_refused(
        &file(1001, u32::MAX),
        "truncated: the data chunk needs 1001 bytes, 1000 are present",
    );
    assert_refused(&file(2000, 0), "truncated: the data chunk needs 2000 bytes");
    assert_refused(&file(0, 400), "600 bytes that are not a chunk follow");
    assert_refused(&file(800, 400), "200 bytes that are not a chunk follow");
    let error = read_bytes(&file(0, u32::MAX), OpenLength::Refuse)
        .unwrap_err()
        .to_string();
    assert!(error.contains("does not declare its length"), "{error}");
}

#[test]
fn more_sound_behind_the_samples_is_refused() {
    let data = || chunk(b"data", &body());
    assert_refused(
        &riff(&[plain(), data(), data()]),
        "a second data chunk follows its samples",
    );
    assert_refused(
        &riff(&[plain(), data(), chunk(b"LIST", b"INFO"), data()]),
        "a second data chunk",
    );
    let file = riff(&[plain(), data()]);
    assert_refused(&file.repeat(2), "a second RIFF header follows its samples");
}

#[test]
fn chunks_must_lead_to_the_samples() {
    let data = || chunk(b"data", &body());
    assert_refused(&riff(&[plain()]), "it has no data chunk");
    assert_refused(
        &riff(&[data(), plain()]),
        "its data chunk comes before its format chunk",
    );
    assert_refused(
        &riff(&[plain(), Fields::new(1, 1, 8000, 8).chunk(), data()]),
        "two format chunks that differ",
    );
    assert_refused(
        &riff(&[plain(), vec![0; 3], sized(b"data", 400, &body())]),
        "no chunk follows its 'fmt ' chunk at byte 36",
    );
    assert_refused(
        &riff(&[vec![1; 100], sized(b"data", 400, &body())]),
        "there is no chunk at byte 12",
    );
    assert_refused(
        &riff(&vec![chunk(b"note", &[]); 5000]),
        "it has more than 4096 chunks before its samples",
    );
    assert_refused(b"RIFF\0\0\0\0AVI LIST", "RIFF that is not WAVE is not supported");
}

#[test]
fn formats_that_contradict_themselves_are_refused() {
    let right = Fields::new(1, 2, 8000, 16);
    let refuse =
        |fields: Fields, expected: &str| assert_refused(&riff(&[fields.chunk(), chunk(b"data", &body())]), expected);
    refuse(
        Fields {
            channels: 0,
            ..right.clone()
        },
        "it has 0 channels",
    );
    refuse(
        Fields {
            channels: 257,
            ..right.clone()
        },
        "it has 257 channels",
    );
    refuse(
        Fields {
            channels: 1,
            ..right.clone()
        },
        "16 bits in 4 bytes, but they use them all",
    );
    refuse(
        Fields {
            channels: 3,
            ..right.clone()
        },
        "4 bytes a frame, but 3 channels of 16 bits take 6",
    );
    refuse(
        Fields {
            rate_hz: 0,
            ..right.clone()
        },
        "its sampling rate is 0 Hz",
    );
    refuse(
        Fields {
            rate_hz: 8001,
            ..right.clone()
        },
        "32000 bytes a second, but 8001 Hz at 4 bytes a frame take 32004",
    );
    refuse(
        Fields {
            byte_rate: 1,
            ..right.clone()
        },
        "1 bytes a second",
    );
    refuse(
        Fields {
            bits: 8,
            ..right.clone()
        },
        "8 bits in 2 bytes is not supported",
    );
    refuse(
        Fields {
            bits: 0,
            ..right.clone()
        },
        "2 channels of 0 bits",
    );
    refuse(
        Fields {
            block: 0,
            byte_rate: 0,
            ..right.clone()
        },
        "0 bytes a frame",
    );
    refuse(
        Fields::new(1, 1, 8000, 64),
        "integer samples of 64 bits in 8 bytes is not supported",
    );
    refuse(
        Fields::new(3, 1, 8000, 16),
        "floating-point samples of 16 bits in 2 bytes is not supported",
    );
    refuse(Fields::new(0x55, 1, 8000, 16), "MP3 in WAV is not supported");
    refuse(Fields::new(0x4242, 1, 8000, 16), "format tag 0x4242");
    refuse(
        Fields::new(0xfffe, 1, 8000, 16),
        "40 are needed for the codec of an extensible format",
    );
    refuse(
        Fields {
            extension: vec![0; 24],
            ..Fields::new(0xfffe, 1, 8000, 16)
        },
        "without a known GUID",
    );
    refuse(
        Fields::extensible(3, 1, 8000, 32, 24),
        "24 valid bits of floating-point samples of 32",
    );
    refuse(
        Fields::extensible(2, 1, 8000, 16, 16),
        "ADPCM in an extensible WAV format",
    );
    assert_refused(
        &riff(&[chunk(b"fmt ", &[0; 14]), chunk(b"data", &body())]),
        "its format chunk has 14 bytes",
    );
    let blocks = Fields {
        block: 256,
        extension: vec![2, 0, 0xf8, 1],
        ..Fields::new(0x11, 1, 8000, 4)
    };
    refuse(blocks.clone(), "504 frames a block, but 256 bytes of ADPCM hold 505");
    refuse(
        Fields {
            channels: 3,
            ..blocks.clone()
        },
        "ADPCM in WAV of 3 channels",
    );
    refuse(
        Fields {
            block: 3,
            ..blocks.clone()
        },
        "3 bytes a block of ADPCM",
    );
    refuse(
        Fields {
            channels: 2,
            block: 257,
            ..blocks
        },
        "257 bytes a block of ADPCM",
    );
    let predictors = Fields {
        block: 256,
        extension: vec![1; 34],
        ..Fields::new(2, 1, 8000, 4)
    };
    refuse(predictors, "predictors of its own");
}

#[test]
fn samples_that_stop_to_fit_their_bits_end_the_recording() {
    let mut low: Vec<u8> = (1..20_000).flat_map(|value: i32| value.to_le_bytes()).collect();
    let end = low.len() - 1;
    low[end] = 0x40;
    let fields = Fields {
        block: 4,
        byte_rate: 32_000,
        ..Fields::new(1, 1, 8000, 24)
    };
    let file = riff(&[fields.chunk(), chunk(b"data", &low)]);
    assert_refused(&file, "a sample has more bits than the header declares");
}
