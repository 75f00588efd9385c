//! Provides `Resizer`, a picture resized to the stored square by bilinear interpolation with antialiasing, as Pillow
//! does it.

use fast_image_resize as fir;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions};

use super::jpeg::{Channels, Picture};

/// Side of a stored picture, as the published benchmarks resize theirs (`Resize((448, 448))`).
pub const SIDE_PIXELS: usize = 448;

/// Values beside each other in what is filtered: all of it goes to the filters as pixels of four channels.
///
/// They are generic over pixels, weights and instructions, and take long to compile for each kind of pixel; one kind
/// will do, since channels are filtered alike and apart.
const LANES: usize = 4;

/// Resizes pictures to 448 x 448; its buffers are reused.
///
/// Pillow's `Image.resize(.., BILINEAR)` widens the triangle filter where the picture shrinks, filters rows, rounds to
/// 8 bits, then filters columns and rounds again. Its weights have 22 bits where these have 14 or 15: of 10,000 pixels
/// about four differ, by one level.
pub struct Resizer {
    channels: Channels,
    filter: Filter,
    /// The picture as pixels of four channels: its colours and a spare one, or its grey rows four at a time.
    wide: Vec<u8>,
    /// The same at its new width.
    narrow: Vec<u8>,
    /// A grey picture at its new width, row by row; a coloured one as the square, with its spare channel.
    filtered: Vec<u8>,
}

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
            wide: Vec::new(),
            narrow: Vec::new(),
            filtered: Vec::new(),
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
        match self.channels {
            Channels::Grey => self.render_grey(picture, stored),
            Channels::Rgb => self.render_rgb(picture, stored),
        }
    }

    /// Four rows are filtered as one of four channels: the few weights of a pixel then meet four values at a time.
    fn render_grey(&mut self, picture: &Picture, stored: &mut [u8]) {
        let groups = picture.height.div_ceil(LANES);
        self.wide.resize(groups * picture.width * LANES, 0);
        self.narrow.resize(groups * SIDE_PIXELS * LANES, 0);
        let rows = picture.pixels.chunks(picture.width * LANES);
        for (rows, quads) in rows.zip(self.wide.chunks_exact_mut(picture.width * LANES)) {
            for (row, lane) in rows.chunks_exact(picture.width).zip(0..) {
                let values = quads.iter_mut().skip(lane).step_by(LANES);
                values.zip(row).for_each(|(to, from)| *to = *from);
            }
        }
        self.filter.pass(
            (&self.wide, (picture.width, groups)),
            (&mut self.narrow, (SIDE_PIXELS, groups)),
        );
        self.filtered.resize(picture.height * SIDE_PIXELS, 0);
        let rows = self.filtered.chunks_mut(SIDE_PIXELS * LANES);
        for (rows, quads) in rows.zip(self.narrow.chunks_exact(SIDE_PIXELS * LANES)) {
            for (row, lane) in rows.chunks_exact_mut(SIDE_PIXELS).zip(0..) {
                let values = quads.iter().skip(lane).step_by(LANES);
                row.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
            }
        }
        // Columns know nothing of each other: four neighbours are as good as four channels.
        let width = SIDE_PIXELS / LANES;
        self.filter.pass(
            (&self.filtered, (width, picture.height)),
            (stored, (width, SIDE_PIXELS)),
        );
    }

    fn render_rgb(&mut self, picture: &Picture, stored: &mut [u8]) {
        let (narrow, square) = ((SIDE_PIXELS, picture.height), (SIDE_PIXELS, SIDE_PIXELS));
        self.wide.resize(picture.width * picture.height * LANES, 0);
        self.narrow.resize(SIDE_PIXELS * picture.height * LANES, 0);
        self.filtered.resize(SIDE_PIXELS * SIDE_PIXELS * LANES, 0);
        let colours = picture.pixels.chunks_exact(Channels::Rgb.count());
        for (quad, colours) in self.wide.chunks_exact_mut(LANES).zip(colours) {
            quad.iter_mut().zip(colours).for_each(|(to, from)| *to = *from);
        }
        self.filter.pass(
            (&self.wide, (picture.width, picture.height)),
            (&mut self.narrow, narrow),
        );
        self.filter.pass((&self.narrow, narrow), (&mut self.filtered, square));
        for (plane, channel) in stored.chunks_exact_mut(SIDE_PIXELS * SIDE_PIXELS).zip(0..) {
            let values = self.filtered.iter().skip(channel).step_by(LANES);
            plane.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
        }
    }
}

/// The triangle filter.
struct Filter {
    options: ResizeOptions,
    inner: fir::Resizer,
}

impl Filter {
    /// Filters one picture of [`LANES`] channels into another, each with its width and height.
    fn pass(&mut self, (from, from_size): (&[u8], (usize, usize)), (to, to_size): (&mut [u8], (usize, usize))) {
        // Sides fit: a picture has at most 4096 x 4096 pixels where it comes from.
        let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let source = TypedImageRef::<U8x4>::from_buffer(side(from_size.0), side(from_size.1), from);
        let target = TypedImage::<U8x4>::from_buffer(side(to_size.0), side(to_size.1), to);
        let (Ok(source), Ok(mut target)) = (source, target) else {
            unreachable!("both buffers have the bytes their sides ask for");
        };
        let filtered = self.inner.resize_typed(&source, &mut target, &self.options);
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
