//! Provides pictures: JPEG files decoded whole or refused, and resized to the stored square as Pillow resizes them.
//!
//! Published benchmarks on pictures load them with Pillow and torchvision; these are their pixels, to within a level
//! where they are grey. Colours differ as their decoders (zune-jpeg here, libjpeg-turbo there) round them: with
//! chroma in full 97 % of the levels are equal and none is more than 2 away; where chroma is subsampled, as in most
//! photographs, and has to be interpolated, three fifths or more are equal and none is more than 6 away. That was
//! measured on pictures with hard edges of saturated colours, where it is worst.
//!
//! Data walks from [`read_jpeg`] (a file into a [`Picture`]) to [`Resizer`] (a picture into the bytes of a stored
//! clip).

mod jpeg;
mod resize;
#[cfg(test)]
mod tests;

pub use jpeg::{Channels, Picture, read_jpeg};
pub use resize::{Resizer, SIDE_PIXELS};
