//! Tests of rewriting committed datasets, through the library.
//!
//! What belongs where:
//!
//! - `recordings`: the tiny recordings, tables and manifests that the tests build from.
//! - `dataset_files`: a dataset as files: all bytes, damage, what stands beside it.
//! - `relabel`, `merge`, `reshard`, `subset`: one command each.
//! - `clip_list`: the forms of a list of clips, and the lists that are refused.
//! - `interruption`: what a run finds that another left behind or holds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod clip_list;
mod dataset_files;
mod interruption;
mod merge;
mod recordings;
mod relabel;
mod reshard;
mod subset;
