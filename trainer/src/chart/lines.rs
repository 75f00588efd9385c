//! Draws charts of lines as SVG, one below the other: two axes from 0 with round numbers, a grid, a legend.

use super::axis::Axis;
use super::drawing::{Drawing, GRID, INK, WIDTH};

/// Height of a chart with its margins.
const CHART_HEIGHT: f64 = 330.0;
/// Margins of the plot, for numbers, heading, legend and the label of the x axis.
const LEFT: f64 = 64.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = 176.0;
const BOTTOM: f64 = 52.0;
const PLOT_WIDTH: f64 = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT: f64 = CHART_HEIGHT - TOP - BOTTOM;
/// Distance of names in the legend.
const LEGEND_STEP: f64 = 22.0;
/// Lines of fewer points have a dot on each.
const DOTTED_POINTS: usize = 60;

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stroke {
    /// With a dot at each point, unless there are many.
    Bold,
    Thin,
    Dashed,
}

/// A line of a chart.
pub(crate) struct Line {
    /// In the legend.
    pub(crate) name: &'static str,
    pub(crate) colour: &'static str,
    pub(crate) stroke: Stroke,
    /// Points by ascending x.
    pub(crate) points: Vec<(f64, f64)>,
    /// Bars about points: x, low end, high end.
    pub(crate) bars: Vec<(f64, f64, f64)>,
}

/// What the x axis of a chart shows.
#[derive(Clone, Copy)]
pub(crate) enum Across {
    /// Epochs, up to this one.
    Epochs(u32),
    /// Shares from 0 to 1, named so.
    Shares(&'static str),
}

impl Across {
    fn axis(self) -> Axis {
        match self {
            Self::Epochs(epochs) => Axis::new(epochs.into(), true),
            Self::Shares(_) => Axis::new(1.0, false),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Epochs(_) => "epoch",
            Self::Shares(label) => label,
        }
    }
}

/// A chart. Later lines are drawn over earlier ones.
pub(crate) struct Chart {
    pub(crate) heading: &'static str,
    pub(crate) across: Across,
    pub(crate) lines: Vec<Line>,
}

/// The charts as an SVG file.
pub(crate) fn svg(charts: &[Chart]) -> String {
    let mut drawing = Drawing::new(WIDTH, CHART_HEIGHT * charts.len() as f64);
    for (number, chart) in charts.iter().enumerate() {
        chart.draw(&mut drawing, TOP + CHART_HEIGHT * number as f64);
    }
    drawing.finish()
}

impl Chart {
    /// Draws the chart with the plot's upper edge at `top`.
    fn draw(&self, drawing: &mut Drawing, top: f64) {
        let highs = self.lines.iter().flat_map(|line| {
            let bars = line.bars.iter().map(|bar| bar.2);
            line.points.iter().map(|point| point.1).chain(bars)
        });
        let highest = highs.filter(|y| y.is_finite()).fold(0.0, f64::max);
        let (x_axis, y_axis) = (self.across.axis(), Axis::new(1.02 * highest, false));
        let (right, bottom) = (LEFT + PLOT_WIDTH, top + PLOT_HEIGHT);
        drawing.text("heading", LEFT, top - 16.0, self.heading);
        for (number, share) in y_axis.ticks() {
            let y = bottom - share * PLOT_HEIGHT;
            drawing.path("grid", GRID, &format!("M{LEFT} {y:.1}H{right}"));
            drawing.text("before", LEFT - 9.0, y + 4.5, &number);
        }
        for (number, share) in x_axis.ticks() {
            let x = LEFT + share * PLOT_WIDTH;
            drawing.path("grid", GRID, &format!("M{x:.1} {top}V{bottom}"));
            drawing.text("centred", x, bottom + 20.0, &number);
        }
        drawing.path("axis", INK, &format!("M{LEFT} {top}V{bottom}H{right}"));
        drawing.text("centred", LEFT + PLOT_WIDTH / 2.0, bottom + 40.0, self.across.label());
        let place = |(x, y)| {
            let (across, up): (f64, f64) = (x_axis.share(x), y_axis.share(y));
            (LEFT + across * PLOT_WIDTH, bottom - up * PLOT_HEIGHT)
        };
        for (line, above) in self.lines.iter().zip((0..self.lines.len()).rev()) {
            for &(x, low, high) in &line.bars {
                let ((x, low), (_, high)) = (place((x, low)), place((x, high)));
                let [left, right] = [x - 4.0, x + 4.0];
                let ends = format!("M{left:.1} {low:.1}H{right:.1}M{left:.1} {high:.1}H{right:.1}");
                drawing.path("bar", line.colour, &format!("M{x:.1} {low:.1}V{high:.1}{ends}"));
            }
            // A loss that is not finite has no place.
            let points = line.points.iter().copied().filter(|point| point.1.is_finite());
            let points: Vec<_> = points.map(place).collect();
            line.draw(drawing, &points, &points);
            // Lines in front come first in the legend.
            let (x, y) = (right + 22.0, top + 8.0 + LEGEND_STEP * above as f64);
            line.draw(drawing, &[(x, y), (x + 30.0, y)], &[(x + 15.0, y)]);
            drawing.text("after", x + 38.0, y + 4.5, line.name);
        }
    }
}

impl Line {
    fn draw(&self, drawing: &mut Drawing, points: &[(f64, f64)], dots: &[(f64, f64)]) {
        let way: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let class = match self.stroke {
            Stroke::Bold => "bold",
            Stroke::Thin => "thin",
            Stroke::Dashed => "dashed",
        };
        if !way.is_empty() {
            drawing.path(class, self.colour, &format!("M{}", way.join("L")));
        }
        if self.stroke == Stroke::Bold && self.points.len() < DOTTED_POINTS {
            for (x, y) in dots {
                drawing.dot(*x, *y, 3.4, self.colour);
            }
        }
    }
}
