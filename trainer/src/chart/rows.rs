//! Draws charts of rows as SVG, one below the other: at the left the rows' names in groups, at the right their figures,
//! and between them points, means and intervals on an axis that they share.

use super::axis::Axis;
use super::drawing::{Drawing, GRID, INK, PALE, WIDTH};
use super::marks::{Mark, Row};

const MARGIN: f64 = 18.0;
/// Space between columns of text, and between these and the plot.
const GAP: f64 = 14.0;
const ROW_HEIGHT: f64 = 20.0;
/// Height of a line of a group's name.
const LINE_HEIGHT: f64 = 17.0;
/// Space below a group.
const GROUP_GAP: f64 = 10.0;
/// Space above the rows, for heading, legend and numbers; and below, for numbers and the axis's name.
const TOP: f64 = 84.0;
const BOTTOM: f64 = 64.0;
/// Least width of the plot.
const PLOT_WIDTH: f64 = 380.0;
/// Names of groups are broken into lines of this width, between words.
const GROUP_WIDTH: f64 = 280.0;
/// Width of a letter and of a bold one, of which one font's differ from another's; texts in wide fonts fit too.
const LETTER: f64 = 7.4;
const BOLD_LETTER: f64 = 8.4;
/// Longest arm of an interval, as a multiple of their median: a longer one would leave the others no room, and ends in
/// an arrow.
const LONGEST_ARM: f64 = 3.0;

/// Rows with a name in common.
pub(crate) struct Group {
    pub(crate) name: String,
    /// Whether the name is bold.
    pub(crate) strong: bool,
    /// A shaded range, low to high.
    pub(crate) band: Option<[f64; 2]>,
    pub(crate) rows: Vec<Row>,
}

/// What an entry of the legend shows.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Row(Mark),
    Band,
}

/// A chart.
pub(crate) struct RowChart {
    pub(crate) heading: String,
    /// What the axis shows.
    pub(crate) across: String,
    /// Whether 0 is on the axis, and marked.
    pub(crate) zero: bool,
    pub(crate) legend: Vec<(Key, String)>,
    pub(crate) groups: Vec<Group>,
}

/// The charts as an SVG file, on axes that begin and end at the same places.
pub(crate) fn rows_svg(charts: &[RowChart]) -> String {
    let columns = Columns::of(charts);
    let height: f64 = charts.iter().map(|chart| chart.height()).sum();
    let mut drawing = Drawing::new(columns.width, height);
    let mut top = 0.0;
    for chart in charts {
        chart.draw(&mut drawing, &columns, top);
        top += chart.height();
    }
    drawing.finish()
}

/// Width of a text, about.
fn width(text: &str, letter: f64) -> f64 {
    letter * text.chars().count() as f64
}

/// Where the columns of a picture are.
struct Columns {
    /// Right ends of the names of rows.
    names: f64,
    left: f64,
    right: f64,
    width: f64,
}

impl Columns {
    fn of(charts: &[RowChart]) -> Self {
        let groups = || charts.iter().flat_map(|chart| &chart.groups);
        let rows = || groups().flat_map(|group| &group.rows);
        let widest = |widths: &mut dyn Iterator<Item = f64>| widths.fold(0.0, f64::max);
        let lines = groups().flat_map(|group| group.lines().into_iter().map(|line| width(&line, group.letter())));
        let group = widest(&mut { lines });
        let name = widest(&mut rows().map(|row| width(&row.name, LETTER)));
        let figure = widest(&mut rows().map(|row| width(&row.figure, LETTER)));
        let names = MARGIN + group + GAP + name;
        let (left, after) = (names + GAP, GAP + figure + MARGIN);
        let right = (WIDTH - after).max(left + PLOT_WIDTH);
        Self {
            names: names.round(),
            left: left.round(),
            right: right.round(),
            width: (right + after).round(),
        }
    }
}

impl Group {
    fn letter(&self) -> f64 {
        if self.strong { BOLD_LETTER } else { LETTER }
    }

    /// Its name, broken between words.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        // With the space.
        let with = |line: &str, word: &str| width(line, self.letter()) + width(word, self.letter()) + self.letter();
        for word in self.name.split_whitespace() {
            match lines.last_mut() {
                Some(line) if with(line, word) <= GROUP_WIDTH => {
                    *line += " ";
                    *line += word;
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }

    fn height(&self) -> f64 {
        let rows = ROW_HEIGHT * self.rows.len() as f64;
        rows.max(LINE_HEIGHT * self.lines().len() as f64) + GROUP_GAP
    }

    /// Each row with its middle, if the group's upper edge is at `top`.
    fn placed(&self, top: f64) -> impl Iterator<Item = (f64, &Row)> {
        let middles = (0..).map(move |number| top + ROW_HEIGHT * (f64::from(number) + 0.5));
        middles.zip(&self.rows)
    }
}

impl RowChart {
    fn height(&self) -> f64 {
        TOP + self.groups.iter().map(Group::height).sum::<f64>() + BOTTOM
    }

    /// An axis that holds every point and band, and of each interval as much as leaves the others room.
    fn axis(&self) -> Axis {
        let rows = || self.groups.iter().flat_map(|group| &group.rows);
        let mut sizes: Vec<f64> = rows().filter_map(Row::arms).map(|[_, high]| high.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let longest = LONGEST_ARM * sizes.get(sizes.len() / 2).copied().unwrap_or_default();
        let ends = rows().flat_map(|row| {
            let arms = row.arms().unwrap_or_default().map(|arm| arm.clamp(-longest, longest));
            let of_mean = row.mean().into_iter().flat_map(move |mean| arms.map(|arm| mean + arm));
            row.points
                .iter()
                .copied()
                .filter(|_| row.mark == Mark::Points)
                .chain(of_mean)
        });
        let bands = self.groups.iter().filter_map(|group| group.band).flatten();
        let held = ends.chain(bands).chain(self.zero.then_some(0.0));
        let (low, high) = held
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (value.min(low), value.max(high))
            });
        let margin = 0.02 * (high - low);
        Axis::spanning(low - margin, high + margin)
    }

    /// Each group with its upper edge, the first one's at `top`.
    fn placed(&self, top: f64) -> Vec<(f64, &Group)> {
        let groups = self.groups.iter().scan(top, |below, group| {
            let y = *below;
            *below += group.height();
            Some((y, group))
        });
        groups.collect()
    }

    /// Draws the chart with its upper edge at `top`.
    fn draw(&self, drawing: &mut Drawing, columns: &Columns, top: f64) {
        let axis = self.axis();
        let (from, to) = (top + TOP, top + self.height() - BOTTOM);
        let place = |value: f64| columns.left + axis.share(value) * (columns.right - columns.left);
        drawing.text("heading", MARGIN, top + 28.0, &self.heading);
        self.draw_legend(drawing, top + 52.0);
        let groups = self.placed(from);
        for (y, group) in &groups {
            if let Some([low, high]) = group.band.map(|band| band.map(place)) {
                drawing.area(low, *y, high - low, group.height() - GROUP_GAP, PALE);
            }
            for (y, _) in group.placed(*y) {
                drawing.path("grid", GRID, &format!("M{} {y}H{}", columns.left, columns.right));
            }
        }
        for (number, share) in axis.ticks() {
            let x = columns.left + share * (columns.right - columns.left);
            drawing.path("grid", GRID, &format!("M{x:.1} {from}V{to}"));
            drawing.text("centred", x, to + 20.0, &number);
            drawing.text("centred", x, from - 8.0, &number);
        }
        if self.zero {
            drawing.path("axis", INK, &format!("M{:.1} {from}V{to}", place(0.0)));
        }
        drawing.path("axis", INK, &format!("M{} {to}H{}", columns.left, columns.right));
        let middle = f64::midpoint(columns.left, columns.right);
        drawing.text("centred", middle, to + 42.0, &self.across);
        for (y, group) in groups {
            let class = if group.strong { "strong" } else { "plain" };
            for (number, line) in group.lines().iter().enumerate() {
                drawing.text(class, MARGIN, y + LINE_HEIGHT * number as f64 + 14.5, line);
            }
            for (y, row) in group.placed(y) {
                drawing.text("before", columns.names, y + 4.5, &row.name);
                drawing.text("plain", columns.right + GAP, y + 4.5, &row.figure);
                row.draw(drawing, y, [columns.left, columns.right], &place);
            }
        }
    }

    fn draw_legend(&self, drawing: &mut Drawing, y: f64) {
        let mut x = MARGIN;
        for (key, text) in &self.legend {
            match key {
                Key::Band => drawing.area(x, y - 7.0, 28.0, 14.0, PALE),
                Key::Row(mark) => Row::sample(*mark).draw(drawing, y, [x, x + 28.0], &|value| x + value),
            }
            drawing.text("plain", x + 36.0, y + 4.5, text);
            x += 36.0 + width(text, LETTER) + 2.0 * GAP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mark: Mark, points: &[f64], arm: Option<f64>) -> Row {
        let row = Row {
            name: "X = .5".into(),
            mark,
            points: points.to_vec(),
            interval: None,
            figure: "+1.0".into(),
        };
        let mean = row.mean().unwrap_or_default();
        Row {
            interval: arm.map(|arm| [mean - arm, mean + arm]),
            ..row
        }
    }

    fn chart(name: &str, band: Option<[f64; 2]>, rows: Vec<Row>) -> RowChart {
        RowChart {
            heading: "Heading".into(),
            across: "points".into(),
            zero: true,
            legend: Vec::new(),
            groups: vec![Group {
                name: name.into(),
                strong: true,
                band,
                rows,
            }],
        }
    }

    /// The numbers after each `attribute="`.
    fn numbers(svg: &str, element: &str, attribute: &str) -> Vec<f64> {
        let elements = svg.split(element).skip(1);
        let values = elements.filter_map(|element| element.split(attribute).nth(1)?.split('"').nth(1)?.parse().ok());
        values.collect()
    }

    #[test]
    fn marks_lie_where_their_values_are() {
        let rows = vec![
            row(Mark::Empty, &[-2.0], Some(1.0)),
            row(Mark::Empty, &[0.0, 4.0], Some(1.0)),
        ];
        let chart = chart("Name", Some([-1.5, 1.5]), rows);
        // -3 to 3 with a margin: -4 to 4.
        let columns = Columns::of(std::slice::from_ref(&chart));
        let place = |value: f64| columns.left + (columns.right - columns.left) * (value + 4.0) / 8.0;
        let svg = rows_svg(&[chart]);
        let near = |found: &[f64], wanted: &[f64]| {
            let pairs = found.iter().zip(wanted);
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 0.06),
                "{found:?}, not {wanted:?}"
            );
        };
        near(&numbers(&svg, "<circle", "cx"), &[place(-2.0), place(2.0)]);
        let band = numbers(&svg, "<rect x", "=");
        near(&band, &[place(-1.5)]);
        near(&numbers(&svg, "<rect x", "width"), &[place(1.5) - place(-1.5)]);
        for way in [
            format!("stroke=\"{INK}\" d=\"M{:.1} {TOP}V", place(0.0)),
            format!(
                "class=\"thin\" stroke=\"{INK}\" d=\"M{:.1} {:.1}H{:.1}",
                place(1.0),
                TOP + 30.0,
                place(3.0)
            ),
        ] {
            assert!(svg.contains(&way), "{way}\n{svg}");
        }
    }

    #[test]
    fn zero_is_on_the_axis_where_it_is_asked_for() {
        let mut chart = chart("Name", None, vec![row(Mark::Filled, &[5.0], Some(1.0))]);
        assert!(chart.axis().share(0.0) >= 0.0);
        chart.zero = false;
        assert!(chart.axis().share(0.0) < 0.0);
    }

    #[test]
    fn an_interval_that_is_far_longer_than_the_others_ends_in_arrows() {
        let rows = |long| {
            vec![1.0, 1.0, long]
                .into_iter()
                .map(|arm| row(Mark::Filled, &[0.5], Some(arm)))
                .collect()
        };
        let arrows = |long| {
            let svg = rows_svg(&[chart("Name", None, rows(long))]);
            let bold = svg.lines().filter(|line| line.contains("class=\"bold\""));
            bold.map(|line| line.matches('L').count()).collect::<Vec<_>>()
        };
        assert_eq!(arrows(2.9), [0, 0, 0]);
        assert_eq!(arrows(60.0), [0, 0, 4]);
        let axis = chart("Name", None, rows(60.0)).axis();
        assert!(axis.share(-2.5) >= 0.0 && axis.share(5.0) > 1.0);
    }

    #[test]
    fn names_are_broken_between_words_and_never_cut() {
        let name = "others against shuffled, AN, with the clips without the target kept";
        let chart = chart(name, None, vec![row(Mark::Points, &[1.0], None)]);
        let lines = chart.groups.iter().flat_map(Group::lines).collect::<Vec<_>>();
        assert!(lines.len() == 2 && lines.join(" ") == name, "{lines:?}");
        assert!(
            lines.iter().all(|line| width(line, BOLD_LETTER) <= GROUP_WIDTH),
            "{lines:?}"
        );
        assert_eq!(chart.height(), TOP + 2.0 * LINE_HEIGHT + GROUP_GAP + BOTTOM);
        // Rather a wider picture than a narrow plot.
        let long = Row {
            figure: "9".repeat(100),
            ..row(Mark::Points, &[1.0], None)
        };
        let wide = Columns::of(&[self::chart(name, None, vec![long])]);
        assert!(wide.right - wide.left >= PLOT_WIDTH - 1.0 && wide.width - wide.right > 100.0 * LETTER);
    }

    #[test]
    fn what_is_not_finite_or_not_there_is_not_drawn() {
        let rows = vec![
            row(Mark::Filled, &[], None),
            row(Mark::Empty, &[f64::NAN], Some(1.0)),
            row(Mark::Points, &[f64::INFINITY, 1.0], None),
            row(Mark::Filled, &[1.0], Some(f64::NAN)),
        ];
        let svg = rows_svg(&[chart("", None, rows)]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(!rows_svg(&[]).contains("NaN"));
    }
}
