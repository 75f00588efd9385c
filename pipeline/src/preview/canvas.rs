//! Provides `Canvas`, an RGB picture that embedded-graphics can draw text, lines and boxes on.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_6X10, FONT_7X13};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle, MonoTextStyleBuilder};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::primitives::{Line, Primitive, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

/// Height of a line of title text in pixels.
pub(super) const TITLE_PX: i32 = 13;
/// Width of a character of small text in pixels.
pub(super) const SMALL_CHAR_PX: i32 = 6;
/// Height of a line of small text in pixels.
pub(super) const SMALL_PX: i32 = 10;

/// An RGB picture.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    /// Rows from the top, three bytes a pixel.
    pixels: Vec<u8>,
}

/// How a text is placed about its point.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// To the right and below.
    RightBelow,
    /// Centred, below.
    CentreBelow,
    /// To the left, centred vertically.
    LeftMiddle,
}

impl Canvas {
    /// A white picture.
    pub(super) fn new(width: u32, height: u32) -> Self {
        Canvas {
            width,
            height,
            pixels: vec![255; 3 * width as usize * height as usize],
        }
    }

    /// Sets a pixel; what lies outside is left out.
    pub(super) fn set(&mut self, x: i32, y: i32, colour: Rgb888) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        let at = 3 * (y as usize * self.width as usize + x as usize);
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(at..at + 3)
        {
            pixel.copy_from_slice(&[colour.r(), colour.g(), colour.b()]);
        }
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (i32, i32), to: (i32, i32), colour: Rgb888) {
        let line = Line::new(Point::new(from.0, from.1), Point::new(to.0, to.1));
        let Ok(()) = line.into_styled(PrimitiveStyle::with_stroke(colour, 1)).draw(self);
    }

    /// The outline of a rectangle, its corners included; dashed for a box that does not count.
    pub(super) fn outline(&mut self, left: i32, top: i32, right: i32, bottom: i32, colour: Rgb888, dashed: bool) {
        let on = |i: i32| !dashed || i.rem_euclid(6) < 3;
        for x in (left..=right).filter(|&x| on(x)) {
            self.set(x, top, colour);
            self.set(x, bottom, colour);
        }
        for y in (top..=bottom).filter(|&y| on(y)) {
            self.set(left, y, colour);
            self.set(right, y, colour);
        }
    }

    /// A line of title text.
    pub(super) fn title(&mut self, text: &str, at: (i32, i32), colour: Rgb888) {
        self.text(text, at, Place::RightBelow, style(&FONT_7X13, colour));
    }

    /// A line of small text.
    pub(super) fn small(&mut self, text: &str, at: (i32, i32), place: Place, colour: Rgb888) {
        self.text(text, at, place, style(&FONT_6X10, colour));
    }

    /// A line of small text on a filled ground, readable on any image.
    pub(super) fn tag(&mut self, text: &str, at: (i32, i32), colour: Rgb888) {
        let width = SMALL_CHAR_PX * text.chars().count() as i32 + 2;
        let ground = Rectangle::new(
            Point::new(at.0, at.1),
            Size::new(width.unsigned_abs(), SMALL_PX.unsigned_abs()),
        );
        let Ok(()) = ground.into_styled(PrimitiveStyle::with_fill(Rgb888::BLACK)).draw(self);
        self.small(text, (at.0 + 1, at.1), Place::RightBelow, colour);
    }

    fn text(&mut self, text: &str, at: (i32, i32), place: Place, style: MonoTextStyle<'_, Rgb888>) {
        let (alignment, baseline) = match place {
            Place::RightBelow => (Alignment::Left, Baseline::Top),
            Place::CentreBelow => (Alignment::Center, Baseline::Top),
            Place::LeftMiddle => (Alignment::Right, Baseline::Middle),
        };
        let placed = TextStyleBuilder::new().alignment(alignment).baseline(baseline).build();
        let Ok(_) = Text::with_text_style(text, Point::new(at.0, at.1), style, placed).draw(self);
    }

    /// Writes the picture as PNG.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        Ok(writer.finish()?)
    }
}

fn style(font: &'static MonoFont<'static>, colour: Rgb888) -> MonoTextStyle<'static, Rgb888> {
    MonoTextStyleBuilder::new().font(font).text_color(colour).build()
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = embedded_graphics::Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for embedded_graphics::Pixel(at, colour) in pixels {
            self.set(at.x, at.y, colour);
        }
        Ok(())
    }
}
