//! Provides published sets of pictures as sources of clips.

pub mod coco2014;
mod random_state;
