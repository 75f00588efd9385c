//! Provides the picture files of the official layouts: JPEGs, grey or in colour.

use std::path::Path;

use jpeg_encoder::{ColorType, Encoder};

use crate::error::Error;
use crate::files::write_file;

/// Quality of the JPEGs, of 100; from 90 on, colours are stored in full resolution.
const QUALITY: u8 = 90;

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pixel {
    /// One byte.
    Grey,
    /// Three bytes: red, green, blue.
    Rgb,
}

impl From<Pixel> for ColorType {
    fn from(pixel: Pixel) -> Self {
        match pixel {
            Pixel::Grey => Self::Luma,
            Pixel::Rgb => Self::Rgb,
        }
    }
}

/// Writes `pixels` (row by row) to `path`; returns the file's size in bytes.
///
/// # Errors
/// [`Error::Picture`] if they do not fit the size, [`Error::Io`] if the file cannot be written.
pub(super) fn write_jpeg(path: &Path, pixels: &[u8], (width, height): (u16, u16), pixel: Pixel) -> Result<u64, Error> {
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, QUALITY)
        .encode(pixels, width, height, pixel.into())
        .map_err(|source| Error::Picture {
            path: path.to_owned(),
            source,
        })?;
    write_file(path, &bytes)?;
    Ok(bytes.len() as u64)
}
