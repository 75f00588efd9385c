//! Makes a clip's image small enough for a page: JPEG, in the address itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use embedded_graphics::pixelcolor::RgbColor;
use jpeg_encoder::{ColorType, Encoder};
use shardfmt::{Dataset, DatasetShard, Row0};

use crate::error::{Error, Result};
use crate::preview::{ClipImage, image_of};

/// The longer side of a picture is at most this.
const SIDE_PIXELS: u32 = 256;
/// Quality of the JPEG, of 100.
const QUALITY: u8 = 75;

/// The image of row `row` as the address of a picture, the lowest frequency at the bottom.
///
/// # Errors
/// A damaged record.
pub(super) fn data_uri(dataset: &Dataset, shard: &DatasetShard, row: u32) -> Result<String> {
    let axes = &dataset.head().axes;
    let image = image_of(shard, row, axes.is_photograph())?;
    let (pixels, width, height) = shrunk(&image, axes.row_0 == Row0::Lowest);
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, QUALITY)
        .encode(&pixels, width, height, ColorType::Rgb)
        .map_err(|cause| Error::Picture { cause })?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(jpeg)))
}

/// The image reduced by a whole factor, each pixel the mean of those it stands for: bytes of red, green and blue, rows
/// from the top, and the size.
fn shrunk(image: &ClipImage, is_upside_down: bool) -> (Vec<u8>, u16, u16) {
    let factor = image.width.max(image.height).div_ceil(SIDE_PIXELS).max(1);
    // Both are at most SIDE_PIXELS; an image narrower than the factor still has a column.
    let side = |length: u32| (length / factor).max(1);
    let (width, height) = (side(image.width), side(image.height));
    let mut pixels = Vec::with_capacity(3 * (width * height) as usize);
    for y in 0..height {
        let y = if is_upside_down { height - 1 - y } else { y };
        for x in 0..width {
            let (mut sums, mut count) = ([0_u32; 3], 0);
            for row in y * factor..(y * factor + factor).min(image.height) {
                let start = (row * image.width + x * factor) as usize;
                let end = (row * image.width + (x * factor + factor).min(image.width)) as usize;
                for colour in image.colours.get(start..end).unwrap_or_default() {
                    let channels = [colour.r(), colour.g(), colour.b()];
                    sums.iter_mut()
                        .zip(channels)
                        .for_each(|(sum, channel)| *sum += u32::from(channel));
                    count += 1;
                }
            }
            pixels.extend(sums.map(|sum| (sum / count.max(1)).min(255) as u8));
        }
    }
    (pixels, width as u16, height as u16)
}

#[cfg(test)]
mod tests {
    use embedded_graphics::pixelcolor::Rgb888;

    use super::*;

    #[test]
    fn pixels_are_means_and_the_lowest_row_is_at_the_bottom() {
        let side = 2 * SIDE_PIXELS;
        let colours = (0..side * side).map(|i| match (i / side, i % side) {
            (0, 0) => Rgb888::new(40, 0, 0),
            (row, 0) if row == side - 1 => Rgb888::new(0, 80, 0),
            _ => Rgb888::new(0, 0, 0),
        });
        let image = ClipImage {
            height: side,
            width: side,
            colours: colours.collect(),
        };
        let (pixels, width, height) = shrunk(&image, true);
        assert_eq!((u32::from(width), u32::from(height)), (SIDE_PIXELS, SIDE_PIXELS));
        assert_eq!(pixels.get(..3), Some(&[0, 20, 0][..]));
        let last_row = 3 * (SIDE_PIXELS * (SIDE_PIXELS - 1)) as usize;
        assert_eq!(pixels.get(last_row..last_row + 3), Some(&[10, 0, 0][..]));
        assert_eq!(shrunk(&image, false).0.get(..3), Some(&[10, 0, 0][..]));
    }

    #[test]
    fn long_and_tiny_images_keep_a_pixel() {
        let image = |width, height| ClipImage {
            height,
            width,
            colours: vec![Rgb888::new(9, 9, 9); (width * height) as usize],
        };
        assert_eq!(shrunk(&image(1000, 2), false).0.len(), 3 * 250);
        assert_eq!(shrunk(&image(1, 1), false), (vec![9, 9, 9], 1, 1));
    }
}
