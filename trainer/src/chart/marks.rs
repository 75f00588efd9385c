//! Draws what a row of a chart shows: points, their mean and an interval.

use super::drawing::{BLUE, Drawing, INK, SKY, WHITE};

/// How a row is drawn.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    /// The mean as a filled dot with a bold interval.
    Filled,
    /// The mean as an empty dot with a thin interval.
    Empty,
    /// All points, and the mean as a bar across.
    Points,
}

/// A row of a chart.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) mark: Mark,
    /// What is drawn of it; empty if there is nothing yet.
    pub(crate) points: Vec<f64>,
    /// Low and high end about the mean.
    pub(crate) interval: Option<[f64; 2]>,
    /// In words, at the right.
    pub(crate) figure: String,
}

impl Row {
    /// `None` if there is nothing yet.
    pub(super) fn mean(&self) -> Option<f64> {
        let count = self.points.len();
        let mean = self.points.iter().sum::<f64>() / count as f64;
        mean.is_finite().then_some(mean)
    }

    /// From the mean to the ends of the interval.
    pub(super) fn arms(&self) -> Option<[f64; 2]> {
        let mean = self.mean()?;
        let arms = self.interval?.map(|end| end - mean);
        arms.iter().all(|arm| arm.is_finite()).then_some(arms)
    }

    /// A row that is 28 wide.
    pub(super) fn sample(mark: Mark) -> Self {
        let of_points = mark == Mark::Points;
        Self {
            name: String::new(),
            mark,
            points: if of_points { vec![4.0, 9.0, 26.0] } else { vec![14.0] },
            interval: (!of_points).then_some([0.0, 28.0]),
            figure: String::new(),
        }
    }

    /// Draws what it has, centred at `y`, between `left` and `right`.
    pub(super) fn draw(&self, drawing: &mut Drawing, y: f64, [left, right]: [f64; 2], place: &dyn Fn(f64) -> f64) {
        let Some(mean) = self.mean().map(place) else {
            return;
        };
        if self.mark == Mark::Points {
            for x in self.points.iter().map(|&point| place(point)) {
                // Those that overlap can be told apart.
                drawing.edged_dot(x, y, 4.0, [SKY, WHITE]);
            }
            drawing.path("bold", BLUE, &format!("M{mean:.1} {:.1}V{:.1}", y - 7.0, y + 7.0));
            return;
        }
        let (class, colour) = match self.mark {
            Mark::Filled => ("bold", BLUE),
            Mark::Empty | Mark::Points => ("thin", INK),
        };
        let ends = self.interval.filter(|_| self.arms().is_some());
        if let Some([low, high]) = ends.map(|ends| ends.map(place)) {
            let [from, to] = [low, high].map(|x| x.clamp(left, right));
            let mut way = format!("M{from:.1} {y:.1}H{to:.1}");
            for (end, at, inward) in [(low, from, 5.0), (high, to, -5.0)] {
                let [above, below] = [y - 4.0, y + 4.0];
                way += &if end == at {
                    format!("M{at:.1} {above:.1}V{below:.1}")
                } else {
                    // It goes on.
                    format!("M{:.1} {above:.1}L{at:.1} {y:.1}L{0:.1} {below:.1}", at + inward)
                };
            }
            drawing.path(class, colour, &way);
        }
        if self.mark == Mark::Filled {
            drawing.dot(mean, y, 4.6, BLUE);
        } else {
            drawing.edged_dot(mean, y, 3.6, [WHITE, colour]);
        }
    }
}
