//! Draws counts by split as stacked columns, in SVG that takes its colours from the page.

use std::fmt::Write;

use super::html::escape;
use super::survey::SPLITS;

/// Counts of the splits of each column.
pub(super) type Column = [u64; SPLITS.len()];

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
/// Space for the numbers at the left, and for the names below.
const LEFT: f64 = 48.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 10.0;
/// Share of a column's place that it fills.
const FILLED: f64 = 0.8;

/// A chart of `columns`, each with its name; `what` says what is counted.
pub(super) fn columns(what: &str, names: &[String], columns: &[Column]) -> String {
    let most = columns
        .iter()
        .map(|column| column.iter().sum())
        .max()
        .unwrap_or(0u64)
        .max(1);
    let plot = HEIGHT - TOP - BOTTOM;
    let step = (WIDTH - LEFT) / columns.len().max(1) as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(what)
    );
    let line = |y: f64, text: u64| {
        format!(
            "<line x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\" stroke=\"var(--line)\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{text}</text>\n",
            LEFT - 6.0,
            y + 4.0
        )
    };
    svg.push_str(&line(TOP, most));
    svg.push_str(&line(TOP + plot, 0));
    for (number, (name, column)) in names.iter().zip(columns).enumerate() {
        let left = LEFT + step * (number as f64 + (1.0 - FILLED) / 2.0);
        let mut top = TOP + plot;
        for (split, &count) in SPLITS.iter().zip(column).filter(|(_, count)| **count > 0) {
            let height = plot * count as f64 / most as f64;
            top -= height;
            let _ = writeln!(
                svg,
                "<rect class=\"{split}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{height:.1}\">\
                 <title>{}, {split}: {count}</title></rect>",
                step * FILLED,
                escape(name)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            left + step * FILLED / 2.0,
            HEIGHT - 6.0,
            escape(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_column_fills_the_plot_and_its_parts_add_up() {
        let names = ["a", "b<"].map(str::to_owned);
        let svg = columns("recordings", &names, &[[1, 1, 2], [0, 2, 0]]);
        let heights: Vec<f64> = svg
            .split("<rect")
            .skip(1)
            .filter_map(|rect| rect.split("height=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(heights, [37.0, 37.0, 74.0, 74.0], "{svg}");
        assert!(svg.contains("b&lt;, val: 2") && !svg.contains("b<"), "{svg}");
    }

    #[test]
    fn a_chart_without_counts_has_no_column() {
        assert!(!columns("recordings", &["a".to_owned()], &[[0; 3]]).contains("<rect"));
    }
}
