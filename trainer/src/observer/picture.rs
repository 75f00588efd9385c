//! Provides an RGB picture to draw smooth lines, dots and text on.

use std::convert::Infallible;

use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_9X15, FONT_9X18_BOLD};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyleBuilder};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use image::{ImageError, RgbImage};

/// Width of a character in pixels, of either font.
pub(super) const CHARACTER_PX: i32 = 9;

/// A point in pixels from the upper left corner.
pub(super) type Spot = (f64, f64);

/// How a text lies about its point.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// It begins there, centred vertically.
    After,
    /// It ends there, centred vertically.
    Before,
    /// It is centred, below.
    Below,
}

/// An RGB picture.
pub(super) struct Picture {
    pixels: RgbImage,
}

impl Picture {
    /// A white picture.
    pub(super) fn new(width_px: u32, height_px: u32) -> Self {
        Self {
            pixels: RgbImage::from_pixel(width_px, height_px, image::Rgb([255; 3])),
        }
    }

    /// Lays `colour` over a pixel, `cover` of 1 hiding what was there.
    fn blend(&mut self, x: i32, y: i32, colour: Rgb888, cover: f64) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        if let Some(pixel) = self.pixels.get_pixel_mut_checked(x, y) {
            let new = [colour.r(), colour.g(), colour.b()];
            for (old, new) in pixel.0.iter_mut().zip(new) {
                *old = (f64::from(*old) + (f64::from(new) - f64::from(*old)) * cover.clamp(0.0, 1.0)).round() as u8;
            }
        }
    }

    /// A straight line of `width_px` with round ends, smooth at its edges: each pixel is covered by how near it is.
    pub(super) fn line(&mut self, from: Spot, to: Spot, width_px: f64, colour: Rgb888) {
        let reach = width_px / 2.0 + 1.0;
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let square = across * across + down * down;
        // Pixels that can be reached, of those there are.
        let pixels = |a: f64, b: f64, there: u32| {
            let last = f64::from(there) - 1.0;
            (a.min(b) - reach).floor().max(0.0) as i32..=(a.max(b) + reach).ceil().min(last) as i32
        };
        for y in pixels(from.1, to.1, self.pixels.height()) {
            for x in pixels(from.0, to.0, self.pixels.width()) {
                let (dx, dy) = (f64::from(x) - from.0, f64::from(y) - from.1);
                let along = if square > 0.0 {
                    ((dx * across + dy * down) / square).clamp(0.0, 1.0)
                } else {
                    0.0
                };
                let distance = (dx - along * across).hypot(dy - along * down);
                self.blend(x, y, colour, width_px / 2.0 + 0.5 - distance);
            }
        }
    }

    /// A line through `points`; dashes go on from one piece to the next.
    pub(super) fn path(&mut self, points: &[Spot], width_px: f64, colour: Rgb888, dashed: bool) {
        const DASH_PX: f64 = 7.0;
        const PERIOD_PX: f64 = 12.0;
        let mut walked = 0.0;
        for (&from, &to) in points.iter().zip(points.iter().skip(1)) {
            if !dashed {
                self.line(from, to, width_px, colour);
                continue;
            }
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let at = |px: f64| {
                (
                    from.0 + (to.0 - from.0) * px / length,
                    from.1 + (to.1 - from.1) * px / length,
                )
            };
            let mut start = -(walked % PERIOD_PX);
            while start < length {
                let (begin, end) = (start.max(0.0), (start + DASH_PX).min(length));
                if begin < end {
                    self.line(at(begin), at(end), width_px, colour);
                }
                start += PERIOD_PX;
            }
            walked += length;
        }
    }

    /// A filled disc.
    pub(super) fn dot(&mut self, at: Spot, width_px: f64, colour: Rgb888) {
        self.line(at, at, width_px, colour);
    }

    /// A line of text.
    pub(super) fn text(&mut self, text: &str, at: (i32, i32), place: Place, colour: Rgb888) {
        self.write(text, at, place, &FONT_9X15, colour);
    }

    /// A line of bold text.
    pub(super) fn heading(&mut self, text: &str, at: (i32, i32), colour: Rgb888) {
        self.write(text, at, Place::After, &FONT_9X18_BOLD, colour);
    }

    fn write(&mut self, text: &str, at: (i32, i32), place: Place, font: &MonoFont<'_>, colour: Rgb888) {
        let (alignment, baseline) = match place {
            Place::After => (Alignment::Left, Baseline::Middle),
            Place::Before => (Alignment::Right, Baseline::Middle),
            Place::Below => (Alignment::Center, Baseline::Top),
        };
        let style = MonoTextStyleBuilder::new().font(font).text_color(colour).build();
        let placed = TextStyleBuilder::new().alignment(alignment).baseline(baseline).build();
        let Ok(_) = Text::with_text_style(text, Point::new(at.0, at.1), style, placed).draw(self);
    }

    /// The picture as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, ImageError> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        self.pixels.write_to(&mut bytes, image::ImageFormat::Png)?;
        Ok(bytes.into_inner())
    }
}

impl OriginDimensions for Picture {
    fn size(&self) -> Size {
        Size::new(self.pixels.width(), self.pixels.height())
    }
}

impl DrawTarget for Picture {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = embedded_graphics::Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for embedded_graphics::Pixel(at, colour) in pixels {
            self.blend(at.x, at.y, colour, 1.0);
        }
        Ok(())
    }
}
