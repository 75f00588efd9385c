//! Widths, codecs and channels that are read, and the fields of the format chunk that may be wrong.

use super::accepted::{FRAMES, assert_holds, data, sound};
use super::build::*;

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
