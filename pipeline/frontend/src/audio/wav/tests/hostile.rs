//! Damaged files: no byte of a header makes the reader panic, or give other sound without a refusal or a note.

use super::build::*;
use super::generate::{Dice, make};
use super::{OpenLength, Sound, read_bytes};

/// A small file, and where its samples are.
struct Intact {
    name: &'static str,
    file: Vec<u8>,
    sound: Sound,
    samples: std::ops::Range<usize>,
}

impl Intact {
    fn new(name: &'static str, file: Vec<u8>, data: &[u8]) -> Self {
        let start = file.windows(data.len()).position(|window| window == data).unwrap();
        let sound = read_bytes(&file, OpenLength::Refuse).unwrap();
        Self {
            name,
            file,
            sound,
            samples: start..start + data.len(),
        }
    }

    /// Checks that damaged bytes are refused, or that the sound is the same but for a note, or but for samples in
    /// damaged places.
    fn assert_noticed(&self, damaged: &[u8], damage: &str) {
        for open_length in [OpenLength::Refuse, OpenLength::ToEnd] {
            let Ok(sound) = read_bytes(damaged, open_length) else {
                continue;
            };
            let noted = sound.notes.iter().any(|note| !self.sound.notes.contains(note));
            let place = format!("{}, {damage}: {:?}", self.name, sound.notes);
            assert_eq!(sound.rate_hz, self.sound.rate_hz, "{place}");
            let lengths = |sound: &Sound| sound.channels.iter().map(Vec::len).collect::<Vec<_>>();
            assert!(noted || lengths(&sound) == lengths(&self.sound), "{place}");
            let same = damaged.get(self.samples.clone()) == self.file.get(self.samples.clone());
            assert!(
                noted || !same || sound.channels == self.sound.channels,
                "{place}: other samples"
            );
            // A note excuses fewer or more samples, not shifted ones.
            for (channel, intact) in sound.channels.iter().zip(&self.sound.channels).filter(|_| same) {
                let both = channel.len().min(intact.len());
                assert_eq!(channel[..both], intact[..both], "{place}: shifted samples");
            }
        }
    }
}

fn small_files() -> Vec<Intact> {
    let list = || chunk(b"LIST", b"INFOICMT\x04\0\0\0abc\0");
    let data = le16(&values(60));
    let stereo = Fields::new(1, 2, 48_000, 16).chunk();
    let (s24, s32) = (Fields::new(1, 1, 44_100, 24), Fields::extensible(1, 1, 44_100, 32, 24));
    let float = Fields::new(3, 2, 22_050, 32);
    let floats: Vec<u8> = decoded(&values(30))
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let mut rf64 = riff(&[
        chunk(b"ds64", &sizes64(72 + 120, 120, 60)),
        plain(),
        sized(b"data", u32::MAX, &data),
    ]);
    rf64[..8].copy_from_slice(b"RF64\xff\xff\xff\xff");
    let format64 = chunk64(b"fmt ", &Fields::new(1, 1, 32_000, 16).bytes());
    // Without padding: that of Wave64 may be taken for frames.
    let samples64 = le16(&values(64));
    vec![
        Intact::new("plain", riff(&[plain(), chunk(b"data", &data)]), &data),
        Intact::new("stereo", riff(&[list(), stereo, chunk(b"data", &data), list()]), &data),
        Intact::new(
            "24 bits",
            riff(&[s24.chunk(), list(), chunk(b"data", &data[..63])]),
            &data[..63],
        ),
        Intact::new(
            "32 bits",
            riff(&[s32.chunk(), chunk(b"data", &data), unpadded(b"guan", b"GUANO")]),
            &data,
        ),
        Intact::new(
            "float",
            riff(&[float.chunk(), chunk(b"fact", &[15, 0, 0, 0]), chunk(b"data", &floats)]),
            &floats,
        ),
        Intact::new("RF64", rf64, &data),
        Intact::new(
            "Wave64",
            wave64(&[format64, chunk64(b"data", &samples64), chunk64(b"list", b"INFO")]),
            &samples64,
        ),
    ]
}

#[test]
fn every_flipped_bit_is_noticed_or_does_not_matter() {
    for intact in small_files() {
        // Nothing tells integers of 32 bits from floating-point numbers but the format tag.
        let tag = intact.file.windows(4).position(|code| code == b"fmt ").unwrap() + 8;
        for at in (0..intact.file.len()).filter(|at| !intact.samples.contains(at)) {
            if at == tag && intact.name == "float" {
                continue;
            }
            for bit in 0..8 {
                let mut damaged = intact.file.clone();
                damaged[at] ^= 1 << bit;
                intact.assert_noticed(&damaged, &format!("byte {at}, bit {bit}"));
            }
        }
    }
}

#[test]
fn every_cut_is_noticed_or_does_not_matter() {
    for intact in small_files() {
        for length in 0..intact.file.len() {
            let result = read_bytes(&intact.file[..length], OpenLength::Refuse);
            assert!(
                length >= intact.samples.end || result.is_err(),
                "{} cut to {length} bytes",
                intact.name
            );
            intact.assert_noticed(&intact.file[..length], &format!("cut to {length} bytes"));
        }
    }
}

#[test]
fn every_lost_or_added_byte_of_a_header_is_noticed_or_does_not_matter() {
    for intact in small_files() {
        for at in 0..intact.samples.start {
            let (mut lost, mut added) = (intact.file.clone(), intact.file.clone());
            lost.remove(at);
            added.insert(at, 0x41);
            for damaged in [lost, added] {
                if let Ok(sound) = read_bytes(&damaged, OpenLength::Refuse) {
                    assert!(
                        sound.channels == intact.sound.channels,
                        "{}, byte {at}: {:?}",
                        intact.name,
                        sound.notes
                    );
                }
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut dice = Dice(7);
    for seed in 0..3000 {
        let mut bytes = make(seed).bytes;
        for _ in 0..=dice.below(4) {
            let start = dice.below(bytes.len());
            let end = (start + 1 + dice.below(12)).min(bytes.len());
            match dice.below(4) {
                0 => bytes[start..end].fill(0xff),
                1 => bytes[start..end].fill(0),
                2 => drop(bytes.drain(start..end)),
                _ => bytes[start..end].iter_mut().for_each(|byte| *byte = dice.next() as u8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        for open_length in [OpenLength::Refuse, OpenLength::ToEnd] {
            if let Err(error) = read_bytes(&bytes, open_length) {
                let reason = error.to_string();
                assert!(reason.len() > 8 && !reason.contains('\n'), "{reason:?}");
            }
        }
        let mut noise = b"RIFF\0\0\0\0WAVE".to_vec();
        noise.extend((0..200).map(|_| dice.pick(b"fmt data\0\0\0\x10\x01LISTRIFF\xff")));
        drop(read_bytes(&noise, OpenLength::ToEnd));
    }
}
