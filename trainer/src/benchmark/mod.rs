//! Provides the benchmark: a matrix of methods and settings over datasets and seeds, its search for parameters, its tables and contrasts.

mod check;
mod contrast;
mod cost;
mod effort;
mod finished;
mod paper;
mod plan;
mod results;
mod run;
mod search;
mod spread;
mod table;
mod workers;

pub use contrast::{Contrast, Part, Sign};
pub use cost::{Cost, measure};
pub use effort::{Effort, Materials, efforts};
pub use paper::published;
pub use plan::{Cell, Column, DatasetEntry, Method, Plan, Search, folder_name};
pub use results::write_results;
pub(crate) use run::diverged_or;
pub use run::{Place, Progress, run};
pub use search::{Point, trials};
pub use table::{CellResult, Measured, markdown};
pub use workers::{Answer, Task};
