//! Defines scores of every clip.
