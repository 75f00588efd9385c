//! Loads the clips of a dataset for training: which of them, with which labels, in which order, into whose memory.
//!
//! A [`Catalogue`] knows every clip of a dataset and what is known of its classes. It selects a [`Supervision`]: the
//! clips to learn from, their labels and masks. A [`Sampler`] puts those rows in order and cuts them into batches, and
//! [`stream`] copies the batches into memory of the caller's own, on several threads.
//!
//! Nothing here computes with clips, so nothing here needs libtorch.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod ahead;
mod block_mean;
pub mod error;
mod gather;
pub mod random;
pub mod sampler;
mod stream;
pub mod supervision;

pub use block_mean::{block_mean_spec, block_means};
pub use error::{Error, Result};
pub use gather::{ClipReader, Gather};
pub use sampler::{Arrangement, DEFAULT_WINDOW_SHARDS, Sampler, SamplerConfig, SamplerState};
pub use stream::{BatchMemory, BatchSource, Loaded, Next, OwnedStream, Returns, Stream, stream};
pub use supervision::{
    Catalogue, Clip, Filters, FullUnknown, Labels, Lacking, Level, Mode, RecordingLabels, Report, Rows, SinglePositive,
    Supervision, Unheard,
};
