//! Provides `PhotographReader`: one picture, decoded and held against what the annotations say of it.

use std::path::PathBuf;

use frontend::picture::{Channels, Picture, read_jpeg};
use frontend::source::{AssetReader, Rejected};

/// Reads the one clip of a photograph.
pub struct PhotographReader {
    file: PathBuf,
    /// Width and height in pixels that its annotations were drawn in.
    annotated_px: (u32, u32),
    is_read: bool,
}

impl PhotographReader {
    pub(super) fn new(file: PathBuf, annotated_px: (u32, u32)) -> Self {
        PhotographReader {
            file,
            annotated_px,
            is_read: false,
        }
    }
}

impl AssetReader for PhotographReader {
    type Clip = Picture;
    type Facts = ();

    fn next(&mut self, clip: &mut Picture) -> Result<bool, Rejected> {
        if self.is_read {
            return Ok(false);
        }
        let (width, height) = self.annotated_px;
        let fits = |is_width: usize, is_height: usize| match (is_width, is_height) == (width as usize, height as usize)
        {
            true => Ok(()),
            false => Err(format!(
                "is {is_width} x {is_height} pixels, but its annotations say {width} x {height}"
            )),
        };
        read_jpeg(&self.file, Channels::Rgb, clip, fits)?;
        self.is_read = true;
        Ok(true)
    }

    fn facts(self) {}
}
