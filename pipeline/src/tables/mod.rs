//! Provides the tables people bring: CSV and Parquet as rows of text, with the place of every mistake.
//!
//! Which of both a file is, its content decides. Everything above ([`manifest`](crate::manifest),
//! [`import`](crate::import), lists of clips) sees cells of text and [`Problems`], all of which are reported at once.

mod cells;
mod content;
mod file;
mod lines;
mod number;
mod parquet;
mod problem;
mod table;
mod taxa;
mod text;

pub(crate) use file::{read_bytes, without_byte_order_mark};
pub(crate) use number::finite_number;
pub use problem::{Place, Problem, Problems};
pub(crate) use table::{Columns, Row, Table, UniqueKey};
pub(crate) use taxa::read_taxa;
