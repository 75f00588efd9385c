//! Provides the benchmark: a matrix of methods and settings over seeds, its search for parameters, and its tables.

mod paper;
mod plan;
mod results;
mod run;
mod search;
mod table;

pub use paper::published;
pub use plan::{Cell, Column, Method, Plan, Search, folder_name};
pub use results::write_results;
pub use run::{Effort, Progress, efforts, run};
pub use search::{Point, trials};
pub use table::{CellResult, markdown};
