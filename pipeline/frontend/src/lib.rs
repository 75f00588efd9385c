//! From source files to clips: decode, resample, cut, render; on all threads, in order.
//!
//! Data walks forward: [`audio`] (a recording's samples at the dataset's rate) -> [`window`] (clips) ->
//! [`spectrogram`] (log-mel images); or [`picture`] (a JPEG file, resized). [`recordings`] reads the clips of one
//! recording in bounded memory, [`flow`] moves those of many assets through all threads, and [`source_file`] notices
//! files that change meanwhile. [`source`] is the seam: [`flow`] knows assets and clips, and nothing of sound.

pub mod audio;
pub mod error;
pub mod flow;
mod frontend;
mod instruction_set;
pub mod picture;
mod recorded;
pub mod recordings;
mod settings;
pub mod source;
pub mod source_file;
pub mod spectrogram;
pub mod window;

pub use error::{Error, Result};
pub use frontend::Frontend;
pub use instruction_set::InstructionSet;
pub use recorded::RecordedImages;
pub use settings::{AudioSettings, ClipSettings, ImageSettings};
