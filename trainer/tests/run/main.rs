//! The built `l48-train` on a small dataset: training, killing, resuming, refusing, evaluating.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

// What the tests work with.
mod dataset; // a small dataset that can be learnt, written into a temporary folder
mod program; // runs the program and reads what it left

// The tests.
mod bad_input; // datasets and settings that must be refused before training starts
mod bad_plan; // benchmarks that must be refused before training starts
mod benchmark; // small matrices: listed, run, and not run again; several datasets; several runs at a time
mod cuda; // every method on a GPU, where there is one
mod evaluation; // `eval` and `predict` agree with each other and with what the run said
mod groups; // clips grouped by what their recordings have in common, and what their table is worth
mod learning; // every method trains; true labels are learnt and permuted ones are not
mod loader; // batches in order, errors in order, buffers back
mod optimiser; // schedule, clipping, average of weights and paths that are left out, as a run has them
mod photographs; // three channels, mirrored, and no regulariser
mod prior_logits; // priors added to logits: fitted on val, kept with the run, the same wherever clips are scored
mod pth; // weights of torchvision, converted as documented
mod resume; // killed at any point and resumed: the same bytes
mod rows; // the rows of a mode as a table
mod settings; // what flags and settings change, and what a run says at its start
mod throughput; // `bench` measures
