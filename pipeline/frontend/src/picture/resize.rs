//! Provides `Resizer`, a picture resized to the stored square by bilinear interpolation with antialiasing, as Pillow
//! does it.

use fast_image_resize as fir;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};

use super::jpeg::{Channels, Picture};

/// Side of a stored picture, as the published benchmarks resize theirs (`Resize((448, 448))`).
pub const SIDE_PIXELS: usize = 448;

/// Resizes pictures to 448 x 448; its buffers are reused.
///
/// Pillow's `Image.resize(.., BILINEAR)` widens the triangle filter where the picture shrinks, filters rows, rounds
/// to 8 bits, then filters columns and rounds again. Its weights have 22 bits where these have 14 or 15: of 10,000
/// pixels about four differ, by one level.
pub struct Resizer {
    channels: Channels,
    filter: Filter,
    /// Rows of the picture at their new width.
    narrowed: Vec<u8>,
    /// The square with the channels of a pixel beside each other.
    interleaved: Vec<u8>,
    /// A grey picture as pixels of four channels, each a row: before and after its rows are filtered.
    quads: [Vec<u8>; 2],
}

/// Rows of a grey picture that are filtered as the channels of one: the few weights of a pixel then meet four values
/// at a time.
const ROWS_ABREAST: usize = 4;

impl Resizer {
    /// A resizer of pictures with these channels.
    pub fn new(channels: Channels) -> Self {
        let bilinear = ResizeAlg::Convolution(FilterType::Bilinear);
        Resizer {
            channels,
            filter: Filter {
                // No channel is an opacity.
                options: ResizeOptions::new().resize_alg(bilinear).use_alpha(false),
                inner: fir::Resizer::new(),
            },
            narrowed: Vec::new(),
            interleaved: Vec::new(),
            quads: Default::default(),
        }
    }

    /// Resizes a picture into `stored`: `[448, 448]`, or `[3, 448, 448]` (planes of red, green, blue).
    ///
    /// # Panics
    ///
    /// If the picture is empty or has other channels, or `stored` has not `channels * 448 * 448` bytes.
    pub fn render(&mut self, picture: &Picture, stored: &mut [u8]) {
        let channels = self.channels.count();
        let pixels = picture.width * picture.height;
        assert!(pixels > 0, "a picture with pixels");
        assert_eq!(picture.pixels.len(), pixels * channels, "bytes of the picture");
        assert_eq!(
            stored.len(),
            SIDE_PIXELS * SIDE_PIXELS * channels,
            "bytes of the square"
        );
        // In two steps, each in one direction: in a single one the columns would be filtered first, and rounded.
        self.narrowed.resize(picture.height * SIDE_PIXELS * channels, 0);
        let (narrow, square) = ((SIDE_PIXELS, picture.height), (SIDE_PIXELS, SIDE_PIXELS));
        match self.channels {
            Channels::Grey => {
                self.narrow_grey(picture);
                self.filter
                    .pass(PixelType::U8, (&self.narrowed, narrow), (stored, square));
            }
            Channels::Rgb => {
                let given = (&*picture.pixels, (picture.width, picture.height));
                self.filter.pass(PixelType::U8x3, given, (&mut self.narrowed, narrow));
                self.interleaved.resize(stored.len(), 0);
                self.filter.pass(
                    PixelType::U8x3,
                    (&self.narrowed, narrow),
                    (&mut self.interleaved, square),
                );
                for (plane, channel) in stored.chunks_exact_mut(SIDE_PIXELS * SIDE_PIXELS).zip(0..) {
                    let values = self.interleaved.iter().skip(channel).step_by(channels);
                    plane.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
                }
            }
        }
    }

    /// Filters the rows of a grey picture.
    fn narrow_grey(&mut self, picture: &Picture) {
        let groups = picture.height.div_ceil(ROWS_ABREAST);
        let [wide, narrow] = &mut self.quads;
        wide.resize(groups * picture.width * ROWS_ABREAST, 0);
        narrow.resize(groups * SIDE_PIXELS * ROWS_ABREAST, 0);
        let rows = picture.pixels.chunks(picture.width * ROWS_ABREAST);
        for (rows, quads) in rows.zip(wide.chunks_exact_mut(picture.width * ROWS_ABREAST)) {
            for (row, channel) in rows.chunks_exact(picture.width).zip(0..) {
                let values = quads.iter_mut().skip(channel).step_by(ROWS_ABREAST);
                values.zip(row).for_each(|(to, from)| *to = *from);
            }
        }
        self.filter.pass(
            PixelType::U8x4,
            (wide, (picture.width, groups)),
            (narrow, (SIDE_PIXELS, groups)),
        );
        let rows = self.narrowed.chunks_mut(SIDE_PIXELS * ROWS_ABREAST);
        for (rows, quads) in rows.zip(narrow.chunks_exact(SIDE_PIXELS * ROWS_ABREAST)) {
            for (row, channel) in rows.chunks_exact_mut(SIDE_PIXELS).zip(0..) {
                let values = quads.iter().skip(channel).step_by(ROWS_ABREAST);
                row.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// The triangle filter.
struct Filter {
    options: ResizeOptions,
    inner: fir::Resizer,
}

impl Filter {
    /// Filters one picture into another of the same kind, each with its width and height.
    fn pass(
        &mut self,
        kind: PixelType,
        (from, from_size): (&[u8], (usize, usize)),
        (to, to_size): (&mut [u8], (usize, usize)),
    ) {
        // Sides fit: a picture has at most 4096 x 4096 pixels where it comes from.
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let source = ImageRef::new(side(from_size.0), side(from_size.1), from, kind);
        let target = Image::from_slice_u8(side(to_size.0), side(to_size.1), to, kind);
        let (Ok(source), Ok(mut target)) = (source, target) else {
            unreachable!("both buffers have the bytes their sides ask for");
        };
        let filtered = self.inner.resize(&source, &mut target, &self.options);
        assert!(filtered.is_ok(), "pictures of one kind without cropping: {filtered:?}");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn resized(channels: Channels, width: usize, height: usize, pixel: impl Fn(usize, usize) -> Vec<u8>) -> Vec<u8> {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        let picture = Picture { pixels, width, height };
        let mut stored = vec![0; SIDE_PIXELS * SIDE_PIXELS * channels.count()];
        Resizer::new(channels).render(&picture, &mut stored);
        stored
    }

    #[test]
    fn a_flat_picture_stays_flat_to_its_edges() {
        for level in [0, 1, 128, 254, 255] {
            let stored = resized(Channels::Grey, 750, 236, |_, _| vec![level]);
            assert!(stored.iter().all(|value| *value == level), "{level}");
        }
    }

    #[test]
    fn growing_interpolates_and_shrinking_averages_as_pillow_does() {
        // Two columns become 448: flat up to the centre of the first, then a slope to that of the second.
        let stored = resized(Channels::Grey, 2, 1, |x, _| vec![[10, 210][x]]);
        let row = &stored[..SIDE_PIXELS];
        assert_eq!(
            (row[0], row[111], row[112], row[223], row[224], row[336], row[447]),
            (10, 10, 10, 110, 110, 210, 210)
        );
        // 896 columns become 448: weights of 1, 3, 3 and 1 eighth, two columns further each time.
        let stored = resized(Channels::Grey, 896, 1, |x, _| vec![[0, 80, 160, 240][x % 4]]);
        assert_eq!(&stored[1..5], &[160, 80, 160, 80]);
    }

    #[test]
    fn rows_are_filtered_and_rounded_before_columns() {
        // Rows: 2 * 3/8 rounds to 1 and 2 * 1/8 to 0, in every other row; columns: 1/2 of that rounds to 1. Columns
        // first would give 2 * 1/2 = 1, and then 3/8 and 1/8, both 0.
        let stored = resized(Channels::Grey, 896, 896, |x, y| {
            vec![if y % 2 == 0 && x % 4 == 0 { 2 } else { 0 }]
        });
        assert_eq!(&stored[SIDE_PIXELS + 1..SIDE_PIXELS + 7], &[0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn colours_become_planes() {
        let stored = resized(Channels::Rgb, 640, 480, |x, _| vec![10, 20, (x / 5) as u8]);
        let planes: Vec<&[u8]> = stored.chunks(SIDE_PIXELS * SIDE_PIXELS).collect();
        let alone = resized(Channels::Grey, 640, 480, |x, _| vec![(x / 5) as u8]);
        assert!(planes[0].iter().all(|value| *value == 10) && planes[1].iter().all(|value| *value == 20));
        assert_eq!(planes[2], alone);
    }
}
