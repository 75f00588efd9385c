//! Draws a chart of lines: two axes with round numbers, a grid, a legend.

use embedded_graphics::pixelcolor::{Rgb888, RgbColor, WebColors};

use super::picture::{CHARACTER_PX, Picture, Place};

/// Space left of the plot for numbers.
const LEFT_PX: i32 = 92;
/// Space above the plot for the heading.
const TOP_PX: i32 = 44;
/// Space right of the plot for the legend.
const RIGHT_PX: i32 = 220;
/// Space below the plot for numbers and a label.
const BOTTOM_PX: i32 = 58;
/// Numbers wanted on an axis.
const TICKS: f64 = 6.0;
/// Lines of fewer points have a dot on each.
const DOTTED_POINTS: usize = 60;
/// Width of such a dot.
const DOT_PX: f64 = 7.0;
/// From one name of the legend to the next.
const LEGEND_PX: i32 = 26;

/// A line of a chart.
pub(super) struct Line {
    /// In the legend.
    pub(super) name: String,
    pub(super) colour: Rgb888,
    /// Points by ascending x.
    pub(super) points: Vec<(f64, f64)>,
    /// Low and high ends of bars: x, low, high.
    pub(super) bars: Vec<(f64, f64, f64)>,
    /// Whether it is dashed and without dots.
    pub(super) dashed: bool,
    /// Whether it is drawn thin, behind the others.
    pub(super) thin: bool,
}

/// A chart, y from 0.
pub(super) struct Chart<'a> {
    pub(super) heading: &'a str,
    pub(super) x_label: &'a str,
    /// The end of the x axis at least.
    pub(super) x_end: f64,
    pub(super) lines: &'a [Line],
}

/// An axis from 0: its end, and the distance and decimals of its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    end: f64,
    step: f64,
    decimals: usize,
}

impl Axis {
    /// Round numbers up to `end` at least (after Heckbert 1990, "Nice numbers for graph labels", *Graphics Gems*); `whole`
    /// for numbers that count something, and then the axis ends at `end`.
    fn new(end: f64, whole: bool) -> Self {
        let end = if end.is_finite() && end > 0.0 { end } else { 1.0 };
        let rough = end / TICKS;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|factor| rough <= factor * magnitude)
            .unwrap_or(10.0);
        let step = if whole {
            (factor * magnitude).max(1.0).round()
        } else {
            factor * magnitude
        };
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        Self {
            end: if whole { end } else { (end / step - 1e-9).ceil() * step },
            step,
            decimals,
        }
    }

    fn ticks(self) -> impl Iterator<Item = f64> {
        let count = (self.end / self.step + 1e-9).floor() as u32;
        (0..=count).map(move |number| f64::from(number) * self.step)
    }

    fn number(self, value: f64) -> String {
        format!("{value:.*}", self.decimals)
    }
}

/// Where values of the two axes lie in the picture.
struct Plot {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Axis,
    y: Axis,
}

impl Plot {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (
            self.left + x / self.x.end * self.width,
            self.top + (1.0 - y / self.y.end) * self.height,
        )
    }
}

impl Chart<'_> {
    /// Draws the chart between the rows `top` and `bottom` of the picture, as wide as it is.
    pub(super) fn draw(&self, picture: &mut Picture, width_px: i32, top_px: i32, bottom_px: i32) {
        let shown = |line: &Line| {
            let bars = line.bars.iter().map(|bar| bar.2);
            line.points
                .iter()
                .map(|point| point.1)
                .chain(bars)
                .filter(|y| y.is_finite())
                .fold(0.0, f64::max)
        };
        let x_end = self
            .lines
            .iter()
            .flat_map(|line| line.points.last())
            .map(|point| point.0)
            .fold(self.x_end, f64::max);
        let plot = Plot {
            left: LEFT_PX.into(),
            top: (top_px + TOP_PX).into(),
            width: (width_px - LEFT_PX - RIGHT_PX).into(),
            height: (bottom_px - top_px - TOP_PX - BOTTOM_PX).into(),
            x: Axis::new(x_end, true),
            y: Axis::new(1.02 * self.lines.iter().map(shown).fold(0.0, f64::max), false),
        };
        self.draw_axes(picture, &plot);
        for line in self
            .lines
            .iter()
            .filter(|line| line.thin)
            .chain(self.lines.iter().filter(|line| !line.thin))
        {
            draw_line(picture, &plot, line);
        }
        self.draw_legend(picture, &plot);
    }

    fn draw_axes(&self, picture: &mut Picture, plot: &Plot) {
        let (ink, grid) = (Rgb888::CSS_DARK_SLATE_GRAY, Rgb888::new(228, 228, 228));
        let heading = (LEFT_PX, plot.top as i32 - TOP_PX / 2);
        picture.heading(self.heading, heading, Rgb888::BLACK);
        for tick in plot.y.ticks() {
            let (left, right) = (plot.at((0.0, tick)), plot.at((plot.x.end, tick)));
            picture.line(left, right, 1.0, grid);
            let place = (left.0 as i32 - 10, left.1.round() as i32);
            picture.text(&plot.y.number(tick), place, Place::Before, ink);
        }
        let bottom = plot.top + plot.height;
        for tick in plot.x.ticks() {
            let at = plot.at((tick, 0.0)).0;
            picture.line((at, plot.top), (at, bottom), 1.0, grid);
            picture.line((at, bottom), (at, bottom + 5.0), 1.0, ink);
            picture.text(
                &plot.x.number(tick),
                (at.round() as i32, bottom as i32 + 10),
                Place::Below,
                ink,
            );
        }
        picture.line((plot.left, plot.top), (plot.left, bottom), 1.0, ink);
        picture.line((plot.left, bottom), (plot.left + plot.width, bottom), 1.0, ink);
        let middle = (plot.left + plot.width / 2.0) as i32;
        picture.text(self.x_label, (middle, bottom as i32 + 30), Place::Below, ink);
    }

    fn draw_legend(&self, picture: &mut Picture, plot: &Plot) {
        let left = plot.left + plot.width + 24.0;
        let mut middle = plot.top + 12.0;
        for line in self.lines {
            picture.path(
                &[(left, middle), (left + 34.0, middle)],
                line.width_px(),
                line.colour,
                line.dashed,
            );
            if line.has_dots() {
                picture.dot((left + 17.0, middle), DOT_PX, line.colour);
            }
            let end = left as i32 + 44;
            let mut name = line.name.clone();
            while end + name.chars().count() as i32 * CHARACTER_PX > (plot.left + plot.width) as i32 + RIGHT_PX {
                name.pop();
            }
            picture.text(&name, (end, middle as i32), Place::After, Rgb888::BLACK);
            middle += f64::from(LEGEND_PX);
        }
    }
}

impl Line {
    fn has_dots(&self) -> bool {
        !self.dashed && !self.thin && self.points.len() < DOTTED_POINTS
    }

    fn width_px(&self) -> f64 {
        match (self.thin, self.dashed) {
            (true, _) => 1.0,
            (false, true) => 1.6,
            (false, false) => 2.4,
        }
    }
}

fn draw_line(picture: &mut Picture, plot: &Plot, line: &Line) {
    // A loss that is no number has no place.
    let placed = line.points.iter().filter(|point| point.1.is_finite());
    let points: Vec<_> = placed.map(|&point| plot.at(point)).collect();
    for &(x, low, high) in &line.bars {
        let (low, high) = (plot.at((x, low)), plot.at((x, high)));
        picture.line(low, high, 1.2, line.colour);
        for end in [low, high] {
            picture.line((end.0 - 4.0, end.1), (end.0 + 4.0, end.1), 1.2, line.colour);
        }
    }
    picture.path(&points, line.width_px(), line.colour, line.dashed);
    if line.has_dots() {
        points.iter().for_each(|&point| picture.dot(point, DOT_PX, line.colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_and_hold_their_end() {
        let numbers = |end, whole| {
            let axis = Axis::new(end, whole);
            axis.ticks().map(|tick| axis.number(tick)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(numbers(0.57, false), "0.0 0.1 0.2 0.3 0.4 0.5 0.6");
        assert_eq!(numbers(0.021, false), "0.000 0.005 0.010 0.015 0.020 0.025");
        assert_eq!(numbers(11.5, false), "0 2 4 6 8 10 12");
        assert_eq!(numbers(3.0, true), "0 1 2 3");
        assert_eq!(numbers(25.0, true), "0 5 10 15 20 25");
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Axis::new(odd, false), Axis::new(1.0, false));
        }
    }
}
