//! Draws charts of lines as SVG, one below the other: two axes from 0 with round numbers, a grid, a legend.

const WIDTH: f64 = 960.0;
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
/// Numbers wanted on an axis.
const TICKS: f64 = 6.0;
/// Lines of fewer points have a dot on each.
const DOTTED_POINTS: usize = 60;

const INK: &str = "#2f3e46";
const GRID: &str = "#e4e4e4";
/// Classes of texts and paths.
const STYLE: &str = "text{font:13px sans-serif;fill:#2f3e46} .heading{font-size:15px;font-weight:bold} \
    .before{text-anchor:end} .centred{text-anchor:middle} path{fill:none;stroke-width:1} \
    .bold{stroke-width:2.2;stroke-linejoin:round} .dashed{stroke-width:1.5;stroke-dasharray:6 4}";

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008, "Color universal design").
pub(crate) const BLUE: &str = "#0072b2";
pub(crate) const VERMILLION: &str = "#d55e00";
pub(crate) const GREEN: &str = "#009e73";
/// Sky blue of the same palette, for what lies behind a blue line.
pub(crate) const SKY: &str = "#56b4e9";

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
    let height = CHART_HEIGHT * charts.len() as f64;
    let mut drawing = Drawing(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} \
         {height}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    ));
    for (number, chart) in charts.iter().enumerate() {
        chart.draw(&mut drawing, TOP + CHART_HEIGHT * number as f64);
    }
    drawing.0 + "</svg>\n"
}

/// The elements of an SVG file.
struct Drawing(String);

impl Drawing {
    /// A path along `way`, in the language of SVG.
    fn path(&mut self, class: &str, colour: &str, way: &str) {
        self.0 += &format!("<path class=\"{class}\" stroke=\"{colour}\" d=\"{way}\"/>\n");
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.0 += &format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
    }
}

/// An axis from 0: its end, and the distance and decimals of its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    end: f64,
    step: f64,
    decimals: usize,
}

impl Axis {
    /// Round numbers up to `end` at least (after Heckbert 1990, "Nice numbers for graph labels", *Graphics Gems*);
    /// `whole` for numbers that count something, and then the axis ends at `end`.
    fn new(end: f64, whole: bool) -> Self {
        let end = if end.is_finite() && end > 0.0 { end } else { 1.0 };
        let rough = end / TICKS;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let factor = factors.into_iter().find(|factor| rough <= factor * magnitude);
        let step = factor.unwrap_or(10.0) * magnitude;
        let step = if whole { step.max(1.0).round() } else { step };
        Self {
            end: if whole { end } else { (end / step - 1e-9).ceil() * step },
            step,
            decimals: (-step.log10().floor()).clamp(0.0, 12.0) as usize,
        }
    }

    /// Each number with its share of the axis.
    fn ticks(self) -> impl Iterator<Item = (String, f64)> {
        let count = (self.end / self.step + 1e-9).floor() as u32;
        let values = (0..=count).map(move |number| f64::from(number) * self.step);
        values.map(move |value| (format!("{value:.*}", self.decimals), value / self.end))
    }
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
            let (across, up): (f64, f64) = (x / x_axis.end, y / y_axis.end);
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
                drawing.0 += &format!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.4\" fill=\"{}\"/>\n",
                    self.colour
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_and_hold_their_end() {
        let numbers = |end, whole| {
            let numbers = Axis::new(end, whole).ticks().map(|(number, _)| number);
            numbers.collect::<Vec<_>>().join(" ")
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
