//! Provides the tables people bring: CSV and Parquet as rows of text, with the place of every mistake.
//!
//! Which of both a file is, and whether it is packed, its content decides. Everything above
//! ([`manifest`](crate::manifest), [`import`](crate::import), lists of clips) sees cells of text and [`Problems`], all
//! of which are reported at once.

mod cells;
mod content;
mod delimited;
mod file;
mod lines;
mod no_value;
mod normal_form;
mod number;
mod parquet;
mod problem;
mod row;
mod table;
mod taxa;
mod text;

pub(crate) use file::{read_bytes, unpack};
pub(crate) use lines::numbered_lines;
pub(crate) use no_value::is_no_value;
pub(crate) use normal_form::{FileNames, nfc, nfc_name};
pub(crate) use number::finite_number;
pub(crate) use parquet::MAGIC as PARQUET_MAGIC;
pub use problem::{Noticed, Place, Problem, Problems};
pub(crate) use row::{Row, UniqueKey};
pub(crate) use table::{Columns, Table};
pub(crate) use taxa::read_taxa;
pub(crate) use text::decode;
