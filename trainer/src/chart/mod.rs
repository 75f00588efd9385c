//! Draws charts as SVG: lines against epochs or shares, and rows of points beside their names.
//!
//! Texts stay text, and the ground is white, so that a picture is the same on a dark page.

mod axis;
mod drawing;
mod lines;
mod marks;
mod rows;

pub(crate) use drawing::{BLUE, GREEN, SKY, VERMILLION};
pub(crate) use lines::{Across, Chart, Line, Stroke, svg};
pub(crate) use marks::{Mark, Row};
pub(crate) use rows::{Group, Key, RowChart, rows_svg};
