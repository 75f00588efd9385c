//! Provides `read_jpeg`, a JPEG file as a `Picture`: 8 bits a pixel, grey or red, green, blue.

use std::io::Read;
use std::panic::{AssertUnwindSafe, UnwindSafe, catch_unwind};
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::source::Rejected;
use crate::source_file::open_file;

/// Longest side of a picture that is decoded; keeps what a hostile header asks for below 48 MiB of pixels.
const MAX_SIDE_PIXELS: usize = 4096;
/// Largest file that is read: more than the largest picture takes without compression.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The level of what a damaged file leaves out: that of a block without data.
const UNWRITTEN: u8 = 128;
/// Marker of the end of a picture (ITU-T T.81, B.1.1.3).
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
/// Marker in front of compressed data.
const START_OF_SCAN: [u8; 2] = [0xff, 0xda];

/// What a pixel is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// One byte. Of a coloured file: its luma.
    #[default]
    Grey,
    /// Three bytes: red, green, blue. Of a grey file: its grey, three times.
    Rgb,
}

impl Channels {
    /// Bytes a pixel.
    pub fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        }
    }
}

/// A decoded picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Rows from the top, `height * width * channels` bytes, the channels of a pixel beside each other.
    pub pixels: Vec<u8>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Decodes a JPEG file (baseline or progressive) into `picture`, whose memory is reused, if `fits` takes its width
/// and height: nothing is decoded of one that it refuses.
///
/// A file that ends early is refused, as Pillow refuses it; what an end marker cuts short is filled up, as libjpeg
/// does, and what other damage leaves out stays grey. Orientation tags are not followed, as torchvision does not.
///
/// # Errors
/// Stage `open` when the file cannot be read, `decode` when it is not a whole JPEG of at most 4096 x 4096 pixels, one
/// that `fits` refuses, or one that the decoder panics at: that refuses one picture, not the run.
pub fn read_jpeg(
    path: &Path,
    channels: Channels,
    picture: &mut Picture,
    fits: impl FnOnce(usize, usize) -> Result<(), String>,
) -> Result<(), Rejected> {
    let bytes = read(path).map_err(|reason| Rejected::new("open", reason))?;
    // Whatever of the picture is then half written is not looked at.
    refusing_panics(AssertUnwindSafe(|| decode(&bytes, channels, picture, fits)))
        .map_err(|reason| Rejected::new("decode", reason))
}

/// The result of a decoder, whose panic counts as a refusal.
fn refusing_panics(decode: impl FnOnce() -> Result<(), String> + UnwindSafe) -> Result<(), String> {
    catch_unwind(decode).unwrap_or_else(|_| Err("the decoder panicked: the file is damaged".into()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let file = open_file(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    Ok(bytes)
}

fn decode(
    bytes: &[u8],
    channels: Channels,
    picture: &mut Picture,
    fits: impl FnOnce(usize, usize) -> Result<(), String>,
) -> Result<(), String> {
    if !ends_whole(bytes) {
        return Err("not a JPEG file, or one that is cut off: its end marker is missing".into());
    }
    let failed = |error: zune_jpeg::errors::DecodeErrors| error.to_string();
    let colours = match channels {
        Channels::Grey => ColorSpace::Luma,
        Channels::Rgb => ColorSpace::RGB,
    };
    // Strict, or damaged parts would be passed over.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE_PIXELS)
        .set_max_height(MAX_SIDE_PIXELS)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    fits(width, height)?;
    // Of some damaged files the decoder leaves a part unwritten and says nothing: that must not be of the picture
    // before.
    picture.pixels.clear();
    picture.pixels.resize(width * height * channels.count(), UNWRITTEN);
    decoder.decode_into(&mut picture.pixels).map_err(failed)?;
    (picture.width, picture.height) = (width, height);
    Ok(())
}

/// Whether an end marker follows the last compressed data, in which neither marker can occur.
fn ends_whole(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|two| two == marker);
    last(END_OF_IMAGE).is_some_and(|end| last(START_OF_SCAN).is_some_and(|scan| scan < end))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use jpeg_encoder::{ColorType, Encoder};

    use super::*;

    /// A JPEG of a slope, in one colour or three.
    fn jpeg(width: u16, height: u16, channels: Channels) -> Vec<u8> {
        let colour = match channels {
            Channels::Grey => ColorType::Luma,
            Channels::Rgb => ColorType::Rgb,
        };
        let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * channels.count())
            .map(|i| (i * 7 % 251) as u8)
            .collect();
        let mut bytes = Vec::new();
        let encoder = Encoder::new(&mut bytes, 95);
        encoder.encode(&pixels, width, height, colour).unwrap();
        bytes
    }

    fn decoded(bytes: &[u8], channels: Channels) -> Result<Picture, String> {
        let mut picture = Picture::default();
        decode(bytes, channels, &mut picture, |_, _| Ok(())).map(|()| picture)
    }

    #[test]
    fn grey_and_colour_become_each_other() {
        let grey = jpeg(40, 24, Channels::Grey);
        let one = decoded(&grey, Channels::Grey).unwrap();
        let three = decoded(&grey, Channels::Rgb).unwrap();
        assert_eq!((one.width, one.height, one.pixels.len()), (40, 24, 960));
        assert!(
            three
                .pixels
                .chunks(3)
                .zip(&one.pixels)
                .all(|(rgb, grey)| rgb == [*grey; 3])
        );
        let coloured = jpeg(40, 24, Channels::Rgb);
        assert_eq!(decoded(&coloured, Channels::Rgb).unwrap().pixels.len(), 2880);
        assert_eq!(decoded(&coloured, Channels::Grey).unwrap().pixels.len(), 960);
    }

    #[test]
    fn a_picture_cut_anywhere_is_refused() {
        let whole = jpeg(64, 48, Channels::Grey);
        for length in [
            0,
            2,
            10,
            whole.len() / 2,
            whole.len() - 30,
            whole.len() - 2,
            whole.len() - 1,
        ] {
            let cut = decoded(&whole[..length], Channels::Grey);
            assert!(cut.as_ref().unwrap_err().contains("cut off"), "{length}: {cut:?}");
        }
    }

    /// Whatever bit of a file is turned, it is a picture of its size or a refusal, and no panic has to be caught.
    #[test]
    fn a_turned_bit_makes_a_picture_or_a_refusal() {
        let (mut pictures, mut refused) = (0, 0);
        for channels in [Channels::Grey, Channels::Rgb] {
            let whole = jpeg(40, 24, channels);
            for (at, bit) in (0..whole.len()).flat_map(|at| [0, 3, 5, 7].map(|bit| (at, bit))) {
                let mut turned = whole.clone();
                turned[at] ^= 1 << bit;
                match decoded(&turned, channels) {
                    Ok(picture) => {
                        assert_eq!(picture.pixels.len(), picture.width * picture.height * channels.count());
                        pictures += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(pictures > 100 && refused > 100, "{pictures} {refused}");
    }

    /// Two ways to end a scan early that the decoder takes for a whole picture: a comment, and another scan.
    #[test]
    fn what_damage_leaves_out_is_not_of_the_picture_before() {
        let whole = jpeg(64, 48, Channels::Grey);
        let cut = &whole[..whole.len() - whole.len() / 3];
        let endings: [&[u8]; 2] = [
            &[0xff, 0xfe, 0, 2, 0xff, 0xd9],
            &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0xff, 0xd9],
        ];
        let mut taken = 0;
        for ending in endings {
            let damaged = [cut, ending].concat();
            let over = |level: u8| {
                let mut picture = Picture {
                    pixels: vec![level; 64 * 48],
                    ..Picture::default()
                };
                decode(&damaged, Channels::Grey, &mut picture, |_, _| Ok(())).map(|()| picture)
            };
            taken += usize::from(over(7).is_ok());
            assert_eq!(over(7), over(9));
        }
        assert!(taken > 0, "the decoder refuses both by now: nothing is tested");
    }

    #[test]
    fn a_panic_of_the_decoder_refuses_one_picture() {
        let refused = refusing_panics(|| panic!("an index out of bounds"));
        assert!(refused.unwrap_err().contains("panic"));
        assert_eq!(refusing_panics(|| Ok(())), Ok(()));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_decoded() {
        let mut wide = jpeg(16, 16, Channels::Grey);
        let frame = wide.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        wide[frame + 7..frame + 9].copy_from_slice(&5000_u16.to_be_bytes());
        assert!(decoded(&wide, Channels::Grey).unwrap_err().contains("5000"));
    }

    #[test]
    fn a_picture_of_another_size_is_refused_before_it_is_decoded() {
        let (bytes, mut picture) = (jpeg(40, 24, Channels::Grey), Picture::default());
        let fits = |width: usize, height: usize| Err(format!("{width} x {height}"));
        assert_eq!(
            decode(&bytes, Channels::Grey, &mut picture, fits),
            Err("40 x 24".into())
        );
        assert_eq!(picture, Picture::default());
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut picture = Picture::default();
        let mut read = |path: &Path| read_jpeg(path, Channels::Grey, &mut picture, |_, _| Ok(())).unwrap_err();
        assert_eq!(read(&folder.path().join("0.jpg")).stage, "open");
        let not_a_file = read(folder.path());
        assert_eq!(not_a_file, Rejected::new("open", "cannot be read: not a regular file"));
    }
}
