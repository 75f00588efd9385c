//! Provides the picture files of the official layouts: JPEGs, grey or in colour.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::{DemoError, write_file};

/// Quality of the JPEGs, of 100.
const QUALITY: u8 = 90;

/// Writes `pixels` (interleaved, row by row) to `path`; returns the file's size in bytes.
///
/// # Errors
/// [`DemoError::Picture`] if they do not fit the size and colours, [`DemoError::Io`] if the file cannot be written.
pub(super) fn write_jpeg(
    path: &Path,
    pixels: &[u8],
    (width, height): (u32, u32),
    colours: ExtendedColorType,
) -> Result<u64, DemoError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(pixels, width, height, colours)
        .map_err(|source| DemoError::Picture {
            path: path.to_owned(),
            source,
        })?;
    write_file(path, &bytes)?;
    Ok(bytes.len() as u64)
}
