//! Provides the benchmark: a matrix of methods and settings over datasets and seeds, its search for parameters, its
//! tables and contrasts.

mod below_table;
mod contrast;
mod contrast_table;
mod cost;
mod effort;
mod finished;
mod paper;
mod pictures;
mod plan;
mod questions;
mod read;
mod reading;
mod results;
mod run;
mod search;
mod spread;
mod student_t;
mod table;
mod workers;

pub use cost::{Cost, measure};
pub use effort::{Effort, Materials, efforts};
pub use paper::published;
pub use pictures::{cells_svg, contrasts_svg};
pub use plan::{BenchmarkPlan, Cell, CellNames, Column, DatasetEntry, MethodRow, Search, folder_name};
pub use questions::{Contrast, Measure, Part, Sign};
pub use results::{CellResult, Measured, write_results};
pub(crate) use run::diverged_or;
pub use run::{BenchmarkPlace, RunOver, run};
pub use search::{Point, trials};
pub use table::markdown;
pub use workers::{Answer, Task};
