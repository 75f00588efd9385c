//! Trains single-positive multi-label models on the clips of a dataset, measures them, and finds classes in recordings.

pub mod asset_reg;
pub mod augment;
pub mod batch;
pub mod benchmark;
pub mod calibration;
mod chart;
pub mod checkpoint;
pub mod cli;
pub mod cmd;
pub mod config;
mod csv_table;
pub mod detect;
pub mod epoch;
pub mod error;
pub mod event;
pub mod fit;
mod grouped;
pub mod learner;
pub mod loss;
pub mod material;
pub mod measured;
mod memory;
pub mod metric;
pub mod model;
pub mod observer;
pub mod optim;
pub mod predict;
pub mod prior_logits;
pub mod run;
pub mod run_folder;
pub mod state;
pub mod suggest;
pub mod throughput;
mod yardstick;

pub use error::{Error, Result};
