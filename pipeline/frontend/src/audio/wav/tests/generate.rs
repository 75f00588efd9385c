//! Makes WAV files of any mix of irregularities, with the sound that they hold, or with damage done to it.

use super::build::*;
use crate::audio::wav::OpenLength;

/// Numbers of a seed (splitmix64, Steele, Lea and Flood 2014).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// A file that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// How it has to be read.
    pub(super) open_length: OpenLength,
    /// Its rate and its samples, one vector a channel; `None` where its sound is damaged.
    pub(super) sound: Option<(u32, Vec<Vec<f32>>)>,
    /// What was done to it.
    pub(super) deeds: Vec<&'static str>,
}

/// A codec, as fields of the format chunk and bytes of a sample.
#[derive(Debug, Clone, Copy)]
struct Width {
    tag: u16,
    bits: u16,
    bytes: usize,
    low: bool,
}

const fn width(tag: u16, bits: u16, bytes: usize, low: bool) -> Width {
    Width { tag, bits, bytes, low }
}

const WIDTHS: [Width; 18] = [
    width(1, 8, 1, false),
    width(1, 16, 2, false),
    width(1, 16, 2, false),
    width(1, 16, 2, false),
    width(1, 24, 3, false),
    width(1, 32, 4, false),
    width(3, 32, 4, false),
    width(3, 64, 8, false),
    width(6, 8, 1, false),
    width(7, 8, 1, false),
    width(1, 12, 2, false),
    width(1, 12, 2, true),
    width(1, 20, 3, false),
    width(1, 20, 3, true),
    width(1, 24, 4, false),
    width(1, 24, 4, true),
    width(1, 20, 4, true),
    width(1, 16, 4, true),
];

/// What is done to the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    Cut,
    SizeTooSmall,
    SizeTooLarge,
    TwoSounds,
    Rate,
    Open,
}

/// The dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Riff,
    Rf64,
    Wave64,
}

/// A file in the making.
struct Maker<'a> {
    dice: &'a mut Dice,
    dialect: Dialect,
    damage: Damage,
    deeds: Vec<&'static str>,
    file: Vec<u8>,
}

impl Maker<'_> {
    /// Does something to the file once in `times`.
    fn deed(&mut self, times: usize, name: &'static str) -> bool {
        let done = self.dice.once_in(times);
        if done {
            self.deeds.push(name);
        }
        done
    }

    /// Puts a chunk behind the others; of odd length it may lack padding.
    fn put(&mut self, id: &[u8; 4], declared: Option<u64>, body: &[u8], may_lack_padding: bool) {
        let declared = declared.unwrap_or(body.len() as u64);
        let alignment = match self.dialect {
            Dialect::Wave64 => {
                self.file.extend(sized64(id, declared + 24, body));
                8
            }
            Dialect::Riff | Dialect::Rf64 => {
                self.file.extend(sized(id, declared as u32, body));
                2
            }
        };
        let padding = match self.dialect {
            Dialect::Wave64 => self.file.len().next_multiple_of(alignment) - self.file.len(),
            _ => body.len() % 2,
        };
        if padding > 0 && !(may_lack_padding && self.deed(3, "no padding")) {
            self.file.extend(vec![0; padding]);
        }
    }

    /// A chunk that says nothing of the sound.
    fn put_other(&mut self, before_samples: bool) {
        let id = self.dice.pick(&[b"LIST", b"JUNK", b"bext", b"guan", b"note", b"Xyz1"]);
        let length = self.dice.below(70);
        let body = match self.dice.below(4) {
            0 => vec![0; length],
            1 => b"INFOISFT\x09\0\0\0recorder\0ICMT\x0b\0\0\0a bird sang".to_vec(),
            _ => self.dice.bytes(length),
        };
        let may_be_wrong =
            before_samples && self.damage == Damage::None && !self.deeds.contains(&"wrong length of a chunk");
        let wrong = may_be_wrong && self.deed(25, "wrong length of a chunk");
        if !before_samples && id == b"Xyz1" {
            self.deeds.push("unknown code behind");
        }
        let declared = wrong.then(|| body.len() as u64 + [3, 5, 1 << 20][self.dice.below(3)]);
        self.put(id, declared, &body, true);
    }
}

/// Makes the file of a seed.
pub(super) fn make(seed: u64) -> Made {
    let mut dice = Dice(seed);
    let dialect = dice.pick(&[
        Dialect::Riff,
        Dialect::Riff,
        Dialect::Riff,
        Dialect::Rf64,
        Dialect::Wave64,
    ]);
    let mut damage = Damage::None;
    if dice.once_in(3) {
        use Damage::{Cut, Open, Rate, SizeTooLarge, SizeTooSmall, TwoSounds};
        damage = dice.pick(&[Cut, SizeTooSmall, SizeTooLarge, TwoSounds, Rate, Open]);
    }
    let mut maker = Maker {
        dice: &mut dice,
        dialect,
        damage,
        deeds: Vec::new(),
        file: Vec::new(),
    };
    let width = maker.dice.pick(&WIDTHS);
    let channels = if maker.dice.once_in(10) {
        5 + maker.dice.below(252)
    } else {
        1 + maker.dice.below(4)
    };
    let rate_hz = maker.dice.pick(&[8000u32, 22_050, 44_100, 48_000, 250_000, 384_000]);
    let frames = 6 + maker.dice.below(300);
    let (samples, truth) = samples(maker.dice, width, frames, channels);
    let fields = fields(&mut maker, width, channels as u16, rate_hz);
    let sizes = head(&mut maker, samples.len());
    (0..maker.dice.below(3)).for_each(|_| maker.put_other(true));
    maker.put(b"fmt ", None, &fields, true);
    (0..maker.dice.below(3)).for_each(|_| maker.put_other(true));
    let open_length = put_samples(&mut maker, &samples, width.bytes * channels, sizes);
    finish(&mut maker);
    let sound = (damage == Damage::None).then_some((rate_hz, truth));
    Made {
        sound,
        open_length,
        deeds: maker.deeds,
        bytes: maker.file,
    }
}

/// Random samples as bytes, and as what they mean.
fn samples(dice: &mut Dice, width: Width, frames: usize, channels: usize) -> (Vec<u8>, Vec<Vec<f32>>) {
    let (mut bytes, mut truth) = (Vec::new(), vec![Vec::new(); channels]);
    for index in 0..frames * channels {
        let random = dice.next();
        let value = match (width.tag, width.bits) {
            (3, 64) => {
                let value = random as i32 as f64 / 3e9;
                bytes.extend(value.to_le_bytes());
                value as f32
            }
            (3, _) => {
                let value = random as i32 as f32 / 3e9;
                bytes.extend(value.to_le_bytes());
                value
            }
            (6, _) => {
                bytes.push(random as u8);
                f32::from(a_law(random as u8)) / 32_768.0
            }
            (7, _) => {
                bytes.push(random as u8);
                f32::from(mu_law(random as u8)) / 32_768.0
            }
            (_, 8) => {
                bytes.push(random as u8);
                (f32::from(random as u8) - 128.0) / 128.0
            }
            (_, bits) => {
                // Odd, so that it is at the end where it is put.
                let value = (random as i32 >> (32 - bits)) | 1;
                let spare = 8 * width.bytes as u16 - bits;
                let stored = if width.low { value } else { value << spare };
                bytes.extend(stored.to_le_bytes().into_iter().take(width.bytes));
                (f64::from(value) / f64::from(1u32 << (bits - 1))) as f32
            }
        };
        truth[index % channels].push(value);
    }
    (bytes, truth)
}

/// ITU-T G.711, by its definition: the segment's start and its steps.
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, step) = (i32::from(code >> 4 & 7), i32::from(code & 15));
    let magnitude = if segment == 0 {
        step * 16 + 8
    } else {
        (step * 16 + 264) << (segment - 1)
    };
    (if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
}

fn mu_law(code: u8) -> i16 {
    let code = !code;
    let (segment, step) = (code >> 4 & 7, i32::from(code & 15));
    let magnitude = ((step * 8 + 132) << segment) - 132;
    (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
}

/// The format chunk's body.
fn fields(maker: &mut Maker<'_>, width: Width, channels: u16, rate_hz: u32) -> Vec<u8> {
    let block = channels * width.bytes as u16;
    let plain = width.tag != 1 || usize::from(width.bits) == 8 * width.bytes;
    let mut fields = if plain && maker.deed(3, "extensible") {
        let fewer = if width.tag == 1 { width.bits - 4 } else { width.bits };
        let valid = maker.dice.pick(&[width.bits, 0, fewer]);
        Fields::extensible(width.tag, channels, rate_hz, width.bits, valid)
    } else {
        let extra = maker.dice.pick(&[0, 0, 2, 24, 1, 4, 6, 10, 34]);
        Fields {
            extension: vec![0; extra],
            ..Fields::new(width.tag, channels, rate_hz, width.bits)
        }
    };
    (fields.block, fields.byte_rate) = (block, rate_hz.wrapping_mul(u32::from(block)));
    if plain && maker.damage == Damage::None {
        if maker.deed(15, "wrong bytes a frame") {
            fields.block = maker.dice.pick(&[0, channels * 9, 65_535]);
        } else if maker.deed(15, "no bytes a second") {
            fields.byte_rate = 0;
        }
    }
    if maker.damage == Damage::Rate {
        fields.rate_hz ^= 1 << maker.dice.below(20);
        maker.deeds.push("wrong rate");
    }
    fields.bytes()
}

/// Where the sizes of the whole and of the samples have to be put, once they are known.
#[derive(Clone, Copy)]
struct Sizes64 {
    at: Option<usize>,
}

/// Puts the outermost header and the 64-bit sizes, all of them still 0.
fn head(maker: &mut Maker<'_>, sound_bytes: usize) -> Sizes64 {
    match maker.dialect {
        Dialect::Wave64 => maker.file.extend(wave64(&[])),
        Dialect::Riff => maker.file.extend(riff(&[])),
        Dialect::Rf64 => {
            maker.file.extend(riff(&[]));
            let magic: &[u8; 4] = maker.dice.pick(&[b"RF64", b"BW64"]);
            maker.file[..4].copy_from_slice(magic);
            maker.put(b"ds64", None, &sizes64(0, sound_bytes as u64, 0), false);
            return Sizes64 { at: Some(20) };
        }
    }
    Sizes64 { at: None }
}

/// Puts the data chunk and what follows it.
fn put_samples(maker: &mut Maker<'_>, samples: &[u8], block: usize, sizes: Sizes64) -> OpenLength {
    let mut body = samples.to_vec();
    let mut declared = samples.len() as u64;
    let mut open_length = OpenLength::Refuse;
    let part = maker.damage == Damage::None && block > 1 && maker.deed(12, "part of a frame");
    match maker.damage {
        // Behind the chunk there is then more of the sound, without a zero.
        Damage::SizeTooSmall => declared -= 4 + maker.dice.below(samples.len() - 4) as u64,
        Damage::SizeTooLarge => declared += 1 + maker.dice.below(100_000) as u64,
        Damage::Open => {
            declared = if maker.dialect == Dialect::Riff {
                maker.dice.pick(&[0, 0x7fff_f000, 0xffff_ffff])
            } else {
                0
            }
        }
        Damage::None if part => {
            body.extend(vec![0; 1 + maker.dice.below(block - 1)]);
            declared = body.len() as u64;
        }
        _ => {}
    }
    if maker.damage == Damage::SizeTooSmall {
        let last = body.len() - 1;
        body[last] |= 1;
        body[last - 1] |= 1;
    }
    // Padding cannot be told from sound there.
    let aligned =
        samples.len().is_multiple_of(8) && (maker.dialect != Dialect::Wave64 || maker.file.len().is_multiple_of(8));
    let may_open = maker.damage == Damage::None && !part && aligned;
    let found_exactly = maker.deeds.contains(&"wrong length of a chunk");
    let opened = may_open && !found_exactly && maker.deed(5, "open, to the end");
    if opened {
        open_length = OpenLength::ToEnd;
        declared = if maker.dialect == Dialect::Riff {
            maker.dice.pick(&[0, 0x7fff_f000, 0xffff_ffff])
        } else {
            0
        };
    }
    let mut short = declared;
    if let Some(at) = sizes.at {
        maker.file[at + 8..at + 16].copy_from_slice(&declared.to_le_bytes());
        let choices = if maker.damage == Damage::Open || opened {
            vec![0xffff_ffff]
        } else {
            vec![0xffff_ffff, 0, declared]
        };
        short = maker.dice.pick(&choices);
    }
    let may_lack_padding = !opened && maker.damage != Damage::SizeTooLarge;
    let header_bytes = if maker.dialect == Dialect::Wave64 { 24 } else { 8 };
    let sound_end = maker.file.len() + header_bytes + samples.len();
    maker.put(b"data", Some(short), &body, may_lack_padding);
    if maker.damage == Damage::SizeTooLarge {
        return open_length;
    }
    let known = [b"LIST", b"guan", b"wamd", b"cue "];
    for _ in 0..maker.dice.below(3) {
        match opened {
            true => {
                let (id, body) = (maker.dice.pick(&known), maker.dice.bytes(30));
                maker.put(id, None, &body, false);
            }
            false => maker.put_other(false),
        }
    }
    if maker.damage == Damage::TwoSounds {
        maker.put(b"data", None, samples, true);
    }
    if maker.damage == Damage::Cut {
        maker.file.truncate(sound_end - 1 - maker.dice.below(samples.len() / 2));
        maker.deeds.push("cut");
    }
    open_length
}

/// Puts what follows the last chunk, and the size of the whole.
fn finish(maker: &mut Maker<'_>) {
    let end = maker.file.len();
    let open = maker.deeds.contains(&"open, to the end");
    let mut right = true;
    if maker.damage == Damage::None && !open {
        if maker.deed(8, "zero fill") {
            let count = 8 + maker.dice.below(5000);
            maker.file.extend(vec![0; count]);
        } else if maker.deed(8, "a few bytes behind") {
            let count = 2 + maker.dice.below(500);
            let bytes = maker.dice.bytes(count);
            maker.file.extend(bytes.iter().map(|byte| byte | 0x80));
        }
    }
    // These are told from sound by the size of the whole.
    let needed = ["a few bytes behind", "unknown code behind"];
    if needed.iter().all(|deed| !maker.deeds.contains(deed)) && maker.deed(3, "wrong size of the whole") {
        right = false;
    }
    let size = match right {
        true => end as u64,
        false => maker.dice.pick(&[8, 12, 44, 7 + end as u64, 0xffff_ffff]),
    };
    match maker.dialect {
        Dialect::Wave64 => maker.file[16..24].copy_from_slice(&size.to_le_bytes()),
        Dialect::Riff => maker.file[4..8].copy_from_slice(&(size as u32).wrapping_sub(8).to_le_bytes()),
        Dialect::Rf64 => {
            maker.file[4..8].copy_from_slice(&[0xff; 4]);
            maker.file[20..28].copy_from_slice(&size.wrapping_sub(8).to_le_bytes());
        }
    }
}
