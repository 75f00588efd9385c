//! Draws one clip: its image in colour, axes in seconds and Hz (of a photograph none), boxes and the names of what
//! sings in them.

use embedded_graphics::pixelcolor::{Rgb888, RgbColor, WebColors};
use shardfmt::{BoxStatus, LabelRow, Taxa};

use super::canvas::{Canvas, Place, SMALL_CHAR_PX, SMALL_PX, TITLE_PX};
use frontend::spectrogram::FrequencyAxis;

/// Space left of the image for the Hz axis.
const LEFT_PX: i32 = 44;
/// Space above the image for two lines of title.
const TOP_PX: i32 = 2 * TITLE_PX + 8;
/// Space below the image for the time axis.
const BOTTOM_PX: i32 = 30;
/// Ticks on a time axis: the step is chosen for about six.
const MOST_TICKS: u32 = 16;
/// Space right of the image.
const RIGHT_PX: i32 = 14;
/// Images smaller than this are drawn larger by a whole factor.
const SMALLEST_IMAGE_PX: u32 = 320;
/// Frequencies that may get a tick; those that would overlap are left out.
const TICKS_HZ: [f64; 14] = [
    50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 3000.0, 4000.0, 6000.0, 8000.0, 11000.0, 16000.0, 24000.0, 48000.0,
];

/// Colours of boxes, distinct on the dark image: one per species, by its class.
const BOX_COLOURS: [Rgb888; 8] = [
    Rgb888::CSS_CYAN,
    Rgb888::CSS_LIME,
    Rgb888::CSS_YELLOW,
    Rgb888::CSS_WHITE,
    Rgb888::CSS_DEEP_SKY_BLUE,
    Rgb888::CSS_ORANGE,
    Rgb888::CSS_SPRING_GREEN,
    Rgb888::CSS_VIOLET,
];

/// The stored values of one clip as colours.
pub(crate) struct ClipImage {
    /// Rows.
    pub(crate) height: u32,
    /// Columns.
    pub(crate) width: u32,
    /// `[height][width]`, row 0 first.
    pub(crate) colours: Vec<Rgb888>,
}

impl ClipImage {
    fn factor(&self) -> u32 {
        SMALLEST_IMAGE_PX.div_ceil(self.width.max(self.height).max(1)).max(1)
    }
}

/// What is drawn around the image.
pub(super) struct Panel<'a> {
    pub(super) image: ClipImage,
    pub(super) row: &'a LabelRow,
    /// How many classes are present, absent and unknown.
    pub(super) label_counts: [u64; 3],
    /// `None` for a photograph, which has neither Hz nor seconds.
    pub(super) axis: Option<&'a FrequencyAxis>,
    pub(super) row_0_is_lowest: bool,
    pub(super) shown_s: f64,
    pub(super) taxa: &'a Taxa,
    pub(super) name: &'a str,
}

impl Panel<'_> {
    /// Width and height of the panel in pixels.
    pub(super) fn size(&self) -> (u32, u32) {
        let factor = self.image.factor();
        let width = self.image.width * factor + (LEFT_PX + RIGHT_PX).unsigned_abs();
        (width, self.image.height * factor + (TOP_PX + BOTTOM_PX).unsigned_abs())
    }

    /// Draws the panel with its upper left corner at `at`.
    pub(super) fn draw(&self, canvas: &mut Canvas, at: (i32, i32)) {
        let (left, top) = (at.0 + LEFT_PX, at.1 + TOP_PX);
        self.draw_image(canvas, left, top);
        if let Some(axis) = self.axis {
            self.draw_axes(canvas, left, top, axis);
        }
        self.draw_titles(canvas, at);
        self.draw_boxes(canvas, left, top);
    }

    fn width_px(&self) -> i32 {
        (self.image.width * self.image.factor()).cast_signed()
    }

    fn height_px(&self) -> i32 {
        (self.image.height * self.image.factor()).cast_signed()
    }

    fn draw_image(&self, canvas: &mut Canvas, left: i32, top: i32) {
        let factor = self.image.factor();
        for y in 0..self.height_px() {
            let row = y.unsigned_abs() / factor;
            let row = if self.row_0_is_lowest {
                self.image.height - 1 - row
            } else {
                row
            };
            for x in 0..self.width_px() {
                let colour = self
                    .image
                    .colours
                    .get((row * self.image.width + x.unsigned_abs() / factor) as usize);
                canvas.set(left + x, top + y, colour.copied().unwrap_or(Rgb888::BLACK));
            }
        }
    }

    fn draw_axes(&self, canvas: &mut Canvas, left: i32, top: i32, axis: &FrequencyAxis) {
        let (width, height) = (self.width_px(), self.height_px());
        let bottom = top + height;
        let mut last = i32::MAX;
        let (low_hz, high_hz) = axis.range_hz();
        for hz in TICKS_HZ.into_iter().filter(|hz| (low_hz..=high_hz).contains(hz)) {
            let y = bottom - 1 - (axis.y_of_hz(hz) * f64::from(height - 1)).round() as i32;
            if last.saturating_sub(y) < SMALL_PX + 2 {
                continue;
            }
            last = y;
            canvas.line((left - 4, y), (left - 1, y), Rgb888::BLACK);
            let text = if hz >= 1000.0 {
                format!("{}k", hz / 1000.0)
            } else {
                format!("{hz}")
            };
            canvas.small(&text, (left - 6, y), Place::LeftMiddle, Rgb888::BLACK);
        }
        canvas.small("Hz", (left - 6, bottom + 10), Place::LeftMiddle, Rgb888::BLACK);
        let step_s = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0]
            .into_iter()
            .find(|step| self.shown_s / step <= 6.5)
            .unwrap_or(300.0);
        let first_tick = (self.row.start_s / step_s).ceil() * step_s;
        for tick in (0..MOST_TICKS).map(|number| first_tick + f64::from(number) * step_s) {
            if tick > self.row.start_s + self.shown_s + 1e-9 {
                break;
            }
            let x = left + ((tick - self.row.start_s) / self.shown_s * f64::from(width - 1)).round() as i32;
            canvas.line((x, bottom), (x, bottom + 3), Rgb888::BLACK);
            canvas.small(
                &format!("{}", (tick * 100.0).round() / 100.0),
                (x, bottom + 5),
                Place::CentreBelow,
                Rgb888::BLACK,
            );
        }
        canvas.small(
            "s in the recording",
            (left + width / 2, bottom + 17),
            Place::CentreBelow,
            Rgb888::BLACK,
        );
    }

    fn draw_titles(&self, canvas: &mut Canvas, at: (i32, i32)) {
        let row = self.row;
        let flags = [
            (row.fully_annotated, "fully annotated"),
            (row.silent, "silent"),
            (row.valid_s < row.end_s - row.start_s, "padded"),
        ];
        let flags: String = flags
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| format!(", {word}"))
            .collect();
        let width = self.size().0.cast_signed() - 8;
        let (left, top) = (at.0 + 4, at.1 + 3);
        let title = format!(
            "asset {} clip {} ({}{flags})  {}",
            row.asset_id,
            row.clip_index,
            row.split.as_str(),
            self.name
        );
        canvas.title(&cut(&title, width / 7), (left, top), Rgb888::BLACK);
        let names: Vec<&str> = row
            .present
            .iter()
            .filter_map(|class| self.name_of(self.taxa.code(*class)?))
            .collect();
        let [_, absent, unknown] = self.label_counts;
        let known = format!("{absent} absent, {unknown} unknown");
        let present = if names.is_empty() {
            "nothing".into()
        } else {
            names.join(", ")
        };
        canvas.title(
            &cut(&format!("present: {present}; {known}"), width / 7),
            (left, top + TITLE_PX + 1),
            Rgb888::CSS_DIM_GRAY,
        );
    }

    fn name_of<'a>(&'a self, code: &'a str) -> Option<&'a str> {
        let class = self.taxa.index(code);
        let taxon = class.and_then(|class| self.taxa.iter().nth(class as usize));
        Some(taxon.and_then(|taxon| taxon.common_name.as_deref()).unwrap_or(code))
    }

    fn draw_boxes(&self, canvas: &mut Canvas, left: i32, top: i32) {
        let (width, height) = (self.width_px() - 1, self.height_px() - 1);
        for found in &self.row.boxes {
            let x = |x: f32| left + (x * width as f32).round() as i32;
            let from_below = |y: f32| top + height - (y * height as f32).round() as i32;
            let (y_low, y_high) = (found.y_min.unwrap_or(0.0), found.y_max.unwrap_or(1.0));
            let (upper, lower) = if self.row_0_is_lowest {
                (from_below(y_high), from_below(y_low))
            } else {
                (
                    top + (y_low * height as f32).round() as i32,
                    top + (y_high * height as f32).round() as i32,
                )
            };
            let ignored = found.status == BoxStatus::Ignore;
            let class = self.taxa.index(&found.species_code);
            let colour = match class {
                Some(class) if !ignored => BOX_COLOURS
                    .get(class as usize % BOX_COLOURS.len())
                    .copied()
                    .unwrap_or(Rgb888::WHITE),
                _ => Rgb888::CSS_LIGHT_GRAY,
            };
            canvas.outline(x(found.x_min), upper, x(found.x_max), lower, colour, ignored);
            let name = self.name_of(&found.species_code).unwrap_or(&found.species_code);
            let name = if ignored {
                format!("{name} (ignored)")
            } else {
                name.to_string()
            };
            let name_px = SMALL_CHAR_PX * name.chars().count() as i32 + 2;
            let tag_left = x(found.x_min).min(left + width - name_px).max(left);
            let tag_top = if upper - SMALL_PX >= top {
                upper - SMALL_PX
            } else {
                upper + 1
            };
            canvas.tag(&name, (tag_left, tag_top), colour);
        }
    }
}

fn cut(text: &str, characters: i32) -> String {
    let limit = usize::try_from(characters).unwrap_or(0);
    if text.chars().count() <= limit {
        return text.into();
    }
    text.chars()
        .take(limit.saturating_sub(3))
        .chain("...".chars())
        .collect()
}
